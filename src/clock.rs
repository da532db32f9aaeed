//! The clock of a loop: real time, or virtual time that jumps.
//!
//! Owns: the current virtual instant. Real time is the system's monotonic clock.
//!
//! Laws: this is the only file that reads the system's clock; time never goes
//! back; arithmetic on it never overflows ("too far to say" means never).
//!
//! Absent on purpose: wall-clock time. Nothing in a loop depends on the date.
//!
//! Read next: `mailbox.rs`.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Where a loop takes its time from.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The system's monotonic clock, and what it said at the last look.
    Real(Cell<Instant>),
    /// Time that stands still while tasks run and jumps when all of them wait.
    Virtual(Cell<Instant>),
}

impl Clock {
    /// Real time.
    pub(crate) fn real() -> Self {
        Self::Real(Cell::new(Instant::now()))
    }

    /// Virtual time; it starts at the present instant and then stands still.
    pub(crate) fn virtual_time() -> Self {
        Self::Virtual(Cell::new(Instant::now()))
    }

    /// The present instant.
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        if let Self::Real(seen) = self {
            seen.set(Instant::now());
        }
        self.last_look()
    }

    /// What the clock said at the last look, which was in this turn: enough for whoever
    /// must not be early.
    #[inline]
    pub(crate) fn last_look(&self) -> Instant {
        match self {
            Self::Real(seen) | Self::Virtual(seen) => seen.get(),
        }
    }

    /// Whether time stands still while tasks run.
    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Moves virtual time forward to `instant`; real time moves by itself.
    pub(crate) fn jump_to(&self, instant: Instant) {
        if let Self::Virtual(now) = self
            && instant > now.get()
        {
            now.set(instant);
        }
    }

    /// Moves virtual time forward by `step`; one that overflows changes nothing.
    pub(crate) fn advance(&self, step: Duration) {
        if let Some(instant) = self.now().checked_add(step) {
            self.jump_to(instant);
        }
    }
}

/// So far away that it counts as never: a hundred years.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The instant `delay` after `now`; delays that overflow become a far instant
/// that [`never()`] tells.
pub(crate) fn instant_after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay.min(NEVER)).unwrap_or(now)
}

/// From here on an instant is as good as never for a loop that began at `start`.
pub(crate) fn never(start: Instant) -> Instant {
    instant_after(start, NEVER)
}

/// The present instant of the system, for code that runs in no loop.
pub(crate) fn system_now() -> Instant {
    Instant::now()
}
