//! Pace: at most one pick per interval.
//!
//! Order: that of the policy inside. Cost: O(1) more, and a clock. Starvation: as
//! inside. It does not conserve work: it waits with work in hand, which is the point
//! at a gate (one request per host and 100 ms: `groups(fifo) > pace(100ms) > fifo`).
//! Source: the leaky bucket as a meter, ITU-T I.371.

use super::{Cause, End, Policy, Runnable, Sched};
use std::time::{Duration, Instant};

/// The policy `P`, not faster than one pick per interval.
#[derive(Debug)]
pub struct Pace<P> {
    /// The policy.
    policy: P,
    /// Between two picks.
    interval: Duration,
    /// When the next one may be.
    next: Option<Instant>,
}

impl<P: Policy> Pace<P> {
    /// One pick per `interval`.
    pub fn new(interval: Duration, policy: P) -> Self {
        Self {
            policy,
            interval,
            next: None,
        }
    }
}

impl<P: Policy> Policy for Pace<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let task = self.policy.pick_next(now)?;
        self.next = now.checked_add(self.interval);
        Some(task)
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        self.policy.ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.policy.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        self.next.max(self.policy.next_at())
    }

    fn name(&self) -> String {
        format!("pace({:?}) > {}", self.interval, self.policy.name())
    }
}
