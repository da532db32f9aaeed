//! `remote`: a bounded queue from other threads into a task of the loop.
//!
//! Owns: the values in transit, behind a mutex, and the receiver's waker.
//!
//! Laws:
//! * The lock is held for a push or a pop, never while user code runs: no
//!   waker is cloned, woken or dropped, and no value dropped, under it.
//! * Y10: when the receiver is gone (with its task, with its loop), every
//!   sender gets its value back, those that block included.
//! * Y04: when the last sender is gone, what is queued is still delivered, then
//!   `None`.
//! * `send_blocking` on the thread that receives is an error, not a hang: the
//!   only one who could make room is the one who would wait.
//!
//! Absent on purpose: fairness among blocked threads (the system decides who
//! runs), and an async `send`: inside one loop use `channel`, between two loops
//! let the receiving task bound the work by what it asks for.
//!
//! Read next: `../io/mod.rs`.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::thread::{self, ThreadId};

pub use super::channel::{TryRecvError, TrySendError};
use crate::budget;

/// A queue with room for `capacity` values, whose sender may go to any thread.
///
/// # Panics
/// If `capacity` is 0.
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for one value at least");
    let state = State {
        queue: VecDeque::new(),
        receiver: Some(thread::current().id()),
        waker: None,
        senders: 1,
    };
    let shared = Arc::new(Shared {
        capacity,
        state: Mutex::new(state),
        room: Condvar::new(),
    });
    (
        Sender {
            shared: shared.clone(),
        },
        Receiver { shared },
    )
}

struct Shared<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// Where threads wait that found the queue full.
    room: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    /// The thread that polled the receiver last; `None` once closed.
    receiver: Option<ThreadId>,
    /// Who waits for a value; taken by the first send after it.
    waker: Option<Waker>,
    /// How many senders exist.
    senders: usize,
}

/// The end that sends, from any thread.
#[must_use = "dropping the last sender closes the channel"]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The end that receives, on the loop.
#[must_use = "dropping the receiver closes the channel"]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value if there is room. Never blocks.
    ///
    /// # Errors
    /// [`TrySendError`] returns the value.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let state = self.shared.lock();
        if state.receiver.is_none() {
            return Err(TrySendError::Closed(value));
        }
        if state.queue.len() >= self.shared.capacity {
            return Err(TrySendError::Full(value));
        }
        push(state, value);
        Ok(())
    }

    /// Sends a value, blocking this thread until there is room. Not for tasks.
    ///
    /// # Errors
    /// [`TrySendError::Closed`] if the receiver is gone or goes while this
    /// waits; [`TrySendError::Full`] if the queue is full and this is the
    /// receiver's own thread, which would wait for itself.
    pub fn send_blocking(&self, value: T) -> Result<(), TrySendError<T>> {
        let here = thread::current().id();
        let mut state = self.shared.lock();
        loop {
            let Some(receiver) = state.receiver else {
                return Err(TrySendError::Closed(value));
            };
            if state.queue.len() < self.shared.capacity {
                push(state, value);
                return Ok(());
            }
            if receiver == here {
                return Err(TrySendError::Full(value));
            }
            state = self
                .shared
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a send would fail because the receiver is gone.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().receiver.is_none()
    }

    /// How many values are in the queue.
    pub fn len(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the queue may hold.
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }
}

/// Puts the value in, and wakes the receiver after the lock is gone.
fn push<T>(mut state: MutexGuard<'_, State<T>>, value: T) {
    state.queue.push_back(value);
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> Receiver<T> {
    /// Receives a value, waiting for one; `None` once the channel is closed (all
    /// senders gone, or [`close`](Self::close)) and empty.
    ///
    /// # Cancel safety
    /// Dropping the future loses no value.
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        poll_fn(|cx| self.poll_recv(cx))
    }

    /// The poll behind [`recv`](Self::recv). Wakes the latest waker only.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(budget::spend(cx));
        budget::lend(|| self.poll_next(cx))
    }

    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.shared.lock();
        if let Some(end) = self.shared.take(&mut state) {
            return Poll::Ready(end);
        }
        if state.receiver.is_some() {
            state.receiver = Some(thread::current().id());
        }
        if state
            .waker
            .as_ref()
            .is_some_and(|w| w.will_wake(cx.waker()))
        {
            return Poll::Pending;
        }
        drop(state);
        let fresh = cx.waker().clone();
        let mut state = self.shared.lock();
        // A value may have come while the lock was open, without a wake for us.
        let taken = self.shared.take(&mut state);
        let old = match taken {
            None => state.waker.replace(fresh),
            Some(_) => Some(fresh),
        };
        drop(state);
        drop(old);
        taken.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes a value if there is one.
    ///
    /// # Errors
    /// [`TryRecvError`] says whether one may still come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.take(&mut self.shared.lock()) {
            Some(Some(value)) => Ok(value),
            Some(None) => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Refuses all further values; those in the queue can still be received.
    pub fn close(&mut self) {
        let mut state = self.shared.lock();
        state.receiver = None;
        let waker = state.waker.take();
        drop(state);
        drop(waker);
        self.shared.room.notify_all();
    }

    /// How many values are in the queue.
    pub fn len(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Shared<T> {
    /// No user code runs under the lock, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first value, or `Some(None)` at the end, or `None`: wait.
    fn take(&self, state: &mut State<T>) -> Option<Option<T>> {
        if let Some(value) = state.queue.pop_front() {
            self.room.notify_one();
            return Some(Some(value));
        }
        (state.senders == 0 || state.receiver.is_none()).then_some(None)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.senders -= 1;
        let waker = if state.senders == 0 {
            state.waker.take()
        } else {
            None
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        let unwanted = std::mem::take(&mut self.shared.lock().queue);
        drop(unwanted);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("remote::Sender")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("remote::Receiver")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
