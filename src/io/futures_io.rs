//! `Compat`: a stream of this crate as one of the `futures-io` crate, and back.
//!
//! Owns: the stream it wraps, and nothing else: both families have the same
//! methods with the same meaning, so each call is handed on as it is.
//!
//! Laws: S03, a foreign stream spends the budget here, because it cannot know of
//! it; ours spend it themselves. X06, a vectored write goes out as a plain one
//! (the default of `futures-io`), so a peer that is gone is an error and no signal.
//!
//! Absent on purpose: an implementation for each of our types. A wrapper works for
//! streams that do not exist yet, and keeps the two `poll_read`s from meeting on
//! one type.
//!
//! Read next: `copy.rs`.

use super::traits::{AsyncRead, AsyncWrite};
use crate::budget;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A byte stream seen through the other family of traits.
///
/// Around a stream of this crate it is a `futures_io` stream, for libraries that
/// expect one. Around a `futures_io` stream it is a stream of this crate.
///
/// ```
/// use downbeat::io::{AsyncReadExt, Compat};
/// // `futures_io` implements its traits for slices, and we do not.
/// let mut theirs = Compat::new(&b"one beat"[..]);
/// let mut read = [0; 3];
/// downbeat::run(async { theirs.read_exact(&mut read).await })?;
/// assert_eq!(&read, b"one");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Cancel safety
/// That of the stream inside: no byte rests in the wrapper.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compat<S> {
    /// The stream.
    stream: S,
}

impl<S> Compat<S> {
    /// Wraps a stream.
    pub const fn new(stream: S) -> Self {
        Self { stream }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Takes the stream out; no byte is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn pinned(self: Pin<&mut Self>) -> Pin<&mut S>
    where
        S: Unpin,
    {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl<S: AsyncRead + Unpin> ::futures_io::AsyncRead for Compat<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> ::futures_io::AsyncWrite for Compat<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_close(cx)
    }
}

impl<S: ::futures_io::AsyncRead + Unpin> AsyncRead for Compat<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(budget::spend(cx));
        budget::lend(|| self.pinned().poll_read(cx, buf))
    }
}

impl<S: ::futures_io::AsyncWrite + Unpin> AsyncWrite for Compat<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(budget::spend(cx));
        budget::lend(|| self.pinned().poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(budget::spend(cx));
        budget::lend(|| self.pinned().poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_close(cx)
    }
}
