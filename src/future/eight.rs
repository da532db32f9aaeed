//! Eight children in one box: pinned, each in its place.
//!
//! Owns: futures of one type, and their outputs until they are asked for.
//!
//! The obvious form is a box for each child: that pins them one by one. A child that
//! yields three times then costs as much for its box as for all of its polls. Safe code
//! cannot pin the elements of an array one by one, but it can pin the fields of a
//! struct (decision page 0012), so there are eight fields.
//!
//! Absent on purpose: any knowledge of who was woken.
//!
//! Read next: `children_woken.rs`.

use pin_project_lite::pin_project;
use std::future::Future;
use std::iter::Fuse;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many children share a box.
pub(super) const EIGHT: usize = 8;

pin_project! {
    /// One place: a future, then its output.
    #[project = ChildPinned]
    pub(super) enum Child<F: Future> {
        /// Not finished.
        Waiting { #[pin] future: F },
        /// Finished; `None` where there is no child, and once the output was taken.
        Done { output: Option<F::Output> },
    }
}

pin_project! {
    /// Eight places.
    #[project = EightPinned]
    pub(super) struct Eight<F: Future> {
        #[pin] a: Child<F>,
        #[pin] b: Child<F>,
        #[pin] c: Child<F>,
        #[pin] d: Child<F>,
        #[pin] e: Child<F>,
        #[pin] f: Child<F>,
        #[pin] g: Child<F>,
        #[pin] h: Child<F>,
    }
}

impl<F: Future> Eight<F> {
    /// The next eight futures, and how many there were; `None` if there is none. Behind the
    /// last it asks for more, and must be told again that there is none.
    pub(super) fn take_from(futures: &mut Fuse<impl Iterator<Item = F>>) -> Option<(Self, usize)> {
        let mut count = 0;
        let mut next = || {
            let future = futures.next();
            count += usize::from(future.is_some());
            future.map_or(Child::Done { output: None }, |future| Child::Waiting {
                future,
            })
        };
        let eight = Self {
            a: next(),
            b: next(),
            c: next(),
            d: next(),
            e: next(),
            f: next(),
            g: next(),
            h: next(),
        };
        (count > 0).then_some((eight, count))
    }

    /// The child at a place.
    #[inline]
    pub(super) fn at(self: Pin<&mut Self>, place: usize) -> Pin<&mut Child<F>> {
        let EightPinned {
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
        } = self.project();
        match place % EIGHT {
            0 => a,
            1 => b,
            2 => c,
            3 => d,
            4 => e,
            5 => f,
            6 => g,
            _ => h,
        }
    }
}

impl<F: Future> Child<F> {
    /// Polls the child unless it has finished; `waiting` counts down when it does.
    #[inline]
    pub(super) fn poll(mut self: Pin<&mut Self>, waiting: &mut usize, cx: &mut Context<'_>) {
        let ChildPinned::Waiting { future } = self.as_mut().project() else {
            return;
        };
        if let Poll::Ready(output) = future.poll(cx) {
            *waiting -= 1;
            // Last: it drops the future, which is user code and may panic. The output is
            // in place all the same.
            self.set(Self::Done {
                output: Some(output),
            });
        }
    }

    /// The output, once.
    pub(super) fn take_output(self: Pin<&mut Self>) -> Option<F::Output> {
        match self.project() {
            ChildPinned::Waiting { .. } => None,
            ChildPinned::Done { output } => output.take(),
        }
    }
}
