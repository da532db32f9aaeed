//! Waiting for time.
//!
//! Laws: C01, never early. C05, extreme durations neither overflow nor spin nor
//! panic: what cannot be represented is never. C09, a value that is ready wins
//! over its timeout.
//!
//! Read in this order: `sleep.rs` (a whole leaf future), `timeout.rs`, `interval.rs`.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};

use crate::clock;
use crate::runtime::current;
use std::time::{Duration, Instant};

/// The present instant: of this thread's loop, whose clock may be virtual; of the
/// system where no loop runs.
pub fn now() -> Instant {
    current::with(|state| state.clock.now()).unwrap_or_else(|_| clock::system_now())
}

/// Uses the processor for `duration`, as the clock of this thread's loop sees it:
/// virtual time moves forward, real time is spent spinning.
///
/// This is what stands for computation in experiments: the same program shows its
/// schedule under both clocks. No other task runs meanwhile.
pub fn work(duration: Duration) {
    let until = clock::instant_after(now(), duration);
    let moved = current::with(|state| {
        state
            .clock
            .is_virtual()
            .then(|| state.clock.advance(duration))
            .is_some()
    });
    if moved != Ok(true) {
        while now() < until {
            std::hint::spin_loop();
        }
    }
}
