//! `Semaphore`: a number of permits, and a queue of those who wait for some.
//!
//! Owns: the count of free permits and the waiters. A permit that is out
//! belongs to its `Permit`, or to a waiter that was served and has not looked
//! yet; it comes back when that is dropped.
//!
//! Laws:
//! * Y02: free + served + out = given, whatever is cancelled when.
//! * Y03: strictly first come, first served. A waiter for many permits holds up
//!   those behind it until there are enough, so it cannot be starved by small
//!   ones; `try_acquire` fails while anybody waits.
//!
//! Absent on purpose: an order other than first come (that is a gate with a
//! policy), and splitting permits.
//!
//! Read next: `sync/notify.rs`, then `sync/channel/mod.rs`.

mod error;

pub use error::{Closed, TryAcquireError};

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, Standing, WaitList, Wakes};
use crate::budget;

/// A counting semaphore for the tasks of one thread.
///
/// `&Semaphore` gives permits that borrow it; `Rc<Semaphore>` gives permits
/// that can be moved into a spawned task, see [`Semaphore::acquire_owned`].
pub struct Semaphore {
    state: RefCell<State>,
}

struct State {
    /// Permits nobody has.
    free: usize,
    /// All permits there are, so that none coming back can overflow `free`.
    given: usize,
    /// Set once; waiters and newcomers fail from then on.
    closed: bool,
    waiters: WaitList<Wish>,
}

/// What a waiter wants, and whether it got it (else it was served by `close`).
struct Wish {
    permits: usize,
    granted: bool,
}

impl Semaphore {
    /// A semaphore with this many permits.
    pub const fn new(permits: usize) -> Self {
        let state = State {
            free: permits,
            given: permits,
            closed: false,
            waiters: WaitList::new(),
        };
        Self {
            state: RefCell::new(state),
        }
    }

    /// Waits for one permit, which comes back when the [`Permit`] is dropped.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    ///
    /// # Cancel safety
    /// Dropping the future gives up its place in the queue and nothing else.
    pub fn acquire(&self) -> Acquire<&Semaphore> {
        self.acquire_many(1)
    }

    /// Waits for `permits` at once. More than there will ever be waits for ever.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub fn acquire_many(&self, permits: usize) -> Acquire<&Semaphore> {
        Acquire {
            semaphore: self,
            permits,
            key: None,
        }
    }

    /// Like [`acquire_many`](Self::acquire_many), with a permit that keeps the
    /// semaphore alive and borrows nothing.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned(self: Rc<Self>, permits: usize) -> Acquire<Rc<Semaphore>> {
        Acquire {
            semaphore: self,
            permits,
            key: None,
        }
    }

    /// Takes `permits` if they are free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError`] says why not.
    pub fn try_acquire(&self, permits: usize) -> Result<Permit<&Semaphore>, TryAcquireError> {
        let mut state = self.state.borrow_mut();
        if state.closed {
            return Err(TryAcquireError::Closed);
        }
        if !state.is_open_to_newcomer(permits) {
            return Err(TryAcquireError::NoPermits);
        }
        state.free -= permits;
        Ok(Permit {
            semaphore: self,
            permits,
        })
    }

    /// How many permits nobody has.
    pub fn available_permits(&self) -> usize {
        self.state.borrow().free
    }

    /// Adds permits.
    ///
    /// # Panics
    /// If there would be more than `usize::MAX` in all.
    pub fn add_permits(&self, permits: usize) {
        let given = self.state.borrow().given.checked_add(permits);
        let given = given.expect("a semaphore cannot have more than usize::MAX permits");
        self.change(|state| {
            state.given = given;
            state.free += permits;
        });
    }

    /// Lets every waiter and every later `acquire` fail. Permits that are out,
    /// or granted to a waiter that has not looked yet, stay valid.
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Changes the state, then serves whom the change allows to serve.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut wakes = Wakes::default();
        let mut state = self.state.borrow_mut();
        change(&mut state);
        state.settle(&mut wakes);
        drop(state);
        wakes.wake();
    }
}

impl State {
    /// May one who has not waited yet take `permits` now?
    fn is_open_to_newcomer(&self, permits: usize) -> bool {
        self.waiters.is_empty() && self.free >= permits
    }

