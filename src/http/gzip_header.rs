//! The header of one gzip member (RFC 1952 section 2.3), byte by byte.
//!
//! Owns: the position in the header and its checksum.
//!
//! Laws: nothing is stored: name, comment and extra field are read over. Their
//! length is bounded by the limit on the body. A header checksum, where there
//! is one, is compared.
//!
//! Absent on purpose: the file name and time; nobody wants them here.
//!
//! Read next: `inflate.rs`, its only user.

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

use flate2::Crc;

/// A header being read.
pub(crate) struct GzipHeader {
    /// The part the next byte belongs to.
    part: Part,
    /// Index of the next byte within that part.
    at: u16,
    /// The flag byte.
    flags: u8,
    /// Length of the extra field, or the checksum read so far.
    number: u16,
    /// Checksum of all bytes before the checksum.
    crc: Crc,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Checksum,
}

/// What one byte did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeaderByte {
    /// The header goes on.
    More,
    /// It is complete; deflate data follow.
    Done,
    /// The first two bytes are not 1f 8b.
    NoMagic,
    /// A method or flag that does not exist.
    Bad,
    /// The header checksum does not fit.
    BadChecksum,
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

impl GzipHeader {
    /// Before the first byte.
    pub(crate) fn new() -> GzipHeader {
        GzipHeader {
            part: Part::Fixed,
            at: 0,
            flags: 0,
            number: 0,
            crc: Crc::new(),
        }
    }

    /// Only the first byte was read.
    pub(crate) fn is_first_byte(&self) -> bool {
        self.part == Part::Fixed && self.at == 1
    }

    /// Reads one byte.
    pub(crate) fn byte(&mut self, byte: u8) -> HeaderByte {
        if self.part != Part::Checksum {
            self.crc.update(&[byte]);
        }
        let at = self.at;
        self.at = self.at.saturating_add(1);
        match self.part {
            Part::Fixed => self.fixed(at, byte),
            Part::ExtraLength if at == 0 => {
                self.number = u16::from(byte);
                HeaderByte::More
            }
            Part::ExtraLength => {
                self.number |= u16::from(byte) << 8;
                match self.number {
                    0 => self.enter(Part::Name),
                    _ => self.enter(Part::Extra),
                }
            }
            Part::Extra if self.at == self.number => self.enter(Part::Name),
            Part::Name if byte == 0 => self.enter(Part::Comment),
            Part::Comment if byte == 0 => self.enter(Part::Checksum),
            Part::Extra | Part::Name | Part::Comment => HeaderByte::More,
            Part::Checksum if at == 0 => {
                self.number = u16::from(byte);
                HeaderByte::More
            }
            Part::Checksum => {
                let given = self.number | u16::from(byte) << 8;
                match u32::from(given) == self.crc.sum() & 0xffff {
                    true => HeaderByte::Done,
                    false => HeaderByte::BadChecksum,
                }
            }
        }
    }

    /// Magic, method, flags, time, and two bytes that nobody needs.
    fn fixed(&mut self, at: u16, byte: u8) -> HeaderByte {
        match (at, byte) {
            (0, 0x1f) | (1, 0x8b) | (2, 8) => HeaderByte::More,
            (0 | 1, _) => HeaderByte::NoMagic,
            (2, _) => HeaderByte::Bad,
            (3, flags) if flags & RESERVED != 0 => HeaderByte::Bad,
            (3, flags) => {
                self.flags = flags;
                HeaderByte::More
            }
            (9, _) => self.enter(Part::ExtraLength),
            _ => HeaderByte::More,
        }
    }

    /// Goes to the first part from `part` on that the flags announce.
    fn enter(&mut self, part: Part) -> HeaderByte {
        self.at = 0;
        let order = [
            (Part::ExtraLength, self.flags & FEXTRA != 0),
            (Part::Extra, part == Part::Extra),
            (Part::Name, self.flags & FNAME != 0),
            (Part::Comment, self.flags & FCOMMENT != 0),
            (Part::Checksum, self.flags & FHCRC != 0),
        ];
        let next = order
            .into_iter()
            .skip_while(|(candidate, _)| *candidate != part)
            .find(|(_, announced)| *announced);
        match next {
            Some((part, _)) => {
                self.part = part;
                HeaderByte::More
            }
            None => HeaderByte::Done,
        }
    }
}
