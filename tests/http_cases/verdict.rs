//! Compares what happened with what a case expects.

use std::time::Duration;

use downbeat::http::{Error, ErrorKind, Headers, Response};
use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use serde_json::Value;

use crate::case::{Case, latin1};
use crate::server::{Seen, Server};

/// A response, whole.
pub(crate) struct Outcome {
    pub(crate) response: Response,
    pub(crate) body: Vec<u8>,
}

/// Does the outcome fit one of the expectations? What each that fits says about
/// reuse: may it be, must it not, or is nothing said.
///
/// # Errors
/// What does not fit, in words.
pub(crate) fn of(
    case: &Case,
    server: &Server,
    outcome: &Result<Outcome, Error>,
    took: Duration,
) -> Result<Vec<Option<bool>>, String> {
    let first = std::iter::once(&case.json["expect"]);
    let others = case.json["expect_alt"].as_array().into_iter().flatten();
    let mut fits = Vec::new();
    let mut problems = Vec::new();
    for expect in first.chain(others) {
        match matches(expect, outcome, &|text| server.replace(text)) {
            Ok(()) => fits.push(reuse(expect)),
            Err(why) => problems.push(why),
        }
    }
    if fits.is_empty() {
        return Err(problems.join(" | "));
    }
    check_requests(case, server)?;
    if let Some(most) = case.number("max_ms") {
        let most = Duration::from_millis(most);
        check(took <= most, || format!("took {took:?}, at most {most:?}"))?;
    }
    let used = server.main.borrow().len();
    let most = case.number("max_conns").unwrap_or(6) as usize;
    check(used <= most, || {
        format!("{used} connections, at most {most}")
    })?;
    if let Some(name) = case.json["expect_sni"].as_str() {
        let sni = server.sni.borrow();
        let first = sni.first().and_then(Option::as_deref);
        check(first == Some(name), || format!("server name {first:?}"))?;
    }
    Ok(fits)
}

/// Did the probe get its own answer, on the right connection?
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn of_probe(
    probe: &Result<Outcome, Error>,
    used: &[usize],
    allowed: &[Option<bool>],
) -> Result<(), String> {
    let probe = probe
        .as_ref()
        .map_err(|error| format!("next request: {error}"))?;
    let body = String::from_utf8_lossy(&probe.body);
    let number = body
        .strip_prefix("probe:")
        .and_then(|n| n.parse::<usize>().ok());
    let (Some(number), 200) = (number, probe.response.status()) else {
        return Err(format!("POISONED: the next response was {body:?}"));
    };
    let same = used.contains(&number);
    let fine = allowed
        .iter()
        .any(|reuse| reuse.is_none_or(|reuse| reuse == same));
    check(fine, || match same {
        true => "the connection was reused".into(),
        false => "the connection was not reused".into(),
    })
}

fn reuse(expect: &Value) -> Option<bool> {
    let broken = ["parse", "framing", "truncated", "timeout"];
    let said = expect["reuse"].as_bool();
    let kind = expect["error"].as_str();
    said.or_else(|| kind.filter(|kind| broken.contains(kind)).map(|_| false))
}

/// Does the outcome fit this expectation?
///
/// # Errors
/// What does not, in words.
pub(crate) fn matches(
    expect: &Value,
    outcome: &Result<Outcome, Error>,
    replace: &dyn Fn(&str) -> String,
) -> Result<(), String> {
    match (expect["ok"].is_object(), outcome) {
        (true, Ok(outcome)) => check_response(&expect["ok"], outcome, replace),
        (true, Err(error)) => Err(format!("expected a response, got {error}")),
        (false, Ok(outcome)) => {
            let status = outcome.response.status();
            let length = outcome.body.len();
            Err(format!(
                "expected {}, got {status} with {length} bytes",
                expect["error"]
            ))
        }
        (false, Err(error)) => {
            let kind = word(error.kind());
            let also = expect["also"].as_array().into_iter().flatten();
            let fits = std::iter::once(&expect["error"])
                .chain(also)
                .any(|k| k == kind);
            check(fits, || {
                format!("expected {}, got {kind}: {error}", expect["error"])
            })
        }
    }
}

fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Parse(_) => "parse",
        ErrorKind::Framing(_) => "framing",
        ErrorKind::Truncated => "truncated",
        ErrorKind::TooLarge(_) => "too_large",
        ErrorKind::Timeout(_) => "timeout",
        ErrorKind::Redirect(_) => "redirect",
        ErrorKind::Decode(_) => "decode",
        ErrorKind::Tls(_) => "tls",
        ErrorKind::Connect(_) => "connect",
        _ => "other",
    }
}

