//! From Pending to runnable: the waker, a name with two doors.
//!
//! Owns: the list of the tasks that were woken on this thread since the loop
//! last looked. The waker itself, and its second door, are in `letter.rs`.
//!
//! Laws: T3, two doors. On the loop's own thread a wake is a plain flag and a
//! push; from any other thread it is one atomic flag, a letter and a doorbell.
//! T4, a waker whose task is gone misses. T12, a wake runs no user code: it never
//! polls, never drops a future, never calls a policy.
//!
//! The list is threaded through the wakers themselves, newest first, and its
//! head is a plain thread-local number: a local wake is two loads and two
//! stores, with no allocation and no read-modify-write.
//! WHY NOT a vector: a thread-local vector has a destructor to register and a
//! capacity to check; it costs as much as the rest of the wake.
//!
//! Read next: `table.rs`.

use super::letter::{END, IDLE, QUEUED};
pub(crate) use super::letter::{Mail, TaskWaker};
use crate::mailbox::{self, Mailbox};
use crate::primitives::{Arc, Ordering};
use std::cell::Cell;
use std::task::{Wake, Waker};

/// A task's waker, twice: as polls get it, and as its flags are read.
#[derive(Clone)]
pub(crate) struct Bell {
    /// For `Context`.
    pub(crate) waker: Waker,
    /// The same.
    pub(super) shared: Arc<TaskWaker>,
}

/// This thread's part of the two doors. No destructor, so a wake inside the
/// destructor of some other thread-local still finds it.
struct Local {
    /// The loop that runs on this thread now, 0 for none.
    loop_id: Cell<u64>,
    /// The newest of the woken tasks, [`END`] for none.
    newest: Cell<u32>,
}

thread_local! {
    static LOCAL: Local = const { Local { loop_id: Cell::new(0), newest: Cell::new(END) } };
}

impl Bell {
    /// The waker of the task at `index`.
    pub(super) fn new(index: u32, loop_id: u64, mailbox: Arc<Mailbox<Mail>>) -> Self {
        let shared = Arc::new(TaskWaker::new(index, loop_id, mailbox));
        Self {
            waker: Waker::from(Arc::clone(&shared)),
            shared,
        }
    }

    /// Whether nobody else holds the waker.
    pub(super) fn is_ours_alone(&self) -> bool {
        !mailbox::is_held_elsewhere(&self.shared, 2)
    }
}

impl TaskWaker {
    /// The first door: puts the task on the list of this thread.
    #[inline]
    pub(super) fn wake_here(&self) {
        LOCAL.with(|local| self.link_into(local));
    }

    // ORDER: Relaxed; `link` and `index` belong to the loop's own thread (see
    // `letter.rs`), and the test on `loop_id` has just seen that this is it.
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
        self.wake_here();
    }

    /// Takes the task off the list if it is the only one on it.
    #[inline]
    pub(super) fn unlink_if_alone(&self) -> Alone {
        // ORDER: Relaxed, the loop's own thread.
        LOCAL.with(|local| {
            let first = local.newest.get() == self.index.load(Ordering::Relaxed);
            if first && self.link.load(Ordering::Relaxed) == END {
                local.newest.set(END);
                self.link.store(QUEUED, Ordering::Relaxed);
                return Alone::Yes;
            }
            Alone::No
        })
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        LOCAL.with(|local| {
            if local.loop_id.get() == self.loop_id {
                self.link_into(local);
            } else {
                TaskWaker::wake_from_afar(self);
            }
        });
    }
}

/// Whether a task was the only one on the list of the woken.
#[derive(PartialEq, Eq)]
pub(super) enum Alone {
    /// It was, and the list is empty now.
    Yes,
    /// It was not, or others are on it too; nothing was changed.
    No,
}

/// The list of the tasks woken on this thread, cut off from its head.
pub(crate) struct Woken(u32);

impl Woken {
    /// Takes the list; this thread starts a new one.
    #[inline]
    pub(crate) fn take() -> Self {
        Self(LOCAL.with(|local| local.newest.replace(END)))
    }

    /// The newest task on it, if there is any.
    #[inline]
    pub(crate) fn newest(&self) -> Option<u32> {
        (self.0 != END).then_some(self.0)
    }

    /// The list behind a link that [`TaskWaker::unlink`] returned.
    #[inline]
    pub(super) fn behind(link: u32) -> Self {
        Self(link)
    }
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

/// Makes `loop_id` the loop of this thread, with the list of the woken that it
/// left behind; returns the two of the loop before.
pub(crate) fn switch_loop(loop_id: u64, newest: u32) -> (u64, u32) {
    LOCAL.with(|local| (local.loop_id.replace(loop_id), local.newest.replace(newest)))
}

/// An empty list of the woken, for a loop that begins.
pub(crate) const NONE_WOKEN: u32 = END;
