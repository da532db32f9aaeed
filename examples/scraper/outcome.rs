//! The outcome of one URL: what happened, once and for all.
//!
//! Owns: `Outcome` and its form as one line of JSON. Keys are sorted, absent values
//! are `null`, times are milliseconds.
//!
//! Laws: `ok` means that a complete response with a status below 400 arrived;
//! otherwise `error` says what is missing. `url` is the text that was given, letter
//! by letter, so that a later run finds it again.
//!
//! Read next: `attempt.rs`, which makes them; `journal.rs`, which writes them.

use super::job::Job;
use downbeat::http::{self, ErrorKind, Timings};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// The end of one URL.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was given and how often it was tried. Redirects, and repeats on stale
    /// connections, are not attempts.
    pub(crate) job: Rc<Job>,
    /// The URL of the response, after redirects.
    pub(crate) final_url: Option<String>,
    /// The status of the response.
    pub(crate) status: Option<u16>,
    /// Bytes of the body, decoded.
    pub(crate) bytes: u64,
    /// The `Content-Type`.
    pub(crate) content_type: Option<String>,
    /// The connection had carried a request before.
    pub(crate) reused: bool,
    /// Why it is not fetched.
    pub(crate) failure: Option<Failure>,
    /// Where the time of the last attempt went.
    pub(crate) timings: Option<Timings>,
    /// The name of the saved file.
    pub(crate) saved: Option<String>,
}

/// Why a URL is failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One word for programs.
    pub(crate) kind: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
}

impl Outcome {
    /// Nothing has happened yet.
    pub(crate) fn new(job: Rc<Job>) -> Self {
        Self {
            job,
            final_url: None,
            status: None,
            bytes: 0,
            content_type: None,
            reused: false,
            failure: None,
            timings: None,
            saved: None,
        }
    }

    /// The line of the output, with its end.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        let error = self.failure.as_ref();
        let object = json!({
            "attempts": self.job.attempts,
            "bytes": self.bytes,
            "content_type": self.content_type,
            "error": error.map(|error| json!({ "kind": error.kind, "message": error.message })),
            "final_url": self.final_url,
            "index": self.job.entry.index,
            "line": self.job.entry.line,
            "ok": self.failure.is_none(),
            "reused": self.reused,
            "saved": self.saved,
            "status": self.status,
            "timings": self.timings.as_ref().map(times),
            "url": &*self.job.entry.text,
        });
        let mut line = object.to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

impl Failure {
    /// A failure with our own words.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    /// What the client says; the URL that failed only if it is not the given one.
    pub(crate) fn of(error: &http::Error, given: &Url) -> Self {
        let text = error.to_string();
        let place = format!("{given}: ");
        let message = text.strip_prefix(&place).unwrap_or(&text);
        Self::new(word(error.kind()), message)
    }
}

/// One word per family of errors.
fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Request(_) => "request",
        ErrorKind::Resolve(_) => "dns",
        ErrorKind::AddressBlocked => "blocked",
        ErrorKind::Connect(_) => "connect",
        ErrorKind::Proxy(_) => "proxy",
        ErrorKind::Tls(_) => "tls",
        ErrorKind::Timeout(_) => "timeout",
        ErrorKind::Parse(_) | ErrorKind::Framing(_) => "protocol",
        ErrorKind::Truncated => "truncated",
        ErrorKind::TooLarge(_) => "too_large",
        ErrorKind::Decode(_) => "decode",
        ErrorKind::Redirect(_) => "redirect",
        ErrorKind::DescriptorsExhausted => "descriptors",
        ErrorKind::Cancelled => "cancelled",
        _ => "io",
    }
}

fn times(timings: &Timings) -> Value {
    json!({
        "queue_ms": millis(timings.queue),
        "dns_ms": millis(timings.dns),
        "connect_ms": millis(timings.connect),
        "tls_ms": millis(timings.tls),
        "write_ms": millis(timings.write),
        "first_byte_ms": millis(timings.first_byte),
        "total_ms": millis(timings.total),
    })
}

/// Milliseconds with three digits after the point.
pub(crate) fn millis(duration: Duration) -> f64 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::source::Entry;
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_was_given() -> Result<(), serde_json::Error> {
        let text = "http://h/\"\n\\\u{1}é";
        let entry = Entry {
            index: 7,
            line: Some(9),
            text: text.into(),
            flaw: None,
            size: None,
        };
        let mut job = Job::new(entry);
        job.attempts = 2;
        let mut outcome = Outcome::new(Rc::new(job));
        outcome.failure = Some(Failure::new("status", "404"));
        let line = outcome.to_line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(line.starts_with(b"{\"attempts\":2,"));
        let object: Value = serde_json::from_slice(&line)?;
        assert_eq!(object["url"], text);
        assert_eq!(
            (&object["ok"], &object["index"]),
            (&json!(false), &json!(7))
        );
        assert_eq!(object["error"]["kind"], "status");
        Ok(())
    }
}
