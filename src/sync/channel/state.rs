//! The state of a channel, and the one function that serves those who wait.
//!
//! Owns: the queue, the two lines of waiters, and the count of promises.
//!
//! Law: whoever changes the queue, the promises or `closed` goes through
//! `Shared::change`, which settles afterwards. So at rest nobody waits who could
//! be served, and `has_room` and `has_value` tell a newcomer the whole truth.
//!
//! Read next: `waiting.rs`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

use crate::sync::wait_list::{WaitList, Wakes};

pub(super) struct Shared<T> {
    pub(super) state: RefCell<State<T>>,
}

pub(super) struct State<T> {
    /// Values sent and not received.
    pub(super) queue: VecDeque<T>,
    /// How many values `queue` may hold.
    pub(super) capacity: usize,
    /// How many values of `queue` belong to receivers that were woken for one.
    pub(super) promised: usize,
    /// Set once: nothing enters the queue any more.
    pub(super) closed: bool,
    /// How many `Sender`s exist.
    pub(super) sender_count: usize,
    /// How many `Receiver`s exist.
    pub(super) receiver_count: usize,
    /// Who waits for room. The value is taken out when it enters the queue.
    pub(super) senders: WaitList<Option<T>>,
    /// Who waits for a value. `true`: one is promised; served with `false`: the end.
    pub(super) receivers: WaitList<bool>,
}

impl<T> State<T> {
    /// May one who has not waited yet put a value into the queue?
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < self.capacity && self.senders.is_empty()
    }

    /// May one who has not waited yet take a value out of the queue?
    pub(super) fn has_value(&self) -> bool {
        self.queue.len() > self.promised
    }

    /// Will no value ever come? Not while a promised one may be handed back.
    pub(super) fn is_at_end(&self) -> bool {
        self.closed && self.queue.is_empty()
    }

    /// Serves whom a change of the queue, of the promises or of `closed` allows
    /// to serve. After it, nobody waits who need not.
    pub(super) fn settle(&mut self, wakes: &mut Wakes) {
        while (self.closed || self.queue.len() < self.capacity)
            && let Some((value, waker)) = self.senders.serve()
        {
            // A sender that is refused finds its value where it left it.
            if !self.closed {
                self.queue.extend(value.take());
            }
            wakes.push(waker);
        }
        while (self.has_value() || self.is_at_end())
            && let Some((promise, waker)) = self.receivers.serve()
        {
            *promise = !self.queue.is_empty();
            self.promised += usize::from(*promise);
            wakes.push(waker);
        }
    }
}

impl<T> Shared<T> {
    /// An open and empty channel with one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            capacity,
            promised: 0,
            closed: false,
            sender_count: 1,
            receiver_count: 1,
            senders: WaitList::new(),
            receivers: WaitList::new(),
        };
        Self {
            state: RefCell::new(state),
        }
    }

    /// Changes the state, serves and wakes. Drops nothing of the users'.
    #[inline]
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.state.borrow_mut();
        let result = change(&mut state);
        if state.senders.is_empty() && state.receivers.is_empty() {
            return result;
        }
        let mut wakes = Wakes::default();
        state.settle(&mut wakes);
        drop(state);
        wakes.wake();
        result
    }

    /// Takes the first value, which makes room for a waiting sender's.
    pub(super) fn pop(&self) -> Option<T> {
        self.change(|state| state.queue.pop_front())
    }

    /// The `Debug` form of either end.
    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct(name)
            .field("len", &state.queue.len())
            .field("capacity", &state.capacity)
            .field("closed", &state.closed)
            .finish()
    }
}
