//! Watching a loop: nine events, nothing paid when nobody watches.
//!
//! Owns: the `Observer` trait, and what the loop does around a watched poll. The loop's
//! body is compiled twice, once with and once without that, and chooses once per turn.
//!
//! Laws: an observer is called with nothing borrowed; one that panics is removed
//! and reported, and the loop goes on.
//!
//! Absent on purpose: a way to change the order. That is the policy's part.
//!
//! Read next: `turn.rs`.

use super::Runtime;
use super::report::Report;
use crate::policy::{Cause, End, Policy};
use crate::task::{Sched, TaskLabel};
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

impl<P: Policy + 'static> Runtime<P> {
    /// Whether the polls of this turn are watched.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        #[cfg(test)]
        if super::straight::is_unobserved::<P>() {
            return false;
        }
        self.observer.is_some() || self.watched || self.custody.is_timed()
    }

    /// A watched poll begins.
    pub(super) fn before_poll(&mut self, task: &Sched) {
        if self.state.clock.is_virtual() {
            let mut schedule = self.state.schedule.get();
            let offset = self.now.saturating_duration_since(self.state.started);
            match task.name() {
                Some(name) => schedule.add(name.as_bytes()),
                None => schedule.add(&task.id().index.to_le_bytes()),
            }
            schedule.add(&offset.as_nanos().to_le_bytes());
            self.state.schedule.set(schedule);
        }
        let now = self.now;
        self.observe(|observer| observer.poll_started(task, now));
    }

    /// A watched poll has ended: charges it and says how long it took.
    pub(super) fn after_poll(&mut self, task: &Sched, end: End) -> Duration {
        let now = self.state.clock.now();
        let took = now.saturating_duration_since(self.now);
        self.now = now;
        task.charge(took);
        self.observe(|observer| {
            observer.poll_ended(task, took, end, now);
            if end == End::Done {
                observer.task_done(task, now);
            }
        });
        if self.slow_poll.is_some_and(|threshold| took >= threshold) {
            self.state.report(&Report::SlowPoll {
                task: TaskLabel::of(task),
                took,
            });
        }
        took
    }
}
