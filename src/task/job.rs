//! One allocation per task: the future, and later its output, in one box.
//!
//! Owns: `Task`, the box's content; `Job`, what the table sees of it.
//!
//! Laws: T19, the output is visible only after the future was dropped. T02, a
//! finished job is never polled again.
//!
//! Absent on purpose: a hand-made vtable with the output behind a raw pointer.
//! The output leaves through `dyn Any`, which is one type check per join. The
//! pin projection comes from `pin-project-lite` (decision page 0012).
//!
//! Read next: `slot.rs`.

use pin_project_lite::pin_project;
use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future on its way to its output, whatever their types.
pub(crate) trait Job {
    /// Polls the future; on `Ready` it has been dropped and the output is kept.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether the output is here (or was taken).
    fn is_finished(&self) -> bool;

    /// Moves the output into `out`, which must be an `Option` of its type. The box goes.
    fn take_output(self: Pin<Box<Self>>, out: &mut dyn Any);

    /// The payload, where a panic is all that is left of the task.
    fn take_panic(self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        None
    }
}

/// A job in its box.
pub(crate) type BoxedJob = Pin<Box<dyn Job>>;

pin_project! {
    /// A future, then its output.
    #[project = Projected]
    enum Stage<F: Future> {
        /// Not finished.
        Running { #[pin] future: F },
        /// Finished; `None` after the output was taken.
        Finished { output: Option<F::Output> },
    }
}

/// Boxes a future as a job.
pub(crate) fn boxed<F>(future: F) -> BoxedJob
where
    F: Future + 'static,
    F::Output: 'static,
{
    Box::pin(Stage::Running { future })
}

impl<F: Future> Job for Stage<F>
where
    F::Output: 'static,
{
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Projected::Running { future } = self.as_mut().project() else {
            return Poll::Ready(());
        };
        let Poll::Ready(output) = future.poll(cx) else {
            return Poll::Pending;
        };
        // LAW T19: this drops the future first. If its drop panics, the output
        // is in place all the same.
        self.set(Self::Finished {
            output: Some(output),
        });
        Poll::Ready(())
    }

    fn is_finished(&self) -> bool {
        matches!(self, Self::Finished { .. })
    }

    fn take_output(mut self: Pin<Box<Self>>, out: &mut dyn Any) {
        if let Projected::Finished { output } = self.as_mut().project()
            && let Some(out) = out.downcast_mut::<Option<F::Output>>()
        {
            *out = output.take();
        }
    }
}
