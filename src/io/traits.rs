//! The two traits every byte stream implements.
//!
//! The signatures are those of the `futures-io` crate, so an adapter is one
//! line per method. There is no vectored write on purpose: on Linux `writev` to
//! a socket whose peer is gone raises SIGPIPE, which a plain `send` does not.
//!
//! Read next: `ext.rs`, the `async` methods on top.

use std::io;
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A source of bytes that can be waited for.
pub trait AsyncRead {
    /// Reads into `buf`. `Ok(0)` with a non-empty `buf` means end of stream.
    ///
    /// # Errors
    /// Whatever the source reports. `WouldBlock` and `Interrupted` never leave
    /// this method: the first becomes `Pending`, the second is retried.
    ///
    /// # Cancel safety
    /// Nothing is lost when the caller stops polling after `Pending`.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>>;
}

/// A sink of bytes that can be waited for.
pub trait AsyncWrite {
    /// Writes some of `buf` and says how many bytes were taken.
    ///
    /// # Errors
    /// Whatever the sink reports; see [`AsyncRead::poll_read`] for the two that
    /// never appear.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>>;

    /// Waits until everything written has left our buffers.
    ///
    /// # Errors
    /// Whatever the sink reports.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes, then ends the stream: the peer reads end of file.
    ///
    /// # Errors
    /// Whatever the sink reports.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl<T: DerefMut<Target = S> + Unpin, S: AsyncRead + Unpin + ?Sized> AsyncRead for T {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.get_mut()).poll_read(cx, buf)
    }
}

impl<T: DerefMut<Target = S> + Unpin, S: AsyncWrite + Unpin + ?Sized> AsyncWrite for T {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.get_mut()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.get_mut()).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.get_mut()).poll_close(cx)
    }
}
