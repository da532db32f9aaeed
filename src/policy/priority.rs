//! Strict priority.
//!
//! Order: the largest priority first. Cost: O(log n) and no clock. Starvation:
//! unbounded, by design; a busy high priority keeps all below it waiting for ever
//! (then see `ageing.rs`). Source: Cobham, "Priority assignment in waiting line
//! problems", 1954.

use super::{Policy, Sched, by};
use std::cmp::Reverse;

/// Strict priority: the largest [`Sched::priority`] first.
pub fn priority() -> impl Policy + 'static {
    by(|task: &Sched, _| Reverse(task.priority()))
        .untimed()
        .named("priority")
}
