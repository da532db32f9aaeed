//! Chaos: starves a victim, to show what depends on it.
//!
//! Order: that of the policy inside, but a victim's ticket goes in only after it has
//! waited for `delay`, also if nothing else is runnable. Cost: O(1) more than
//! inside, and a clock. Starvation: as inside, `delay` later for the victim. It does
//! not conserve work. Source: rr's chaos mode (O'Callahan 2016), FoundationDB's
//! buggification.

use super::{Cause, End, Policy, Runnable, Sched};
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// The policy `P`, except for victims.
pub struct Chaos<P, F> {
    /// The policy.
    policy: P,
    /// Points at the victims.
    is_victim: F,
    /// How long they wait.
    delay: Duration,
    /// Their tickets, oldest wake first, and the causes.
    held: VecDeque<(Runnable, Cause)>,
}

impl<P: Policy, F: FnMut(&Sched) -> bool> Chaos<P, F> {
    /// Holds back the tickets of all tasks for which `is_victim` says so.
    pub fn new(delay: Duration, is_victim: F, policy: P) -> Self {
        Self {
            policy,
            is_victim,
            delay,
            held: VecDeque::new(),
        }
    }
}

impl<P: Policy, F: FnMut(&Sched) -> bool> Policy for Chaos<P, F> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        if (self.is_victim)(&task) {
            self.held.push_back((task, cause));
        } else {
            self.policy.enqueue(task, cause);
        }
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        while let Some((task, _)) = self.held.front()
            && now.saturating_duration_since(task.ready_at()) >= self.delay
            && let Some((task, cause)) = self.held.pop_front()
        {
            self.policy.enqueue(task, cause);
        }
        self.policy.pick_next(now)
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        self.policy.ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.policy.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        let first = self.held.front();
        let released = first.and_then(|(task, _)| task.ready_at().checked_add(self.delay));
        released.into_iter().chain(self.policy.next_at()).min()
    }

    fn name(&self) -> String {
        format!("chaos({:?}) > {}", self.delay, self.policy.name())
    }
}

impl<P: fmt::Debug, F> fmt::Debug for Chaos<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos")
            .field("policy", &self.policy)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}
