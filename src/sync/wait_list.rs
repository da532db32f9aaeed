//! `WaitList`: who waits, in the order in which they came.
//!
//! Owns: the waiters' wakers, and whatever a waiter brought along (how many
//! permits it wants, the value it wants to send).
//!
//! A waiter lives in three steps: `wait` puts it at the end; `serve` takes the
//! first out of the queue but keeps its place, marked as served; `remove`
//! (always by the future that queued it, when it looks or is dropped) frees the
//! place. All are O(1): the queue is a doubly
//! linked list whose links are indices into one `Vec`.
//!
//! Laws:
//! * A `Key` is made by `wait` and consumed by `remove`, so no key is stale and
//!   no place is freed twice. A future that is forgotten (`mem::forget`) keeps
//!   its place for good; nothing worse happens.
//! * Nothing here runs user code: wakers come in by value and go out by value.
//!   The caller drops and wakes what it is given after its borrow has ended.
//!
//! Absent on purpose: generations in the keys, see the first law.
//!
//! Read next: `semaphore/mod.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// "No place": the end of a chain of links.
const NONE: usize = usize::MAX;

/// Waiters in order of arrival, each with a payload `T`.
pub(super) struct WaitList<T> {
    /// All places: queued, served or free.
    places: Vec<Place<T>>,
    /// The first free place.
    free: usize,
    /// The waiter that is served next.
    first: usize,
    /// The waiter that came last.
    last: usize,
}

/// The right to one place. Deliberately not `Clone`.
#[derive(Debug)]
pub(super) struct Key(usize);

enum Place<T> {
    Free {
        next: usize,
    },
    Queued {
        previous: usize,
        next: usize,
        waker: Waker,
        payload: T,
    },
    Served {
        payload: T,
    },
}

/// Where a waiter stands, seen by its future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It never queued.
    Outside,
    /// It is queued with the waker that asks: nothing to do.
    Waiting,
    /// It is queued with another waker.
    Moved,
    /// It was served.
    Served,
}

impl<T> WaitList<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
            first: NONE,
            last: NONE,
        }
    }

    /// Whether nobody is queued (served waiters are not).
    pub(super) fn is_empty(&self) -> bool {
        self.first == NONE
    }

    /// The payload of the first in the queue.
    pub(super) fn front(&self) -> Option<&T> {
        match self.places.get(self.first)? {
            Place::Queued { payload, .. } => Some(payload),
            _ => None,
        }
    }

    /// Puts a waiter at the end of the queue.
    fn push(&mut self, waker: Waker, payload: T) -> Key {
        let place = Place::Queued {
            previous: self.last,
            next: NONE,
            waker,
            payload,
        };
        let index = match self.places.get(self.free) {
            Some(&Place::Free { next }) => {
                let index = std::mem::replace(&mut self.free, next);
                self.places[index] = place;
                index
            }
            _ => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        self.link_after(self.last, index);
        self.last = index;
        Key(index)
    }

    /// Takes the first out of the queue and marks it as served. The payload may
    /// be changed for the waiter to find; the waker is to be woken.
    pub(super) fn serve(&mut self) -> Option<(&mut T, Waker)> {
        let index = self.first;
        if !matches!(self.places.get(index), Some(Place::Queued { .. })) {
            return None;
        }
        let (payload, waker) = self.unlink(index)?;
        self.places[index] = Place::Served { payload };
        match &mut self.places[index] {
            Place::Served { payload } => Some((payload, waker)),
            _ => None,
        }
    }

    /// Where the waiter with this key stands; `waker` is who asks.
    pub(super) fn standing(&self, key: Option<&Key>, waker: &Waker) -> Standing {
        match key.map(|key| &self.places[key.0]) {
            None => Standing::Outside,
            Some(Place::Queued { waker: own, .. }) if own.will_wake(waker) => Standing::Waiting,
            Some(Place::Queued { .. }) => Standing::Moved,
            Some(_) => Standing::Served,
        }
    }

    /// Queues a newcomer with `payload()`, or gives the waiter another waker.
    /// What comes back is to be dropped after the borrow.
    ///
    /// Cloning the waker came before and was user code: if it made somebody
    /// serve this waiter, the wake went to the old waker, so the new one joins
    /// `wakes`.
    pub(super) fn wait(
        &mut self,
        key: &mut Option<Key>,
        fresh: Waker,
        payload: impl FnOnce() -> T,
        wakes: &mut Wakes,
    ) -> Option<Waker> {
        let Some(key) = key else {
            *key = Some(self.push(fresh, payload()));
            return None;
        };
        match &mut self.places[key.0] {
            Place::Queued { waker, .. } => Some(std::mem::replace(waker, fresh)),
            _ => {
                wakes.push(fresh);
                None
            }
        }
    }

    /// Frees the waiter's place, wherever it stands. Its payload comes back, and
    /// its waker if it was still queued; drop both outside of all borrows.
    pub(super) fn remove(&mut self, key: Key) -> Option<(T, Option<Waker>)> {
        let removed = match self.unlink(key.0) {
            Some((payload, waker)) => (payload, Some(waker)),
            None => match std::mem::replace(&mut self.places[key.0], Place::Free { next: NONE }) {
                Place::Served { payload } => (payload, None),
                _ => return None,
            },
        };
        self.places[key.0] = Place::Free { next: self.free };
        self.free = key.0;
        Some(removed)
    }

    /// Takes a queued place out of the chain; its place is then to be filled.
    fn unlink(&mut self, index: usize) -> Option<(T, Waker)> {
        let place = &mut self.places[index];
        if !matches!(place, Place::Queued { .. }) {
            return None;
        }
        match std::mem::replace(place, Place::Free { next: NONE }) {
            Place::Queued {
                previous,
                next,
                waker,
                payload,
            } => {
                self.link_after(previous, next);
                self.link_before(next, previous);
                Some((payload, waker))
            }
            _ => None,
        }
    }

    /// Makes `target` the follower of `index`, or the first of all.
    fn link_after(&mut self, index: usize, target: usize) {
        match self.places.get_mut(index) {
            Some(Place::Queued { next, .. }) => *next = target,
            _ => self.first = target,
        }
    }

    /// Makes `target` the predecessor of `index`, or the last of all.
    fn link_before(&mut self, index: usize, target: usize) {
        match self.places.get_mut(index) {
            Some(Place::Queued { previous, .. }) => *previous = target,
            _ => self.last = target,
        }
    }
}

/// Wakers collected under a borrow, to be woken after it.
///
/// The first needs no allocation. If one of them panics, the others are woken
/// all the same while the panic goes on.
#[must_use = "the waiters were served: wake them"]
#[derive(Default)]
pub(super) struct Wakes {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Wakes {
    pub(super) fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    /// Wakes all of them, in order. Call it with nothing borrowed.
    pub(super) fn wake(mut self) {
        self.rest.reverse();
        while let Some(waker) = self.first.take().or_else(|| self.rest.pop()) {
            waker.wake();
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        // Only after a panic is anything left here, and a second panic during
        // the first would abort the process.
        while let Some(waker) = self.first.take().or_else(|| self.rest.pop()) {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}
