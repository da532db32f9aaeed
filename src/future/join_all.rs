//! `join_all`: many futures of one type at once, inside one task.
//!
//! Owns: the children, eight to a box, until all have finished.
//!
//! The obvious form polls every child on every wake: a thousand downloads that
//! make a hundred steps each then cost a hundred million polls. From
//! `FEW` children on, each child therefore gets a waker of its own, which
//! writes the child's number on the list and wakes the parent, and a poll of
//! the parent visits only who is on the list.
//!
//! Laws:
//! * Work per poll is O(woken), and one poll visits each child at most once: a
//!   child that wakes itself is visited by the next poll.
//!
//! Read next: `eight.rs`, `children_woken.rs`, then `poll_once.rs`.

use super::children_woken::ChildrenWoken;
use super::eight::{EIGHT, Eight};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Below this many children, polling all of them is cheaper than the list.
const FEW: usize = 16;

/// Runs any number of futures at once, inside the caller's task, and returns
/// their outputs in the order given.
///
/// # Cancel safety
/// Dropping it drops the futures that have not finished and the outputs of
/// those that have.
#[doc(alias = "gather")]
pub fn join_all<I>(futures: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Future,
{
    let mut futures = futures.into_iter().fuse();
    let (mut boxes, mut count) = (Vec::with_capacity(futures.size_hint().0.div_ceil(EIGHT)), 0);
    while let Some((eight, more)) = Eight::take_from(&mut futures) {
        boxes.push(Box::pin(eight));
        count += more;
    }
    JoinAll {
        boxes,
        count,
        waiting: count,
        woken: (count >= FEW).then(|| ChildrenWoken::new(count)),
    }
}

/// The future of [`join_all`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct JoinAll<F: Future> {
    /// The children, in the order given.
    boxes: Vec<Pin<Box<Eight<F>>>>,
    /// How many there are.
    count: usize,
    /// How many of them have not finished.
    waiting: usize,
    /// Who was woken; `None` when there are few, who are all polled each time.
    woken: Option<ChildrenWoken>,
}

// Outputs are never pinned, and the children are pinned in their own boxes.
impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> std::fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinAll")
            .field("children", &self.count)
            .field("waiting", &self.waiting)
            .finish()
    }
}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            boxes,
            count,
            waiting,
            woken,
        } = self.get_mut();
        match woken {
            None => {
                for number in 0..*count {
                    boxes[number / EIGHT].as_mut().at(number).poll(waiting, cx);
                }
            }
            Some(woken) => {
                for _ in 0..woken.arm(cx) {
                    let Some((number, waker)) = woken.pop() else {
                        break;
                    };
                    let mut cx = Context::from_waker(waker);
                    boxes[number / EIGHT]
                        .as_mut()
                        .at(number)
                        .poll(waiting, &mut cx);
                }
            }
        }
        if *waiting > 0 {
            return Poll::Pending;
        }
        let mut boxes = std::mem::take(boxes);
        let child = |number: usize| boxes[number / EIGHT].as_mut().at(number).take_output();
        Poll::Ready((0..std::mem::take(count)).filter_map(child).collect())
    }
}

impl<F: Future> Drop for JoinAll<F> {
    fn drop(&mut self) {
        if let Some(woken) = self.woken.take() {
            woken.retire();
        }
    }
}
