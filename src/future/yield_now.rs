//! `yield_now`: the shortest future that gives up control.
//!
//! Law S04: a yield puts the task behind everything that is runnable now (under
//! a fair policy), because it is woken like any other task: it asks for its
//! wake first and then says `Pending`.
//!
//! Read next: `join.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives every other runnable task a chance to run before this one continues.
///
/// A task gives up control only where it awaits something that is not ready.
/// A long computation can be cut into pieces with this; better, it belongs on a
/// thread.
///
/// # Cancel safety
/// Nothing can be lost.
#[doc(alias = "checkpoint")]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct YieldNow {
    /// Whether the one `Pending` has been returned.
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
