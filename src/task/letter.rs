//! What another thread may hold of a task, and the letters it sends.
//!
//! Owns: `TaskWaker`, the `Send + Sync` part of a task; `Mail`, what is in a
//! loop's mailbox.
//!
//! Laws: T3, the second door: one atomic flag, a letter and a doorbell, and one
//! letter per burst of wakes. Mail carries the waker itself, so its flag is
//! lowered even when the task is gone. The rest of a waker (`index`, `link`)
//! belongs to the loop's thread.
//!
//! Absent on purpose: `std::task::Wake` and the thread-local list of the woken.
//! They are in `waker.rs`, so that the models of `tests/loom` can include this
//! file as it is.
//!
//! Read next: `waker.rs`, the first door.

use super::info::TaskId;
use crate::mailbox::{Flag, Mailbox, Raised};
use crate::primitives::{Arc, AtomicU32, Ordering};

/// What another thread may ask of a loop.
pub(crate) enum Mail {
    /// Wake this task. The letter carries the waker, not a number, so the flag
    /// is lowered even when the task is gone.
    Wake(Arc<TaskWaker>),
    /// Cancel this task.
    Abort(TaskId),
    /// Run this on the loop's thread, between two polls.
    Call(Box<dyn FnOnce() + Send>),
}

/// The part of a task that any thread may hold: it only names the task.
pub(crate) struct TaskWaker {
    /// Place of the task in the table of its loop.
    pub(super) index: AtomicU32,
    /// [`IDLE`], [`QUEUED`], [`DEAD`], or the next task in the list of the woken
    /// ([`END`] for the last). Written by the loop's thread only.
    pub(super) link: AtomicU32,
    /// Up while a letter of ours is on its way.
    posted: Flag,
    /// The other door, which also says what loop the task lives on.
    pub(super) mailbox: Arc<Mailbox<Mail>>,
}

/// Neither woken nor queued.
pub(super) const IDLE: u32 = u32::MAX;
/// Last of the list of the woken.
pub(super) const END: u32 = u32::MAX - 1;
/// The policy or the turn has the ticket: a wake changes nothing.
pub(super) const QUEUED: u32 = u32::MAX - 2;
/// The task is gone, and somebody still holds this waker.
pub(super) const DEAD: u32 = u32::MAX - 3;

impl TaskWaker {
    /// The waker of the task at `index`.
    pub(super) fn new(index: u32, mailbox: Arc<Mailbox<Mail>>) -> Self {
        let (index, link) = (AtomicU32::new(index), AtomicU32::new(IDLE));
        Self {
            index,
            link,
            posted: Flag::new(),
            mailbox,
        }
    }

    /// The second door: one letter per burst of wakes.
    #[cold]
    pub(super) fn wake_from_afar(waker: &Arc<Self>) {
        match waker.posted.raise() {
            Raised::Already => {}
            // A letter that comes back is dropped here: it holds no future.
            Raised::First => drop(waker.mailbox.post(Mail::Wake(Arc::clone(waker)))),
        }
    }

    /// The loop opens our letter: from here on a wake needs a new one.
    pub(super) fn opened(&self) {
        self.posted.lower();
    }

    // ORDER: all accesses to `link` and `index`, here and in `waker.rs`, are
    // Relaxed loads and stores by the loop's own thread (the test in
    // `wake_by_ref` sees to that): cells that happen to be `Sync`.

    /// Gives the waker to another task, which has this link. Only when nobody else
    /// holds it.
    #[inline]
    pub(super) fn relabel(&self, index: u32, link: u32) {
        self.index.store(index, Ordering::Relaxed);
        self.link.store(link, Ordering::Relaxed);
    }

    /// Gives the task another neighbour on the list; returns the link it had.
    #[inline]
    pub(super) fn relink(&self, link: u32) -> u32 {
        // ORDER: Relaxed, the loop's own thread.
        let older = self.link.load(Ordering::Relaxed);
        self.link.store(link, Ordering::Relaxed);
        older
    }

    /// The ticket is back: wakes count again.
    #[inline]
    pub(super) fn set_idle(&self) {
        self.link.store(IDLE, Ordering::Relaxed);
    }

    /// The task is gone, and somebody still holds this waker.
    pub(super) fn set_dead(&self) {
        // ORDER: Relaxed, as above. The place may be somebody else's from now on:
        // without it, a wake of ours in his poll would be taken for his own.
        self.index.store(DEAD, Ordering::Relaxed);
        self.link.store(DEAD, Ordering::Relaxed);
    }

    /// Whether the task is on the list of the woken.
    #[inline]
    pub(super) fn is_linked(&self) -> bool {
        // ORDER: Relaxed, as above.
        is_link(self.link.load(Ordering::Relaxed))
    }
}

/// Whether this says who is next on the list, or that nobody is.
#[inline]
pub(super) fn is_link(link: u32) -> bool {
    !matches!(link, IDLE | QUEUED | DEAD)
}
