//! First in, first out: the default.
//!
//! Order: the time of the wake. Cost: O(1) and no clock. Starvation: none; with n
//! runnable tasks a ticket waits for at most n - 1 polls. Source: the queue at any
//! counter; its mean wait is Pollaczek's and Khinchine's (1930, 1932).
//!
//! WHY NOT a `VecDeque`: two stacks, one turned over when the other is empty, cost half
//! of the instructions, because neither end has to look whether it wraps around.

use super::{Cause, Policy, Runnable};
use std::time::Instant;

/// First in, first out.
#[derive(Debug, Default)]
pub struct Fifo {
    /// Newest last.
    arriving: Vec<Runnable>,
    /// Oldest last; all of them older than those arriving.
    leaving: Vec<Runnable>,
}

impl Fifo {
    /// An empty queue.
    pub const fn new() -> Self {
        Self {
            arriving: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Takes the newest ticket.
    #[inline]
    pub(crate) fn push(&mut self, ticket: Runnable) {
        self.arriving.push(ticket);
    }

    /// The oldest ticket; a FIFO needs no clock for that.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Runnable> {
        if self.leaving.is_empty() {
            if self.arriving.len() <= 1 {
                return self.arriving.pop();
            }
            std::mem::swap(&mut self.arriving, &mut self.leaving);
            self.leaving.reverse();
            // As much room in both, or how they grow would depend on who is which when.
            self.arriving.reserve(self.leaving.capacity());
        }
        self.leaving.pop()
    }

    /// How many tickets are here.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.arriving.len() + self.leaving.len()
    }
}

// The tickets of a queue that goes come home in their order.
impl Drop for Fifo {
    fn drop(&mut self) {
        while let Some(ticket) = self.pop() {
            drop(ticket);
        }
    }
}

impl Policy for Fifo {
    #[inline]
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.push(task);
    }

    #[inline]
    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.pop()
    }

    #[inline]
    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "fifo".into()
    }
}
