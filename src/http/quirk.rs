//! Quirks: what a server did wrong and we let pass.
//!
//! Owns: the list of names and a set of them in one `u32`.
//!
//! Laws: tolerance is never silent, each deviation that is accepted is one of
//! these and stands in `response.quirks()`. A quirk that puts the end of the
//! message in doubt, or shows a server that does not keep to the grammar of
//! framing, forbids reuse of the connection.
//!
//! Absent on purpose: anything that makes the end of a message guesswork. That
//! is an error, not a quirk.
//!
//! Read next: `head.rs`, which finds most of them.

use std::fmt;

/// One named deviation from the specification.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Quirk {
    /// A line of the head ended with LF alone (RFC 9112 section 2.2).
    BareLf,
    /// A field value was continued on the next line (section 5.2); the fold
    /// became one space.
    ObsFold,
    /// White space between a field name and its colon (section 5.1).
    SpaceBeforeColon,
    /// The status line ended right after the code, without the space.
    MissingReason,
    /// Bytes above 0x7F in the reason or in a field value.
    ObsText,
    /// Empty lines before the status line (section 2.2).
    LeadingEmptyLine,
    /// `Content-Length` given more than once with the same value.
    RepeatedLength,
    /// `Content-Length` beside `Transfer-Encoding`; the latter counts
    /// (section 6.3).
    LengthBesideChunked,
    /// An empty member in the `Transfer-Encoding` list.
    EmptyListMember,
    /// `Transfer-Encoding: identity`, a coding that no longer exists.
    IdentityCoding,
    /// 204 with a length, or HEAD or 304 with framing fields that make no sense.
    FramingOnBodyless,
    /// Blanks after the digits of a chunk size.
    ChunkPadding,
    /// `Location` held a space, a backslash, a control or a byte above 0x7F.
    OddLocation,
    /// Bytes followed the end of the message.
    TrailingBytes,
    /// Zero bytes after the last gzip member.
    GzipPadding,
    /// Something else after the compressed data.
    JunkAfterContent,
    /// `deflate` without the zlib wrapper (RFC 9110 section 8.4.1.2).
    RawDeflate,
    /// A content coding we do not know; the body is as it was sent.
    UnknownCoding,
    /// TLS ended without close_notify behind a complete message.
    MissingCloseNotify,
}

impl Quirk {
    /// Every quirk, in declaration order.
    pub const ALL: [Quirk; 19] = [
        Quirk::BareLf,
        Quirk::ObsFold,
        Quirk::SpaceBeforeColon,
        Quirk::MissingReason,
        Quirk::ObsText,
        Quirk::LeadingEmptyLine,
        Quirk::RepeatedLength,
        Quirk::LengthBesideChunked,
        Quirk::EmptyListMember,
        Quirk::IdentityCoding,
        Quirk::FramingOnBodyless,
        Quirk::ChunkPadding,
        Quirk::OddLocation,
        Quirk::TrailingBytes,
        Quirk::GzipPadding,
        Quirk::JunkAfterContent,
        Quirk::RawDeflate,
        Quirk::UnknownCoding,
        Quirk::MissingCloseNotify,
    ];

    /// A short name for reports, lower case with hyphens.
    pub fn name(self) -> &'static str {
        match self {
            Quirk::BareLf => "bare-lf",
            Quirk::ObsFold => "obs-fold",
            Quirk::SpaceBeforeColon => "space-before-colon",
            Quirk::MissingReason => "missing-reason",
            Quirk::ObsText => "obs-text",
            Quirk::LeadingEmptyLine => "leading-empty-line",
            Quirk::RepeatedLength => "repeated-length",
            Quirk::LengthBesideChunked => "length-beside-chunked",
            Quirk::EmptyListMember => "empty-list-member",
            Quirk::IdentityCoding => "identity-coding",
            Quirk::FramingOnBodyless => "framing-on-bodyless",
            Quirk::ChunkPadding => "chunk-padding",
            Quirk::OddLocation => "odd-location",
            Quirk::TrailingBytes => "trailing-bytes",
            Quirk::GzipPadding => "gzip-padding",
            Quirk::JunkAfterContent => "junk-after-content",
            Quirk::RawDeflate => "raw-deflate",
            Quirk::UnknownCoding => "unknown-coding",
            Quirk::MissingCloseNotify => "missing-close-notify",
        }
    }

    /// Does this deviation forbid another request on the connection?
    ///
    /// The six that do not are outside the framing: the end of the message is
    /// as certain as without them.
    pub fn forbids_reuse(self) -> bool {
        !matches!(
            self,
            Quirk::MissingReason
                | Quirk::ObsText
                | Quirk::OddLocation
                | Quirk::GzipPadding
                | Quirk::RawDeflate
                | Quirk::UnknownCoding
        )
    }

    fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of quirks.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// Bit n is `Quirk::ALL[n]`.
    bits: u32,
}

impl Quirks {
    /// No quirk at all.
    pub const NONE: Quirks = Quirks { bits: 0 };

    /// Was this one seen?
    pub fn contains(&self, quirk: Quirk) -> bool {
        self.bits & quirk.bit() != 0
    }

    /// Nothing seen: the response kept to the specification.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// The quirks seen, in declaration order.
    pub fn iter(&self) -> impl Iterator<Item = Quirk> + use<> {
        let set = *self;
        Quirk::ALL.into_iter().filter(move |q| set.contains(*q))
    }

    /// The first quirk that forbids reuse.
    pub fn worst(&self) -> Option<Quirk> {
        if self.is_empty() {
            return None; // Asked three times per response; nearly always so.
        }
        self.iter().find(|q| q.forbids_reuse())
    }

    /// Records one.
    pub(crate) fn insert(&mut self, quirk: Quirk) {
        self.bits |= quirk.bit();
    }

    /// Records all of `other`.
    pub(crate) fn merge(&mut self, other: Quirks) {
        self.bits |= other.bits;
    }
}

impl fmt::Display for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, quirk) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(quirk.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_its_own_bit_and_name() {
        let mut set = Quirks::NONE;
        for quirk in Quirk::ALL {
            assert!(!set.contains(quirk), "{quirk}");
            set.insert(quirk);
        }
        assert_eq!(set.iter().count(), Quirk::ALL.len());
        let mut names: Vec<_> = Quirk::ALL.iter().map(|q| q.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Quirk::ALL.len());
    }

    #[test]
    fn worst_skips_the_harmless() {
        let mut set = Quirks::NONE;
        set.insert(Quirk::ObsText);
        set.insert(Quirk::OddLocation);
        assert_eq!(set.worst(), None);
        set.insert(Quirk::BareLf);
        assert_eq!(set.worst(), Some(Quirk::BareLf));
        assert_eq!(set.to_string(), "bare-lf obs-text odd-location");
    }
}
