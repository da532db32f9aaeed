//! Least attained service, with a floor: short work first, without knowing sizes.
//!
//! Order: the time used so far, but a task counts as having used at least what the
//! busiest one has, minus `window`. Cost: O(log n) and a clock. Starvation: among n
//! tasks the busiest waits for at most (n - 1) x (`window` + one poll); new tasks
//! that keep coming extend that, and `Duration::MAX` for the window (plain LAS)
//! removes it. Source: Kleinrock 1976 (foreground-background); the floor is
//! stellar-core's `Scheduler`.

use super::{By, Cause, End, Rank, Sched, ranked};
use std::time::Duration;

/// Least attained service: keeps, in the task's first word, the service it counts
/// as having had.
#[derive(Clone, Debug)]
pub struct Las {
    /// How far behind the busiest a task may be, in nanoseconds.
    window: u64,
    /// The service of the busiest.
    most: u64,
}

/// Least time used first, within `window` of the busiest task.
pub fn las(window: Duration) -> By<Las> {
    let window = nanos(window);
    ranked(Las { window, most: 0 }).named("las")
}

impl Rank for Las {
    type Key = u64;

    fn rank(&mut self, task: &Sched, _: Cause) -> u64 {
        let served = task.key().max(self.most.saturating_sub(self.window));
        task.set_key(served);
        served
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        let served = task.key().saturating_add(nanos(took));
        task.set_key(served);
        self.most = self.most.max(served);
    }
}

/// A duration in nanoseconds; 584 years are for ever.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
