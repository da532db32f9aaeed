//! Frames the body of a request, and holds it to its word.
//!
//! Owns: how many bytes were announced and how many have come.
//!
//! Laws: H07, a body that is longer than announced is refused before the first
//! byte too many is written, one that is shorter ends in an error, and then the
//! connection with it. An empty piece never becomes an empty chunk: that would
//! be the end of the body.
//!
//! Absent on purpose: reading the body, and copying it where it need not be
//! copied: the pieces go out as they are, between what is written here.
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

use std::io::Write as _;

use super::error::Error;
use super::headers::Headers;
use super::kind::{ErrorKind, Phase, RequestFault};
use super::request::BodyLength;

/// What goes behind the bytes of a chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// Frames one body.
pub(crate) struct BodyWriter {
    /// What the head announced.
    length: BodyLength,
    /// Bytes so far.
    sent: u64,
}

impl BodyWriter {
    /// For a body announced like this.
    pub(crate) fn new(length: BodyLength) -> BodyWriter {
        BodyWriter { length, sent: 0 }
    }

    /// `count` bytes come next. Appends what goes before them to `out` and
    /// returns what goes behind them.
    ///
    /// # Errors
    /// [`RequestFault::BodyLength`] when that is more than announced.
    pub(crate) fn piece(
        &mut self,
        out: &mut Vec<u8>,
        count: usize,
    ) -> Result<&'static [u8], Error> {
        self.sent = self.sent.saturating_add(count as u64);
        let announced = match self.length {
            BodyLength::None => 0,
            BodyLength::Known(length) => length,
            BodyLength::Chunked if count == 0 => return Ok(b""),
            BodyLength::Chunked => {
                let _ = write!(out, "{count:x}\r\n");
                return Ok(CHUNK_END);
            }
        };
        if self.sent > announced {
            return Err(wrong_length());
        }
        Ok(b"")
    }

    /// Has so much come as was announced?
    pub(crate) fn is_full(&self) -> bool {
        self.length == BodyLength::Known(self.sent)
    }

    /// Nothing comes any more. Appends the end of a chunked body, with its
    /// trailers, to `out`.
    ///
    /// # Errors
    /// [`RequestFault::BodyLength`] when less came than was announced; the
    /// error of a field that must not go on the wire.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>, trailers: &Headers) -> Result<(), Error> {
        match self.length {
            BodyLength::Known(length) if self.sent != length => return Err(wrong_length()),
            BodyLength::None | BodyLength::Known(_) => return Ok(()),
            BodyLength::Chunked => {}
        }
        for (name, value) in trailers.raw() {
            super::headers::check(name, value)?;
        }
        out.extend_from_slice(b"0\r\n");
        for (name, value) in trailers.raw() {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn wrong_length() -> Error {
    Error::new(ErrorKind::Request(RequestFault::BodyLength)).in_phase(Phase::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_length_enforced() {
        let mut out = Vec::new();
        let fault = |r: Result<(), Error>| r.map_err(|e| e.kind());
        let wrong = Err(ErrorKind::Request(RequestFault::BodyLength));
        let mut known = BodyWriter::new(BodyLength::Known(3));
        assert!(known.piece(&mut out, 2).is_ok());
        assert_eq!(fault(known.finish(&mut out, &Headers::new())), wrong);
        assert!(known.piece(&mut out, 2).is_err());
        let mut none = BodyWriter::new(BodyLength::None);
        assert!(none.piece(&mut out, 1).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn chunks_end_once() {
        let mut out = Vec::new();
        let mut writer = BodyWriter::new(BodyLength::Chunked);
        for piece in [&b"hello"[..], b"", &[b'x'; 17]] {
            let behind = writer.piece(&mut out, piece.len()).unwrap_or(b"?");
            out.extend_from_slice(piece);
            out.extend_from_slice(behind);
        }
        let mut trailers = Headers::new();
        assert!(trailers.append("X-Sum", "1").is_ok());
        assert!(writer.finish(&mut out, &trailers).is_ok());
        let want = b"5\r\nhello\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\nX-Sum: 1\r\n\r\n";
        assert_eq!(out, want);
    }
}
