//! Oracle: a closure that sees all runnable tasks and points at one.
//!
//! Order: the closure's. Cost: the closure's, and moving up the tickets between the one
//! it picked and the nearer end; a clock. Starvation: the closure's. Source: Shuttle's
//! `Scheduler`, and the game "you are the scheduler".

use super::{Cause, Policy, Runnable};
use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

/// The policy of a closure that looks at everything; made by [`oracle`].
pub struct Oracle<F> {
    /// The tickets, in the order of their wakes.
    ready: VecDeque<Runnable>,
    /// Points at one of them.
    choose: F,
}

/// The policy that asks `choose` for an index into the runnable tasks, oldest wake
/// first; it is never asked when there are none, and an index out of range means
/// the last.
///
/// ```
/// use downbeat::policy::oracle;
/// let newest_first = oracle(|ready, _now| ready.len() - 1);
/// # let _ = downbeat::Runtime::builder().policy(newest_first);
/// ```
pub fn oracle<F: FnMut(&[Runnable], Instant) -> usize>(choose: F) -> Oracle<F> {
    Oracle {
        ready: VecDeque::new(),
        choose,
    }
}

impl<F: FnMut(&[Runnable], Instant) -> usize> Policy for Oracle<F> {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        // Twice the room: a ring that came round is moved back to the beginning, and that is
        // to happen once in so many arrivals.
        self.ready.reserve(self.ready.len() + 1);
        self.ready.push_back(task);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let last = self.ready.len().checked_sub(1)?;
        let at = (self.choose)(self.ready.make_contiguous(), now);
        self.ready.remove(at.min(last))
    }

    fn name(&self) -> String {
        "oracle".into()
    }
}

impl<F> fmt::Debug for Oracle<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Oracle").field(&self.ready).finish()
    }
}
