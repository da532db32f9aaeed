//! The trailer section behind the last chunk (RFC 9112 section 7.1.2).
//!
//! Owns: the search for its end.
//!
//! Laws: under its own limits; never merged into the head, so a trailer cannot
//! change what the head said. Strict: CRLF only, no folds, no blank before a
//! colon, because a section that is read differently by two readers ends in two
//! places.
//!
//! Absent on purpose: a list of fields that may be trailers. They are handed to
//! the caller under the name of trailers and mean nothing to us.
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
use super::fields::Field;
use super::headers::Headers;
use super::kind::{ErrorKind, ParseFault};
use super::limits::{Limit, Limits};
use super::lines::{Bounds, LineScanner, Scan};
use super::recv::RecvBuffer;

/// Reads one trailer section.
#[derive(Default)]
pub(crate) struct TrailerReader {
    /// The search for the empty line.
    scanner: LineScanner,
}

/// How far the section is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrailerProgress {
    /// More bytes are needed.
    More,
    /// The section is out of the buffer.
    Complete,
}

impl TrailerReader {
    /// Goes on with what was read. The fields replace `trailers`.
    ///
    /// # Errors
    /// `Parse` or `TooLarge`; then the connection is of no more use.
    pub(crate) fn read(
        &mut self,
        recv: &mut RecvBuffer,
        limits: &Limits,
        trailers: &mut Headers,
    ) -> Result<TrailerProgress, Error> {
        let bounds = Bounds {
            bytes: (limits.trailer_bytes.saturating_add(2), Limit::TrailerBytes),
            lines: (limits.trailer_fields, Limit::TrailerFields),
            line_bytes: limits.line_bytes,
        };
        let length = match self.scanner.scan(recv.unread(), &bounds) {
            Scan::More => {
                return match self.scanner.bare_lf() {
                    true => Err(bad(recv.unread())),
                    false => Ok(TrailerProgress::More),
                };
            }
            // The line with the lone LF came first.
            Scan::TooLarge(_) if self.scanner.bare_lf() => return Err(bad(recv.unread())),
            Scan::TooLarge(limit) => {
                return Err(Error::new(ErrorKind::TooLarge(limit)).in_phase(super::Phase::Body));
            }
            Scan::End(length) => length,
        };
        let section = recv.take(length);
        if self.scanner.bare_lf() || self.scanner.folded() {
            return Err(bad(section));
        }
        if self.scanner.starts() > 0 {
            parse(section, self.scanner.starts(), trailers)?;
        }
        Ok(TrailerProgress::Complete)
    }
}

fn parse(section: &[u8], count: usize, trailers: &mut Headers) -> Result<(), Error> {
    let (text, fields) = trailers.refill(section);
    let mut slots = vec![httparse::EMPTY_HEADER; count];
    match httparse::parse_headers(text, &mut slots) {
        Ok(httparse::Status::Complete((length, parsed))) if length == text.len() => {
            fields.reserve(parsed.len());
            for header in parsed {
                let field = Field::within(text, header.name.as_bytes(), header.value);
                fields.push(field.ok_or_else(|| bad(section))?);
            }
            Ok(())
        }
        _ => Err(bad(section)),
    }
}

fn bad(section: &[u8]) -> Error {
    let line = section.split(|b| *b == b'\n').next().unwrap_or_default();
    Error::new(ErrorKind::Parse(ParseFault::Trailer)).with_peer_line(line)
}

#[cfg(test)]
#[path = "tests/trailers.rs"]
mod tests;
