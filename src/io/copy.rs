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
    let mut ends = Ends {
        reader,
        writer,
        waits: false,
    };
    poll_fn(|cx| {
        ends.waits = true;
        let polled = carried.poll(cx, Pin::new(ends.reader), Pin::new(ends.writer));
        ends.waits = polled.is_pending();
        polled
    })
    .await
}

/// Both ends. LAW R17: a copy that is dropped gives its interest in them up.
struct Ends<'a, R: AsyncRead + Unpin + ?Sized, W: AsyncWrite + Unpin + ?Sized> {
    reader: &'a mut R,
    writer: &'a mut W,
    /// The last poll may have left wakers.
    waits: bool,
}

impl<R: AsyncRead + Unpin + ?Sized, W: AsyncWrite + Unpin + ?Sized> Drop for Ends<'_, R, W> {
    fn drop(&mut self) {
        if self.waits {
            Pin::new(&mut *self.reader).cancel_read();
            Pin::new(&mut *self.writer).cancel_write();
        }
    }
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
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
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
