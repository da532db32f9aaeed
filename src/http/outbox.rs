//! Writes one request: its head, then its body from wherever it comes.
//!
//! Owns: bytes that are framed and not written, and the rest of the body.
//!
//! Laws: a small request is one write. H07, the body is as long as announced, or
//! the request fails. No piece of a streamed body is read before the one before
//! it is written (backpressure).
//!
//! Absent on purpose: knowing when to stop. The transfer asks the exchange
//! whether the body may be written, before every call.
//!
//! Read next: `transfer/mod.rs`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::connection::Connection;
use super::error::Error;
use super::headers::Headers;
use super::kind::ErrorKind;
use super::payload::Source;
use super::request::BodyLength;
use super::upload::BodyWriter;
use crate::io::AsyncRead;

/// A body in memory up to this many bytes goes out with the head.
const WITH_HEAD: usize = 16 * 1024;
/// How much of a streamed body is read at a time.
const PIECE: usize = 32 * 1024;

/// A request on its way out.
pub(crate) struct Outbox {
    /// Framed bytes; the first `written` have left.
    framed: Vec<u8>,
    written: usize,
    /// The rest of the body.
    source: Source,
    writer: BodyWriter,
    /// Where pieces of a streamed body are read to.
    piece: Vec<u8>,
    /// The end of the body is in `framed`, or behind it.
    ended: bool,
    /// Bytes written in all.
    sent: u64,
}

/// How far the request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushed {
    /// Everything is written and flushed.
    All,
    /// The head is; the body may not be written yet.
    Head,
}

/// Why it got no further.
pub(crate) enum PushError {
    /// The connection takes no more.
    Connection(io::Error),
    /// The body cannot be had, or is not what was announced.
    Body(Error),
}

impl Outbox {
    /// A request with this head, in `framed`, and this body. `wait` keeps a small
    /// body apart from the head: it must not leave before it is asked for.
    ///
    /// # Errors
    /// `Request` when the body is not as long as announced.
    pub(crate) fn new(
        mut framed: Vec<u8>,
        length: BodyLength,
        source: Source,
        wait: bool,
    ) -> Result<Outbox, Error> {
        let mut writer = BodyWriter::new(length);
        let mut source = source;
        let mut ended = false;
        match &source {
            Source::Empty => {
                writer.finish(&mut framed, &Headers::new())?;
                ended = true;
            }
            Source::Bytes(bytes, _) => {
                let all = bytes.as_slice();
                // The length is known to be right: it was taken from the bytes.
                writer.piece(&mut framed, all.len())?;
                writer.finish(&mut framed, &Headers::new())?;
                ended = true;
                if all.len() <= WITH_HEAD && !wait {
                    framed.extend_from_slice(all);
                    source = Source::Empty;
                }
            }
            Source::Reader(_) => {}
        }
        Ok(Outbox {
            framed,
            written: 0,
            source,
            writer,
            piece: Vec::new(),
            ended,
            sent: 0,
        })
    }

    /// Writes as much as the connection takes; `body` says whether more than the
    /// head may go out.
    ///
    /// # Errors
    /// See [`PushError`].
    pub(crate) fn poll_push(
        &mut self,
        connection: &mut Connection,
        body: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Pushed, PushError>> {
        loop {
            while let Some(rest) = self.framed.get(self.written..).filter(|r| !r.is_empty()) {
                let n = ready!(send(connection, self.sent, cx, rest))?;
                self.written = self.written.saturating_add(n);
                self.sent = self.sent.saturating_add(n as u64);
            }
            if !body && !matches!((&self.source, self.ended), (Source::Empty, true)) {
                ready!(connection.poll_flush(cx)).map_err(PushError::Connection)?;
                return Poll::Ready(Ok(Pushed::Head));
            }
            match &mut self.source {
                Source::Bytes(bytes, at) => {
                    let all = bytes.as_slice();
                    while let Some(rest) = all.get(*at..).filter(|rest| !rest.is_empty()) {
                        let n = ready!(send(connection, self.sent, cx, rest))?;
                        *at = at.saturating_add(n);
                        self.sent = self.sent.saturating_add(n as u64);
                    }
                    self.source = Source::Empty;
                }
                Source::Reader(_) => ready!(self.poll_refill(cx)).map_err(PushError::Body)?,
                Source::Empty => {
                    ready!(connection.poll_flush(cx)).map_err(PushError::Connection)?;
                    return Poll::Ready(Ok(Pushed::All));
                }
            }
        }
    }

    /// Reads and frames the next piece of a streamed body.
    fn poll_refill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Source::Reader(reader) = &mut self.source else {
            return Poll::Ready(Ok(()));
        };
        self.piece.resize(PIECE, 0);
        let read = ready!(Pin::new(reader).poll_read(cx, &mut self.piece));
        let n = read.map_err(|error| Error::new(ErrorKind::Upload).with_source(error))?;
        self.framed.clear();
        self.written = 0;
        if n == 0 {
            self.writer.finish(&mut self.framed, &Headers::new())?;
            self.ended = true;
            self.source = Source::Empty;
            return Poll::Ready(Ok(()));
        }
        let behind = self.writer.piece(&mut self.framed, n)?;
        let piece = self.piece.get(..n).unwrap_or_default();
        self.framed.extend_from_slice(piece);
        self.framed.extend_from_slice(behind);
        Poll::Ready(Ok(()))
    }

    /// Has everything left that was announced? The source may not have said yet that
    /// it has no more, and a quick server answers before it does.
    pub(crate) fn is_on_the_wire(&self) -> bool {
        self.waits_for_source() && self.writer.is_full()
    }

    /// Is it the source that gives nothing, and not the peer that takes nothing?
    pub(crate) fn waits_for_source(&self) -> bool {
        matches!(self.source, Source::Reader(_)) && self.written == self.framed.len()
    }

    /// Bytes written so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The memory, for the next request.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.framed
    }
}

/// One write of a request of which `before` bytes have left.
fn send(
    connection: &mut Connection,
    before: u64,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<Result<usize, PushError>> {
    if before > 0 {
        connection.send_at_once();
    }
    let sent = ready!(connection.poll_send(cx, bytes));
    Poll::Ready(sent.and_then(some).map_err(PushError::Connection))
}

/// A write that takes nothing would be tried for ever.
fn some(n: usize) -> io::Result<usize> {
    match n {
        0 => Err(io::ErrorKind::WriteZero.into()),
        n => Ok(n),
    }
}
