//! PCT: a bug finder with a guarantee.
//!
//! Order: a random priority per task, above d; at the i-th of d - 1 random change
//! points among the first k polls, the task that just ran falls to priority i. The
//! change points are drawn independently, so i says nothing about when.
//! Cost: O(log n + d) and no clock. Starvation: unbounded, on purpose: fair
//! schedules cannot show bugs that need somebody to starve. Guarantee: a bug of
//! depth d among n tasks and k polls is found with probability at least
//! 1 / (n k^(d-1)). Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A
//! randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010.

use super::chance::SplitMix;
use super::{By, Cause, End, Rank, Sched, ranked};
use std::cmp::Reverse;
use std::time::Duration;

/// Random priorities with change points: keeps the priority in the task's first
/// word.
#[derive(Clone, Debug)]
pub struct Pct {
    /// Who draws the priorities.
    chance: SplitMix,
    /// Polls so far.
    step: u64,
    /// Entry i - 1 is the poll after which somebody falls to priority i.
    changes: Vec<u64>,
}

/// Finds bugs of up to `depth` ordering constraints in programs of `steps` polls.
pub fn pct(depth: u32, steps: u64, seed: u64) -> By<Pct> {
    let mut chance = SplitMix::new(seed);
    let changes = (1..depth).map(|_| 1 + chance.below(steps)).collect();
    ranked(Pct {
        chance,
        step: 0,
        changes,
    })
    .named("pct")
}

impl Rank for Pct {
    type Key = Reverse<u64>;

    fn rank(&mut self, task: &Sched, _: Cause) -> Reverse<u64> {
        if task.key() == 0 {
            // Above all change points, and never 0.
            task.set_key(self.chance.next() | 1 << 63);
        }
        Reverse(task.key())
    }

    fn ran(&mut self, task: &Sched, _: Duration, _: End) {
        self.step += 1;
        for (priority, at) in (1..).zip(&self.changes) {
            if *at == self.step {
                task.set_key(priority);
            }
        }
    }

    fn wants_clock(&self) -> bool {
        false
    }
}
