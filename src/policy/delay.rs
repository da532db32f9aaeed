//! Delay: any policy, with d random deviations.
//!
//! Order: that of the policy inside, but at d random picks among the first `steps`
//! the task that was to go next goes back in and the one after it goes. Cost: O(d)
//! per pick. Starvation: as inside. Use: to look for bugs near a schedule; few
//! deviations show most of them. Source: delay-bounded scheduling, Emmi, Qadeer,
//! Rakamarić, POPL 2011.

use super::chance::SplitMix;
use super::{Cause, End, Policy, Runnable, Sched};
use std::time::{Duration, Instant};

/// The policy `P`, with random deviations.
#[derive(Debug)]
pub struct Delay<P> {
    /// The policy.
    policy: P,
    /// Picks so far.
    step: u64,
    /// At which picks to deviate.
    deviations: Vec<u64>,
}

impl<P: Policy> Delay<P> {
    /// Deviates `deviations` times within the first `steps` picks.
    pub fn new(deviations: u32, steps: u64, seed: u64, policy: P) -> Self {
        let mut chance = SplitMix::new(seed);
        Self {
            policy,
            step: 0,
            deviations: (0..deviations).map(|_| chance.below(steps)).collect(),
        }
    }
}

impl<P: Policy> Policy for Delay<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let first = self.policy.pick_next(now)?;
        let deviate = self.deviations.contains(&self.step);
        self.step += 1;
        if !deviate {
            return Some(first);
        }
        let second = self.policy.pick_next(now);
        if second.is_none() {
            return Some(first);
        }
        self.policy.enqueue(first, Cause::Moved);
        second
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
        format!("delay({}) > {}", self.deviations.len(), self.policy.name())
    }
}
