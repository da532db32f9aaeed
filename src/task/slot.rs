//! A task behind its card, and the words in which its life is told.
//!
//! Owns: `Life`, the part of a card that only the table sees.
//!
//! Laws: T1, the only place for a future is [`Life::job`], or [`Running::job`] while
//! the turn polls it. T5, all of it is in cells, which are never borrowed, so
//! nothing that a poll or a drop does can find it locked. Every transition has a
//! named outcome.
//!
//! Absent on purpose: any transition. Those are in `table.rs` and `ending.rs`.
//!
//! Read next: `table.rs`.

use super::ending::Ending;
use super::info::{Sched, TaskId};
use super::job::BoxedJob;
use super::waker::{Bell, TaskWaker};
use crate::slab::Key;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::task::Waker;

/// The name of a place in the table.
pub(super) type Place = Key<Rc<Sched>>;

/// One task. The cards of gates have an empty one.
pub(super) struct Life {
    /// Where it is in its life.
    pub(super) stage: Cell<Stage>,
    /// What is left of it after that.
    pub(super) remains: Cell<Remains>,
    /// The ticket is with the policy or with the turn.
    pub(super) ticket_is_out: Cell<bool>,
    /// Not yet handed to the policy for the first time.
    pub(super) fresh: Cell<bool>,
    /// Nobody will ask for the result.
    pub(super) detached: Cell<bool>,
    /// The future, or its output, or its panic. `None` for the root (it is lent),
    /// while the turn polls it, and after the end.
    pub(super) job: Cell<Option<BoxedJob>>,
    /// Who waits for the result.
    pub(super) watcher: Cell<Option<Waker>>,
    /// The task's waker, so that whoever has the ticket can poll.
    pub(super) bell: Option<Bell>,
}

/// Where a task is in its life; the picture is in `task/mod.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waits for a wake; the ticket is at home.
    Waiting,
    /// The policy has the ticket.
    Queued,
    /// The turn polls it.
    Running,
    /// It has ended; the ticket may still be with the policy (a husk).
    Done,
    /// The task lives on behind another card; this one's ticket is void.
    Void,
}

/// What is left of a task that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Remains {
    /// Its output, in the job.
    Value,
    /// Nothing: it was aborted.
    Nothing,
    /// Its panic, in the job.
    Panic,
    /// Nothing: its loop went away first.
    LoopGone,
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

impl Life {
    /// A task that has not begun, with its waker; nothing, for the card of a gate.
    pub(super) fn new(bell: Option<Bell>) -> Self {
        Self {
            stage: Cell::new(Stage::Waiting),
            remains: Cell::new(Remains::Nothing),
            ticket_is_out: Cell::new(false),
            fresh: Cell::new(true),
            detached: Cell::new(false),
            job: Cell::new(None),
            watcher: Cell::new(None),
            bell,
        }
    }

    /// A task begins.
    #[inline]
    pub(super) fn begin(&self, job: Option<BoxedJob>) {
        self.stage.set(Stage::Waiting);
        self.remains.set(Remains::Nothing);
        self.fresh.set(true);
        self.detached.set(false);
        self.job.set(job);
    }

    /// The future comes back from its poll.
    #[inline]
    pub(super) fn put_back(&self, job: Option<BoxedJob>) {
        // WHY NOT `set`: it looks for an old value to drop, and there is none while
        // the turn has the future in its hands.
        let _nothing = ManuallyDrop::new(self.job.replace(job));
    }

    /// Whether the task has ended.
    pub(super) fn is_over(&self) -> bool {
        self.stage.get() == Stage::Done
    }

    /// Moves the task behind another card. This one's ticket is void from now on.
    pub(super) fn move_to(&self, other: &Self) {
        other.stage.set(self.stage.replace(Stage::Void));
        other.remains.set(self.remains.get());
        other.ticket_is_out.set(self.ticket_is_out.get());
        other.fresh.set(self.fresh.get());
        other.detached.set(self.detached.get());
        other.job.set(self.job.take());
        other.watcher.set(self.watcher.take());
    }

    /// Whether anybody holds the waker besides this card and `ours` others of the table.
    pub(super) fn is_held_elsewhere(&self, ours: usize) -> bool {
        self.bell.as_ref().is_some_and(|b| b.is_held_beyond(ours))
    }
}

/// Whether the task is handed to the policy for the first time; says so once.
#[inline]
pub(crate) fn take_fresh(sched: &Sched) -> bool {
    sched.life.fresh.replace(false)
}

/// The waker that a poll of this task gets.
#[inline]
pub(crate) fn waker_of(sched: &Sched) -> &Waker {
    &bell(sched).waker
}

/// The waker on a task's card.
#[inline]
fn bell(sched: &Sched) -> &Bell {
    let bell = sched.life.bell.as_ref();
    bell.expect("the cards of tasks have a waker")
}

/// The flags of that waker.
#[inline]
pub(crate) fn shared(sched: &Sched) -> &TaskWaker {
    &bell(sched).shared
}

/// The place of a task in the table.
#[inline]
pub(super) fn place(id: TaskId) -> Place {
    Key::new(id.index, id.generation)
}

/// The name of the task at a place.
#[inline]
pub(super) fn id(place: Place) -> TaskId {
    TaskId {
        index: place.index,
        generation: place.generation,
    }
}
