//! `channel`: a bounded queue between tasks; any number of senders, any number
//! of receivers, each value to exactly one of them.
//!
//! Owns: the values in transit. A sender that finds the queue full leaves its
//! value in its place in the line; who makes room moves it into the queue. So
//! values arrive in the order in which `send` was first polled, whatever order
//! the senders are polled in later.
//!
//! Laws:
//! * Y08: the queue never holds more than `capacity`; `len` is exact.
//! * Y03: a receiver that was woken is *promised* one value. The value stays in
//!   the queue, but no newcomer and no `try_recv` gets it.
//! * Y01: a promised receiver that is dropped hands its promise on.
//! * Y04: after close, what was queued is still delivered, then `None`. A
//!   sender gets its value back.
//!
//! Absent on purpose: capacity 0 (a rendezvous), and weak senders.
//!
//! Read next: `state.rs`.

use std::fmt;
use std::rc::Rc;

mod error;
mod state;
mod waiting;

pub use error::{SendError, TryRecvError, TrySendError};
pub use waiting::{Receiving, Sending};

use state::Shared;

/// A channel with room for `capacity` values.
///
/// # Panics
/// If `capacity` is 0.
#[doc(alias = "mpsc")]
#[doc(alias = "Queue")]
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for one value at least");
    let shared = Rc::new(Shared::new(capacity));
    (
        Sender {
            shared: shared.clone(),
        },
        Receiver { shared },
    )
}

/// The end that sends. When the last clone is dropped, the channel closes.
#[must_use = "dropping the last sender closes the channel"]
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

/// The end that receives; clones share the values. When the last one is
/// dropped, the channel closes and what is queued is dropped.
#[must_use = "dropping the last receiver closes the channel"]
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value, waiting until there is room.
    ///
    /// # Errors
    /// [`SendError`] returns the value if the channel is closed, also if that
    /// happens while waiting.
    ///
    /// # Cancel safety
    /// A dropped [`Sending`] drops the value if it is not in the queue yet, and
    /// gives up its place. [`Sending::cancel`] returns it instead.
    pub fn send(&self, value: T) -> Sending<'_, T> {
        Sending {
            shared: &self.shared,
            value: Some(value),
            key: None,
        }
    }

    /// Sends a value if there is room and nobody waits for it.
    ///
    /// # Errors
    /// [`TrySendError`] returns the value.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let state = self.shared.state.borrow();
        if state.closed {
            return Err(TrySendError::Closed(value));
        }
        if !state.has_room() {
            return Err(TrySendError::Full(value));
        }
        drop(state);
        self.shared.change(|state| state.queue.push_back(value));
        Ok(())
    }

    /// Closes the channel: nothing more can be sent, what is queued can still
    /// be received.
    pub fn close(&self) {
        self.shared.change(|state| state.closed = true);
    }

    /// Whether a `send` would fail.
    pub fn is_closed(&self) -> bool {
        self.shared.state.borrow().closed
    }

    /// How many values are in the queue.
    pub fn len(&self) -> usize {
        self.shared.state.borrow().queue.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the queue may hold.
    pub fn capacity(&self) -> usize {
        self.shared.state.borrow().capacity
    }
}

impl<T> Receiver<T> {
    /// Receives a value, waiting for one; `None` once the channel is closed and
    /// empty.
    ///
    /// # Cancel safety
    /// Dropping the future loses no value: one that was promised to it goes to
    /// the next receiver or stays in the queue.
    pub fn recv(&self) -> Receiving<'_, T> {
        Receiving {
            shared: &self.shared,
            key: None,
        }
    }

    /// Takes a value if there is one that is not promised to a waiter.
    ///
    /// # Errors
    /// [`TryRecvError`] says whether one may still come.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let state = self.shared.state.borrow();
        if state.has_value() {
            drop(state);
            return self.shared.pop().ok_or(TryRecvError::Empty);
        }
        Err(if state.is_at_end() {
            TryRecvError::Closed
        } else {
            TryRecvError::Empty
        })
    }

    /// Closes the channel: nothing more can be sent, what is queued can still
    /// be received.
    pub fn close(&self) {
        self.shared.change(|state| state.closed = true);
    }

    /// Whether the channel is closed; values may still be queued.
    pub fn is_closed(&self) -> bool {
        self.shared.state.borrow().closed
    }

    /// How many values are in the queue.
    pub fn len(&self) -> usize {
        self.shared.state.borrow().queue.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the queue may hold.
    pub fn capacity(&self) -> usize {
        self.shared.state.borrow().capacity
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.borrow_mut().sender_count += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.state.borrow_mut().receiver_count += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.sender_count -= 1;
            state.closed |= state.sender_count == 0;
        });
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let unwanted = self.shared.change(|state| {
            state.receiver_count -= 1;
            state.closed |= state.receiver_count == 0;
            (state.receiver_count == 0).then(|| std::mem::take(&mut state.queue))
        });
        drop(unwanted);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe("channel::Sender", f)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe("channel::Receiver", f)
    }
}
