//! A policy in a box is a policy: so a loop can change it while it runs.
//!
//! Absent on purpose: a name of its own. It is whatever is in the box.

use super::{Cause, End, Policy, Runnable, Sched};
use std::time::{Duration, Instant};

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        (**self).enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        (**self).pick_next(now)
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        (**self).ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        (**self).idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        (**self).next_at()
    }

    fn wants_clock(&self) -> bool {
        (**self).wants_clock()
    }

    fn name(&self) -> String {
        (**self).name()
    }
}
