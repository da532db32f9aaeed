//! A policy that is only an order: smallest key first, ties in wake order.
//!
//! A task is queued at most once and ranked anew at every wake, so most of the
//! scheduling literature is a priority queue plus one line that computes the key
//! (PIFO: Sivaraman et al., SIGCOMM 2016). [`by`] makes one of a closure; a rank
//! that also learns from what ran is a type with the trait [`Rank`].
//!
//! Order: the key, then the wake. Cost: O(log n). Starvation: the key decides;
//! ties never starve, because every key carries a sequence number. Source: as above.
//!
//! Absent on purpose: ranks that change while a ticket waits. The linear ones need
//! no change (`ageing.rs`); for the others write a [`Policy`].

use super::{Cause, End, Policy, Runnable, Sched, short_name};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::time::{Duration, Instant};

/// The key of a ticket, computed when it arrives.
pub trait Rank {
    /// The smallest key goes first.
    type Key: Ord;

    /// The key of a task that became runnable.
    fn rank(&mut self, task: &Sched, cause: Cause) -> Self::Key;

    /// The task with this key goes next.
    fn picked(&mut self, key: Self::Key) {
        drop(key);
    }

    /// See [`Policy::ran`].
    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        let _ = (task, took, end);
    }

    /// See [`Policy::wants_clock`].
    fn wants_clock(&self) -> bool {
        true
    }
}

/// The policy of a rank; made by [`by`] and [`ranked`].
pub struct By<R: Rank> {
    /// Computes the key of a ticket when it arrives.
    rank: R,
    /// The smallest key on top.
    heap: BinaryHeap<Entry<R::Key>>,
    /// Number of the next arrival: breaks ties.
    arrivals: u64,
    /// See [`By::untimed`].
    untimed: bool,
    /// See [`By::named`].
    name: Option<&'static str>,
}

/// A closure as a rank.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<F>(F);

/// One ticket with its key. The heap is a max-heap, so the order is reversed.
pub(super) struct Entry<K> {
    /// What the rank said.
    pub(super) key: K,
    /// Which arrival it was.
    pub(super) arrival: u64,
    /// The ticket.
    pub(super) task: Runnable,
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
pub fn by<K: Ord, F: FnMut(&Sched, Cause) -> K>(rank: F) -> By<Keyed<F>> {
    ranked(Keyed(rank)).named("by")
}

/// The policy that runs the task with the smallest key first.
pub fn ranked<R: Rank>(rank: R) -> By<R> {
    By {
        rank,
        heap: BinaryHeap::new(),
        arrivals: 0,
        untimed: false,
        name: None,
    }
}

impl<R: Rank> By<R> {
    /// Says that the rank reads neither `ready_at` nor `used`, so the loop needs
    /// no clock per poll.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        self.untimed = true;
        self
    }

    /// What reports call it.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }
}

impl<R: Rank> Policy for By<R> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        let (key, arrival) = (self.rank.rank(&task, cause), self.arrivals);
        self.arrivals += 1;
        self.heap.push(Entry { key, arrival, task });
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        let Entry { key, task, .. } = self.heap.pop()?;
        self.rank.picked(key);
        Some(task)
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        self.rank.ran(task, took, end);
    }

    fn wants_clock(&self) -> bool {
        !self.untimed && self.rank.wants_clock()
    }

    fn name(&self) -> String {
        self.name
            .map_or_else(|| short_name(std::any::type_name::<R>()), str::to_owned)
    }
}

impl<K: Ord, F: FnMut(&Sched, Cause) -> K> Rank for Keyed<F> {
    type Key = K;

    fn rank(&mut self, task: &Sched, cause: Cause) -> K {
        (self.0)(task, cause)
    }
}

impl<R: Rank> fmt::Debug for By<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("By")
            .field("name", &self.name())
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
