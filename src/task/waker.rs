//! From Pending to runnable: the waker, a name with two doors.
//!
//! Owns: the list of the tasks that were woken on this thread since the loop
//! last looked, and which task is being polled: one that wakes itself gets a flag.
//! The waker itself, and its second door, are in `letter.rs`.
//!
//! Laws: T3, two doors. On the loop's own thread a wake is a plain flag and a
//! push; from any other thread it is one atomic flag, a letter and a doorbell.
//! T4, a waker whose task is gone misses. T12, a wake runs no user code: it never
//! polls, never drops a future, never calls a policy.
//!
//! The list is threaded through the wakers themselves, newest first, and its
//! head is a plain thread-local number: a local wake is a few loads and two
//! stores, with no allocation and no read-modify-write.
//! WHY NOT a vector: a thread-local vector has a destructor to register and a
//! capacity to check; it costs as much as the rest of the wake.
//!
//! Read next: `table.rs`.

use super::letter::{END, IDLE};
pub(crate) use super::letter::{Mail, TaskWaker};
use crate::mailbox::{self, Mailbox};
use crate::primitives::{Arc, Ordering};
use std::cell::Cell;
use std::task::{Wake, Waker};

/// A task's waker, twice: as polls get it, and as its flags are read.
pub(crate) struct Bell {
    /// For `Context`.
    pub(crate) waker: Waker,
    /// The same.
    pub(crate) shared: Arc<TaskWaker>,
}

/// This thread's part of the two doors. No destructor, so a wake inside the
/// destructor of some other thread-local still finds it.
pub(super) struct Local {
    /// The loop that runs on this thread now, 0 for none.
    pub(super) loop_id: Cell<u64>,
    /// Where its mailbox is, 0 for none: this is how a waker knows its loop.
    ///
    /// WHY NOT a number in the waker: there may be a million wakers, and with it each
    /// takes 64 bytes and not 48. No other loop's mailbox can be there while the waker,
    /// which holds its own, lives.
    pub(super) mailbox: Cell<usize>,
    /// The newest of the woken tasks, [`END`] for none.
    pub(super) newest: Cell<u32>,
    /// The task that is being polled, [`END`] for none.
    pub(super) running: Cell<u32>,
    /// It has woken itself.
    pub(super) woke_itself: Cell<WokeItself>,
}

thread_local! {
    pub(super) static LOCAL: Local = const {
        Local {
            loop_id: Cell::new(0),
            mailbox: Cell::new(0),
            newest: Cell::new(END),
            running: Cell::new(END),
            woke_itself: Cell::new(WokeItself::No),
        }
    };
}

/// Whether a task woke itself while it was polled: it has yielded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WokeItself {
    /// It goes to the end of the line.
    Yes,
    /// It waits for something.
    No,
}

impl Bell {
    /// A waker that is no task's yet.
    pub(super) fn new(mailbox: Arc<Mailbox<Mail>>) -> Self {
        let shared = Arc::new(TaskWaker::new(END, mailbox));
        Self {
            waker: Waker::from(Arc::clone(&shared)),
            shared,
        }
    }

    /// Whether anybody holds the waker besides the card and `ours` others of the table.
    #[inline]
    pub(crate) fn is_held_beyond(&self, ours: usize) -> bool {
        mailbox::is_held_elsewhere(&self.shared, 2 + ours)
    }
}

impl TaskWaker {
    // ORDER: Relaxed; `link` and `index` belong to the loop's own thread (see
    // `letter.rs`), and the test on `mailbox` has just seen that this is it.
    #[inline]
    fn link_into(&self, local: &Local) {
        if self.link.load(Ordering::Relaxed) == IDLE {
            let older = local.newest.replace(self.index.load(Ordering::Relaxed));
            self.link.store(older, Ordering::Relaxed);
        }
    }

    /// The loop opened our letter: from here on a wake needs a new one.
    pub(crate) fn open_letter(&self) {
        self.opened();
        LOCAL.with(|local| self.link_into(local));
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        LOCAL.with(|local| {
            if local.mailbox.get() != Arc::as_ptr(&self.mailbox).addr() {
                return TaskWaker::wake_from_afar(self);
            }
            // ORDER: Relaxed, the loop's own thread.
            if local.running.get() == self.index.load(Ordering::Relaxed) {
                // WHY NOT the list: it is for many tasks. The turn has this one in
                // its hands, and asks when the poll is over.
                local.woke_itself.set(WokeItself::Yes);
            } else {
                self.link_into(local);
            }
        });
    }
}

/// Puts a task that has no waker yet on the list of this thread; returns its link.
#[inline]
pub(super) fn list(index: u32) -> u32 {
    LOCAL.with(|local| local.newest.replace(index))
}

/// A poll of the task at `index` begins.
#[inline]
pub(crate) fn start_poll(index: u32) {
    LOCAL.with(|local| local.running.set(index));
}

/// The poll is over: did the task wake itself? If not, it waits, and a wake counts from
/// here on: the turn still has it, but an observer or the policy may wake it.
#[inline]
pub(crate) fn end_poll(task: &TaskWaker) -> WokeItself {
    LOCAL.with(|local| {
        local.running.set(END);
        let woken = local.woke_itself.replace(WokeItself::No);
        if woken == WokeItself::No {
            task.set_idle();
        }
        woken
    })
}

/// The place of the task that is being polled.
pub(crate) fn running() -> Option<u32> {
    let running = LOCAL.with(|local| local.running.get());
    (running != END).then_some(running)
}

/// Takes the list of this thread, and starts a new one; returns the newest of the woken,
/// [`END`] for nobody.
#[inline]
pub(super) fn take_list() -> u32 {
    LOCAL.with(|local| local.newest.replace(END))
}

/// Whether some task of this thread's loop was woken and not yet collected.
#[inline]
pub(crate) fn any_woken() -> bool {
    LOCAL.with(|local| local.newest.get() != END)
}

/// The loop that runs on this thread, 0 for none.
#[inline]
pub(crate) fn loop_id() -> u64 {
    LOCAL.with(|local| local.loop_id.get())
}

/// An empty list of the woken, for a loop that begins.
pub(crate) const NONE_WOKEN: u32 = END;
