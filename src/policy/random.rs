//! Seeded random order: each runnable task is equally likely to be next.
//!
//! Order: uniform at each pick. Cost: O(1) and no clock. Starvation: none with
//! probability 1, but no bound; among n tasks the wait is n picks on average.
//! Use: to shake out hidden assumptions about order; same seed, same order.

use super::{Cause, Policy, Runnable};
use std::time::Instant;

/// Seeded random order.
#[derive(Debug)]
pub struct Random {
    /// The tickets, in no order that matters.
    ready: Vec<Runnable>,
    /// State of the generator (SplitMix64: Steele, Lea, Flood 2014).
    state: u64,
}

impl Random {
    /// The order that `seed` gives.
    pub const fn new(seed: u64) -> Self {
        Self {
            ready: Vec::new(),
            state: seed,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Policy for Random {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.ready.push(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        if self.ready.is_empty() {
            return None;
        }
        // Multiply and shift: unbiased enough for any number of tasks that fits
        // in memory, and the same on every machine.
        let at = (u128::from(self.next()) * self.ready.len() as u128) >> 64;
        Some(self.ready.swap_remove(at as usize))
    }

    fn wants_clock(&self) -> bool {
        false
    }
}