    /// Serves waiters from the front: all of them once closed, else as long as
    /// there is enough for the first.
    fn settle(&mut self, wakes: &mut Wakes) {
        while let Some(wish) = self.waiters.front() {
            let left = self.free.checked_sub(wish.permits);
            if !self.closed && left.is_none() {
                return;
            }
            let Some((wish, waker)) = self.waiters.serve() else {
                return;
            };
            wakes.push(waker);
            if !self.closed
                && let Some(left) = left
            {
                self.free = left;
                wish.granted = true;
            }
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        f.debug_struct("Semaphore")
            .field("free", &state.free)
            .field("closed", &state.closed)
            .field("waiters", &!state.waiters.is_empty())
            .finish()
    }
}

/// The future of [`Semaphore::acquire`]; `S` is `&Semaphore` or `Rc<Semaphore>`.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Acquire<S: Deref<Target = Semaphore> + Clone + Unpin> {
    semaphore: S,
    permits: usize,
    /// Our place in the queue, once we wait.
    key: Option<Key>,
}

impl<S: Deref<Target = Semaphore> + Clone + Unpin> Future for Acquire<S> {
    type Output = Result<Permit<S>, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let state = this.semaphore.state.borrow();
        let standing = state.waiters.standing(this.key.as_ref(), cx.waker());
        let ready = match standing {
            Standing::Outside => state.closed || state.is_open_to_newcomer(this.permits),
            _ => standing == Standing::Served,
        };
        drop(state);
        if ready {
            ready!(budget::spend(cx));
            return Poll::Ready(this.take());
        }
        if standing != Standing::Waiting {
            this.wait(cx);
        }
        Poll::Pending
    }
}

impl<S: Deref<Target = Semaphore> + Clone + Unpin> Acquire<S> {
    /// Takes what `poll` found to be there.
    fn take(&mut self) -> Result<Permit<S>, Closed> {
        let mut state = self.semaphore.state.borrow_mut();
        let granted = match self.key.take() {
            Some(key) => state
                .waiters
                .remove(key)
                .is_some_and(|(wish, _)| wish.granted),
            None if state.closed => false,
            None => {
                state.free -= self.permits;
                true
            }
        };
        drop(state);
        let permits = self.permits;
        granted
            .then(|| Permit {
                semaphore: self.semaphore.clone(),
                permits,
            })
            .ok_or(Closed)
    }

    /// Queues, or changes the waker with which we are queued.
    fn wait(&mut self, cx: &Context<'_>) {
        let fresh = cx.waker().clone();
        let mut wakes = Wakes::default();
        let mut state = self.semaphore.state.borrow_mut();
        let wish = || Wish {
            permits: self.permits,
            granted: false,
        };
        let old = state.waiters.wait(&mut self.key, fresh, wish, &mut wakes);
        // WHY NOT leave it out: cloning the waker was user code, and may have
        // released permits or closed us after we looked.
        state.settle(&mut wakes);
        drop(state);
        drop(old);
        wakes.wake();
    }
}

impl<S: Deref<Target = Semaphore> + Clone + Unpin> Drop for Acquire<S> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut removed = None;
        // LAW Y02: permits that nobody will take go back; and a wish that is
        // given up may have held up smaller ones behind it.
        self.semaphore.change(|state| {
            removed = state.waiters.remove(key);
            if let Some((wish, _)) = &removed
                && wish.granted
            {
                state.free += wish.permits;
            }
        });
    }
}

/// Permits of a [`Semaphore`]; dropping it gives them back.
#[must_use = "the permits go back when this is dropped"]
pub struct Permit<S: Deref<Target = Semaphore>> {
    semaphore: S,
    permits: usize,
}

impl<S: Deref<Target = Semaphore>> Permit<S> {
    /// How many permits this is.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Takes the permits out of circulation for good.
    pub fn forget(mut self) {
        let permits = std::mem::take(&mut self.permits);
        self.semaphore.state.borrow_mut().given -= permits;
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Permit<S> {
    fn drop(&mut self) {
        self.semaphore.change(|state| state.free += self.permits);
    }
}

impl<S: Deref<Target = Semaphore>> fmt::Debug for Permit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("permits", &self.permits)
            .finish()
    }
}

impl<S: Deref<Target = Semaphore> + Clone + Unpin> fmt::Debug for Acquire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("permits", &self.permits)
            .field("queued", &self.key.is_some())
            .finish()
    }
}
