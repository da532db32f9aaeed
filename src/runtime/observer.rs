//! Watching a loop: nine events, nothing paid when nobody watches.
//!
//! Owns: the `Observer` trait. The loop's body is compiled twice, once with and
//! once without these calls, and chooses once per turn.
//!
//! Laws: an observer is called with nothing borrowed; one that panics is removed
//! and reported, and the loop goes on.
//!
//! Absent on purpose: a way to change the order. That is the policy's part.
//!
//! Read next: `turn.rs`.

use crate::policy::{Cause, End};
use crate::task::Sched;
use std::time::{Duration, Instant};

/// Sees every scheduling event of a loop, in order.
pub trait Observer {
    /// `block_on` begins.
    fn loop_started(&mut self, at: Instant) {
        let _ = at;
    }

    /// A new task was handed to the policy for the first time.
    fn task_spawned(&mut self, task: &Sched, at: Instant) {
        let _ = (task, at);
    }

    /// A task became runnable; `cause` says why and by whom.
    fn task_runnable(&mut self, task: &Sched, cause: Cause, at: Instant) {
        let _ = (task, cause, at);
    }

    /// A poll begins.
    fn poll_started(&mut self, task: &Sched, at: Instant) {
        let _ = (task, at);
    }

    /// A poll has ended.
    fn poll_ended(&mut self, task: &Sched, took: Duration, end: End, at: Instant) {
        let _ = (task, took, end, at);
    }

    /// A task has ended: finished, panicked or was cancelled.
    fn task_done(&mut self, task: &Sched, at: Instant) {
        let _ = (task, at);
    }

    /// The loop is about to wait, until this instant at most (`None`: for ever;
    /// an instant that has passed: it only looks).
    fn before_wait(&mut self, until: Option<Instant>, at: Instant) {
        let _ = (until, at);
    }

    /// The wait is over.
    fn after_wait(&mut self, at: Instant) {
        let _ = at;
    }

    /// `block_on` ends.
    fn loop_ended(&mut self, at: Instant) {
        let _ = at;
    }
}
