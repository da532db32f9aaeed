//! A slot of the table: one task, and the words in which its life is told.
//!
//! Owns: nothing; these are the types that `table.rs` stores and hands out.
//!
//! Laws: T1, the only place for a future is [`Task::job`], or [`Running::job`]
//! while the turn polls it. Every transition has a named outcome.
//!
//! Absent on purpose: any transition. Those are in `table.rs` and `ending.rs`.
//!
//! Read next: `table.rs`.

use super::info::{Sched, TaskId, TaskLabel};
use super::job::BoxedJob;
use super::ticket::Runnable;
use super::waker::{Bell, TaskWaker};
use crate::slab::Key;
use std::any::Any;
use std::rc::Rc;
use std::task::Waker;

/// One task.
pub(super) struct Task {
    /// Where it is in its life.
    pub(super) stage: Stage,
    /// Not yet handed to the policy for the first time.
    pub(super) fresh: bool,
    /// Nobody will ask for the result.
    pub(super) detached: bool,
    /// The future or its output. `None` for the root (it is lent), while the turn
    /// polls it, and after the end.
    pub(super) job: Option<BoxedJob>,
    /// The ticket, while it is at home.
    pub(super) ticket: Option<Runnable>,
    /// The card; the ticket points to the same.
    pub(super) sched: Rc<Sched>,
    /// Who waits for the result.
    pub(super) watcher: Option<Waker>,
}

/// Where a task is in its life; the picture is in `task/mod.rs`.
pub(super) enum Stage {
    /// Waits for a wake; the ticket is at home.
    Waiting,
    /// The policy has the ticket.
    Queued,
    /// The turn polls it.
    Running,
    /// It has ended; the ticket may still be with the policy (a husk).
    Done(Ending),
}

/// How a task ended.
pub(crate) enum Ending {
    /// The output is in the job.
    Value,
    /// It was aborted.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// Its loop went away first.
    RuntimeGone,
    /// The result was taken.
    Taken,
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

/// The card, with its waker, and the ticket of a finished task.
pub(super) struct Spare {
    /// With two counts: this one and the ticket's.
    pub(super) sched: Rc<Sched>,
    /// The ticket.
    pub(super) ticket: Runnable,
}

/// What [`TaskTable::check_out`](super::table::TaskTable::check_out) found behind a ticket.
pub(crate) enum CheckedOut {
    /// A task to poll.
    Poll(Running),
    /// A task that ended while its ticket was queued: nothing to poll.
    Husk,
    /// A ticket that is not the valid one of its slot.
    Void(Rc<Sched>),
}

/// A task in the hands of the turn.
pub(crate) struct Running {
    /// Its card, with its waker.
    pub(crate) sched: Rc<Sched>,
    /// Its future; `None` for the root.
    pub(crate) job: Option<BoxedJob>,
}

/// What a poll said.
pub(crate) enum Polled {
    /// The future waits.
    Pending,
    /// The task has ended.
    Ended(Ending),
}

/// What is left to do, outside the borrow, after a task has ended.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// A future or an output nobody wants.
    pub(crate) job: Option<BoxedJob>,
    /// Who waited for the result.
    pub(crate) watcher: Option<Waker>,
}

/// A panic nobody will read.
pub(crate) struct Unread {
    /// Whose.
    pub(crate) task: TaskLabel,
    /// Its payload.
    pub(crate) payload: Box<dyn Any + Send>,
    /// Whether the task panicked, or its output in its own `Drop`.
    pub(crate) when: PanickedIn,
}

/// Where an unread panic came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanickedIn {
    /// A poll.
    Poll,
    /// The drop of an output.
    Drop,
}

impl Running {
    /// Whether the task woke itself while it was polled.
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        shared(&self.sched).is_linked()
    }
}

/// The waker that a poll of this task gets.
#[inline]
pub(crate) fn waker_of(sched: &Sched) -> &Waker {
    &bell(sched).waker
}

/// The waker on a task's card.
#[inline]
fn bell(sched: &Sched) -> &Bell {
    sched
        .bell
        .as_ref()
        .expect("the cards of tasks have a waker")
}

/// The flags of that waker.
#[inline]
pub(super) fn shared(sched: &Sched) -> &TaskWaker {
    &bell(sched).shared
}

/// The key of a task's slot.
#[inline]
pub(super) fn key(id: TaskId) -> Key<Task> {
    Key::new(id.index, id.generation)
}

/// The name of the task in a slot.
#[inline]
pub(super) fn id(key: Key<Task>) -> TaskId {
    TaskId {
        index: key.index,
        generation: key.generation,
    }
}
