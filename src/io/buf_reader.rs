//! `BufReader`: fewer and larger reads, and reading up to a byte or a line.
//!
//! Owns: the stream, one buffer, and the beginning of a line that was longer than
//! the buffer.
//!
//! Laws:
//! * J09, cancel safety everywhere: bytes leave the buffer only when they are handed
//!   out, and a half-read line stays here until the rest has come. If something else
//!   than the rest of the line is asked for, it goes back into the buffer, which
//!   grows for it.
//! * A read larger than the buffer, when that is empty, goes past it.
//!
//! Absent on purpose: a trait for buffered reading; nothing here is generic in
//! it.
//!
//! Read next: `buf_writer.rs`.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::ext::LimitExceeded;
use super::traits::{AsyncRead, AsyncWrite};
use super::waits::reads;

/// The buffer of [`BufReader::new`], in bytes.
const CAPACITY: usize = 8 * 1024;

/// A stream with a read buffer. Writes go straight through.
#[derive(Debug)]
pub struct BufReader<S> {
    stream: S,
    buf: Box<[u8]>,
    /// The unread part of `buf`.
    unread: std::ops::Range<usize>,
    /// What a `read_line` has read of its line so far.
    line: Vec<u8>,
}

impl<S: AsyncRead + Unpin> BufReader<S> {
    /// Wraps `stream` with a buffer of 8 KiB.
    pub fn new(stream: S) -> Self {
        Self::with_capacity(CAPACITY, stream)
    }

    /// Wraps `stream` with a buffer of `capacity` bytes, at least one.
    pub fn with_capacity(capacity: usize, stream: S) -> Self {
        let buf = vec![0; capacity.max(1)].into_boxed_slice();
        Self {
            stream,
            buf,
            unread: 0..0,
            line: Vec::new(),
        }
    }

    /// What is in the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.unread.clone()]
    }

    /// Returns what is in the buffer, after reading into it if it is empty. An
    /// empty slice is the end of the stream. Say with
    /// [`consume`](Self::consume) how much of it was used.
    ///
    /// # Errors
    /// Whatever the stream reports.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.put_back();
        reads(self, |reader, cx| reader.poll_fill(cx)).await?;
        Ok(self.buffer())
    }

    /// Takes `count` bytes (or all, if there are fewer) out of the buffer.
    pub fn consume(&mut self, count: usize) {
        self.unread.start = self.unread.end.min(self.unread.start.saturating_add(count));
    }

    /// Appends bytes to `out` up to the first `delimiter`, which is included, or
    /// to the end of the stream. Returns how many; 0 is the end of the stream.
    ///
    /// # Errors
    /// [`LimitExceeded`], as `InvalidData`, if there is no delimiter within
    /// `limit` bytes: they are in `out`, and what follows is unread.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was read is in `out`. Call it again to go on (the
    /// limit then counts anew).
    pub fn read_until(
        &mut self,
        delimiter: u8,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> impl Future<Output = io::Result<usize>> {
        let start = out.len();
        self.put_back();
        reads(self, move |reader, cx| {
            ready!(reader.poll_until(cx, delimiter, out, start, limit))?;
            Poll::Ready(Ok(out.len() - start))
        })
    }

    /// Appends one line to `out`, its `\n` included if it has one. Returns its
    /// length in bytes; 0 is the end of the stream.
    ///
    /// # Errors
    /// [`LimitExceeded`], as `InvalidData`, if the line is longer than `limit`
    /// bytes; `InvalidData` if it is not UTF-8; else what the stream reports. The
    /// bytes read are then gone, and `out` is as it was.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was read of the line stays in the reader, for the
    /// next `read_line` or any other read.
    pub async fn read_line(&mut self, out: &mut String, limit: usize) -> io::Result<usize> {
        // The line moves out for each poll only, so that a drop finds it inside.
        let end = reads(self, |reader, cx| {
            let mut line = std::mem::take(&mut reader.line);
            let polled = reader.poll_until(cx, b'\n', &mut line, 0, limit);
            reader.line = line;
            polled
        });
        let end = end.await;
        let line = std::mem::take(&mut self.line);
        end?;
        let text =
            std::str::from_utf8(&line).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
        out.push_str(text);
        Ok(text.len())
    }

    /// Appends to `out` until it holds the delimiter, or `limit` bytes beyond
    /// `start`, or the stream ends.
    fn poll_until(
        &mut self,
        cx: &mut Context<'_>,
        delimiter: u8,
        out: &mut Vec<u8>,
        start: usize,
        limit: usize,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_fill(cx))?;
            let room = limit.saturating_sub(out.len() - start);
            let buffer = self.buffer();
            if buffer.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let within = &buffer[..buffer.len().min(room)];
            let found = within.iter().position(|&byte| byte == delimiter);
            let taken = found.map_or(within.len(), |at| at + 1);
            out.extend_from_slice(&within[..taken]);
            self.consume(taken);
            if found.is_some() {
                return Poll::Ready(Ok(()));
            }
            if taken == room && !self.buffer().is_empty() {
                return Poll::Ready(Err(LimitExceeded { limit }.into()));
            }
        }
    }

    /// A line that was given up is the front of what is unread.
    fn put_back(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let mut all = std::mem::take(&mut self.line);
        all.extend_from_slice(self.buffer());
        self.unread = 0..all.len();
        all.resize(all.len().max(self.buf.len()), 0);
        self.buf = all.into_boxed_slice();
    }

    /// Reads into the buffer if it is empty.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            self.unread = 0..0;
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut self.buf))?;
            self.unread = 0..read.min(self.buf.len());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> BufReader<S> {
    /// The stream itself. Reading from it would miss what is in the buffer.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream itself. Reading from it would miss what is in the buffer.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back. What is in the buffer is lost, see
    /// [`buffer`](Self::buffer).
    pub fn into_stream(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BufReader<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.put_back();
        if this.unread.is_empty() && buf.len() >= this.buf.len() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        ready!(this.poll_fill(cx))?;
        let ready = this.buffer();
        let taken = ready.len().min(buf.len());
        buf[..taken].copy_from_slice(&ready[..taken]);
        this.consume(taken);
        Poll::Ready(Ok(taken))
    }

    fn cancel_read(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_read();
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BufReader<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }

    fn cancel_write(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_write();
    }
}
