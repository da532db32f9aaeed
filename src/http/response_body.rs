//! The body of a response, from the buffer to the caller: framing, then codings.
//!
//! Owns: the framing's reader, the decoder, and how much of the buffer is body
//! the decoder has not taken yet.
//!
//! Laws: without a coding nothing is copied, the caller sees the buffer. With
//! one, input waits in the buffer until the bounded output was taken. The
//! decoder is made at the first byte, so a body without one is never damaged.
//! Coded bytes are bounded too: empty gzip members could go on for ever.
//!
//! Absent on purpose: trailers and the verdict, which are the exchange's.
//!
//! Read next: `body.rs` and `content.rs`, the two halves.

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

use super::body::{BodyReader, BodyStep};
use super::content::{self, Decoder, Plan};
use super::error::Error;
use super::framing::Framing;
use super::kind::{DecodeFault, ErrorKind};
use super::limits::Limits;
use super::quirk::Quirks;
use super::recv::RecvBuffer;

/// A body being read.
pub(crate) struct ResponseBody {
    /// The framing.
    reader: BodyReader,
    /// What is to be undone.
    plan: Plan,
    /// Undoes it, from the first byte on.
    decoder: Option<Box<Decoder>>,
    /// Bytes at the front of the buffer that are body and not decoded yet.
    ready: usize,
    /// What was let pass in the coding.
    quirks: Quirks,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyNext {
    /// More input is needed.
    Need,
    /// So many bytes at the front of the buffer, to be taken out.
    Bytes(usize),
    /// What [`decoded`](ResponseBody::decoded) shows.
    Decoded,
    /// Nothing yet, although there is input: go on after a pause.
    Again,
    /// The end.
    End,
    /// The end, but for the trailer section.
    Trailers,
}

/// What coded bytes may be longer than what is in them, at least.
const CODED_SLACK: u64 = 64 * 1024;

impl ResponseBody {
    /// At the first byte.
    pub(crate) fn new(framing: Framing, plan: Plan, limits: &Limits) -> ResponseBody {
        // A declared length is held against the limit only where it is the
        // length of what the caller gets, or nearly.
        let slack = match plan {
            Plan::Identity | Plan::Unknown => 0,
            _ => (limits.body_bytes / 16).saturating_add(CODED_SLACK),
        };
        let allowance = limits.body_bytes.saturating_add(slack);
        ResponseBody {
            reader: BodyReader::new(framing, allowance, limits.chunk_overhead),
            plan,
            decoder: None,
            ready: 0,
            quirks: Quirks::NONE,
        }
    }

    /// Goes on with what was read.
    ///
    /// # Errors
    /// `Framing`, `TooLarge` or `Decode`.
    pub(crate) fn next(
        &mut self,
        recv: &mut RecvBuffer,
        limits: &Limits,
    ) -> Result<BodyNext, Error> {
        loop {
            if let Some(next) = self.decode(recv)? {
                return Ok(next);
            }
            if self.ready > 0 {
                // The decoder was taken away before it had these.
                return Ok(BodyNext::Bytes(std::mem::take(&mut self.ready)));
            }
            let (skip, next) = match self.reader.step(recv.unread())? {
                BodyStep::End => return Ok(BodyNext::End),
                BodyStep::More { skip } => (skip, BodyNext::Need),
                BodyStep::Trailers { skip } => (skip, BodyNext::Trailers),
                BodyStep::Bytes { skip, len } => (skip, BodyNext::Bytes(len)),
            };
            recv.take(skip);
            match next {
                BodyNext::Bytes(len) if self.is_coded(limits)? => self.ready = len,
                next => return Ok(next),
            }
        }
    }

    /// What the last step decoded.
    pub(crate) fn decoded(&self) -> &[u8] {
        self.decoder
            .as_ref()
            .map_or(&[], |decoder| decoder.output())
    }

    /// Was so much work done that others should get their turn?
    pub(crate) fn pauses(&self) -> bool {
        self.decoder
            .as_ref()
            .is_some_and(|decoder| decoder.pauses())
    }

    /// The decoder, which has to say whether its stream is complete.
    pub(crate) fn into_decoder(self) -> Option<Box<Decoder>> {
        self.decoder
    }

    /// Nobody wants this body: it is neither decoded nor limited any more.
    pub(crate) fn discard(&mut self) {
        self.reader.unlimited();
        self.plan = Plan::Identity;
        self.decoder = None;
    }

    /// Nothing is missing but what says so.
    pub(crate) fn is_complete(&self) -> bool {
        self.reader.is_complete() && self.ready == 0 && self.decoder.is_none()
    }

    /// How many bytes may be read past the buffer.
    pub(crate) fn direct(&self) -> Option<u64> {
        match self.plan {
            Plan::Identity => self.reader.direct(),
            _ => None,
        }
    }

    /// So many bytes were read past the buffer.
    pub(crate) fn took_direct(&mut self, count: u64) {
        self.reader.took(count);
    }

    /// Is the end of the connection the end of this body?
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.reader.ends_with_connection()
    }

    /// What was let pass.
    pub(crate) fn quirks(&self) -> Quirks {
        let mut quirks = self.quirks;
        quirks.merge(self.reader.quirks());
        quirks
    }

    /// Makes the decoder if there is something to undo.
    fn is_coded(&mut self, limits: &Limits) -> Result<bool, Error> {
        if self.decoder.is_none() && self.plan != Plan::Identity {
            self.decoder = content::decoder(&self.plan, limits, &mut self.quirks)?;
            if self.decoder.is_none() {
                self.plan = Plan::Identity;
            }
        }
        Ok(self.decoder.is_some())
    }

    /// Decodes what is ready, until there is output or a pause is due.
    fn decode(&mut self, recv: &mut RecvBuffer) -> Result<Option<BodyNext>, Error> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(None);
        };
        while self.ready > 0 || decoder.has_more() {
            let input = recv.unread().get(..self.ready).unwrap_or_default();
            let used = decoder.decode(input)?;
            recv.take(used);
            self.ready = self.ready.saturating_sub(used);
            if !decoder.output().is_empty() {
                return Ok(Some(BodyNext::Decoded));
            }
            if decoder.pauses() {
                return Ok(Some(BodyNext::Again));
            }
            if used == 0 && self.ready > 0 {
                // Neither input nor output moved: they never will.
                return Err(ErrorKind::Decode(DecodeFault::Corrupt).into());
            }
        }
        Ok(None)
    }
}
