//! `Notify`: "look again", without a value.
//!
//! Owns: at most one stored permit, and the waiters.
//!
//! Two ways to tell: `notify_one` wakes the one who waited longest, or is
//! remembered (once) for the next who comes; `notify_waiters` wakes all who
//! wait now and is not remembered.
//!
//! Laws:
//! * Y01: a waiter woken by `notify_one` and dropped before it looked hands the
//!   notification to the next.
//! * A `Notified` made before `notify_waiters` hears it even if it was not
//!   polled before, so `let n = notify.notified(); if !done() { n.await }`
//!   misses nothing.
//!
//! Read next: `oneshot.rs`.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, Standing, WaitList, Wakes};
use crate::budget;

/// Wakes one waiting task, or all of them.
#[doc(alias = "Event")]
#[derive(Default)]
pub struct Notify {
    state: RefCell<State>,
}

struct State {
    /// A `notify_one` that found nobody. Never set while somebody waits.
    stored: bool,
    /// How many `notify_waiters` there were.
    rounds: u64,
    waiters: WaitList<Notice>,
}

/// What a waiter was served with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// Nothing yet.
    None,
    /// `notify_one`: to be handed on if it is not taken.
    One,
    /// `notify_waiters`.
    All,
}

impl Default for State {
    fn default() -> Self {
        Self {
            stored: false,
            rounds: 0,
            waiters: WaitList::new(),
        }
    }
}

impl Notify {
    /// Nobody waits and nothing is stored.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes the task that has waited longest. If none waits, the next one who
    /// asks does not wait; several such calls count as one.
    pub fn notify_one(&self) {
        self.change(State::notify_one);
    }

    /// Wakes all who wait now, and every [`Notified`] that exists.
    #[doc(alias = "notify_all")]
    pub fn notify_waiters(&self) {
        self.change(|state, wakes| {
            state.rounds = state.rounds.wrapping_add(1);
            while let Some((notice, waker)) = state.waiters.serve() {
                *notice = Notice::All;
                wakes.push(waker);
            }
        });
    }

    /// Waits for a notification.
    ///
    /// # Cancel safety
    /// Dropping the future loses no `notify_one`: it goes to the next waiter or
    /// is stored. The place in the queue is lost.
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            rounds: self.state.borrow().rounds,
            key: None,
        }
    }

    /// Changes the state, and wakes whom the change served.
    fn change(&self, change: impl FnOnce(&mut State, &mut Wakes)) {
        let mut wakes = Wakes::default();
        change(&mut self.state.borrow_mut(), &mut wakes);
        wakes.wake();
    }
}

impl State {
    /// Need one who asked when there had been `rounds` not wait at all?
    fn is_due(&self, rounds: u64) -> bool {
        self.stored || self.rounds != rounds
    }

    fn notify_one(&mut self, wakes: &mut Wakes) {
        match self.waiters.serve() {
            Some((notice, waker)) => {
                *notice = Notice::One;
                wakes.push(waker);
            }
            None => self.stored = true,
        }
    }
}

/// The future of [`Notify::notified`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Notified<'a> {
    notify: &'a Notify,
    /// How many rounds there had been when this was made.
    rounds: u64,
    /// Our place in the queue, once we wait.
    key: Option<Key>,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let state = this.notify.state.borrow();
        let standing = state.waiters.standing(this.key.as_ref(), cx.waker());
        let ready = match standing {
            Standing::Outside => state.is_due(this.rounds),
            _ => standing == Standing::Served,
        };
        drop(state);
        if ready {
            ready!(budget::spend(cx));
            this.take();
            return Poll::Ready(());
        }
        if standing != Standing::Waiting {
            this.wait(cx);
        }
        Poll::Pending
    }
}

impl Notified<'_> {
    /// Takes the notification that `poll` found.
    fn take(&mut self) {
        let mut state = self.notify.state.borrow_mut();
        match self.key.take() {
            Some(key) => drop(state.waiters.remove(key)),
            None if state.rounds != self.rounds => {}
            None => state.stored = false,
        }
        self.rounds = state.rounds;
    }

    /// Queues, or changes the waker with which we are queued.
    fn wait(&mut self, cx: &Context<'_>) {
        let fresh = cx.waker().clone();
        let mut wakes = Wakes::default();
        let mut state = self.notify.state.borrow_mut();
        // Cloning the waker was user code and may have notified after we looked.
        if self.key.is_none() && state.is_due(self.rounds) {
            drop(state);
            return fresh.wake();
        }
        let old = state
            .waiters
            .wait(&mut self.key, fresh, || Notice::None, &mut wakes);
        drop(state);
        drop(old);
        wakes.wake();
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut removed = None;
        self.notify.change(|state, wakes| {
            removed = state.waiters.remove(key);
            // LAW Y01: what we were given and did not take is the next one's.
            if matches!(removed, Some((Notice::One, _))) {
                state.notify_one(wakes);
            }
        });
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct("Notify")
            .field("stored", &state.stored)
            .field("waiters", &!state.waiters.is_empty())
            .finish()
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified")
            .field("queued", &self.key.is_some())
            .finish()
    }
}
