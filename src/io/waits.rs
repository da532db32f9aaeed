//! `Waits`: the future behind every `async` method on a stream.
//!
//! Owns: the loan of the stream, and whether its last poll left a waker there.
//!
//! Law R17: a wait that is dropped gives its interest up, so that nobody is woken
//! for it, virtual time goes on, and a loop that is stuck is seen to be.
//!
//! Absent on purpose: any work after the end. A wait that was served touches the
//! stream no more; the flag costs one store per poll.
//!
//! Read next: `ext.rs`.

use super::traits::{AsyncRead, AsyncWrite};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls a stream, and cancels at the stream when it is dropped while it waits.
pub(super) struct Waits<'a, S: Unpin + ?Sized, F> {
    /// The stream.
    stream: &'a mut S,
    /// What to do with it.
    poll: F,
    /// `cancel_read` or `cancel_write`.
    cancel: fn(Pin<&mut S>),
    /// The last poll may have left a waker.
    waits: bool,
}

/// A wait for something to read.
pub(super) fn reads<S, F, T>(stream: &mut S, poll: F) -> Waits<'_, S, F>
where
    S: AsyncRead + Unpin + ?Sized,
    F: FnMut(&mut S, &mut Context<'_>) -> Poll<T>,
{
    Waits {
        stream,
        poll,
        cancel: S::cancel_read,
        waits: false,
    }
}

/// A wait for room to write.
pub(super) fn writes<S, F, T>(stream: &mut S, poll: F) -> Waits<'_, S, F>
where
    S: AsyncWrite + Unpin + ?Sized,
    F: FnMut(&mut S, &mut Context<'_>) -> Poll<T>,
{
    Waits {
        stream,
        poll,
        cancel: S::cancel_write,
        waits: false,
    }
}

// The closure is moved, never pinned; the stream is only borrowed.
impl<S: Unpin + ?Sized, F> Unpin for Waits<'_, S, F> {}

impl<S, F, T> Future for Waits<'_, S, F>
where
    S: Unpin + ?Sized,
    F: FnMut(&mut S, &mut Context<'_>) -> Poll<T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        this.waits = true; // Stays, should the stream panic.
        let polled = (this.poll)(this.stream, cx);
        this.waits = polled.is_pending();
        polled
    }
}

impl<S: Unpin + ?Sized, F> Drop for Waits<'_, S, F> {
    fn drop(&mut self) {
        if self.waits {
            (self.cancel)(Pin::new(self.stream));
        }
    }
}
