//! Instants as numbers, for ranks that add and subtract them.
//!
//! The zero is the first instant seen, so the numbers are the same in every run of
//! the same program; an `Instant` has no arithmetic below zero.

use std::time::Instant;

/// Nanoseconds since the first instant that was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timeline(Option<Instant>);

impl Timeline {
    /// `instant` as a number; negative before the zero.
    pub(super) fn at(&mut self, instant: Instant) -> i128 {
        let zero = *self.0.get_or_insert(instant);
        let after = instant.saturating_duration_since(zero).as_nanos();
        let before = zero.saturating_duration_since(instant).as_nanos();
        // A `Duration` has 94 bits of nanoseconds.
        after as i128 - before as i128
    }
}
