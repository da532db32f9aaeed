//! Content codings: from the bytes of the message to the bytes of the resource.
//!
//! Owns: the chain of decoders of one body and the buffer their output goes to.
//!
//! Laws: output is produced in bounded steps into one buffer, and counted
//! before it is produced: a step never makes more than the limit still allows
//! plus one byte. The number of codings is bounded. A stream that is cut off or
//! damaged is an error, however complete the message was. A body without a byte
//! is an empty resource, whatever it is labelled with. S03, a step does no more work
//! than a spell allows, whether anything comes out or not.
//!
//! Absent on purpose: br and zstd (no such crate in the tree). They are not
//! asked for; a server that sends them all the same has its bytes delivered as
//! they are, with a quirk.
//!
//! Read next: `chain.rs`, codings of codings; `spell.rs`, when to pause.

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

#[cfg(feature = "gzip")]
use super::chain::{Stage, Step};
use super::error::Error;
use super::headers::Headers;
#[cfg(feature = "gzip")]
use super::inflate::Wrapping;
use super::kind::ErrorKind;
use super::limits::{Limit, Limits};
use super::quirk::{Quirk, Quirks};
#[cfg(feature = "gzip")]
use super::sink::Sink;
#[cfg(feature = "gzip")]
use super::spell::Spell;
use super::syntax;

/// What we ask servers for, as a line; nothing without the feature `gzip`.
pub(crate) const ACCEPT_ENCODING: &[u8] = if cfg!(feature = "gzip") {
    b"Accept-Encoding: gzip, deflate\r\n"
} else {
    b""
};

/// Decoded bytes up to which the ratio is not looked at.
#[cfg(feature = "gzip")]
const RATIO_FREE: u64 = 1024 * 1024;

/// What the fields of a head say about the content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// Nothing to undo.
    Identity,
    /// A coding we cannot undo: the bytes are delivered as they are.
    Unknown,
    /// More codings than allowed.
    TooMany,
    /// To be undone from the last to the first.
    #[cfg(feature = "gzip")]
    Coded(Vec<Wrapping>),
}

/// Reads `Content-Encoding`: a list over all its fields.
pub(crate) fn plan(headers: &Headers, limits: &Limits) -> Plan {
    #[cfg(feature = "gzip")]
    let mut codings = Vec::new();
    let mut members = 0usize;
    let mut unknown = false;
    for value in headers.get_all("content-encoding") {
        for member in syntax::members(value).filter(|m| !m.is_empty()) {
            members = members.saturating_add(1);
            if members > limits.codings {
                return Plan::TooMany;
            }
            if member.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            #[cfg(feature = "gzip")]
            if let Some(coding) = Wrapping::of(member) {
                codings.push(coding);
                continue;
            }
            unknown = true;
        }
    }
    if unknown {
        return Plan::Unknown;
    }
    #[cfg(feature = "gzip")]
    if !codings.is_empty() {
        return Plan::Coded(codings);
    }
    Plan::Identity
}

/// Undoes the codings of one body.
#[cfg(feature = "gzip")]
pub(crate) struct Decoder {
    /// The coding that was applied last comes first.
    stages: Vec<Stage>,
    /// What the last step produced.
    out: Sink,
    /// Bytes that went in.
    encoded: u64,
    /// Bytes that came out.
    decoded: u64,
    /// Bytes from one coding to the next.
    between: u64,
    /// The last step stopped because `out` was full.
    full: bool,
    /// The work since the last pause.
    spell: Spell,
    /// [`Limits::body_bytes`]
    body_bytes: u64,
    /// [`Limits::decoded_ratio`]
    ratio: u64,
    /// [`Limits::decode_step`]
    step: usize,
}

/// First size of the output buffer; it doubles up to the step.
#[cfg(feature = "gzip")]
const FIRST_OUT: usize = 8 * 1024;

/// What coded bytes between two codings may be longer than the content in them.
#[cfg(feature = "gzip")]
const BETWEEN_SLACK: u64 = 16 * 1024;

#[cfg(feature = "gzip")]
impl Decoder {
    /// For one body. `codings` are in the order they were applied.
    pub(crate) fn new(codings: &[Wrapping], limits: &Limits) -> Decoder {
        Decoder {
            stages: codings
                .iter()
                .rev()
                .map(|coding| Stage::new(*coding))
                .collect(),
            out: Sink::default(),
            encoded: 0,
            decoded: 0,
            between: 0,
            full: false,
            spell: Spell::new(),
            body_bytes: limits.body_bytes,
            ratio: u64::from(limits.decoded_ratio),
            step: limits.decode_step.max(1),
        }
    }

