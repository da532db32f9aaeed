//! `poll_once`: look at a future without waiting for it.
//!
//! Read next: `sync/mod.rs`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls `future` once, with the waker of the caller's task, and returns its
/// output if it had one.
///
/// Pass `&mut future` (of a pinned or `Unpin` future) to keep it when it is not
/// ready yet; a future passed by value is dropped then.
///
/// # Cancel safety
/// It never waits, so there is nothing to cancel.
pub async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
