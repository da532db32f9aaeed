//! Skip: a low task goes after every n normal ones.
//!
//! Order: two FIFOs; tickets of priority 0 are low, all others normal; after `n`
//! normal picks the oldest low ticket goes. Cost: O(1) and no clock. Starvation:
//! none; the k-th low ticket waits for at most k (n + 1) picks. Beware: the ratio is
//! between the classes, not between tasks: with more than n times as many normal
//! tasks as low ones, each low task runs more often than each normal one. Source:
//! Erlang's scheduler (n = 8); Wiger noted the surprise in 2001.

use super::{Cause, Fifo, Policy, Runnable};
use std::time::Instant;

/// One low ticket after every n normal ones.
#[derive(Debug)]
pub struct Skip {
    /// Priority 1 and above.
    normal: Fifo,
    /// Priority 0.
    low: Fifo,
    /// Normal picks before a low one.
    every: u32,
    /// How many of them are left.
    left: u32,
}

impl Skip {
    /// A low ticket goes after `every` normal ones.
    pub const fn new(every: u32) -> Self {
        Self {
            normal: Fifo::new(),
            low: Fifo::new(),
            every,
            left: every,
        }
    }
}

impl Policy for Skip {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        match task.priority() {
            0 => self.low.enqueue(task, cause),
            _ => self.normal.enqueue(task, cause),
        }
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        if self.left == 0 || self.normal.len() == 0 {
            self.left = self.every;
            let low = self.low.pick_next(now);
            return low.or_else(|| self.normal.pick_next(now));
        }
        self.left -= 1;
        self.normal.pick_next(now)
    }

    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        format!("skip({})", self.every)
    }
}