fn check_response(
    expect: &Value,
    outcome: &Outcome,
    replace: &dyn Fn(&str) -> String,
) -> Result<(), String> {
    let (response, body) = (&outcome.response, &outcome.body);
    let status = response.status();
    if let Some(expected) = expect["status"].as_u64() {
        check(u64::from(status) == expected, || format!("status {status}"))?;
    }
    if let Some(expected) = expect["body"].as_str() {
        let expected = latin1(&replace(expected));
        check(*body == expected, || {
            format!("body {}", body.escape_ascii())
        })?;
    }
    if let Some(expected) = expect["body_len"].as_u64() {
        check(body.len() as u64 == expected, || {
            format!("{} bytes", body.len())
        })?;
    }
    if let Some(expected) = expect["body_sha256"].as_str() {
        check(sha256(body) == expected, || "another body".into())?;
    }
    if let Some(expected) = expect["version"].as_str() {
        let version = response.version().as_str();
        check(
            version.ends_with(expected.trim_start_matches("HTTP/")),
            || version.into(),
        )?;
    }
    if let Some(expected) = expect["url"].as_str() {
        let url = response.url().as_str();
        check(url.ends_with(&replace(expected)), || format!("URL {url}"))?;
    }
    for (name, expected) in expect["headers"].as_object().into_iter().flatten() {
        check_field(name, expected, response.headers(), replace)?;
    }
    for (name, expected) in expect["trailers"].as_object().into_iter().flatten() {
        check_field(name, expected, response.trailers(), replace)?;
    }
    Ok(())
}

fn check_field(
    name: &str,
    expected: &Value,
    headers: &Headers,
    replace: &dyn Fn(&str) -> String,
) -> Result<(), String> {
    let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect();
    let got: Vec<String> = headers.get_all(name).map(text).collect();
    let wrong = || format!("field {name}: {got:?} instead of {expected}");
    let expected = match expected {
        Value::Null => return check(got.is_empty(), wrong),
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let expected = expected
        .iter()
        .map(|v| replace(v.as_str().unwrap_or_default()));
    let expected: Vec<String> = expected.collect();
    let length = expected.first().and_then(|v| v.strip_prefix("@len:"));
    match length {
        Some(length) => {
            let right = got.len() == 1 && got[0].len() == length.parse().unwrap_or(0);
            check(right, wrong)
        }
        None => check(got.join(", ") == expected.join(", "), wrong),
    }
}

fn check_requests(case: &Case, server: &Server) -> Result<(), String> {
    let Some(expected) = case.json["expect_requests"].as_array() else {
        return Ok(());
    };
    let seen = server.seen.borrow();
    let (got, wanted) = (seen.len(), expected.len());
    check(got == wanted, || {
        format!("{got} requests instead of {wanted}")
    })?;
    for (expected, seen) in expected.iter().zip(seen.iter()) {
        check_request(expected, seen, server)?;
    }
    Ok(())
}

fn check_request(expected: &Value, seen: &Seen, server: &Server) -> Result<(), String> {
    for (name, got) in [("method", &seen.method), ("target", &seen.target)] {
        if let Some(wanted) = expected[name].as_str() {
            let wanted = server.replace(wanted);
            check(*got == wanted, || {
                format!("{name} {got} instead of {wanted}")
            })?;
        }
    }
    for (name, wanted) in expected["headers"].as_object().into_iter().flatten() {
        let fields = seen.headers.iter();
        let fields = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let got: Vec<&str> = fields.map(|(_, value)| value.as_str()).collect();
        let right = match wanted.as_str() {
            None => got.is_empty(),
            Some("*") => !got.is_empty(),
            Some(wanted) => got == [server.replace(wanted).as_str()],
        };
        check(right, || {
            format!("sent {name}: {got:?} instead of {wanted}")
        })?;
    }
    if let Some(wanted) = expected["body"].as_str() {
        let got = &seen.body;
        check(*got == latin1(wanted), || {
            format!("sent body {}", got.escape_ascii())
        })?;
    }
    Ok(())
}

fn check(right: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    match right {
        true => Ok(()),
        false => Err(why()),
    }
}

/// By the hash that TLS has anyway.
fn sha256(bytes: &[u8]) -> String {
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else {
        panic!("not a suite of TLS 1.3");
    };
    let hash = suite.common.hash_provider.hash(bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
