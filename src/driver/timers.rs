//! Timers: a 4-ary heap of deadlines that knows where each timer stands.
//!
//! Owns: the deadline and the waker of every armed timer.
//!
//! Laws: C01, never early. C02, equal deadlines fire in the order in which they
//! were armed. C03, a cancelled timer leaves at once, wherever it stands.
//!
//! Absent on purpose: a timing wheel. It is O(1), but rounds deadlines or
//! cascades, is twice the code, and virtual time wants the exact order. Most
//! timers are cancelled timeouts far from the top, which is O(1) here too.
//!
//! Read next: `runtime/mod.rs`.

use crate::slab::{Key, Slab};
use std::task::Waker;
use std::time::Instant;

/// All armed timers of a loop.
pub(crate) struct Timers {
    /// The heap: the parent of place p is place (p - 1) / 4.
    heap: Vec<Node>,
    /// The timers by name.
    timers: Slab<Timer>,
    /// How many timers were ever armed: breaks ties.
    armed: u64,
}

/// One place of the heap.
#[derive(Clone, Copy)]
struct Node {
    /// When it fires.
    deadline: Instant,
    /// Which arming it was.
    order: u64,
    /// The timer's place in the slab.
    timer: u32,
}

/// What is known of a timer besides its deadline.
pub(crate) struct Timer {
    /// Whom to wake.
    waker: Waker,
    /// Its place in the heap.
    at: u32,
    /// Its own name.
    key: Key<Timer>,
}

/// The name of an armed timer; stale once it has fired.
pub(crate) type TimerKey = Key<Timer>;

/// Children per place. Four keep a path short and its siblings in one or two
/// cache lines.
const ARITY: usize = 4;

impl Timers {
    /// No timers.
    pub(crate) const fn new() -> Self {
        Self {
            heap: Vec::new(),
            timers: Slab::new(),
            armed: 0,
        }
    }

    /// Arms a timer.
    pub(crate) fn arm(&mut self, deadline: Instant, waker: Waker) -> TimerKey {
        let at = self.heap.len();
        let key = self.timers.insert_with(|key| Timer {
            waker,
            at: at as u32,
            key,
        });
        self.heap.push(Node {
            deadline,
            order: self.armed,
            timer: key.index,
        });
        self.armed += 1;
        self.sift_up(at);
        key
    }

    /// Whether a timer is armed, and for this waker.
    pub(crate) fn wakes(&self, key: TimerKey, waker: &Waker) -> bool {
        let timer = self.timers.get(key);
        timer.is_some_and(|timer| timer.waker.will_wake(waker))
    }

    /// Makes `waker` the one to wake; returns the old one, to be dropped outside the
    /// borrow.
    ///
    /// # Errors
    /// Gives the waker back when the timer has fired.
    pub(crate) fn set_waker(&mut self, key: TimerKey, waker: Waker) -> Result<Waker, Waker> {
        match self.timers.get_mut(key) {
            Some(timer) => Ok(std::mem::replace(&mut timer.waker, waker)),
            None => Err(waker),
        }
    }

    /// Cancels a timer; returns its waker, to be dropped outside the borrow.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Waker> {
        let timer = self.timers.remove(key)?;
        self.remove_at(timer.at as usize);
        Some(timer.waker)
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|node| node.deadline)
    }

    /// Takes the waker of the next timer that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Waker> {
        let node = *self.heap.first().filter(|node| node.deadline <= now)?;
        let key = self.timers.at_mut(node.timer)?.key;
        self.cancel(key)
    }

    /// How many timers are armed.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes out the node at `at` and restores the order.
    fn remove_at(&mut self, at: usize) {
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sift_up(at);
            self.sift_down(at);
        }
    }

    /// Moves the node at `at` up until its parent is not later.
    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.heap[parent].rank() <= self.heap[at].rank() {
                break;
            }
            self.heap.swap(at, parent);
            self.note(at);
            at = parent;
        }
        self.note(at);
    }

    /// Moves the node at `at` down until no child is earlier.
    fn sift_down(&mut self, mut at: usize) {
        loop {
            let children = at * ARITY + 1..(at * ARITY + 1 + ARITY).min(self.heap.len());
            let Some(first) = children.min_by_key(|&child| self.heap[child].rank()) else {
                break;
            };
            if self.heap[at].rank() <= self.heap[first].rank() {
                break;
            }
            self.heap.swap(at, first);
            self.note(at);
            at = first;
        }
        self.note(at);
    }

    /// Tells the timer at `at` where it stands.
    fn note(&mut self, at: usize) {
        if let Some(timer) = self.timers.at_mut(self.heap[at].timer) {
            timer.at = at as u32;
        }
    }
}

impl Node {
    /// LAW C02: the deadline, then the order of arming.
    fn rank(&self) -> (Instant, u64) {
        (self.deadline, self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// C12: random arms, cancels and fires, against a sorted map.
    #[test]
    fn heap_equals_btreemap_model() {
        let start = clock::system_now();
        let (mut timers, mut model, mut keys) = (Timers::new(), BTreeMap::new(), Vec::new());
        let mut seed = 1_u64;
        for step in 0..20_000_u64 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = seed >> 33;
            let now = start + Duration::from_millis(step / 10);
            match random % 4 {
                0 | 1 => {
                    let deadline = now + Duration::from_millis(random % 300);
                    let order = timers.armed;
                    let key = timers.arm(deadline, Waker::noop().clone());
                    model.insert((deadline, order), key);
                    keys.push((deadline, order));
                }
                2 if !keys.is_empty() => {
                    let rank = keys.swap_remove(random as usize % keys.len());
                    let key = model.remove(&rank);
                    assert_eq!(
                        key.is_some(),
                        key.is_some_and(|key| timers.cancel(key).is_some())
                    );
                }
                _ => {
                    assert_eq!(timers.next(), model.keys().next().map(|rank| rank.0));
                    let due = model.first_key_value().filter(|(rank, _)| rank.0 <= now);
                    let due = due.map(|(rank, key)| (*rank, *key));
                    assert_eq!(timers.pop_due(now).is_some(), due.is_some());
                    if let Some((rank, key)) = due {
                        model.remove(&rank);
                        assert!(timers.set_waker(key, Waker::noop().clone()).is_err());
                    }
                }
            }
            assert_eq!(timers.len(), model.len());
        }
    }
}
