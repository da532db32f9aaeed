//! `BufWriter`: fewer and larger writes.
//!
//! Owns: the stream and one buffer of fixed size.
//!
//! Laws:
//! * Bytes reach the stream in the order in which they were written: a write
//!   goes past the buffer only when that is empty.
//! * Dropping it does not write what is left; nothing that waits can happen in
//!   a drop. Call `flush` or `close`.
//!
//! Read next: `split.rs`.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::traits::{AsyncRead, AsyncWrite};

/// The buffer of [`BufWriter::new`], in bytes.
const CAPACITY: usize = 8 * 1024;

/// A stream with a write buffer. Reads go straight through.
#[derive(Debug)]
#[must_use = "what is buffered is lost unless it is flushed"]
pub struct BufWriter<S> {
    stream: S,
    buf: Vec<u8>,
    capacity: usize,
    /// How much of `buf` the stream has taken.
    written: usize,
}

impl<S> BufWriter<S> {
    /// Wraps `stream` with a buffer of 8 KiB.
    pub fn new(stream: S) -> Self {
        Self::with_capacity(CAPACITY, stream)
    }

    /// Wraps `stream` with a buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, stream: S) -> Self {
        Self {
            stream,
            buf: Vec::with_capacity(capacity),
            capacity,
            written: 0,
        }
    }

    /// What the stream has not taken yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.written..]
    }

    /// The stream itself. Writing to it would overtake what is in the buffer.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream itself. Writing to it would overtake what is in the buffer.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back. What is in the buffer is lost, see
    /// [`buffer`](Self::buffer).
    pub fn into_stream(self) -> S {
        self.stream
    }
}

impl<S: AsyncWrite + Unpin> BufWriter<S> {
    /// Hands the buffer over to the stream, all of it.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.buf.len() {
            let rest = &self.buf[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                taken => self.written += taken.min(rest.len()),
            }
        }
        self.buf.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BufWriter<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.buf.len().saturating_add(buf.len()) > this.capacity {
            ready!(this.poll_drain(cx))?;
        }
        if buf.len() >= this.capacity {
            return Pin::new(&mut this.stream).poll_write(cx, buf);
        }
        this.buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_close(cx)
    }

    fn cancel_write(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_write();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BufWriter<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }

    fn cancel_read(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_read();
    }
}
