//! Reads requests from a stream: heads, bodies, marks.
//!
//! Owns: the stream and the bytes read ahead.
//!
//! Limits: a head of 64 KiB, a body of 256 MiB. Beyond them, and for anything
//! that is not HTTP, the connection ends: this is the peer of our own client.
//!
//! Read next: `serve.rs`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use super::message::Request;
use crate::io::{AsyncRead, AsyncWrite};

const HEAD: usize = 64 * 1024;
/// Bytes per read.
const STEP: usize = 16 * 1024;
const BODY: usize = 256 * 1024 * 1024;
const FIELDS: usize = 256;

/// A stream and what was read from it too early.
pub(super) struct Inbox<S> {
    stream: S,
    /// Bytes read; `taken` of them are done with.
    bytes: Vec<u8>,
    taken: usize,
    /// Where reads go first.
    space: Box<[u8]>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inbox<S> {
    pub(super) fn new(stream: S) -> Self {
        Inbox {
            stream,
            bytes: Vec::new(),
            taken: 0,
            space: vec![0; STEP].into(),
        }
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    /// Waits for the next head. `None`: the peer ended the connection between
    /// two requests.
    pub(super) async fn head(&mut self) -> io::Result<Option<Request>> {
        let mut searched = 0_usize;
        let length = loop {
            let unread = self.bytes.get(self.taken..).unwrap_or_default();
            // The mark may lie across the place where the last search stopped.
            let from = searched.saturating_sub(3).min(unread.len());
            if let Some(at) = find(&unread[from..], b"\r\n\r\n") {
                break from + at + 4;
            }
            searched = unread.len();
            if searched > HEAD {
                return Err(invalid("request head too long"));
            }
            if self.fill().await? == 0 {
                return match searched {
                    0 => Ok(None),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        };
        let request = parse(&self.bytes[self.taken..self.taken + length])?;
        self.taken += length;
        Ok(Some(request))
    }

    /// Reads the body that belongs to this head.
    pub(super) async fn body(&mut self, head: &Request) -> io::Result<Vec<u8>> {
        let coding = head.header("transfer-encoding").unwrap_or_default();
        if coding.eq_ignore_ascii_case("chunked") {
            return self.chunks().await;
        }
        match head.header("content-length") {
            None => Ok(Vec::new()),
            Some(digits) => match digits.parse() {
                Ok(length) => self.exactly(length).await,
                Err(_) => Err(invalid("bad Content-Length")),
            },
        }
    }

    /// Reads until `mark` came by and forgets everything up to its end.
    pub(super) async fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let unread = self.bytes.get(self.taken..).unwrap_or_default();
            if let Some(at) = find(unread, mark) {
                return self.exactly(at + mark.len()).await;
            }
            if unread.len() > BODY {
                return Err(invalid("no end"));
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads and forgets until the peer has ended or reset the connection.
    pub(super) async fn drain(&mut self) {
        loop {
            self.taken = self.bytes.len();
            match self.fill().await {
                Ok(n) if n > 0 => {}
                _ => return,
            }
        }
    }

    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = poll_fn(|cx| Pin::new(&mut self.stream).poll_write(cx, bytes)).await?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(n..).unwrap_or_default();
        }
        poll_fn(|cx| Pin::new(&mut self.stream).poll_flush(cx)).await
    }

    pub(super) async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_close(cx)).await
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let digits = line.split(|b| *b == b';' || *b == b'\r').next();
            let size = digits
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
                .ok_or_else(|| invalid("bad chunk size"))?;
            if size == 0 {
                break;
            }
            let mut chunk = self.exactly(size.saturating_add(2)).await?;
            chunk.truncate(size);
            body.append(&mut chunk);
            if body.len() > BODY {
                return Err(invalid("request body too long"));
            }
        }
        while self.until(b"\r\n").await? != b"\r\n" {}
        Ok(body)
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > BODY {
            return Err(invalid("request body too long"));
        }
        while self.bytes.len() - self.taken < length {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let all = self.bytes[self.taken..self.taken + length].to_vec();
        self.taken += length;
        Ok(all)
    }

    /// One read.
    async fn fill(&mut self) -> io::Result<usize> {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        let space = &mut self.space;
        let read = poll_fn(|cx| Pin::new(&mut self.stream).poll_read(cx, space)).await?;
        self.bytes.extend_from_slice(&space[..read]);
        Ok(read)
    }
}

fn parse(bytes: &[u8]) -> io::Result<Request> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(invalid("not an HTTP request")),
    }
    let text = |value: &[u8]| value.iter().map(|byte| char::from(*byte)).collect();
    Ok(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        minor_version: parsed.version.unwrap_or(1),
        headers: (parsed.headers.iter())
            .map(|field| (field.name.to_owned(), text(field.value)))
            .collect(),
        ..Request::default()
    })
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len().max(1)).position(|at| at == mark)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
