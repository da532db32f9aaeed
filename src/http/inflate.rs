//! One content coding: gzip (RFC 1952) or deflate (RFC 1950 and 1951).
//!
//! Owns: the position in the wrapping, the checksum, and flate2's inflater.
//!
//! Laws: all members of a gzip stream are decoded; checksum, length and header
//! checksum are compared. What follows is ignored and recorded: zero bytes are
//! padding, anything else junk. `deflate` is the zlib format, but raw deflate
//! is so common that the first two bytes decide.
//!
//! ```text
//! gzip:     Start --1f 8b--> Header --> Deflated --> Trailer --> Behind
//!                              ^                                 |  |
//!                              +------------- 1f 8b -------------+  +--> Junk
//! deflate:  Sniff --> Deflated --> Behind --> Junk
//! ```
//!
//! WHY NOT flate2's readers: they hide how much input was used, and stop after
//! one member or fail on padding.
//!
//! Read next: nothing; this is a leaf.

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

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::gzip_header::{GzipHeader, HeaderByte};
use super::kind::{DecodeFault, ErrorKind};
use super::quirk::{Quirk, Quirks};
use super::sink::Sink;
use super::spell::Spell;

/// How the deflate stream is wrapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrapping {
    /// gzip, x-gzip.
    Gzip,
    /// zlib, or nothing.
    Deflate,
}

impl Wrapping {
    /// The coding of this name (RFC 9110 section 8.4.1).
    pub(crate) fn of(name: &[u8]) -> Option<Wrapping> {
        if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
            Some(Wrapping::Gzip)
        } else if name.eq_ignore_ascii_case(b"deflate") {
            Some(Wrapping::Deflate)
        } else {
            None
        }
    }
}

/// Decodes one coding.
pub(crate) struct Inflater {
    /// What comes next.
    state: State,
    /// Which coding.
    wrapping: Wrapping,
    /// The deflate stream. Made at the first byte, so an empty body costs
    /// nothing.
    deflate: Option<Decompress>,
    /// Checksum and length of the member so far.
    crc: Crc,
    /// What was let pass.
    quirks: Quirks,
}

enum State {
    /// Not a byte yet.
    Start,
    /// Inside a gzip header.
    Header(GzipHeader),
    /// One byte of a deflate body was seen: the format needs two.
    Sniff(u8),
    /// Inside the deflate stream; the two bytes are still to be fed to it.
    Deflated(Option<[u8; 2]>),
    /// Inside the eight bytes behind a gzip stream.
    Trailer([u8; 8], usize),
    /// Behind a complete stream.
    Behind,
    /// Behind everything: a byte that makes no sense was seen.
    Junk,
}

impl Inflater {
    /// At the start of a body.
    pub(crate) fn new(wrapping: Wrapping) -> Inflater {
        Inflater {
            state: State::Start,
            wrapping,
            deflate: None,
            crc: Crc::new(),
            quirks: Quirks::NONE,
        }
    }

