//! Seeded random order: each runnable task is equally likely to be next.
//!
//! Order: uniform at each pick. Cost: O(1) and no clock. Starvation: none with
//! probability 1, but no bound; among n tasks the wait is n picks on average.
//! Use: to shake out hidden assumptions about order; same seed, same order.
//! Source: trio's batches, madsim's run queue.

use super::chance::SplitMix;
use super::{Cause, Policy, Runnable};
use std::time::Instant;

/// Seeded random order.
#[derive(Debug)]
pub struct Random {
    /// The tickets, in no order that matters.
    ready: Vec<Runnable>,
    /// Who decides.
    chance: SplitMix,
}

impl Random {
    /// The order that `seed` gives.
    pub const fn new(seed: u64) -> Self {
        Self {
            ready: Vec::new(),
            chance: SplitMix::new(seed),
        }
    }
}

impl Policy for Random {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.ready.push(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        let at = self.chance.below(self.ready.len() as u64);
        (!self.ready.is_empty()).then(|| self.ready.swap_remove(at as usize))
    }

    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "random".into()
    }
}
