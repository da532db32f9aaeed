//! The chunked transfer coding, decoded strictly (RFC 9112 section 7.1).
//!
//! Owns: where in the coding the next byte lies.
//!
//! Laws: H02, a size is 1*HEXDIG that fits 64 bits; lines end with CRLF and
//! nothing else; the CRLF behind the data is checked. All bytes that are not
//! data are on a budget per message. Each byte is looked at once.
//!
//! ```text
//!      +---------> Size --digits--> Size --blank--> Padding --;--> Extension
//!      |            (1st)            | CR             | CR             | CR
//!      |                             +-------+--------+----------------+
//!      |                                     v
//!      |  DataLf <- DataCr <- Data <-size>0- SizeLf -size=0-> Ended
//!      +----+
//! ```
//!
//! WHY NOT `httparse::parse_chunk_size`: it reads an empty line and `;x` as
//! size 0, the end of the body, and lets LF pass inside an extension.
//!
//! Read next: `body.rs`.

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
use super::kind::{ErrorKind, FramingFault};
use super::limits::Limit;
use super::quirk::{Quirk, Quirks};
use super::syntax;

/// Digits of a size that are free; more are leading zeros and on the budget.
const FREE_DIGITS: u32 = 16;

/// Decodes the chunks of one body, up to the trailer section.
pub(crate) struct ChunkDecoder {
    /// What the next byte must be.
    state: State,
    /// The size being read, or the data bytes still to come.
    size: u64,
    /// Digits of the size so far.
    digits: u32,
    /// Bytes left for everything that is not a size, data or a line end.
    overhead: usize,
    /// What was let pass.
    quirks: Quirks,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Size,
    Padding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Ended,
}

/// What was found in the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChunkPiece {
    /// Bytes of the coding, to be dropped.
    pub(crate) skip: usize,
    /// Data bytes behind them. Zero: more input is needed, or it is the end.
    pub(crate) data: usize,
    /// The last chunk was read; the trailer section begins behind `skip`.
    pub(crate) ended: bool,
}

impl ChunkDecoder {
    /// At the first byte of a body. `overhead` is the budget in bytes.
    pub(crate) fn new(overhead: usize) -> ChunkDecoder {
        ChunkDecoder {
            state: State::Size,
            size: 0,
            digits: 0,
            overhead,
            quirks: Quirks::NONE,
        }
    }

    /// Looks at the input up to the end of the first run of data in it.
    ///
    /// # Errors
    /// `Framing` where the coding is broken, `TooLarge` beyond the budget.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<ChunkPiece, Error> {
        let mut skip = 0usize;
        let mut rest = input;
        while self.state != State::Ended {
            if self.state == State::Data {
                let data = usize::try_from(self.size)
                    .unwrap_or(usize::MAX)
                    .min(rest.len());
                self.size = self.size.saturating_sub(data as u64);
                if self.size == 0 {
                    self.state = State::DataCr;
                }
                return Ok(ChunkPiece {
                    skip,
                    data,
                    ended: false,
                });
            }
            let Some((&byte, behind)) = rest.split_first() else {
                return Ok(ChunkPiece {
                    skip,
                    data: 0,
                    ended: false,
                });
            };
            self.coding_byte(byte).map_err(|error| near(error, rest))?;
            rest = behind;
            skip = skip.saturating_add(1);
        }
        Ok(ChunkPiece {
            skip,
            data: 0,
            ended: true,
        })
    }

    /// Data bytes the chunk being read still has. Known as soon as its size is.
    pub(crate) fn announced(&self) -> u64 {
        match self.state {
            State::Data => self.size,
            _ => 0,
        }
    }

    /// What was let pass.
    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
    }

    fn coding_byte(&mut self, byte: u8) -> Result<(), ErrorKind> {
        self.state = match (self.state, byte) {
            (State::Size, byte) => match syntax::hex_digit(byte) {
                Some(digit) => self.digit(digit)?,
                None if self.digits == 0 => return Err(FramingFault::ChunkSize.into()),
                None => self.after_size(byte)?,
            },
            (State::Padding, byte) => self.after_size(byte)?,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, byte) => self.extension(byte)?,
            (State::SizeLf, b'\n') if self.size == 0 => State::Ended,
            (State::SizeLf, b'\n') => State::Data,
            (State::SizeLf, _) => return Err(FramingFault::ChunkSize.into()),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.digits = 0;
                self.size = 0;
                State::Size
            }
            _ => return Err(FramingFault::ChunkEnd.into()),
        };
        Ok(())
    }

    fn digit(&mut self, digit: u8) -> Result<State, ErrorKind> {
        self.size = self
            .size
            .checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .ok_or(FramingFault::ChunkSize)?;
        self.digits = self.digits.saturating_add(1);
        if self.digits > FREE_DIGITS {
            self.spend()?;
        }
        Ok(State::Size)
    }

    fn after_size(&mut self, byte: u8) -> Result<State, ErrorKind> {
        match byte {
            b'\r' => Ok(State::SizeLf),
            b';' => self.spend().map(|()| State::Extension),
            b' ' | b'\t' => {
                self.quirks.insert(Quirk::ChunkPadding);
                self.spend().map(|()| State::Padding)
            }
            _ => Err(FramingFault::ChunkSize.into()),
        }
    }

    /// Extensions are read over, controls in them refused: a lone LF there is
    /// how a body is made to end in two places for two readers.
    fn extension(&mut self, byte: u8) -> Result<State, ErrorKind> {
        if (byte < b' ' && byte != b'\t') || byte == 0x7f {
            return Err(FramingFault::ChunkExtension.into());
        }
        self.spend().map(|()| State::Extension)
    }

    fn spend(&mut self) -> Result<(), ErrorKind> {
        self.overhead = self
            .overhead
            .checked_sub(1)
            .ok_or(ErrorKind::TooLarge(Limit::ChunkOverhead))?;
        Ok(())
    }
}

impl From<FramingFault> for ErrorKind {
    fn from(fault: FramingFault) -> ErrorKind {
        ErrorKind::Framing(fault)
    }
}

/// Shows where the coding broke.
fn near(kind: ErrorKind, rest: &[u8]) -> Error {
    let shown = rest.len().min(32);
    Error::new(kind).with_peer_text(rest.get(..shown).unwrap_or_default())
}

#[cfg(test)]
#[path = "tests/chunk.rs"]
mod tests;
