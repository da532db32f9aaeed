//! The two traits every byte stream implements.
//!
//! The signatures are those of the `futures-io` crate, so an adapter is one
//! line per method; the two `cancel_` methods, which it lacks, have a default. There
//! is no vectored write on purpose: on Linux `writev` to a socket whose peer is gone
//! raises SIGPIPE, which a plain `send` does not.
//!
//! Read next: `waits.rs`, then `ext.rs`, the `async` methods on top.

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

    /// Nobody waits in [`poll_read`](Self::poll_read) any more: the stream may drop
    /// the waker it keeps for it. The `async` methods call it when they are dropped
    /// while they wait.
    ///
    /// A stream around another one hands it on. Where it does nothing, as by
    /// default, the waker stays until the next poll or the end of the stream, and a
    /// loop believes that somebody waits for the source.
    fn cancel_read(self: Pin<&mut Self>) {}
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

    /// Nobody waits in the methods above any more; see [`AsyncRead::cancel_read`].
    fn cancel_write(self: Pin<&mut Self>) {}
}

impl<T: DerefMut<Target = S> + Unpin, S: AsyncRead + Unpin + ?Sized> AsyncRead for T {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.get_mut()).poll_read(cx, buf)
    }

    fn cancel_read(self: Pin<&mut Self>) {
        Pin::new(&mut **self.get_mut()).cancel_read();
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

    fn cancel_write(self: Pin<&mut Self>) {
        Pin::new(&mut **self.get_mut()).cancel_write();
    }
}
