//! Earliest eligible virtual deadline first: fair shares with short waits.
//!
//! Order: among the tasks that are owed service (virtual eligible time <= V) the
//! earliest virtual deadline, eligible time + slice/weight. V runs at 1/(sum of the
//! weights). A task that slept keeps a debt and loses a credit. Cost: O(log n) with
//! two heaps, and a clock. Starvation: none; no busy task lags by more than a slice
//! or the longest poll. Source: Stoica and Abdel-Wahab 1995; Linux since 6.6.

use super::las::nanos;
use super::rank::Entry;
use super::{Cause, End, Policy, Runnable, Sched};
use std::collections::BinaryHeap;
use std::fmt;
use std::time::{Duration, Instant};

/// Earliest eligible virtual deadline first: keeps the virtual eligible time in the
/// task's first word, the weight it was queued with in the second.
pub struct Eevdf {
    /// Not owed anything yet, by eligible time.
    early: BinaryHeap<Entry<u64>>,
    /// Owed service, by deadline.
    owed: BinaryHeap<Entry<u64>>,
    /// V.
    virtual_time: u64,
    /// The weights of all tickets here.
    weights: u64,
    /// The slice, in units of V.
    slice: u64,
    /// Number of the next arrival: breaks ties.
    arrivals: u64,
}

/// A nanosecond in units of V.
const NANOSECOND: u64 = 64;

impl Eevdf {
    /// Tasks ask for service in units of `slice`: shorter ones mean shorter waits.
    pub fn new(slice: Duration) -> Self {
        Self {
            early: BinaryHeap::new(),
            owed: BinaryHeap::new(),
            virtual_time: 0,
            weights: 0,
            slice: nanos(slice).saturating_mul(NANOSECOND),
            arrivals: 0,
        }
    }

    /// Moves those who have become eligible; if nobody is, V moves on to the first.
    fn promote(&mut self) {
        if let Some(first) = self.early.peek()
            && self.owed.is_empty()
        {
            self.virtual_time = self.virtual_time.max(first.key);
        }
        while let Some(first) = self.early.peek()
            && first.key <= self.virtual_time
            && let Some(Entry { key, arrival, task }) = self.early.pop()
        {
            let key = key.saturating_add(self.slice / task.tag().max(1));
            self.owed.push(Entry { key, arrival, task });
        }
    }
}

impl Policy for Eevdf {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        // Who never left keeps the credit.
        let joined = match cause {
            Cause::Yield => 0,
            _ => self.virtual_time,
        };
        let (key, arrival) = (task.key().max(joined), self.arrivals);
        task.set_key(key);
        task.set_tag(u64::from(task.weight()));
        self.weights += task.tag();
        self.arrivals += 1;
        self.early.push(Entry { key, arrival, task });
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.promote();
        let Entry { task, .. } = self.owed.pop()?;
        self.weights = self.weights.saturating_sub(task.tag());
        Some(task)
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        let cost = nanos(took).saturating_mul(NANOSECOND);
        let weight = task.tag().max(1);
        task.set_key(task.key().saturating_add(cost / weight));
        let all = self.weights + weight;
        self.virtual_time = self.virtual_time.saturating_add(cost / all);
    }

    fn name(&self) -> String {
        "eevdf".into()
    }
}

impl fmt::Debug for Eevdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eevdf")
            .field("queued", &(self.early.len() + self.owed.len()))
            .field("virtual_time", &self.virtual_time)
            .finish_non_exhaustive()
    }
}
