//! Record and replay: a schedule as a list of numbers.
//!
//! A decision is the index of the picked task among all queued ones, oldest wake
//! first; 0 is what FIFO would have done. So a schedule is "FIFO everywhere except
//! at step 41", and a failing one shrinks by putting zeros into it. Replaying the
//! same program on the virtual clock gives the same schedule.
//!
//! Order, starvation: recorded, that of the policy inside. Cost: O(n) per pick.
//! Source: Shuttle's replay; delta debugging (Zeller and Hildebrandt 2002).

use super::{Cause, End, Policy, Runnable, Sched, TaskId};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The decisions of a schedule, one per pick.
///
/// As text: the exceptions from FIFO, `step:index` each, with a space between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions(pub Vec<usize>);

/// The policy `P`, with its decisions written down.
#[derive(Debug)]
pub struct Record<P> {
    /// The policy.
    policy: P,
    /// Who is queued, oldest wake first.
    queued: VecDeque<TaskId>,
    /// What it decided so far.
    decisions: Rc<RefCell<Decisions>>,
}

/// Does what was decided before; first in, first out where nothing was.
#[derive(Debug)]
pub struct Replay {
    /// The tickets, oldest wake first.
    ready: VecDeque<Runnable>,
    /// What is still to be decided.
    decisions: std::vec::IntoIter<usize>,
}

impl<P: Policy> Record<P> {
    /// Records `policy`; the decisions can be read while it runs and afterwards.
    pub fn new(policy: P) -> (Self, Rc<RefCell<Decisions>>) {
        let decisions = Rc::<RefCell<Decisions>>::default();
        let record = Self {
            policy,
            queued: VecDeque::new(),
            decisions: Rc::clone(&decisions),
        };
        (record, decisions)
    }
}

impl Replay {
    /// Replays `decisions`.
    pub fn new(decisions: Decisions) -> Self {
        Self {
            ready: VecDeque::new(),
            decisions: decisions.0.into_iter(),
        }
    }
}

impl<P: Policy> Policy for Record<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        self.queued.push_back(task.id());
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let task = self.policy.pick_next(now)?;
        if let Some(at) = self.queued.iter().position(|id| *id == task.id()) {
            self.queued.remove(at);
            self.decisions.borrow_mut().0.push(at);
        }
        Some(task)
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        self.policy.ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.policy.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        self.policy.next_at()
    }

    fn wants_clock(&self) -> bool {
        self.policy.wants_clock()
    }

    fn name(&self) -> String {
        self.policy.name()
    }
}

impl Policy for Replay {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.ready.push_back(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        let last = self.ready.len().checked_sub(1)?;
        let at = self.decisions.next().unwrap_or(0);
        self.ready.remove(at.min(last))
    }

    fn wants_clock(&self) -> bool {
        false
    }
}

impl fmt::Display for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exceptions = self.0.iter().enumerate().filter(|(_, at)| **at != 0);
        for (i, (step, at)) in exceptions.enumerate() {
            write!(f, "{}{step}:{at}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// Longer schedules than this do not come from a text.
const MAX_STEPS: usize = 10_000_000;

impl FromStr for Decisions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut decisions = Vec::new();
        for word in text.split_whitespace() {
            let exception = word
                .split_once(':')
                .and_then(|(step, at)| Some((step.parse().ok()?, at.parse().ok()?)))
                .filter(|(step, _): &(usize, usize)| *step < MAX_STEPS);
            let (step, at) =
                exception.ok_or_else(|| format!("not `step:index` with numbers: {word:?}"))?;
            if decisions.len() <= step {
                decisions.resize(step + 1, 0);
            }
            decisions[step] = at;
        }
        Ok(Self(decisions))
    }
}
