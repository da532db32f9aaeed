//! The body as it was framed: which bytes of the buffer belong to it.
//!
//! Owns: the progress through one body, and the count of its bytes.
//!
//! Laws: bytes are counted against the limit before anybody stores them, and a
//! declared length (or chunk) beyond it fails when it is read, not when it has
//! arrived. The body ends exactly where the framing says.
//!
//! Absent on purpose: content codings. They come after (`content.rs`), and the
//! framing is read to its end even when the compressed data ended before.
//!
//! Read next: `exchange.rs`.

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

use super::chunk::ChunkDecoder;
use super::error::Error;
use super::framing::Framing;
use super::kind::ErrorKind;
use super::limits::Limit;
use super::quirk::Quirks;

/// Finds the bytes of one body.
pub(crate) struct BodyReader {
    /// How far it is.
    state: State,
    /// Body bytes still allowed.
    allowance: u64,
    /// What was let pass.
    quirks: Quirks,
}

enum State {
    /// So many bytes to come.
    Length(u64),
    /// Inside chunks.
    Chunked(ChunkDecoder),
    /// Until the connection ends.
    Close,
    /// Nothing more.
    Ended,
}

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyStep {
    /// Drop `skip` bytes; more input is needed.
    More { skip: usize },
    /// Drop `skip` bytes; `len` bytes of body follow.
    Bytes { skip: usize, len: usize },
    /// Drop `skip` bytes; the trailer section follows.
    Trailers { skip: usize },
    /// The body is complete.
    End,
}

impl BodyReader {
    /// For a body framed like this, of at most `allowance` bytes.
    pub(crate) fn new(framing: Framing, allowance: u64, chunk_overhead: usize) -> BodyReader {
        BodyReader {
            state: match framing {
                Framing::Length(length) => State::Length(length),
                Framing::Chunked => State::Chunked(ChunkDecoder::new(chunk_overhead)),
                Framing::Close => State::Close,
                Framing::None | Framing::Tunnel => State::Ended,
            },
            allowance,
            quirks: Quirks::NONE,
        }
    }

    /// Looks at the input up to the end of the first run of body bytes in it.
    /// The caller takes what it is told to before it asks again.
    ///
    /// # Errors
    /// `Framing` from the chunk decoder, `TooLarge` beyond the allowance.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<BodyStep, Error> {
        let (skip, len, announced) = match &mut self.state {
            State::Ended | State::Length(0) => return Ok(BodyStep::End),
            State::Length(left) => {
                let announced = *left;
                let len = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(input.len());
                *left = left.saturating_sub(len as u64);
                (0, len, announced)
            }
            State::Close => (0, input.len(), input.len() as u64),
            State::Chunked(chunks) => {
                let piece = chunks.step(input)?;
                self.quirks.merge(chunks.quirks());
                if piece.ended {
                    self.state = State::Ended;
                    return Ok(BodyStep::Trailers { skip: piece.skip });
                }
                let announced = chunks.announced().saturating_add(piece.data as u64);
                (piece.skip, piece.data, announced)
            }
        };
        if announced > self.allowance {
            return Err(Error::new(ErrorKind::TooLarge(Limit::BodyBytes)));
        }
        self.allowance = self.allowance.saturating_sub(len as u64);
        Ok(match len {
            0 => BodyStep::More { skip },
            len => BodyStep::Bytes { skip, len },
        })
    }

    /// How many bytes may be read past the buffer, straight into the reader's
    /// own memory: `None` when the framing has to look at them.
    pub(crate) fn direct(&self) -> Option<u64> {
        let most = match self.state {
            State::Length(left) if left <= self.allowance => left,
            State::Close => self.allowance,
            _ => 0,
        };
        (most > 0).then_some(most)
    }

    /// So many bytes were read past the buffer.
    pub(crate) fn took(&mut self, count: u64) {
        self.allowance = self.allowance.saturating_sub(count);
        if let State::Length(left) = &mut self.state {
            *left = left.saturating_sub(count);
        }
    }

    /// The body has its last byte; its trailers may be missing.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended | State::Length(0))
    }

    /// Is the end of the connection the end of this body?
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::Close)
    }

    /// Takes the limit away: the body is read to save the connection only, and
    /// the reader has a smaller bound of its own.
    pub(crate) fn unlimited(&mut self) {
        self.allowance = u64::MAX;
    }

    /// What was let pass.
    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
    }
}
