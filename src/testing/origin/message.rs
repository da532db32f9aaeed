//! What a handler of the origin gets and gives: [`Request`] and [`Reply`].
//!
//! Owns: plain values.
//!
//! Absent on purpose: streaming, on either side. An origin for demos and tests
//! has its bodies in memory; whoever needs odd bytes at odd times writes
//! [`Steps`].
//!
//! Read next: `steps.rs`.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use super::steps::Steps;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target: path and query, or a whole URL when we are the proxy.
    pub target: String,
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor_version: u8,
    /// Fields in order; values as bytes, one `char` each.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from its framing. Empty while a head is looked at.
    pub body: Vec<u8>,
    /// Which connection of this origin, from 0.
    pub connection: usize,
    /// Which request of its connection, from 0.
    pub index: usize,
}

impl Request {
    /// The first value of this field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(super) fn wants(&self, option: &str) -> bool {
        let tokens = self.header("connection").unwrap_or_default().split(',');
        tokens
            .map(str::trim)
            .any(|token| token.eq_ignore_ascii_case(option))
    }
}

/// How the end of a reply's body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// `Content-Length`.
    #[default]
    Length,
    /// Chunks of at most so many bytes.
    Chunked(usize),
    /// The end of the connection.
    Close,
}

/// The body of a reply.
pub struct Content(Cow<'static, [u8]>);

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        Content(Cow::Owned(bytes))
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content(Cow::Owned(text.into_bytes()))
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Content {
        Content(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<&'static [u8]> for Content {
    fn from(bytes: &'static [u8]) -> Content {
        Content(Cow::Borrowed(bytes))
    }
}

/// What the origin answers.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status code.
    pub(super) status: u16,
    /// Fields, without those that frame the body.
    pub(super) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// The body.
    pub(super) body: Cow<'static, [u8]>,
    /// How long the answer takes.
    pub(super) delay: Duration,
    /// How the body ends.
    pub(super) framing: Framing,
    /// Close the connection afterwards.
    pub(super) close: bool,
    /// Play this instead of everything above.
    pub(super) steps: Option<Steps>,
}

impl Reply {
    /// An empty answer with this status.
    pub fn new(status: u16) -> Reply {
        Reply {
            status,
            ..Reply::default()
        }
    }

    /// 200 with this body.
    pub fn ok(body: impl Into<Content>) -> Reply {
        Reply::new(200).body(body)
    }

    /// Plays `steps` instead of an answer of our own making.
    pub fn steps(steps: Steps) -> Reply {
        Reply {
            steps: Some(steps),
            ..Reply::default()
        }
    }

    /// Adds a field. It is sent as it is: a handler may send nonsense.
    pub fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Content>) -> Reply {
        self.body = body.into().0;
        self
    }

    /// Waits so long, on the loop's clock, before the first byte.
    pub fn delay(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    /// Sets how the end of the body is told.
    pub fn framing(mut self, framing: Framing) -> Reply {
        self.close |= framing == Framing::Close;
        self.framing = framing;
        self
    }

    /// Says `Connection: close`, and does it.
    pub fn close(mut self) -> Reply {
        self.close = true;
        self
    }

    /// Does the connection end after this answer?
    pub(super) fn closes(&self, request: &Request) -> bool {
        let old = request.minor_version == 0 && !request.wants("keep-alive");
        self.close || old || request.wants("close")
    }

    /// Appends the whole message to `out`.
    pub(super) fn encode(&self, request: &Request, close: bool, out: &mut Vec<u8>) {
        let bodyless = self.status < 200 || self.status == 204 || self.status == 304;
        let mut head = String::with_capacity(128);
        let reason = reason(self.status);
        // Writing to a `String` cannot fail.
        let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match self.framing {
            Framing::Length if !bodyless => {
                let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
            }
            Framing::Chunked(_) if !bodyless => head.push_str("Transfer-Encoding: chunked\r\n"),
            _ => {}
        }
        if close {
            head.push_str("Connection: close\r\n");
        } else if request.minor_version == 0 {
            head.push_str("Connection: keep-alive\r\n");
        }
        head.push_str("\r\n");
        out.extend(head.chars().map(latin1));
        if bodyless || request.method == "HEAD" {
            return;
        }
        match self.framing {
            Framing::Length | Framing::Close => out.extend_from_slice(&self.body),
            Framing::Chunked(size) => {
                for chunk in self.body.chunks(size.max(1)) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
            }
        }
    }
}

impl From<Steps> for Reply {
    fn from(steps: Steps) -> Reply {
        Reply::steps(steps)
    }
}

/// A `char` below 256 is one byte on the wire; others become `?`.
pub(super) fn latin1(c: char) -> u8 {
    u8::try_from(u32::from(c)).unwrap_or(b'?')
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        404 => "Not Found",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
