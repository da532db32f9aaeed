//! Priority with ageing: waiting earns priority.
//!
//! Order: the wake minus `step` per level of priority. All tickets age alike, so
//! their order never changes while they wait, and nothing is ever ranked again.
//! Cost: O(log n) and a clock. Starvation: a ticket waits for no arrival that comes
//! more than (highest priority - its own) x `step` after it. Source: Jackson, "Some
//! problems in queueing with dynamic priorities", 1960: one slope for all. (With a
//! slope per class, Kleinrock 1964, orders do change while tickets wait.)

use super::timeline::Timeline;
use super::{Policy, Sched, by};
use std::time::Duration;

/// Priority, where one level is worth `step` of waiting.
pub fn ageing(step: Duration) -> impl Policy + 'static {
    let mut line = Timeline::default();
    // 94 bits times 32 bits: it fits.
    let step = step.as_nanos() as i128;
    by(move |task: &Sched, _| line.at(task.ready_at()) - i128::from(task.priority()) * step)
        .named("ageing")
}
