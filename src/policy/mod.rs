//! Who runs next: the policy trait, and how to write your own in three steps.
//!
//! 1. Make a type that can hold tickets, say `struct Newest(Vec<Runnable>)`.
//! 2. Implement the two required methods: `enqueue` takes a ticket, `pick_next`
//!    gives one back. `Runnable` derefs to [`Sched`]: rank by what it says.
//! 3. `Runtime::builder().policy(Newest(vec![])).build()`.
//!
//! Often even that is too much: `by(|task, _| task.deadline())` is a policy.
//!
//! Laws of policies: S01, every ticket comes out again; `None` means empty, or
//! `next_at` says when to ask again. Per poll the order of the calls is
//! `pick_next`, poll (others may be enqueued), `ran`, and only then the `enqueue`
//! of a task that woke itself, so a rank sees what the poll cost. A policy that
//! breaks its laws loses no task: it is reported by name and the loop goes on.
//!
//! Absent on purpose: a `remove`. A cancelled task leaves a husk, which is picked
//! and ignored.
//!
//! What exists: `words.rs` lists the policies; each is a file of its own, whose head
//! says its order, its cost and whether somebody can starve.
//!
//! Read next: `fifo.rs`, `rank.rs`, then `driver/mod.rs`.

mod ageing;
mod boost;
mod boxed;
pub(crate) mod chance;
mod chaos;
mod check;
mod codel;
mod delay;
mod drr;
mod edf;
mod eevdf;
mod expression;
mod fair;
mod fifo;
mod fixed;
mod groups;
mod las;
mod lifo;
mod lottery;
mod mlfq;
mod oracle;
mod pace;
mod pct;
mod priority;
mod random;
mod rank;
mod reader;
mod record;
mod sjf;
mod skip;
mod slack;
mod slot;
mod srpt;
mod timeline;
mod traced;
mod words;

pub use crate::task::info::{Deadline, Sched, Size, TaskId};
pub use crate::task::ticket::Runnable;
pub use ageing::ageing;
pub use boost::boost;
pub use chaos::Chaos;
pub use check::Check;
pub use codel::Codel;
pub use delay::Delay;
pub use drr::Drr;
pub use edf::edf;
pub use eevdf::Eevdf;
pub use expression::{Expression, ExpressionError, parse};
pub use fair::{Fair, fair, fair_by_polls};
pub use fifo::Fifo;
pub use groups::Groups;
pub use las::{Las, las};
pub use lifo::Lifo;
pub use lottery::{Lottery, lottery};
pub use mlfq::{Mlfq, mlfq};
pub use oracle::{Oracle, oracle};
pub use pace::Pace;
pub use pct::{Pct, pct};
pub use priority::priority;
pub use random::Random;
pub use rank::{By, Keyed, Rank, by, ranked};
pub use record::{Decisions, Record, Replay};
pub use sjf::sjf;
pub use skip::Skip;
pub use slack::least_slack;
pub use slot::Slot;
pub use srpt::srpt;
pub use traced::{Step, Traced};

use std::fmt;
use std::time::{Duration, Instant};

/// An order among runnable tasks.
///
/// The loop owns its policy, calls it with nothing borrowed and never from inside
/// itself. A panic in any method drops the policy; its tickets come home and run
/// under a built-in FIFO.
pub trait Policy {
    /// A task became runnable: take custody of its ticket.
    fn enqueue(&mut self, task: Runnable, cause: Cause);

    /// Which task runs next?
    ///
    /// `now` is the present instant, or the beginning of the turn where
    /// [`wants_clock`](Policy::wants_clock) is false. `None` means that no ticket
    /// is here, or (with [`next_at`](Policy::next_at)) that none may run yet.
    fn pick_next(&mut self, now: Instant) -> Option<Runnable>;

    /// A poll ended (or a gate's permit came back): charge it. `took` is zero
    /// where no clock runs.
    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        let _ = (task, took, end);
    }

    /// The loop slept.
    fn idle(&mut self, from: Instant, to: Instant) {
        let _ = (from, to);
    }

    /// `pick_next` said `None` on purpose (shaping): ask again then.
    fn next_at(&self) -> Option<Instant> {
        None
    }

    /// Does this policy read the clock? `false` removes every timestamp from the
    /// hot path.
    fn wants_clock(&self) -> bool {
        true
    }

    /// What reports call the policy.
    fn name(&self) -> String {
        short_name(std::any::type_name::<Self>())
    }
}

/// Why a task became runnable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// It is new; the task that spawned it, if one did.
    Spawn(Option<TaskId>),
    /// This task woke it, while it ran or by its end (also by being cancelled).
    Task(TaskId),
    /// A source it waited for is ready.
    Io,
    /// Its timer is due.
    Timer,
    /// It woke itself while it ran.
    Yield,
    /// Another thread woke it.
    Thread,
    /// It comes from another policy, or from one that lost it; or something else of the
    /// loop's woke it (a report hook, the drop of a policy).
    Moved,
}

impl Cause {
    /// What brings a new task, where this brings the others.
    pub(crate) fn of_spawn(self) -> Self {
        Self::Spawn(match self {
            Self::Task(id) => Some(id),
            _ => None,
        })
    }
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The task woke itself: it is runnable again.
    Yield,
    /// The task waits.
    Wait,
    /// The task is done.
    Done,
}

impl fmt::Debug for dyn Policy + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// `a::b::Name<c::D>` as `Name<D>`.
fn short_name(path: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in path.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                short.push(c);
                word.clear();
            }
        }
    }
    short + &word
}
