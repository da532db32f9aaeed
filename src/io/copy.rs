//! `copy`: everything from one stream into another.
//!
//! Owns: one buffer, for the time of the copy.
//!
//! Law: when the source has nothing for now, what was written is flushed before
//! the copy waits, so a peer that answers what it sees is never kept waiting
//! for bytes that are in our buffer.
//!
//! Read next: `registered.rs`.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::traits::{AsyncRead, AsyncWrite};

/// How much is carried at a time, in bytes.
const BUFFER: usize = 16 * 1024;

/// Copies from `reader` to `writer` until the end of the stream, flushes, and
/// says how many bytes it was. The writer is not closed.
///
/// # Errors
/// The first error of either side; `WriteZero` if the writer takes nothing.
///
/// # Cancel safety
/// Up to 16 KiB that were read and not yet written are lost.
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut carried = Carried {
        buf: vec![0; BUFFER],
        start: 0,
        end: 0,
        ended: false,
        total: 0,
    };
    let mut reader = reader;
    let mut writer = writer;
    poll_fn(|cx| carried.poll(cx, Pin::new(&mut reader), Pin::new(&mut writer))).await
}

/// What is on its way.
struct Carried {
    buf: Vec<u8>,
    /// `buf[start..end]` was read and not written.
    start: usize,
    end: usize,
    /// Whether the reader came to its end.
    ended: bool,
    /// How many bytes were written.
    total: u64,
}

impl Carried {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut impl AsyncRead>,
        mut writer: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<u64>> {
        loop {
            while self.start < self.end {
                match ready!(
                    writer
                        .as_mut()
                        .poll_write(cx, &self.buf[self.start..self.end])
                )? {
                    0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                    written => {
                        self.start += written;
                        self.total += written as u64;
                    }
                }
            }
            if self.ended {
                ready!(writer.as_mut().poll_flush(cx))?;
                return Poll::Ready(Ok(self.total));
            }
            let Poll::Ready(read) = reader.as_mut().poll_read(cx, &mut self.buf) else {
                ready!(writer.as_mut().poll_flush(cx))?;
                return Poll::Pending;
            };
            (self.start, self.end) = (0, read?.min(BUFFER));
            self.ended = self.end == 0;
        }
    }
}
