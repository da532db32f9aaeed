//! The `async` methods on every byte stream: read and write in the ways that
//! programs want, each with what happens when it is cancelled.
//!
//! Owns: nothing. A method borrows the stream and the caller's buffer until it
//! is done.
//!
//! Absent on purpose: reading to the end without a limit.
//!
//! Read next: `buf_reader.rs`.

use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Poll, ready};

use super::traits::{AsyncRead, AsyncWrite};
use super::waits::{reads, writes};

/// The `async` methods of an [`AsyncRead`].
pub trait AsyncReadExt: AsyncRead + Unpin {
    /// Reads some bytes, at most `buf.len()`, and says how many. 0 (with a
    /// non-empty `buf`) is the end of the stream.
    ///
    /// # Errors
    /// Whatever the stream reports.
    ///
    /// # Cancel safety
    /// Nothing is lost: a read that was dropped has read nothing.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        reads(self, |stream, cx| Pin::new(stream).poll_read(cx, buf))
    }

    /// Fills all of `buf`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the stream ends before; what was read is in `buf`.
    ///
    /// # Cancel safety
    /// What was read before the drop is in `buf`, but nothing says how much it
    /// is. Do not go on with the stream after that.
    fn read_exact(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<()>> {
        let mut filled = 0;
        reads(self, move |stream, cx| {
            while filled < buf.len() {
                match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf[filled..]))? {
                    0 => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                    read => filled += read,
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Appends everything up to the end of the stream to `out`, and says how
    /// many bytes that were.
    ///
    /// # Errors
    /// [`LimitExceeded`], as `InvalidData`, if more than `limit` bytes come:
    /// `limit` of them are in `out`, one more was read and is lost.
    ///
    /// # Cancel safety
    /// Nothing is lost: what was read is in `out`. Call it again to go on (the
    /// limit then counts anew).
    fn read_to_end(
        &mut self,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> impl Future<Output = io::Result<usize>> {
        let start = out.len();
        let mut step = FIRST_STEP;
        reads(self, move |stream, cx| {
            loop {
                let have = out.len();
                let room = limit.saturating_sub(have - start);
                if room == 0 {
                    // Only the end of the stream is welcome now.
                    let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut [0]))?;
                    return Poll::Ready(match read {
                        0 => Ok(limit),
                        _ => Err(LimitExceeded { limit }.into()),
                    });
                }
                // `out` is longer only during the poll: cancelled between two,
                // it holds what was read and nothing else.
                out.resize(have + room.min(step), 0);
                let polled = Pin::new(&mut *stream).poll_read(cx, &mut out[have..]);
                let read = if let Poll::Ready(Ok(read)) = polled {
                    read
                } else {
                    0
                };
                if read == step {
                    step = (step * 2).min(LAST_STEP);
                }
                out.truncate(have + read);
                if ready!(polled)? == 0 {
                    return Poll::Ready(Ok(have - start));
                }
            }
        })
    }
}

/// How many bytes `read_to_end` asks for at first.
const FIRST_STEP: usize = 4 * 1024;
/// How many it asks for at most, after doubling while reads are full.
const LAST_STEP: usize = 64 * 1024;

/// The `async` methods of an [`AsyncWrite`].
pub trait AsyncWriteExt: AsyncWrite + Unpin {
    /// Writes some bytes of `buf` and says how many.
    ///
    /// # Errors
    /// Whatever the stream reports.
    ///
    /// # Cancel safety
    /// Nothing is lost: a write that was dropped has written nothing.
    fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        writes(self, move |stream, cx| Pin::new(stream).poll_write(cx, buf))
    }

    /// Writes all of `buf`. It may be in a buffer after that, see
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    /// `WriteZero` if the stream takes nothing any more, else what it reports.
    ///
    /// # Cancel safety
    /// Some of the bytes may have been written, and nothing says how many. Do
    /// not go on with the stream after that.
    fn write_all(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<()>> {
        let mut written = 0;
        writes(self, move |stream, cx| {
            while written < buf.len() {
                match ready!(Pin::new(&mut *stream).poll_write(cx, &buf[written..]))? {
                    0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                    more => written += more,
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Waits until everything written has left our buffers.
    ///
    /// # Errors
    /// Whatever the stream reports.
    ///
    /// # Cancel safety
    /// Nothing is lost; call it again.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        writes(self, |stream, cx| Pin::new(stream).poll_flush(cx))
    }

    /// Flushes and ends the stream: the other side reads end of file.
    ///
    /// # Errors
    /// Whatever the stream reports.
    ///
    /// # Cancel safety
    /// Nothing is lost; call it again.
    #[doc(alias = "shutdown")]
    fn close(&mut self) -> impl Future<Output = io::Result<()>> {
        writes(self, |stream, cx| Pin::new(stream).poll_close(cx))
    }
}

impl<S: AsyncRead + Unpin + ?Sized> AsyncReadExt for S {}
impl<S: AsyncWrite + Unpin + ?Sized> AsyncWriteExt for S {}

/// The other side sent more than the caller allows. It is the source of an
/// `io::Error` of kind `InvalidData`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitExceeded {
    /// The limit, in bytes.
    pub limit: usize,
}

impl From<LimitExceeded> for io::Error {
    fn from(error: LimitExceeded) -> Self {
        io::Error::new(ErrorKind::InvalidData, error)
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than the allowed {} bytes", self.limit)
    }
}

impl std::error::Error for LimitExceeded {}
