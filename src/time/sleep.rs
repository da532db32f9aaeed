//! `Sleep`: the smallest leaf future, and the pattern of all others.
//!
//! It holds plain data: the deadline, the number of its loop and the key of its
//! timer. It finds its loop when it is polled; so it is `Send`, at no cost.
//!
//! Read next: `timeout.rs`.

use crate::budget;
use crate::clock::instant_after;
use crate::driver::timers::TimerKey;
use crate::runtime::{WrongLoop, current};
use std::future::Future;
use std::num::NonZero;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

/// Waits until its deadline; made by [`sleep`] and [`sleep_until`].
///
/// It goes by the loop's last look at the clock: a deadline that has passed since then
/// is over at the end of the turn.
///
/// # Panics
/// When it is polled outside any loop, or on another loop than the one that armed
/// it.
///
/// # Cancel safety
/// Dropping it cancels the timer at once.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    /// When it ends.
    deadline: Instant,
    /// The timer, once it was polled.
    timer: Option<Timer>,
}

/// An armed timer.
#[derive(Clone, Copy, Debug)]
struct Timer {
    /// The loop it is armed on; not zero, so that "no timer" needs no room of its own.
    loop_id: NonZero<u64>,
    /// Its name there.
    key: TimerKey,
}

/// Waits for `duration`. Durations beyond a hundred years last for ever.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(instant_after(super::now(), duration))
}

/// Waits until `deadline`.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        timer: None,
    }
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits until `deadline` instead, whether or not it was over.
    pub fn reset(&mut self, deadline: Instant) {
        self.cancel();
        self.deadline = deadline;
    }

    /// Whether the deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        self.deadline <= super::now()
    }

    fn cancel(&mut self) {
        let Some(Timer { loop_id, key }) = self.timer.take() else {
            return;
        };
        // LAW T5: the waker leaves the loop before it is dropped.
        let loop_id = loop_id.get();
        current::give_back(
            loop_id,
            move |state| state.timers.borrow_mut().cancel(key),
            drop,
        );
    }

    /// Arms the timer, or makes sure that it will wake this waker.
    fn arm(&mut self, waker: &Waker) -> Result<(), WrongLoop> {
        let deadline = self.deadline;
        let Some(Timer { loop_id, key }) = self.timer else {
            // LAW T5: a foreign waker's clone and drop are user code.
            let waker = waker.clone();
            self.timer = Some(current::with(|state| Timer {
                loop_id: NonZero::new(state.id).expect("loops are counted from one"),
                key: state.timers.borrow_mut().arm(deadline, waker),
            })?);
            return Ok(());
        };
        if current::with_loop(loop_id.get(), |state| {
            state.timers.borrow().wakes(key, waker)
        })? {
            return Ok(());
        }
        let waker = waker.clone();
        let (key, old) = current::with_loop(loop_id.get(), |state| {
            let mut timers = state.timers.borrow_mut();
            match timers.set_waker(key, waker) {
                Ok(old) => (key, Some(old)),
                // It fired, and the deadline has not come: it lies so far away that
                // the loop's clock took a rest in between.
                Err(waker) => (timers.arm(deadline, waker), None),
            }
        })?;
        self.timer = Some(Timer { loop_id, key });
        drop(old);
        Ok(())
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // LAW S03: `loop { sleep(ZERO).await }` comes back to the loop.
        ready!(budget::spend(cx));
        budget::lend(|| self.poll_deadline(cx.waker()))
    }
}

impl Sleep {
    /// Waits without a look at the clock, which said a moment ago that there is time
    /// left. If that has passed meanwhile, the timer wakes in the next turn.
    pub(crate) fn begin(&mut self, waker: &Waker) {
        if let Err(error) = self.arm(waker) {
            panic!("sleep: {error}");
        }
    }

    /// The poll of a timer that guards something else: whatever that has spent, the
    /// deadline counts (law C10).
    pub(crate) fn poll_deadline(&mut self, waker: &Waker) -> Poll<()> {
        // WHY NOT another look at the clock: who is over by now, and was not at the last
        // look, is woken at the end of this turn.
        let clock = current::with(|state| (state.clock.last_look(), state.never));
        let (now, never) = clock.unwrap_or_else(|error| panic!("sleep: {error}"));
        // LAW C01: only the clock says that it is over.
        if self.deadline <= now && self.deadline < never {
            self.cancel();
            return Poll::Ready(());
        }
        if let Err(error) = self.arm(waker) {
            panic!("sleep: {error}");
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
