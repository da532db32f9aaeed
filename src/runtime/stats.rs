//! What a loop counts: its turns, polls and waits, and the print of its schedule.
//!
//! Owns: two plain records; `LoopState` keeps one of each.
//!
//! Laws: S06, the same program with the same seed has the same schedule hash, on
//! every machine: no instant, no address and no order of a hash map goes into it.
//!
//! Absent on purpose: histograms. An observer sees every event and can make them.
//!
//! Read next: `current.rs`.

use std::fmt;
use std::time::Duration;

/// What a loop has done so far.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Turns of the loop.
    pub turns: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Tasks that have ended, cancelled ones included.
    pub tasks_done: u64,
    /// Waits in the operating system, those without a timeout of zero.
    pub waits: u64,
    /// Time in those waits.
    pub waited: Duration,
    /// Time since the loop began to run, in all runs together.
    pub running: Duration,
}

/// A fingerprint of a schedule: which task was polled when, in which order.
///
/// Under the virtual clock the same program with the same seed has the same
/// hash, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleHash {
    /// FNV-1a over names, order and offsets from the start.
    pub value: u64,
    /// False once another thread has woken a task: its timing is not repeatable.
    pub repeatable: bool,
}

impl ScheduleHash {
    /// The hash of an empty schedule.
    pub(crate) const EMPTY: Self = Self {
        value: 0xcbf2_9ce4_8422_2325,
        repeatable: true,
    };

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.value = (self.value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Display for ScheduleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value)?;
        if self.repeatable {
            Ok(())
        } else {
            f.write_str(" (not repeatable)")
        }
    }
}

impl Stats {
    /// Time in which the loop did something.
    pub fn busy(&self) -> Duration {
        self.running.saturating_sub(self.waited)
    }
}
