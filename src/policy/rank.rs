//! A policy that is only an order: smallest key first, ties in wake order.
//!
//! A task is queued at most once and ranked anew at every wake, so most of the
//! scheduling literature is a priority queue plus one line that computes the key
//! (PIFO: Sivaraman et al., SIGCOMM 2016).
//!
//! Order: the key, then the wake. Cost: O(log n). Starvation: the key decides;
//! ties never starve, because every key carries a sequence number.

use super::{Cause, Deadline, Policy, Runnable, Sched};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;
use std::time::Instant;

/// The policy of a rank closure; made by [`by`].
pub struct By<F, K> {
    /// Computes the key of a ticket when it arrives.
    rank: F,
    /// The smallest key on top.
    heap: BinaryHeap<Entry<K>>,
    /// Number of the next arrival: breaks ties.
    arrivals: u64,
    /// Whether the rank reads instants.
    clock: bool,
}

/// One ticket with its key. The heap is a max-heap, so the order is reversed.
struct Entry<K> {
    /// What the closure said.
    key: K,
    /// Which arrival it was.
    arrival: u64,
    /// The ticket.
    task: Runnable,
}

/// The policy that runs the task with the smallest key first.
///
/// The closure sees the task's card and why it woke; it runs once per wake.
///
/// ```
/// use downbeat::policy::{by, Policy};
/// let shortest_first = by(|task, _| task.size());
/// let earliest_deadline_first = by(|task, _| task.deadline()).untimed();
/// # fn is_policy(_: impl Policy) {}
/// # is_policy(shortest_first); is_policy(earliest_deadline_first);
/// ```
pub fn by<K: Ord, F: FnMut(&Sched, Cause) -> K>(rank: F) -> By<F, K> {
    By {
        rank,
        heap: BinaryHeap::new(),
        arrivals: 0,
        clock: true,
    }
}

/// Strict priority: the largest [`Sched::priority`] first.
///
/// Starvation: unbounded, by design; a busy high priority starves all below it.
pub fn priority() -> impl Policy + 'static {
    by(|task: &Sched, _| Reverse(task.priority())).untimed()
}

/// Earliest deadline first: optimal on one server when all deadlines can be met
/// (Liu and Layland 1973, Dertouzos 1974). Tasks without a deadline come last.
pub fn edf() -> impl Policy + 'static {
    by(|task: &Sched, _| -> Deadline { task.deadline() }).untimed()
}

impl<F, K> By<F, K> {
    /// Says that the rank reads neither `ready_at` nor `used`, so the loop needs
    /// no clock per poll.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        self.clock = false;
        self
    }
}

impl<K: Ord, F: FnMut(&Sched, Cause) -> K> Policy for By<F, K> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        let key = (self.rank)(&task, cause);
        self.heap.push(Entry {
            key,
            arrival: self.arrivals,
            task,
        });
        self.arrivals += 1;
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.heap.pop().map(|entry| entry.task)
    }

    fn wants_clock(&self) -> bool {
        self.clock
    }
}

impl<F, K> fmt::Debug for By<F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By")
            .field("queued", &self.heap.len())
            .finish_non_exhaustive()
    }
}

impl<K: Ord> Ord for Entry<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        (&other.key, other.arrival).cmp(&(&self.key, self.arrival))
    }
}

impl<K: Ord> PartialOrd for Entry<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> PartialEq for Entry<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K: Ord> Eq for Entry<K> {}
