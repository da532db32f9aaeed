//! Ticks at equal distances.
//!
//! Law: ticks are never early and never pile up unless asked to: what happens to
//! ticks that were missed is a stated choice, [`MissedTicks`].
//!
//! Read next: `io/mod.rs`.

use super::{Sleep, sleep_until};
use crate::clock::instant_after;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Ticks at equal distances; made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    /// Until the next tick.
    sleep: Sleep,
    /// The distance.
    period: Duration,
    /// What happens to ticks that were missed.
    missed: MissedTicks,
}

/// What an [`Interval`] does when its task came late by more than a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// The missed ticks are left out; the next one keeps the original rhythm.
    #[default]
    Skip,
    /// All missed ticks follow at once, until the rhythm is caught up with.
    Burst,
    /// The rhythm starts anew from the late tick.
    Delay,
}

/// The shortest distance: a period of zero would tick without end.
const SHORTEST: Duration = Duration::from_nanos(1);

/// Ticks now and then every `period` (at least 1 ns).
pub fn interval(period: Duration) -> Interval {
    interval_at(super::now(), period)
}

/// Ticks at `start` and then every `period` (at least 1 ns).
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    let (sleep, missed) = (sleep_until(start), MissedTicks::default());
    Interval {
        sleep,
        period: period.max(SHORTEST),
        missed,
    }
}

impl Interval {
    /// What happens to ticks that were missed. Default: they are left out.
    #[must_use]
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Self {
        self.missed = missed;
        self
    }

    /// Waits for the next tick and returns when it was due.
    ///
    /// # Panics
    /// Outside any loop, as [`Sleep`].
    ///
    /// # Cancel safety
    /// A tick that was not returned is not lost.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if Pin::new(&mut self.sleep).poll(cx).is_pending() {
            return Poll::Pending;
        }
        let due = self.sleep.deadline();
        self.sleep.reset(self.next_after(due, super::now()));
        Poll::Ready(due)
    }

    /// The tick after the one that was due at `due` and came at `now`.
    fn next_after(&self, due: Instant, now: Instant) -> Instant {
        let next = instant_after(due, self.period);
        if next > now {
            return next;
        }
        match self.missed {
            MissedTicks::Burst => next,
            MissedTicks::Delay => instant_after(now, self.period),
            MissedTicks::Skip => {
                let late = now.saturating_duration_since(due).as_nanos();
                let period = self.period.as_nanos();
                // Less than a period remains, and a period that was missed fits
                // into 64 bits of nanoseconds (584 years).
                let rest = u64::try_from(period - late % period).unwrap_or(u64::MAX);
                instant_after(now, Duration::from_nanos(rest))
            }
        }
    }
}
