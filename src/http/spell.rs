//! How long decoding may go on before others get their turn.
//!
//! Owns: the work done since the last pause, in parts of the input and in time.
//!
//! Laws: S03, a spell ends after a bounded number of parts, each of a bounded number
//! of bytes, and earlier if the clock says so.
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
const PART: usize = 256;

/// The same once a part of this body was slow: few enough to be soon over, however
/// slow they are.
const SMALL_PART: usize = 32;

/// Longer than this, a part is slow. An ordinary one takes some 3 microseconds.
const SLOW: Duration = Duration::from_micros(20);

/// Parts of a spell.
const PARTS: u32 = 64;

/// Time of a spell.
const TIME: Duration = Duration::from_micros(50);

/// Work since the last pause.
pub(crate) struct Spell {
    /// Parts of the input that were looked at.
    parts: u32,
    /// Time that took, up to `since`.
    worked: Duration,
    /// Since when we work.
    since: Instant,
    /// Bytes of the next part.
    size: usize,
}

impl Spell {
    /// Nothing was done yet.
    pub(crate) fn new() -> Spell {
        Spell {
            parts: 0,
            worked: Duration::ZERO,
            since: time::now(),
            size: PART,
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
        if took > SLOW {
            self.size = SMALL_PART;
        }
        self.since = now;
        self.parts = self.parts.saturating_add(1);
    }

    /// Bytes of input that the next part may have.
    pub(crate) fn part_size(&self) -> usize {
        self.size
    }

    /// Is it time for a pause?
    pub(crate) fn is_over(&self) -> bool {
        self.parts >= PARTS || self.worked >= TIME
    }
}

#[cfg(test)]
#[path = "tests/spell.rs"]
mod tests;
