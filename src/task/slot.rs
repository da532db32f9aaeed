//! A task behind its card, and the words in which its life is told.
//!
//! Owns: `Life`, the part of a card that only the table sees.
//!
//! Laws: T1, the only place for a future is [`Life::job`], or the turn's hands while it
//! is polled. T5, all of it is in cells, which are never borrowed, so nothing that a
//! poll or a drop does can find it locked. Every transition has a named outcome.
//!
//! Absent on purpose: any transition. Those are in `table.rs` and `ending.rs`.
//!
//! Read next: `table.rs`.

use super::info::Sched;
use super::job::BoxedJob;
use super::letter;
use super::waker::Bell;
use std::cell::{Cell, OnceCell};
use std::mem::ManuallyDrop;
use std::task::Waker;

/// One task; none, on a card of a gate.
#[derive(Default)]
pub(super) struct Life {
    /// Where it is in its life.
    pub(super) stage: Cell<Stage>,
    /// It ended while the policy had its ticket, which is a husk now.
    pub(super) left_husk: Cell<bool>,
    /// Nobody will ask for the result.
    pub(super) detached: Cell<bool>,
    /// The number of the one ticket that counts (law T2). Here, among the other
    /// small fields, and not on the card, where it cost 8 bytes.
    pub(super) issue: Cell<u32>,
    /// How many void tickets have not come back.
    pub(super) voids: Cell<u32>,
    /// The next place of the list that this one is on: of the free, or of the woken as
    /// long as the task has no waker.
    pub(super) next: Cell<u32>,
    /// The future, or its output, or its panic. `None` for the root (it is lent),
    /// while the turn polls it, and after the end.
    pub(super) job: Cell<Option<BoxedJob>>,
    /// Who waits for the result.
    pub(super) watcher: Cell<Option<Waker>>,
    /// The waker of this place, once somebody could wake a tenant of it.
    pub(super) bell: OnceCell<Bell>,
}

/// Where a task is in its life; the picture is in `task/mod.rs`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no task here.
    #[default]
    Vacant,
    /// Waits for a wake; the ticket is at home.
    Waiting,
    /// The policy has the ticket.
    Queued,
    /// The turn polls it.
    Running,
    /// It has ended; the ticket may still be with the policy (a husk).
    Done(Ending),
    /// The same, and nobody asks for the result any more.
    Taken,
}

/// How a task ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The output is in the job.
    Value,
    /// It was aborted.
    Cancelled,
    /// It panicked; the payload is in the job.
    Panicked,
    /// Its loop went away first.
    RuntimeGone,
}

/// What a task does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for something.
    Waiting,
    /// It wants to run; the policy has its ticket.
    Runnable,
    /// It is being polled.
    Running,
}

/// What [`TaskTable::check_out`](super::table::TaskTable::check_out) found behind a ticket.
pub(crate) enum CheckedOut {
    /// A task to poll.
    Poll,
    /// A task that ended while its ticket was queued: nothing to poll.
    Husk,
    /// A ticket that is not the valid one of its task.
    Void,
}

impl Life {
    /// A task begins.
    #[inline]
    pub(super) fn begin(&self, job: Option<BoxedJob>) {
        self.stage.set(Stage::Waiting);
        self.detached.set(false);
        self.keep(job);
    }

    /// The future comes, or comes back.
    #[inline]
    pub(super) fn keep(&self, job: Option<BoxedJob>) {
        // WHY NOT `set`: it looks for an old value to drop, and there is none.
        let _nothing = ManuallyDrop::new(self.job.replace(job));
    }

    /// Whether there is a task here.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        self.stage.get() != Stage::Vacant
    }

    /// Whether the task has ended.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage.get(), Stage::Done(_) | Stage::Taken)
    }

    /// Whether the policy has the task's ticket.
    #[inline]
    pub(super) fn has_ticket_out(&self) -> bool {
        self.stage.get() == Stage::Queued || self.left_husk.get()
    }

    /// Gives the task another link in the list of the woken; returns the one it had.
    #[inline]
    pub(super) fn relink(&self, link: u32) -> u32 {
        match self.bell.get() {
            Some(bell) => bell.shared.relink(link),
            None => self.next.replace(link),
        }
    }

    /// Whether the task is on the list of the woken.
    #[inline]
    pub(super) fn is_linked(&self) -> bool {
        match self.bell.get() {
            Some(bell) => bell.shared.is_linked(),
            None => letter::is_link(self.next.get()),
        }
    }

    /// Whether anybody holds the waker besides this card and `ours` others of the table.
    pub(super) fn is_held_elsewhere(&self, ours: usize) -> bool {
        let bell = self.bell.get();
        bell.is_some_and(|bell| bell.is_held_beyond(ours))
    }
}

/// The future of this task, to be polled; `None` for the root.
#[inline]
pub(crate) fn take_job(sched: &Sched) -> Option<BoxedJob> {
    sched.life.job.take()
}

/// The future comes back from its poll, or what is left of it.
#[inline]
pub(crate) fn put_back(sched: &Sched, job: BoxedJob) {
    sched.life.keep(Some(job));
}

/// The waker that a poll of this task gets; `None` before anybody could wake it.
#[inline]
pub(crate) fn bell_of(sched: &Sched) -> Option<&Bell> {
    sched.life.bell.get()
}
