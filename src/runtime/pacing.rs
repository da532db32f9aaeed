//! How many polls a turn does: the second of the three knobs.
//!
//! Read next: `builder.rs`.

use super::Runtime;
use super::builder::POLLS_PER_TURN;
use crate::policy::Policy;
use std::time::{Duration, Instant};

/// After so many polls a turn looks at the clock, however long it is: timers are polled
/// by the last look (law C10).
pub(super) const LOOK_EVERY: usize = 64;

/// How many polls a turn does before the loop looks at I/O and timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// At most this many. The default is 61: rarely enough to cost nothing, often
    /// enough that a ready socket waits for microseconds.
    Every(u32),
    /// As many as were runnable when the turn began (asyncio, trio, node).
    Batch,
    /// Until this much time has passed (Seastar, glommio). Under the virtual clock,
    /// which stands still meanwhile, after 61 polls.
    Slice(Duration),
    /// Until nothing is runnable: starves I/O; for experiments only.
    Drain,
}

impl<P: Policy + 'static> Runtime<P> {
    /// How many polls this turn may do before it asks again.
    pub(super) fn polls_of_this_turn(&self) -> usize {
        match self.pacing {
            Pacing::Every(polls) => polls.max(1) as usize,
            Pacing::Batch => self.custody.len().max(1),
            // Its time stands still, so a slice would never end.
            Pacing::Slice(_) if self.state.clock.is_virtual() => POLLS_PER_TURN as usize,
            Pacing::Slice(_) => 1,
            // As good as endless, and it comes by all multiples.
            Pacing::Drain => usize::MAX << 16,
        }
    }

    /// How many it may do yet: those that are `left`; after those one more, unless it has
    /// had enough.
    #[cold]
    pub(super) fn further_polls(&mut self, left: usize, began: Instant) -> usize {
        if left > 0 {
            let now = self.state.clock.now();
            // This turn may never end, so the watchdog looks in from time to time.
            if left.is_multiple_of(1 << 16) {
                self.now = now;
                self.watch();
            }
            return left;
        }
        usize::from(match self.pacing {
            Pacing::Slice(_) if self.state.clock.is_virtual() => false,
            Pacing::Slice(slice) => self.state.clock.now().saturating_duration_since(began) < slice,
            Pacing::Every(_) | Pacing::Batch | Pacing::Drain => false,
        })
    }
}
