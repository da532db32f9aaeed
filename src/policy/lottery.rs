//! Lottery: each pick is a draw in which a task has as many tickets as its weight.
//!
//! Order: V plus an exponential variate with mean 1/weight, where V is the key
//! picked last. The exponential has no memory, so the smallest key is an exact
//! draw among all that are queued, whenever they came (an exponential race); with
//! equal weights it is random order. Cost: O(log n), some 30 multiplications, no
//! clock. Starvation: none with probability 1, but no bound; after m picks a share
//! p has a standard error of sqrt(m p (1 - p)). Source: Waldspurger and Weihl, OSDI
//! 1994; the race: Efraimidis and Spirakis 2006. Integers, equal everywhere.

use super::chance::SplitMix;
use super::fixed::minus_ln;
use super::{By, Cause, Rank, Sched, ranked};

/// Draws by weight.
#[derive(Clone, Debug)]
pub struct Lottery {
    /// V: the key of the last winner, in Q64.
    last: u128,
    /// Who draws.
    chance: SplitMix,
}

/// A seeded draw at each pick, by [`Sched::weight`].
pub fn lottery(seed: u64) -> By<Lottery> {
    ranked(Lottery {
        last: 0,
        chance: SplitMix::new(seed),
    })
    .named("lottery")
}

impl Rank for Lottery {
    type Key = u128;

    fn rank(&mut self, task: &Sched, _: Cause) -> u128 {
        let variate = u128::from(minus_ln(self.chance.next())) << 32;
        self.last + variate / u128::from(task.weight())
    }

    fn picked(&mut self, key: u128) {
        self.last = key;
    }

    fn wants_clock(&self) -> bool {
        false
    }
}