    /// Decodes until the input is used up, `out` holds `room` bytes or the spell is
    /// over, and says how much input was used.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        out: &mut Sink,
        room: usize,
        spell: &mut Spell,
    ) -> Result<usize, ErrorKind> {
        let mut rest = input;
        while !spell.is_over() {
            let before = (rest.len(), out.filled().len(), self.is_inflating());
            // LAW S03: a part is short, so no step is long, whatever is in the input.
            let mut part = rest.get(..spell.part_size()).unwrap_or(rest);
            let all = part.len();
            match self.is_inflating() {
                true => self.inflate(&mut part, out, room)?,
                false => self.wrapping(&mut part)?,
            }
            spell.part();
            let used = all.saturating_sub(part.len());
            rest = rest.get(used..).unwrap_or_default();
            let after = (rest.len(), out.filled().len(), self.is_inflating());
            if before == after || (after.2 && after.1 >= room) {
                break;
            }
        }
        Ok(input.len().saturating_sub(rest.len()))
    }

    fn is_inflating(&self) -> bool {
        matches!(self.state, State::Deflated(_))
    }

    /// Reads what is around the deflate stream, up to its beginning.
    fn wrapping(&mut self, rest: &mut &[u8]) -> Result<(), ErrorKind> {
        while !self.is_inflating() {
            if matches!(self.state, State::Junk) {
                *rest = &[];
            }
            let Some((&byte, behind)) = rest.split_first() else {
                break;
            };
            *rest = behind;
            self.wrapping_byte(byte)?;
        }
        Ok(())
    }

    /// No more input will come.
    ///
    /// # Errors
    /// [`DecodeFault::Truncated`] inside a stream.
    pub(crate) fn finish(&mut self) -> Result<Quirks, ErrorKind> {
        match self.state {
            State::Start | State::Behind | State::Junk => Ok(self.quirks),
            // A lone 1f behind a member: no new member, so junk.
            State::Header(ref header) if header.is_first_byte() && self.crc_was_checked() => {
                self.quirks.insert(Quirk::JunkAfterContent);
                Ok(self.quirks)
            }
            _ => Err(DecodeFault::Truncated.into()),
        }
    }

    /// Was a whole member read before the present one?
    fn crc_was_checked(&self) -> bool {
        self.deflate.is_some()
    }

    fn wrapping_byte(&mut self, byte: u8) -> Result<(), ErrorKind> {
        let state = std::mem::replace(&mut self.state, State::Junk);
        self.state = match state {
            State::Start if self.wrapping == Wrapping::Deflate => State::Sniff(byte),
            State::Start => self.header(GzipHeader::new(), byte)?,
            State::Header(header) => self.header(header, byte)?,
            State::Sniff(first) => self.sniff(first, byte),
            State::Trailer(bytes, have) => self.trailer(bytes, have, byte)?,
            State::Behind if byte == 0 => {
                self.quirks.insert(Quirk::GzipPadding);
                State::Behind
            }
            State::Behind if byte == 0x1f && self.wrapping == Wrapping::Gzip => {
                self.header(GzipHeader::new(), byte)?
            }
            State::Behind | State::Junk => self.junk(),
            State::Deflated(fed) => State::Deflated(fed),
        };
        Ok(())
    }

    fn header(&mut self, mut header: GzipHeader, byte: u8) -> Result<State, ErrorKind> {
        match header.byte(byte) {
            HeaderByte::More => Ok(State::Header(header)),
            HeaderByte::Done => {
                self.crc.reset();
                self.restart(false);
                Ok(State::Deflated(None))
            }
            // Behind a member, 1f and then something else is junk.
            HeaderByte::NoMagic if self.crc_was_checked() => Ok(self.junk()),
            HeaderByte::NoMagic | HeaderByte::Bad => Err(DecodeFault::Header.into()),
            HeaderByte::BadChecksum => Err(DecodeFault::Checksum.into()),
        }
    }

    /// RFC 1950: method 8, a window up to 32 KiB, and a multiple of 31.
    fn sniff(&mut self, first: u8, second: u8) -> State {
        let word = u16::from_be_bytes([first, second]);
        let zlib = first & 0x0f == 8 && first >> 4 <= 7 && word.is_multiple_of(31);
        if !zlib {
            self.quirks.insert(Quirk::RawDeflate);
        }
        self.restart(zlib);
        State::Deflated(Some([first, second]))
    }

    fn restart(&mut self, zlib: bool) {
        match &mut self.deflate {
            Some(deflate) => deflate.reset(zlib),
            None => self.deflate = Some(Decompress::new(zlib)),
        }
    }

    fn inflate(&mut self, rest: &mut &[u8], out: &mut Sink, room: usize) -> Result<(), ErrorKind> {
        let State::Deflated(fed) = &mut self.state else {
            return Ok(());
        };
        let Some(deflate) = &mut self.deflate else {
            return Ok(());
        };
        let mut ended = false;
        if let Some(first) = fed.take() {
            // Two bytes can be a whole stream (03 00), but never produce output.
            let one = out.filled().len().saturating_add(1);
            ended = feed(deflate, &first, out, room.max(one))?.1;
        }
        let produced_from = out.filled().len();
        if !ended {
            let (used, end) = feed(deflate, rest, out, room)?;
            *rest = rest.get(used..).unwrap_or_default();
            ended = end;
        }
        if self.wrapping == Wrapping::Gzip {
            let produced = out.filled().get(produced_from..);
            self.crc.update(produced.unwrap_or_default());
        }
        if ended {
            self.state = match self.wrapping {
                Wrapping::Gzip => State::Trailer([0; 8], 0),
                Wrapping::Deflate => State::Behind,
            };
        }
        Ok(())
    }

    fn trailer(&self, mut bytes: [u8; 8], have: usize, byte: u8) -> Result<State, ErrorKind> {
        if let Some(slot) = bytes.get_mut(have) {
            *slot = byte;
        }
        if have < 7 {
            return Ok(State::Trailer(bytes, have.saturating_add(1)));
        }
        let [a, b, c, d, e, f, g, h] = bytes;
        let fits = u32::from_le_bytes([a, b, c, d]) == self.crc.sum()
            && u32::from_le_bytes([e, f, g, h]) == self.crc.amount();
        match fits {
            true => Ok(State::Behind),
            false => Err(DecodeFault::Checksum.into()),
        }
    }

    fn junk(&mut self) -> State {
        self.quirks.insert(Quirk::JunkAfterContent);
        State::Junk
    }
}

/// Feeds the inflater once. Returns the input used and whether the stream ended.
fn feed(
    deflate: &mut Decompress,
    input: &[u8],
    out: &mut Sink,
    room: usize,
) -> Result<(usize, bool), ErrorKind> {
    let old_in = deflate.total_in();
    let old_out = deflate.total_out();
    let status = deflate.decompress(input, out.space(room), FlushDecompress::None);
    let produced = deflate.total_out().saturating_sub(old_out);
    let used = deflate.total_in().saturating_sub(old_in);
    out.fill(usize::try_from(produced).unwrap_or(usize::MAX));
    let ended = status.map_err(|_| DecodeFault::Corrupt)? == Status::StreamEnd;
    Ok((usize::try_from(used).unwrap_or(usize::MAX), ended))
}

impl From<DecodeFault> for ErrorKind {
    fn from(fault: DecodeFault) -> ErrorKind {
        ErrorKind::Decode(fault)
    }
}
