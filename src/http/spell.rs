//! How long decoding may go on before others get their turn.
//!
//! Owns: the work done since the last pause, in parts of the input and in time.
//!
//! Laws: S03, a spell ends after a bounded number of parts, each of at most
//! [`PART`] bytes of input, and earlier if the clock says so.
//!
//! WHY NOT bytes alone: what a byte costs is the sender's choice. Ordinary content
//! costs ten nanoseconds a byte; a block without content is ten bits and costs
//! microseconds, for its tables are built all the same. Counted in bytes, either a
//! flood of them holds the loop for a tenth of a second, or everybody pays for it.
//! WHY NOT the clock alone: under the virtual clock decoding takes no time.
//!
//! Read next: `content.rs`, which has one per body.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use std::time::{Duration, Instant};

use crate::time;

/// Bytes of input between two looks at the clock.
pub(crate) const PART: usize = 128;

/// Parts of a spell.
const PARTS: u32 = 64;

/// Time of a spell.
const TIME: Duration = Duration::from_micros(100);

/// Work since the last pause.
pub(crate) struct Spell {
    /// Parts of the input that were looked at.
    parts: u32,
    /// Time that took, up to `since`.
    worked: Duration,
    /// Since when we work.
    since: Instant,
}

impl Spell {
    /// Nothing was done yet.
    pub(crate) fn new() -> Spell {
        Spell {
            parts: 0,
            worked: Duration::ZERO,
            since: time::now(),
        }
    }

    /// Work goes on: after a pause in a new spell, otherwise in the old one.
    pub(crate) fn resume(&mut self) {
        if self.is_over() {
            self.parts = 0;
            self.worked = Duration::ZERO;
        }
        self.since = time::now();
    }

    /// A part was done.
    pub(crate) fn part(&mut self) {
        let now = time::now();
        let took = now.saturating_duration_since(self.since);
        self.worked = self.worked.saturating_add(took);
        self.since = now;
        self.parts = self.parts.saturating_add(1);
    }

    /// Is it time for a pause?
    pub(crate) fn is_over(&self) -> bool {
        self.parts >= PARTS || self.worked >= TIME
    }
}

#[cfg(test)]
#[path = "tests/spell.rs"]
mod tests;
