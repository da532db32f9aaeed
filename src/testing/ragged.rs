//! `Ragged`: any stream, but its bytes come and go in small uneven pieces.
//!
//! Owns: the stream and a seeded source of chance.
//!
//! Law: what passes through is the same bytes in the same order; only where
//! reads and writes are cut, and how often a poll says "not yet" (and wakes at
//! once), is left to the seed. Code that is right must not notice.
//!
//! Read next: the tests in `tests/`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Rng;
use crate::io::{AsyncRead, AsyncWrite};

/// Cuts the reads and writes of another stream into pieces, by a seed.
#[derive(Debug)]
pub struct Ragged<S> {
    stream: S,
    rng: Rng,
}

/// Most pieces are at most this long, in bytes.
const PIECE: usize = 7;

impl<S> Ragged<S> {
    /// Wraps `stream`.
    pub fn new(stream: S, seed: u64) -> Self {
        Self {
            stream,
            rng: Rng::new(seed),
        }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream itself.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// One poll in four is turned away, and woken again at once.
    fn poll_chance(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.rng.one_in(4) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// How much of `len` bytes may pass: a few, and once in eight times all.
    fn piece(&mut self, len: usize) -> usize {
        if self.rng.one_in(8) {
            len
        } else {
            len.min(1 + self.rng.below(PIECE))
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ragged<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_chance(cx));
        let piece = this.piece(buf.len());
        Pin::new(&mut this.stream).poll_read(cx, &mut buf[..piece])
    }

    fn cancel_read(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_read();
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ragged<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_chance(cx));
        let piece = this.piece(buf.len());
        Pin::new(&mut this.stream).poll_write(cx, &buf[..piece])
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_chance(cx));
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_chance(cx));
        Pin::new(&mut this.stream).poll_close(cx)
    }

    fn cancel_write(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_write();
    }
}
