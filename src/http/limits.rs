//! Limits: how much of anything a server may send us.
//!
//! Owns: the numbers and their names. Law L: whatever costs memory or work and
//! is chosen by the peer is counted against a field of this struct, before
//! anything is allocated for it, and passing it is [`ErrorKind::TooLarge`] with
//! the [`Limit`] of the same name. Every limit is inclusive: exactly that much
//! is fine.
//!
//! Absent on purpose: a switch that turns all of them off. Set the one in the
//! way to `usize::MAX` or `u64::MAX`.
//!
//! Read next: `deadlines.rs`.
//!
//! [`ErrorKind::TooLarge`]: super::ErrorKind::TooLarge

use std::fmt;

/// Upper bounds of one response. All are on by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the status line and fields, of all heads of one exchange
    /// together: informational heads and empty lines count. [`Limit::HeadBytes`]
    pub head_bytes: usize,
    /// Number of fields in one head. [`Limit::Fields`]
    pub fields: usize,
    /// Bytes of one line of a head or trailer. [`Limit::LineBytes`]
    pub line_bytes: usize,
    /// Number of empty lines before a status line. [`Limit::EmptyLines`]
    pub empty_lines: usize,
    /// Bytes of chunk size lines beyond 16 digits and the line end: extensions,
    /// blanks, leading zeros, per message. [`Limit::ChunkOverhead`]
    pub chunk_overhead: usize,
    /// Bytes of the trailer section, without its empty line. [`Limit::TrailerBytes`]
    pub trailer_bytes: usize,
    /// Number of trailer fields. [`Limit::TrailerFields`]
    pub trailer_fields: usize,
    /// Bytes of the body after decoding. A declared length above it fails at
    /// once. [`Limit::BodyBytes`]
    pub body_bytes: u64,
    /// Number of content codings applied one over the other. [`Limit::Codings`]
    pub codings: usize,
    /// Decoded bytes per encoded byte, counted once the decoded size is above
    /// 1 MiB. One deflate layer cannot pass 1032, so the default only stops
    /// stacked codings; `body_bytes` stops the rest. [`Limit::DecodedRatio`]
    pub decoded_ratio: u32,
    /// Decoded bytes produced in one step. Bounds memory, is never an error.
    pub decode_step: usize,
    /// Bytes of `Location`. [`Limit::LocationBytes`]
    pub location_bytes: usize,
    /// Bytes of a URL, given or redirected to. [`Limit::UrlBytes`]
    pub url_bytes: usize,
    /// Addresses of one host that are tried. The rest is ignored, not an error.
    pub addresses: usize,
    /// Body bytes read to save a connection when the body is not wanted (a
    /// redirect). Beyond it the connection is closed, which is no error.
    pub drain_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 128 * 1024,
            fields: 512,
            line_bytes: 128 * 1024,
            empty_lines: 4,
            chunk_overhead: 16 * 1024,
            trailer_bytes: 64 * 1024,
            trailer_fields: 256,
            body_bytes: 64 * 1024 * 1024,
            codings: 5,
            decoded_ratio: 2000,
            decode_step: 64 * 1024,
            location_bytes: 16 * 1024,
            url_bytes: 64 * 1024,
            addresses: 8,
            drain_bytes: 64 * 1024,
        }
    }
}

/// Which limit was passed. One variant per field of [`Limits`] that can fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::head_bytes`]
    HeadBytes,
    /// [`Limits::fields`]
    Fields,
    /// [`Limits::line_bytes`]
    LineBytes,
    /// [`Limits::empty_lines`]
    EmptyLines,
    /// [`Limits::chunk_overhead`]
    ChunkOverhead,
    /// [`Limits::trailer_bytes`]
    TrailerBytes,
    /// [`Limits::trailer_fields`]
    TrailerFields,
    /// [`Limits::body_bytes`]
    BodyBytes,
    /// [`Limits::codings`]
    Codings,
    /// [`Limits::decoded_ratio`]
    DecodedRatio,
    /// [`Limits::location_bytes`]
    LocationBytes,
    /// [`Limits::url_bytes`]
    UrlBytes,
}

impl Limit {
    /// The name of the field in [`Limits`].
    pub fn name(self) -> &'static str {
        match self {
            Limit::HeadBytes => "head_bytes",
            Limit::Fields => "fields",
            Limit::LineBytes => "line_bytes",
            Limit::EmptyLines => "empty_lines",
            Limit::ChunkOverhead => "chunk_overhead",
            Limit::TrailerBytes => "trailer_bytes",
            Limit::TrailerFields => "trailer_fields",
            Limit::BodyBytes => "body_bytes",
            Limit::Codings => "codings",
            Limit::DecodedRatio => "decoded_ratio",
            Limit::LocationBytes => "location_bytes",
            Limit::UrlBytes => "url_bytes",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
