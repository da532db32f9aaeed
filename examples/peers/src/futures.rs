//! The smallest futures the rows are made of, the same for every competitor.
//!
//! Owns: two bells of this thread, which the ping-pong rings.
//!
//! Laws: every future here is `Send`, because `tokio::spawn` asks for it even on one
//! thread; so what two tasks share is a variable of the thread, not an `Rc`.
//!
//! Read next: `rows.rs`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Pending once, waking itself: the smallest yield.
pub struct Yield(bool);

/// Lets others run once.
pub fn yield_now() -> Yield {
    Yield(false)
}

impl Future for Yield {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// One waiter's bell: rung or not, and who waits for it.
struct Bell {
    rung: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Bell {
    const fn new() -> Self {
        Bell {
            rung: Cell::new(false),
            waiter: RefCell::new(None),
        }
    }
}

thread_local! {
    /// The bells of this thread.
    // WHY NOT drop them: a variable with a destructor asks on each access whether it
    // still lives. These are empty when the thread ends.
    static BELLS: ManuallyDrop<[Bell; 2]> = const { ManuallyDrop::new([Bell::new(), Bell::new()]) };
}

/// Rings bell `number` and wakes who waits for it.
#[inline]
pub fn ring(number: usize) {
    let waiter = BELLS.with(|bells| {
        bells[number].rung.set(true);
        bells[number].waiter.take()
    });
    if let Some(waker) = waiter {
        waker.wake();
    }
}

/// Waits until bell `number` is rung, and silences it.
pub fn rung(number: usize) -> Rung {
    Rung(number)
}

/// Made by [`rung`].
pub struct Rung(usize);

impl Future for Rung {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        BELLS.with(|bells| {
            let bell = &bells[self.0];
            if bell.rung.replace(false) {
                return Poll::Ready(());
            }
            let mut waiter = bell.waiter.borrow_mut();
            match &*waiter {
                Some(known) if known.will_wake(cx.waker()) => {}
                _ => *waiter = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
    }
}

thread_local! {
    static STARTED: Cell<u64> = const { Cell::new(0) };
}

/// Counts a task that was polled for the first time.
pub fn started() {
    STARTED.set(STARTED.get() + 1);
}

/// Yields until `count` tasks have called [`started`], and a few times more, so that
/// they have all come to rest.
pub async fn all_started(count: u64) {
    while STARTED.get() < count {
        yield_now().await;
    }
    for _ in 0..10 {
        yield_now().await;
    }
}

/// A task that leaves its waker somewhere and is never woken.
pub async fn never() {
    started();
    std::future::poll_fn(|cx| {
        // On purpose: a waker that is kept for ever is what the row is about.
        std::mem::forget(cx.waker().clone());
        Poll::<()>::Pending
    })
    .await;
}
