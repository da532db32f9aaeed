//! How many polls a turn does: the second of the three knobs.
//!
//! Read next: `builder.rs`.

use std::time::Duration;

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
