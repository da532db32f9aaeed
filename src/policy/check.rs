//! Check: holds a policy to its laws while it runs.
//!
//! Laws watched: a picked ticket was enqueued before and not picked since; `None`
//! means empty, or `next_at` names a later time; what ran had been picked (if not,
//! the policy lost its ticket and the loop rescued it).
//! Order, starvation: those of the policy inside. Cost: O(log n) more per call. Source:
//! the states by which sched_ext rejects what a scheduler may not do.

use super::{Cause, End, Policy, Runnable, Sched, TaskId};
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

/// The policy `P`, held to the laws of policies.
pub struct Check<P> {
    /// The policy.
    policy: P,
    /// Whose tickets are inside.
    inside: BTreeSet<TaskId>,
    /// Whose tickets were picked and not charged yet. Husks stay.
    picked: BTreeSet<TaskId>,
    /// Gets the broken laws.
    complain: Box<dyn FnMut(String)>,
}

impl<P: Policy> Check<P> {
    /// Panics at the first broken law; the loop reports that and goes on with a
    /// FIFO.
    pub fn new(policy: P) -> Self {
        Self::with(policy, |law| panic!("{law}"))
    }

    /// Tells `complain` about each broken law.
    pub fn with(policy: P, complain: impl FnMut(String) + 'static) -> Self {
        Self {
            policy,
            inside: BTreeSet::new(),
            picked: BTreeSet::new(),
            complain: Box::new(complain),
        }
    }
}

impl<P: Policy> Policy for Check<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        let id = task.id();
        self.picked.remove(&id);
        if !self.inside.insert(id) {
            (self.complain)(format!("task {id} came twice without being picked"));
        }
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let picked = self.policy.pick_next(now);
        if let Some(task) = &picked {
            self.picked.insert(task.id());
            if !self.inside.remove(&task.id()) {
                let id = task.id();
                (self.complain)(format!("task {id} was picked, but was not inside"));
            }
        } else if let Some(first) = self.inside.first() {
            match self.policy.next_at() {
                Some(at) if at > now => {}
                Some(_) => (self.complain)("`None`, and `next_at` is not later than now".into()),
                None => (self.complain)(format!(
                    "`None` with {} inside (task {first} first) and no `next_at`",
                    self.inside.len()
                )),
            }
        }
        picked
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        let id = task.id();
        if !self.picked.remove(&id) {
            self.inside.remove(&id);
            (self.complain)(format!("task {id} ran unpicked: its ticket was lost"));
        }
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

impl<P: fmt::Debug> fmt::Debug for Check<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("policy", &self.policy)
            .field("inside", &self.inside.len())
            .finish_non_exhaustive()
    }
}
