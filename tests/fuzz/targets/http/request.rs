//! The request serialiser: whatever the caller gave, what is written is read back as
//! exactly one request with the fields that were asked for, or nothing is written.

use super::super::headers::Headers;
use super::super::method::Method;
use super::super::origin::Origin;
use super::super::request::{BodyLength, RequestHead, TargetForm, write_head};
use super::super::target::Target;
use super::bytes::Bytes;
use super::strict;
use url::Url;

/// Lines that end with a zero byte: URL, method, then names and values in turn.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let options = bytes.byte();
    let body = match options & 3 {
        0 => BodyLength::None,
        1 => BodyLength::Known(0),
        2 => BodyLength::Known(u64::from(bytes.short())),
        _ => BodyLength::Chunked,
    };
    let Ok(url) = Url::parse(&String::from_utf8_lossy(bytes.line())) else {
        return;
    };
    let Ok(origin) = Origin::of(&url) else {
        return;
    };
    let url = Target::from(url);
    let Ok(method) = Method::new(&String::from_utf8_lossy(bytes.line())) else {
        return;
    };
    let (mut headers, mut defaults) = (Headers::new(), Headers::new());
    while !bytes.is_empty() {
        let name = String::from_utf8_lossy(bytes.line()).into_owned();
        let value = bytes.line();
        let list = match options & 4 != 0 && headers.len() % 2 == 1 {
            true => &mut defaults,
            false => &mut headers,
        };
        match options & 8 {
            // As no caller could: the check on the way out is what counts.
            0 => list.append_unchecked(&name, value),
            _ => drop(list.append(&name, value)),
        }
    }
    let credentials = (options & 32 != 0).then_some("Basic dTpw");
    let head = RequestHead {
        method: &method,
        url: &url,
        origin: &origin,
        headers: &headers,
        defaults: &defaults,
        left_home: options & 128 != 0,
        form: match options & 16 {
            0 => TargetForm::Origin,
            _ => TargetForm::Absolute(credentials),
        },
        body,
        user_agent: "fuzz/1",
        decode: options & 64 != 0,
    };
    // Something is in the buffer already: a request before this one.
    let mut out = b"before".to_vec();
    match write_head(&mut out, &head) {
        Err(_) => assert_eq!(out, b"before", "an error leaves nothing behind"),
        Ok(_) => check(&out[b"before".len()..], &head),
    }
}

fn check(wire: &[u8], head: &RequestHead<'_>) {
    let Some(request) = strict::request(wire) else {
        panic!("no request: {}", wire.escape_ascii());
    };
    let text = wire.escape_ascii();
    assert_eq!(request.length, wire.len(), "more than one request: {text}");
    assert_eq!(request.method, head.method.as_str().as_bytes());
    let count = |name: &str| {
        let fields = request.fields.iter();
        fields
            .filter(|field| field.0.eq_ignore_ascii_case(name.as_bytes()))
            .count()
    };
    assert_eq!(count("host"), 1, "{text}");
    assert!(
        count("content-length") + count("transfer-encoding") <= 1,
        "{text}"
    );
    let chunked = count("transfer-encoding") == 1;
    assert_eq!(chunked, head.body == BodyLength::Chunked, "{text}");
    if let BodyLength::Known(length @ 1..) = head.body {
        let want = length.to_string();
        let found = request.fields.iter().any(|field| {
            field.0.eq_ignore_ascii_case(b"content-length") && field.1 == want.as_bytes()
        });
        assert!(found, "{text}");
    }
    let target = String::from_utf8_lossy(&request.target).into_owned();
    assert!(!target.contains('#'), "a fragment leaves: {text}");
    match head.form {
        TargetForm::Origin => assert!(target.starts_with('/'), "{text}"),
        TargetForm::Absolute(_) => assert!(target.starts_with(head.origin.scheme().as_str())),
    }
    let url = head.url.url();
    let secret = url.password().filter(|p| p.len() > 8).unwrap_or("\0");
    // It may stand in other places too, where it is meant to leave.
    let (path, query) = (url.path(), url.query().unwrap_or(""));
    let meant = format!("{} {} {path} {query}", head.method, head.origin);
    let named = meant.contains(secret)
        || head
            .headers
            .iter()
            .chain(head.defaults.iter())
            .any(|(name, value)| format!("{name}{}", value.escape_ascii()).contains(secret));
    assert!(
        named || !text.to_string().contains(secret),
        "a password leaves: {text}"
    );
    fields_are_there(&request, head);
}

/// Every field of the caller that is not one of ours is there, in order.
fn fields_are_there(request: &strict::Request, head: &RequestHead<'_>) {
    let ours = [
        "host",
        "content-length",
        "transfer-encoding",
        "expect",
        "proxy-authorization",
    ];
    let mut sent = request.fields.iter();
    for (name, value) in head.headers.raw() {
        if ours
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
        {
            continue;
        }
        let found = sent.any(|field| field.0 == name && field.1 == value.trim_ascii());
        assert!(found, "{} is missing", name.escape_ascii());
    }
}
