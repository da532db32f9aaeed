//! CoDel with adaptive LIFO: under overload, serve the newest and turn away the
//! oldest.
//!
//! Order: first in, first out while the queue was empty at some time within the last
//! `interval`; last in, first out otherwise. New tasks (never polled) that have
//! waited for longer than `interval`, or under overload than `target`, are shed:
//! cancelled and reported. Tasks that have begun are never shed.
//! Cost: O(1), and O(n) once per `target`; a clock. Starvation: under overload
//! unbounded for tasks that have begun; new ones are shed instead. It does not
//! conserve work. Source: Maurer, "Fail at scale", ACM Queue 2015 (5 ms, 100 ms),
//! after Nichols and Jacobson 2012.

use super::{Cause, Policy, Runnable};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Adaptive LIFO that sheds late tasks.
#[derive(Debug)]
pub struct Codel {
    /// The tickets, oldest first.
    ready: VecDeque<Runnable>,
    /// The wait allowed under overload.
    target: Duration,
    /// The wait allowed otherwise; so long without an empty queue is overload.
    interval: Duration,
    /// When the queue was last seen empty.
    empty_at: Option<Instant>,
    /// When late tasks were last looked for.
    looked_at: Option<Instant>,
}

impl Codel {
    /// New tasks may wait for `interval`, under overload for `target`.
    pub const fn new(target: Duration, interval: Duration) -> Self {
        Self {
            ready: VecDeque::new(),
            target,
            interval,
            empty_at: None,
            looked_at: None,
        }
    }

    fn shed_late(&mut self, now: Instant, limit: Duration) {
        let last = *self.looked_at.get_or_insert(now);
        if now.saturating_duration_since(last) < self.target {
            return;
        }
        self.looked_at = Some(now);
        for task in std::mem::take(&mut self.ready) {
            let waited = now.saturating_duration_since(task.ready_at());
            if task.polls() == 0 && waited > limit {
                task.shed();
            } else {
                self.ready.push_back(task);
            }
        }
    }
}

impl Policy for Codel {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        if self.ready.is_empty() {
            self.empty_at = Some(task.ready_at());
        }
        self.ready.push_back(task);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let empty_at = self.empty_at?;
        let overload = now.saturating_duration_since(empty_at) > self.interval;
        self.shed_late(now, if overload { self.target } else { self.interval });
        if overload {
            self.ready.pop_back()
        } else {
            self.ready.pop_front()
        }
    }

    fn name(&self) -> String {
        "codel".into()
    }
}
