//! First in, first out: the default.
//!
//! Order: the time of the wake. Cost: O(1) and no clock. Starvation: none; with n
//! runnable tasks a ticket waits for at most n - 1 polls. Source: the queue at any
//! counter; its mean wait is Pollaczek's and Khinchine's (1930, 1932).

use super::{Cause, Policy, Runnable};
use std::collections::VecDeque;
use std::time::Instant;

/// First in, first out.
#[derive(Debug, Default)]
pub struct Fifo(VecDeque<Runnable>);

impl Fifo {
    /// An empty queue.
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// The oldest ticket; a FIFO needs no clock for that.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        self.0.pop_front()
    }

    /// How many tickets are here.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no ticket is here.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Policy for Fifo {
    #[inline]
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.0.push_back(task);
    }

    #[inline]
    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.0.pop_front()
    }

    #[inline]
    fn wants_clock(&self) -> bool {
        false
    }
}
