//! Multi-level feedback queue: who uses much sinks, and all rise again.
//!
//! Order: the level, then the wake; a task sinks one level when it has used up its
//! allotment there. Every `boost` a new epoch begins: all start at the top again,
//! and tickets of the epoch before go first. Cost: O(log n) and a clock.
//! Starvation: bounded by `boost` plus one poll of each task queued at its end.
//! Source: Corbató 1962; allotments and boost as in Arpaci-Dusseau, OSTEP ch. 8.

use super::las::nanos;
use super::timeline::Timeline;
use super::{By, Cause, End, Rank, Sched, ranked};
use std::time::Duration;

/// Multi-level feedback: keeps the epoch and the level in the task's first word,
/// the time used at this level in the second.
#[derive(Clone, Debug)]
pub struct Mlfq {
    /// Nanoseconds a task may use at each level but the lowest.
    allotments: Vec<u64>,
    /// Nanoseconds of an epoch.
    boost: i128,
    /// Counts the epochs.
    line: Timeline,
}

/// One level per allotment (at most 255) and one below them.
pub fn mlfq(allotments: &[Duration], boost: Duration) -> By<Mlfq> {
    ranked(Mlfq {
        allotments: allotments.iter().copied().map(nanos).take(255).collect(),
        boost: boost.as_nanos().max(1) as i128,
        line: Timeline::default(),
    })
    .named("mlfq")
}

impl Rank for Mlfq {
    type Key = u64;

    fn rank(&mut self, task: &Sched, _: Cause) -> u64 {
        let epoch = (self.line.at(task.ready_at()) / self.boost).max(0) as u64;
        if task.key() >> 8 < epoch {
            task.set_key(epoch << 8);
            task.set_tag(0);
        }
        task.key()
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        task.set_tag(task.tag().saturating_add(nanos(took)));
        let allotment = self.allotments.get((task.key() & 255) as usize);
        if allotment.is_some_and(|allotment| task.tag() >= *allotment) {
            task.set_key(task.key() + 1);
            task.set_tag(0);
        }
    }
}
