//! "A descriptor was closed": for those who ran out of them.
//!
//! Owns: who on this thread waits for that.
//!
//! Law R14: an accept that failed for want of descriptors is tried again as soon as a
//! source of this thread's loops is closed, and not only when its pause is over.
//!
//! Absent on purpose: descriptors that are no sources (files on the pool, those of
//! other threads). For them there is the pause.
//!
//! Read next: `../net/listener.rs`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

/// Who waits, each with a number of its own on this thread.
struct Waiting {
    /// In the order in which they came.
    wakers: Vec<(u64, Waker)>,
    /// The next number.
    next: u64,
}

thread_local! {
    static WAITING: RefCell<Waiting> = const {
        RefCell::new(Waiting { wakers: Vec::new(), next: 0 })
    };
}

/// A source was closed on this thread. On one that is going away nobody waits.
pub(super) fn source_closed() {
    let take = |waiting: &RefCell<Waiting>| std::mem::take(&mut waiting.borrow_mut().wakers);
    for (_, waker) in WAITING.try_with(take).unwrap_or_default() {
        // LAW T16: a foreign waker that panics takes no other with it.
        drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
    }
}

/// One who waits; leaves the list when it is dropped.
struct Place {
    /// On whose list it is: the future around it may move to another thread, where the
    /// same number is somebody else's.
    thread: ThreadId,
    /// Its number there.
    number: u64,
}

impl Place {
    /// Whether it is on this thread's list.
    fn is_here(&self) -> bool {
        self.thread == thread::current().id()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_here() {
            // Its waker goes with the next source that is closed there.
            return;
        }
        let leave = |waiting: &RefCell<Waiting>| {
            let wakers = &mut waiting.borrow_mut().wakers;
            let at = wakers
                .iter()
                .position(|(number, _)| *number == self.number)?;
            Some(wakers.remove(at))
        };
        // User code, the drop of a waker: outside the borrow.
        drop(WAITING.try_with(leave));
    }
}

/// Waits until a source is closed on this thread. Moved to another one, it is ready at
/// once: what was closed there since it looked last is not known.
pub(crate) async fn next_close() {
    let mut place: Option<Place> = None;
    poll_fn(|cx| {
        if place.as_ref().is_some_and(|place| !place.is_here()) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let before = WAITING.with_borrow_mut(|waiting| match &place {
            None => {
                waiting.next += 1;
                waiting.wakers.push((waiting.next, waker));
                place = Some(Place {
                    thread: thread::current().id(),
                    number: waiting.next,
                });
                Poll::Pending
            }
            Some(Place { number, .. }) => {
                let own = waiting.wakers.iter_mut().find(|(other, _)| other == number);
                // Gone from the list: a source was closed.
                own.map_or(Poll::Ready(None), |(_, old)| {
                    Poll::Ready(Some(std::mem::replace(old, waker)))
                })
            }
        });
        match before {
            Poll::Ready(None) => Poll::Ready(()),
            // The old waker is dropped here, outside the borrow.
            Poll::Ready(Some(_)) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

#[cfg(test)]
#[path = "tests/closing.rs"]
mod tests;
