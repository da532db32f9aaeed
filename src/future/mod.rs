//! Futures made of futures: several waits inside one task.
//!
//! Owns: nothing that outlives the future it returns. Everything here runs on
//! any executor, needs no loop and no `Send`.
//!
//! * [`join_all()`] waits for many of a kind, [`join()`] for a few of different
//!   kinds: all of them finish, outputs in the order given.
//! * [`race()`] takes the first that finishes and drops the others.
//! * [`yield_now()`] gives the others a turn; [`poll_once()`] only looks.
//!
//! A policy sees none of this: children of a join or a race are polled inside
//! their parent's one poll. To let a policy order the children, spawn them.
//!
//! Absent on purpose: macros (`join((a, b)).await` needs none), and streams.
//!
//! Read next: `yield_now.rs`, then `join.rs`, `race.rs`, `join_all.rs`.

mod children_woken;
mod eight;
mod join;
mod join_all;
mod poll_once;
mod race;
mod yield_now;

pub use join::{Join, join};
pub use join_all::{JoinAll, join_all};
pub use poll_once::poll_once;
pub use race::{OneOf, Race, race};
pub use yield_now::{YieldNow, yield_now};