    /// Decodes a part of `input` and says how much of it was used. What came
    /// out is in [`output`](Decoder::output). While there may be more,
    /// [`has_more`](Decoder::has_more) says so; then call again, with the rest
    /// of the input or none.
    ///
    /// # Errors
    /// `Decode` for damaged data, `TooLarge` for too much of it.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<usize, Error> {
        self.out.clear();
        self.spell.resume();
        let left = self
            .body_bytes
            .saturating_sub(self.decoded)
            .saturating_add(1);
        let room = self.room().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut step = Step {
            room,
            spell: &mut self.spell,
            between: &mut self.between,
        };
        let used = step.run(&mut self.stages, input, &mut self.out)?;
        self.full = self.out.filled().len() >= room;
        self.encoded = self.encoded.saturating_add(used as u64);
        self.decoded = self.decoded.saturating_add(self.out.filled().len() as u64);
        self.check(self.decoded)?;
        self.check(self.between.saturating_sub(BETWEEN_SLACK))?;
        Ok(used)
    }

    /// Holds what was made, at the end or on the way to it, against the limits.
    fn check(&self, made: u64) -> Result<(), Error> {
        if made > self.body_bytes {
            return Err(ErrorKind::TooLarge(Limit::BodyBytes).into());
        }
        let most = self.encoded.saturating_mul(self.ratio);
        if made > RATIO_FREE && made > most {
            return Err(ErrorKind::TooLarge(Limit::DecodedRatio).into());
        }
        Ok(())
    }

    /// What the last [`decode`](Decoder::decode) produced.
    pub(crate) fn output(&self) -> &[u8] {
        self.out.filled()
    }

    /// There may be more output without more input.
    pub(crate) fn has_more(&self) -> bool {
        self.full || self.spell.is_over()
    }

    /// The last step ended because others should get their turn.
    pub(crate) fn pauses(&self) -> bool {
        self.spell.is_over()
    }

    /// The message is complete: is the content?
    ///
    /// # Errors
    /// `Decode` when it was cut off.
    pub(crate) fn finish(&mut self) -> Result<Quirks, Error> {
        let mut quirks = Quirks::NONE;
        for stage in &mut self.stages {
            quirks.merge(stage.inflater.finish()?);
        }
        Ok(quirks)
    }

    /// The output buffer doubles while it is filled, so small bodies stay small.
    fn room(&self) -> usize {
        let next = match self.full {
            true => self.out.size().saturating_mul(2),
            false => self.out.size(),
        };
        next.max(FIRST_OUT).min(self.step)
    }
}

/// Without the feature there is nothing to decode, and no value of this type.
#[cfg(not(feature = "gzip"))]
pub(crate) enum Decoder {}

#[cfg(not(feature = "gzip"))]
impl Decoder {
    pub(crate) fn decode(&mut self, _input: &[u8]) -> Result<usize, Error> {
        match *self {}
    }

    pub(crate) fn output(&self) -> &[u8] {
        match *self {}
    }

    pub(crate) fn has_more(&self) -> bool {
        match *self {}
    }

    pub(crate) fn pauses(&self) -> bool {
        match *self {}
    }

    pub(crate) fn finish(&mut self) -> Result<Quirks, Error> {
        match *self {}
    }
}

/// The decoder for a plan, if there is something to undo.
///
/// # Errors
/// `TooLarge` for too many codings.
pub(crate) fn decoder(
    plan: &Plan,
    limits: &Limits,
    quirks: &mut Quirks,
) -> Result<Option<Box<Decoder>>, Error> {
    let _ = limits;
    match plan {
        Plan::Identity => Ok(None),
        Plan::Unknown => {
            quirks.insert(Quirk::UnknownCoding);
            Ok(None)
        }
        Plan::TooMany => Err(ErrorKind::TooLarge(Limit::Codings).into()),
        #[cfg(feature = "gzip")]
        Plan::Coded(codings) => Ok(Some(Box::new(Decoder::new(codings, limits)))),
    }
}

#[cfg(all(test, feature = "gzip"))]
#[path = "tests/content.rs"]
mod tests;
