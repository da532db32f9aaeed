//! Everything one loop owns besides its policy and its observer.
//!
//! Owns: the table, the timers, the reactor, the clock, the mailbox, the
//! counters. Leaf futures reach it through `current.rs` only.
//!
//! Laws: T5, no user code under a borrow: every `RefCell` here is borrowed for
//! one call into its own structure, and wakers, futures and reports are handed
//! out first. X02, dropping the loop gives everything back.
//!
//! Absent on purpose: the policy. `turn()` owns it by value, so nothing that a
//! task calls can reach it, and it is never re-entered.
//!
//! Read next: `stats.rs`, then `current.rs`.

use super::report::{Report, Reporter};
use super::stats::{ScheduleHash, Stats};
use crate::clock::Clock;
use crate::driver::reactor::Reactor;
use crate::driver::timers::Timers;
use crate::mailbox::Mailbox;
use crate::policy::Policy;
use crate::policy::chance::SplitMix;
use crate::primitives::Arc;
use crate::task::table::TaskTable;
use crate::task::waker::Mail;
use crate::task::{TaskId, TaskLabel};
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One loop, as its leaf futures see it.
pub(crate) struct LoopState {
    /// The loop's name; never 0, never used again in this process.
    pub(crate) id: u64,
    /// Where time comes from.
    pub(crate) clock: Clock,
    /// When the loop was made.
    pub(crate) started: Instant,
    /// A deadline from here on never comes.
    pub(crate) never: Instant,
    /// All tasks.
    pub(crate) table: Rc<TaskTable>,
    /// All armed timers.
    pub(crate) timers: RefCell<Timers>,
    /// All sources.
    pub(crate) reactor: RefCell<Reactor>,
    /// What other threads ask.
    pub(crate) mailbox: Arc<Mailbox<Mail>>,
    /// One count per `Handle`: while one lives, a thread may yet spawn.
    pub(crate) handles: Arc<()>,
    /// Who gets reports.
    pub(crate) reporter: Reporter,
    /// What the loop has done so far.
    pub(crate) stats: Cell<Stats>,
    /// Order and times of all polls so far.
    pub(crate) schedule: Cell<ScheduleHash>,
    /// A policy that waits to take over between two polls.
    pub(crate) next_policy: RefCell<Option<Box<dyn Policy>>>,
    /// Whether this loop can change its policy.
    pub(crate) swappable: bool,
    /// The blocking pool, once somebody used it.
    pub(crate) outside: OnceCell<Box<dyn OutsideWork>>,
    /// What the builder says about the pool.
    pub(crate) pool_limits: PoolLimits,
    /// The loop's random numbers.
    pub(crate) chance: RefCell<SplitMix>,
    /// Whether timestamps are taken around each poll.
    pub(crate) measured: Cell<bool>,
    /// The list of the woken while the loop is not current.
    pub(crate) left_woken: Cell<u32>,
}

/// Work of the loop that other threads do: the blocking pool.
pub(crate) trait OutsideWork: Any {
    /// How many jobs have not resolved yet, for a loop that goes to sleep because
    /// of them: it is woken when none is left, also by a job that wakes nobody. A
    /// job posts its wake before it stops counting.
    fn watch(&self) -> usize;

    /// Cancels what is queued and waits up to `grace` for what runs.
    fn shut_down(&self, grace: Duration);

    /// For the pool itself to find its type again.
    fn as_any(&self) -> &dyn Any;
}

/// The limits of the blocking pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    /// Threads at most.
    pub(crate) threads: usize,
    /// How long the drop of the runtime waits for running jobs.
    pub(crate) grace: Duration,
    /// How long a thread without a job stays.
    pub(crate) idle: Duration,
}

impl LoopState {
    /// The label of a task that is still in the table, for a report.
    pub(crate) fn label(&self, id: TaskId) -> TaskLabel {
        match self.table.card(id) {
            Some(card) => TaskLabel::of(&card),
            None => TaskLabel {
                id,
                name: None,
                site: std::panic::Location::caller(),
            },
        }
    }

    /// Delivers a report.
    #[cold]
    pub(crate) fn report(&self, report: &Report) {
        self.reporter.report(report);
    }

    /// Whether blocking jobs are out; the loop is woken when none is left.
    pub(crate) fn waits_for_jobs(&self) -> bool {
        self.outside.get().is_some_and(|work| work.watch() > 0)
    }
}
