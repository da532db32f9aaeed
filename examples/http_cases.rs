//! An adapter between the client and a conformance runner: one JSON object per
//! line comes in, one goes out, in order.
//!
//! It shows a loop that is fed by a thread: standard input is read by a thread
//! of its own, so the loop keeps turning while nobody asks for anything, and
//! idle connections stay watched.
//!
//!     cargo run --example http_cases < requests.jsonl

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use downbeat::http::{
    Body, Client, ClientBuilder, Deadlines, ErrorKind, Headers, Limits, Method, RedirectPolicy,
    Response,
};
use downbeat::sync::remote;
use serde_json::{Value, json};

fn main() {
    let (lines, mut queue) = remote::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send_blocking(line).is_err() {
                return;
            }
        }
    });
    downbeat::run(async {
        let mut clients = Clients::default();
        while let Some(line) = queue.recv().await {
            if line.trim().is_empty() {
                continue;
            }
            let answer = answer(&mut clients, &line).await;
            let mut out = io::stdout().lock();
            if writeln!(out, "{answer}")
                .and_then(|()| out.flush())
                .is_err()
            {
                return;
            }
        }
    });
}

/// One client, and so one pool, per set of trusted roots.
#[derive(Default)]
struct Clients(HashMap<Option<String>, Client>);

impl Clients {
    fn get(&mut self, roots: Option<&str>) -> Result<Client, downbeat::http::Error> {
        let key = roots.map(str::to_owned);
        if let Some(client) = self.0.get(&key) {
            return Ok(client.clone());
        }
        let builder = match roots {
            Some(pem) => trusting(pem)?,
            None => Client::builder(),
        };
        let client = builder.build()?;
        self.0.insert(key, client.clone());
        Ok(client)
    }
}

#[cfg(feature = "tls")]
fn trusting(roots: &str) -> Result<ClientBuilder, downbeat::http::Error> {
    Client::builder().only_roots_pem(roots.as_bytes())
}

/// Without TLS every https request fails anyway.
#[cfg(not(feature = "tls"))]
fn trusting(_: &str) -> Result<ClientBuilder, downbeat::http::Error> {
    Ok(Client::builder())
}

async fn answer(clients: &mut Clients, line: &str) -> Value {
    let ask: Value = match serde_json::from_str(line) {
        Ok(ask) => ask,
        Err(error) => return json!({"id": null, "unsupported": error.to_string()}),
    };
    let id = ask["id"].clone();
    match request(clients, &ask).await {
        Ok(ok) => json!({"id": id, "ok": ok}),
        Err(error) => {
            let kind = kind_word(error.kind());
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(" <- {cause}"));
                source = cause.source();
            }
            json!({"id": id, "error": {"kind": kind, "message": message}})
        }
    }
}

async fn request(clients: &mut Clients, ask: &Value) -> Result<Value, downbeat::http::Error> {
    let options = &ask["options"];
    let client = clients.get(options["ca_pem"].as_str())?;
    let method = Method::new(ask["method"].as_str().unwrap_or("GET"))?;
    let mut request = client
        .request(method, ask["url"].as_str().unwrap_or_default())
        .limits(limits(options))
        .deadlines(deadlines(options))
        .redirects(redirects(options))
        .decompress(options["decompress"].as_bool().unwrap_or(true));
    for field in ask["headers"].as_array().into_iter().flatten() {
        let text = |at: usize| field[at].as_str().unwrap_or_default();
        request = request.header(text(0), latin1(text(1)));
    }
    if let Some(body) = ask["body_b64"].as_str() {
        request = request.body(Body::from(base64::decode(body)));
    }
    let mut response = request.send().await?;
    let body = response.read_all().await?;
    Ok(describe(&response, &body))
}

fn describe(response: &Response, body: &[u8]) -> Value {
    json!({
        "status": response.status(),
        "version": response.version().as_str(),
        "url": response.url().as_str(),
        "headers": pairs(response.headers()),
        "trailers": pairs(response.trailers()),
        "body_b64": base64::encode(body),
    })
}

fn pairs(headers: &Headers) -> Vec<[String; 2]> {
    let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect();
    (headers.iter())
        .map(|(name, value)| [name.to_owned(), text(value)])
        .collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

fn limits(options: &Value) -> Limits {
    let mut limits = Limits::default();
    let number = |name: &str| options[name].as_u64();
    if let Some(bytes) = number("max_header_bytes") {
        limits.head_bytes = bytes as usize;
        limits.line_bytes = bytes as usize;
    }
    if let Some(fields) = number("max_headers") {
        limits.fields = fields as usize;
    }
    if let Some(bytes) = number("max_body_bytes") {
        limits.body_bytes = bytes;
    }
    limits
}

fn deadlines(options: &Value) -> Deadlines {
    let time = |name: &str| options[name].as_u64().map(Duration::from_millis);
    let usual = Deadlines::default();
    Deadlines {
        connect: time("connect_timeout_ms").or(usual.connect),
        tls: time("tls_timeout_ms").or(usual.tls),
        first_byte: time("first_byte_timeout_ms").or(usual.first_byte),
        read_idle: time("read_timeout_ms").or(usual.read_idle),
        total: time("total_timeout_ms").or(usual.total),
        ..usual
    }
}

fn redirects(options: &Value) -> RedirectPolicy {
    match options["follow_redirects"].as_bool() {
        Some(false) => RedirectPolicy::none(),
        _ => RedirectPolicy::limit(options["max_redirects"].as_u64().unwrap_or(10) as u32),
    }
}

/// The runner's nine words.
fn kind_word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Parse(_) => "parse",
        ErrorKind::Framing(_) => "framing",
        ErrorKind::Truncated | ErrorKind::Io => "truncated",
        ErrorKind::TooLarge(_) => "too_large",
        ErrorKind::Timeout(_) => "timeout",
        ErrorKind::Redirect(_) => "redirect",
        ErrorKind::Decode(_) => "decode",
        ErrorKind::Tls(_) => "tls",
        ErrorKind::Connect(_) | ErrorKind::Resolve(_) | ErrorKind::Proxy(_) => "connect",
        _ => "request",
    }
}

/// RFC 4648 section 4, for an example that needs no crate for it.
mod base64 {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub(crate) fn encode(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for group in bytes.chunks(3) {
            let mut word = 0;
            for at in 0..3 {
                word = word << 8 | u32::from(*group.get(at).unwrap_or(&0));
            }
            for at in 0..4 {
                let six = (word >> (18 - 6 * at)) as usize & 63;
                text.push(match at <= group.len() {
                    true => char::from(ALPHABET[six]),
                    false => '=',
                });
            }
        }
        text
    }

    pub(crate) fn decode(text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
        let (mut word, mut bits) = (0_u32, 0);
        for byte in text.bytes() {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => continue,
            };
            word = word << 6 | u32::from(six);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((word >> bits) as u8);
            }
        }
        bytes
    }
}
