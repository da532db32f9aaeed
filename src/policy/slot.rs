//! LIFO slot: the task that was just woken by a task goes next, up to a cap.
//!
//! Order: the newest task woken by another one first, at most `cap` times in a row;
//! otherwise the policy inside. Cost: O(1) more than inside. Starvation: bounded as
//! inside, with `cap` more polls before each pick. Use: a message is handled while
//! it is in the cache; a ping-pong pair hops in one poll. Source: Go's `runnext`;
//! tokio's LIFO slot, capped at 3 since a pair could starve its worker.

use super::{Cause, End, Policy, Runnable, Sched};
use std::time::{Duration, Instant};

/// A LIFO slot in front of the policy `P`.
#[derive(Debug)]
pub struct Slot<P> {
    /// Everybody else.
    rest: P,
    /// The task woken last by a task, and that cause.
    slot: Option<(Runnable, Cause)>,
    /// How often the slot may go first in a row.
    cap: u32,
    /// How often it still may.
    left: u32,
}

impl<P: Policy> Slot<P> {
    /// A slot that goes first at most `cap` times in a row.
    pub fn new(cap: u32, rest: P) -> Self {
        Self {
            rest,
            slot: None,
            cap,
            left: cap,
        }
    }
}

impl<P: Policy> Policy for Slot<P> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        // A slot that never goes first would keep its ticket for ever.
        if self.cap == 0 || !matches!(cause, Cause::Task(_)) {
            return self.rest.enqueue(task, cause);
        }
        if let Some((older, cause)) = self.slot.replace((task, cause)) {
            self.rest.enqueue(older, cause);
        }
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        if self.left > 0
            && let Some((task, _)) = self.slot.take()
        {
            self.left -= 1;
            return Some(task);
        }
        self.left = self.cap;
        let next = self.rest.pick_next(now);
        next.or_else(|| self.slot.take().map(|(task, _)| task))
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        self.rest.ran(task, took, end);
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.rest.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        self.rest.next_at()
    }

    fn wants_clock(&self) -> bool {
        self.rest.wants_clock()
    }

    fn name(&self) -> String {
        format!("slot({}) > {}", self.cap, self.rest.name())
    }
}
