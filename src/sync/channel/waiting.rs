//! The futures of a channel: `Sending` waits for room, `Receiving` for a value.
//!
//! Owns: a sender's value until the queue or the line has it, and a place in
//! the line, which is left whenever the future is dropped.
//!
//! Both polls have one shape: look under a short borrow; if it is our turn,
//! spend budget and take; else queue with a fresh waker, and settle, because
//! cloning that waker may have changed what we saw.
//!
//! Read next: `error.rs`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::SendError;
use super::state::Shared;
use crate::budget;
use crate::sync::wait_list::{Key, Standing, Wakes};

/// The future of [`Sender::send`](super::Sender::send).
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sending<'a, T> {
    pub(super) shared: &'a Shared<T>,
    /// The value, until it is in the queue or in our place in the line.
    pub(super) value: Option<T>,
    /// Our place in the line, once we wait.
    pub(super) key: Option<Key>,
}

// The value is moved, never pinned.
impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let state = this.shared.state.borrow();
        let standing = state.senders.standing(this.key.as_ref(), cx.waker());
        let ready = match standing {
            Standing::Outside => state.closed || state.has_room() || this.value.is_none(),
            _ => standing == Standing::Served,
        };
        drop(state);
        if ready {
            ready!(budget::spend(cx));
            return Poll::Ready(this.take());
        }
        if standing != Standing::Waiting {
            this.wait(cx);
        }
        Poll::Pending
    }
}

impl<T> Sending<'_, T> {
    /// Gives up sending and returns the value, unless it is in the queue.
    pub fn cancel(mut self) -> Option<T> {
        self.leave_line().or_else(|| self.value.take())
    }

    /// Does what `poll` found to be possible.
    fn take(&mut self) -> Result<(), SendError<T>> {
        if self.key.is_some() {
            return self
                .leave_line()
                .map_or(Ok(()), |value| Err(SendError(value)));
        }
        let Some(value) = self.value.take() else {
            return Ok(());
        };
        self.shared.change(|state| {
            if state.closed {
                return Err(SendError(value));
            }
            state.queue.push_back(value);
            Ok(())
        })
    }

    /// Queues with the value, or changes the waker with which we are queued.
    fn wait(&mut self, cx: &Context<'_>) {
        let fresh = cx.waker().clone();
        let mut wakes = Wakes::default();
        let mut state = self.shared.state.borrow_mut();
        let value = || self.value.take();
        let old = state.senders.wait(&mut self.key, fresh, value, &mut wakes);
        // Cloning the waker was user code, and may have made room.
        state.settle(&mut wakes);
        drop(state);
        drop(old);
        wakes.wake();
    }

    /// Leaves the line, with the value if it did not enter the queue.
    fn leave_line(&mut self) -> Option<T> {
        let key = self.key.take()?;
        let (value, waker) = self.shared.state.borrow_mut().senders.remove(key)?;
        drop(waker);
        value
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        drop(self.leave_line());
    }
}

/// The future of [`Receiver::recv`](super::Receiver::recv).
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receiving<'a, T> {
    pub(super) shared: &'a Shared<T>,
    /// Our place in the line, once we wait.
    pub(super) key: Option<Key>,
}

impl<T> Future for Receiving<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let state = this.shared.state.borrow();
        let standing = state.receivers.standing(this.key.as_ref(), cx.waker());
        let ready = match standing {
            Standing::Outside => state.has_value() || state.is_at_end(),
            _ => standing == Standing::Served,
        };
        drop(state);
        if ready {
            ready!(budget::spend(cx));
            this.leave_line();
            return Poll::Ready(this.shared.pop());
        }
        if standing != Standing::Waiting {
            this.wait(cx);
        }
        Poll::Pending
    }
}

impl<T> Receiving<'_, T> {
    /// Queues, or changes the waker with which we are queued.
    fn wait(&mut self, cx: &Context<'_>) {
        let fresh = cx.waker().clone();
        let mut wakes = Wakes::default();
        let mut state = self.shared.state.borrow_mut();
        let old = state
            .receivers
            .wait(&mut self.key, fresh, || false, &mut wakes);
        // Cloning the waker was user code, and may have sent.
        state.settle(&mut wakes);
        drop(state);
        drop(old);
        wakes.wake();
    }

    /// Leaves the line; a promise is then nobody's.
    fn leave_line(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut state = self.shared.state.borrow_mut();
        let removed = state.receivers.remove(key);
        if matches!(removed, Some((true, _))) {
            state.promised -= 1;
        }
        drop(state);
        drop(removed);
    }
}

impl<T> Drop for Receiving<'_, T> {
    fn drop(&mut self) {
        if self.key.is_some() {
            self.leave_line();
            // LAW Y01: the promise goes to the next in line.
            self.shared.change(|_| ());
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("queued", &self.key.is_some())
            .finish()
    }
}

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving")
            .field("queued", &self.key.is_some())
            .finish()
    }
}
