//! Last in, first out: survives overload, and starves the oldest to do so.
//!
//! Order: the newest wake first. Cost: O(1) and no clock. Starvation: unbounded;
//! two tasks that wake each other keep all others waiting for ever. Source: the stack;
//! its waits: Vaulot 1954, Wishart 1960.

use super::{Cause, Policy, Runnable};
use std::time::Instant;

/// Last in, first out.
#[derive(Debug, Default)]
pub struct Lifo(Vec<Runnable>);

impl Lifo {
    /// An empty stack.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

impl Policy for Lifo {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.0.push(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.0.pop()
    }

    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "lifo".into()
    }
}
