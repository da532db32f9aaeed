//! Codings of codings: the stages of one body, and one step through all of them.
//!
//! Owns: the stages' decoders, and what lies between two of them.
//!
//! Laws: every round of a step moves a byte or is the last. S03, a step ends when the
//! output is full or the spell is over, whatever lies between the codings.
//!
//! Absent on purpose: the limits. `content.rs` holds what was made against them.
//!
//! Read next: `inflate.rs`, one coding.

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

use super::error::Error;
use super::inflate::{Inflater, Wrapping};
use super::kind::{DecodeFault, ErrorKind};
use super::sink::Sink;
use super::spell::Spell;

/// One coding, and the input it has not used yet.
pub(super) struct Stage {
    /// The decoder.
    pub(super) inflater: Inflater,
    /// Input from the stage before. The first stage has none of its own.
    inbox: Sink,
    /// How much of it was used.
    used: usize,
}

impl Stage {
    /// Before the first byte.
    pub(super) fn new(coding: Wrapping) -> Stage {
        Stage {
            inflater: Inflater::new(coding),
            inbox: Sink::default(),
            used: 0,
        }
    }
}

/// Size of the buffer between two codings.
const BETWEEN: usize = 4 * 1024;

/// The bounds of one step.
pub(super) struct Step<'a> {
    /// Bytes the output may hold.
    pub(super) room: usize,
    /// The work that may be done.
    pub(super) spell: &'a mut Spell,
    /// Counts what goes from one coding to the next.
    pub(super) between: &'a mut u64,
}

impl Step<'_> {
    /// Runs `input` through the stages until it is used up, `out` is full or the
    /// spell is over. Every round moves a byte or is the last.
    pub(super) fn run(
        &mut self,
        stages: &mut [Stage],
        input: &[u8],
        out: &mut Sink,
    ) -> Result<usize, Error> {
        let Some((first, behind)) = stages.split_first_mut() else {
            return Ok(0);
        };
        if behind.is_empty() {
            return Ok(first.inflater.decode(input, out, self.room, self.spell)?);
        }
        let mut used = 0usize;
        while self.use_up(behind, out)? == Inbox::Empty {
            let Some(next) = behind.first_mut() else {
                break;
            };
            let rest = input.get(used..).unwrap_or_default();
            let inflater = &mut first.inflater;
            let taken = inflater.decode(rest, &mut next.inbox, BETWEEN, self.spell)?;
            used = used.saturating_add(taken);
            let made = next.inbox.filled().len();
            *self.between = self.between.saturating_add(made as u64);
            if made == 0 {
                break;
            }
        }
        Ok(used)
    }

    /// Runs what lies before the later stages through them.
    fn use_up(&mut self, behind: &mut [Stage], out: &mut Sink) -> Result<Inbox, Error> {
        let Some(next) = behind.first_mut() else {
            return Ok(Inbox::Kept);
        };
        let inbox = std::mem::take(&mut next.inbox);
        let start = next.used;
        let waiting = inbox.filled().get(start..).unwrap_or_default();
        let (taken, all) = (self.run(behind, waiting, out)?, waiting.len());
        let Some(next) = behind.first_mut() else {
            return Ok(Inbox::Kept);
        };
        next.inbox = inbox;
        next.used = start.saturating_add(taken);
        if out.filled().len() >= self.room || self.spell.is_over() {
            return Ok(Inbox::Kept);
        }
        if taken < all {
            return Err(ErrorKind::Decode(DecodeFault::Corrupt).into());
        }
        next.inbox.clear();
        next.used = 0;
        Ok(Inbox::Empty)
    }
}

/// What is left between two codings.
#[derive(PartialEq, Eq)]
enum Inbox {
    /// Nothing: there may be more.
    Empty,
    /// Something, for the next step.
    Kept,
}
