//! Fair share: start-time fair queueing.
//!
//! Order: the start tag, max(own finish tag, V), where V is the start tag of the
//! task picked last. The finish tag adds what the poll cost, divided by the weight.
//! A task that slept keeps its debt: WHY NOT start at V after a sleep: a task that
//! naps for an instant after every poll would take half of the processor.
//! Cost: O(log n); a clock by time, none by polls. Starvation: none; over any
//! interval two busy tasks differ by at most l_i/w_i + l_j/w_j, with l the longest
//! poll. By polls (stride scheduling) tasks with long polls take more time.
//! Source: Goyal, Vin, Cheng, SIGCOMM 1996; Waldspurger and Weihl 1995 (stride).

use super::las::nanos;
use super::{By, Cause, End, Rank, Sched, ranked};
use std::time::Duration;

/// Start-time fair queueing: keeps the finish tag in the task's first word, the
/// start tag in the second.
#[derive(Clone, Debug)]
pub struct Fair {
    /// V: the start tag of the task picked last.
    virtual_time: u64,
    /// Charges one unit per poll, not its time.
    by_polls: bool,
}

/// A nanosecond in tags: fine enough for weights, and good for nine years.
const NANOSECOND: u64 = 64;
/// A poll in tags.
const POLL: u64 = 1 << 16;

/// Shares of time in proportion to [`Sched::weight`].
pub fn fair() -> By<Fair> {
    ranked(Fair {
        virtual_time: 0,
        by_polls: false,
    })
    .named("fair")
}

/// Shares of polls in proportion to [`Sched::weight`].
pub fn fair_by_polls() -> By<Fair> {
    ranked(Fair {
        virtual_time: 0,
        by_polls: true,
    })
    .named("fair(polls)")
}

impl Rank for Fair {
    type Key = u64;

    fn rank(&mut self, task: &Sched, _: Cause) -> u64 {
        let start = task.key().max(self.virtual_time);
        task.set_tag(start);
        if self.by_polls {
            // The cost is known beforehand: also right where several tickets are
            // out at once, at a gate.
            task.set_key(start.saturating_add(POLL / u64::from(task.weight())));
        }
        start
    }

    fn picked(&mut self, start: u64) {
        self.virtual_time = self.virtual_time.max(start);
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        if !self.by_polls {
            let cost = nanos(took).saturating_mul(NANOSECOND) / u64::from(task.weight());
            task.set_key(task.tag().saturating_add(cost));
        }
    }

    fn wants_clock(&self) -> bool {
        !self.by_polls
    }
}
