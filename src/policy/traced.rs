//! Traced: shows every call to a policy, in order.
//!
//! Everything the loop and its policy say to each other passes through the trait,
//! so tracing is a wrapper and not a hook. Order, starvation: those of the policy
//! inside. Cost: one call of the closure per call. For events of the loop (waits,
//! spawns, ends of tasks) use an [`Observer`](crate::runtime::Observer). Source:
//! trio's instruments, Shuttle's `MetricsScheduler`.

use super::{Cause, End, Policy, Runnable, Sched};
use std::fmt;
use std::time::{Duration, Instant};

/// The policy `P`, watched by a closure.
pub struct Traced<P, F> {
    /// The policy.
    policy: P,
    /// Sees every call.
    see: F,
}

/// One call to a policy. The cards are the tasks'.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Step<'a> {
    /// The policy got a ticket.
    Enqueued(&'a Sched, Cause),
    /// It picked one.
    Picked(&'a Sched, Instant),
    /// It picked none.
    Declined(Instant),
    /// A poll ended.
    Ran(&'a Sched, Duration, End),
    /// The loop slept.
    Slept(Instant, Instant),
}

impl<P: Policy, F: FnMut(Step<'_>)> Traced<P, F> {
    /// Shows every call to `policy` to `see`, before the policy gets it (picks: as
    /// it answers).
    ///
    /// ```
    /// use downbeat::policy::{Fifo, Step, Traced};
    /// let policy = Traced::new(Fifo::new(), |step| {
    ///     if let Step::Picked(task, _) = step {
    ///         println!("next: {}", task.id());
    ///     }
    /// });
    /// # let _ = downbeat::Runtime::builder().policy(policy);
    /// ```
    pub fn new(policy: P, see: F) -> Self {
        Self { policy, see }
    }
}

impl<P: Policy, F: FnMut(Step<'_>)> Policy for Traced<P, F> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        (self.see)(Step::Enqueued(&task, cause));
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let picked = self.policy.pick_next(now);
        (self.see)(match &picked {
            Some(task) => Step::Picked(task, now),
            None => Step::Declined(now),
        });
        picked
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        (self.see)(Step::Ran(task, took, end));
        self.policy.ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        (self.see)(Step::Slept(from, to));
        self.policy.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        self.policy.next_at()
    }

    fn wants_clock(&self) -> bool {
        self.policy.wants_clock()
    }

    fn name(&self) -> String {
        self.policy.name()
    }
}

impl<P: fmt::Debug, F> fmt::Debug for Traced<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traced").field(&self.policy).finish()
    }
}
