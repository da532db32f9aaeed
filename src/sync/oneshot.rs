//! `oneshot`: one value from one task to another, once.
//!
//! Owns: the value between `send` and its receipt, and one waker per side.
//!
//! Laws:
//! * The value is received, or given back by `send`, or dropped exactly once
//!   with the receiver; it is never dropped under a borrow.
//! * Each side learns that the other is gone: the receiver by `Err(Closed)`,
//!   the sender by `closed()` and by `send`'s `Err(value)`.
//!
//! Read next: `channel/mod.rs`.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::budget;

/// A channel for one value.
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let state = State {
        value: None,
        receiver: Side::Here(None),
        sender: Side::Here(None),
    };
    let state = Rc::new(RefCell::new(state));
    (
        Sender {
            state: state.clone(),
        },
        Receiver { state },
    )
}

struct State<T> {
    value: Option<T>,
    receiver: Side,
    sender: Side,
}

/// One end of the channel.
enum Side {
    /// It exists, and perhaps waits.
    Here(Option<Waker>),
    /// It was dropped, or closed, or it has sent.
    Gone,
}

/// The end that sends.
#[must_use = "dropping the sender is an error for the receiver"]
pub struct Sender<T> {
    state: Rc<RefCell<State<T>>>,
}

/// The end that waits: a future of the value.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receiver<T> {
    state: Rc<RefCell<State<T>>>,
}

/// There is no value and there will be none: the sender was dropped, or the
/// value has been taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// What [`Receiver::try_recv`] found instead of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing was sent yet.
    Empty,
    /// Nothing will come any more.
    Closed,
}

impl<T> Sender<T> {
    /// Sends the value and wakes the receiver.
    ///
    /// # Errors
    /// The value itself, if the receiver is gone or was closed.
    pub fn send(self, value: T) -> Result<(), T> {
        let mut state = self.state.borrow_mut();
        let Side::Here(waker) = &mut state.receiver else {
            return Err(value);
        };
        let waker = waker.take();
        state.value = Some(value);
        // Before the wake: who is woken must find the sender gone.
        let own = std::mem::replace(&mut state.sender, Side::Gone);
        drop(state);
        drop(own);
        wake(waker);
        Ok(())
    }

    /// Whether a `send` would fail.
    pub fn is_closed(&self) -> bool {
        matches!(self.state.borrow().receiver, Side::Gone)
    }

    /// Waits until the receiver is gone or closed: nobody wants the value.
    ///
    /// # Cancel safety
    /// Nothing can be lost.
    pub async fn closed(&mut self) {
        poll_fn(|cx| {
            if self.is_closed() {
                return budget::spend(cx);
            }
            park(&self.state, |state| &mut state.sender, cx);
            if self.is_closed() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        let own = std::mem::replace(&mut state.sender, Side::Gone);
        let waker = match &mut state.receiver {
            // After a send there is nothing new to tell.
            Side::Here(waker) if matches!(own, Side::Here(_)) => waker.take(),
            _ => None,
        };
        drop(state);
        drop(own);
        wake(waker);
    }
}

impl<T> Receiver<T> {
    /// Takes the value if it is there.
    ///
    /// # Errors
    /// [`TryRecvError`] says whether it may still come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut state = self.state.borrow_mut();
        match (state.value.take(), &state.sender) {
            (Some(value), _) => Ok(value),
            (None, Side::Here(_)) if matches!(state.receiver, Side::Here(_)) => {
                Err(TryRecvError::Empty)
            }
            _ => Err(TryRecvError::Closed),
        }
    }

    /// Refuses a value that was not sent yet. One that was can still be taken.
    pub fn close(&mut self) {
        let mut state = self.state.borrow_mut();
        let own = std::mem::replace(&mut state.receiver, Side::Gone);
        let waker = match &mut state.sender {
            Side::Here(waker) => waker.take(),
            Side::Gone => None,
        };
        drop(state);
        drop(own);
        wake(waker);
    }

    /// Whether polling would return at once.
    fn is_settled(&self) -> bool {
        let state = self.state.borrow();
        state.value.is_some()
            || matches!(state.sender, Side::Gone)
            || matches!(state.receiver, Side::Gone)
    }
}

/// # Cancel safety
/// Polling through `&mut receiver` loses nothing. Dropping the receiver drops
/// the value with it, unless it is closed and asked with
/// [`try_recv`](Receiver::try_recv) first.
impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.is_settled() {
            ready!(budget::spend(cx));
        } else {
            park(&this.state, |state| &mut state.receiver, cx);
            if !this.is_settled() {
                return Poll::Pending;
            }
        }
        Poll::Ready(this.try_recv().map_err(|_| Closed))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        let value = self.state.borrow_mut().value.take();
        drop(value);
    }
}

/// Leaves the waker at one side, unless it is there already.
fn park<T>(state: &RefCell<State<T>>, side: fn(&mut State<T>) -> &mut Side, cx: &Context<'_>) {
    match side(&mut state.borrow_mut()) {
        Side::Here(Some(waker)) if waker.will_wake(cx.waker()) => return,
        _ => {}
    }
    let fresh = cx.waker().clone();
    let old = match side(&mut state.borrow_mut()) {
        Side::Here(waker) => waker.replace(fresh),
        Side::Gone => Some(fresh),
    };
    drop(old);
}

/// Wakes who waited, if anybody did.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Sender")
            .field("closed", &self.is_closed())
            .finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("oneshot::Receiver")
            .field("settled", &self.is_settled())
            .finish()
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other end of the oneshot channel is gone")
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing was sent yet"),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl std::error::Error for Closed {}
impl std::error::Error for TryRecvError {}
