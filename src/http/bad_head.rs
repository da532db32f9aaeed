//! What is wrong with a head that httparse refused, and in which line.
//!
//! Owns: nothing.
//!
//! Laws: E02, the line that caused it is escaped and cut like all text of a peer.
//!
//! Read next: `head.rs`, which asks.

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
use super::kind::{ErrorKind, ParseFault};

/// Gives httparse's error a name of ours and the line that caused it.
pub(super) fn explain(error: httparse::Error, text: &[u8]) -> Error {
    let fault = match error {
        httparse::Error::Version => ParseFault::NotHttp,
        httparse::Error::Status => ParseFault::StatusLine,
        httparse::Error::HeaderName | httparse::Error::Token => ParseFault::FieldName,
        httparse::Error::HeaderValue => ParseFault::FieldValue,
        httparse::Error::NewLine => ParseFault::LineEnd,
        // The scanner counted the lines, so this is a line it saw differently.
        httparse::Error::TooManyHeaders => ParseFault::FieldName,
    };
    let mut lines = text.split_inclusive(|b| *b == b'\n');
    let status_line = lines.next().unwrap_or_default();
    let culprit = match fault {
        ParseFault::NotHttp | ParseFault::StatusLine => Some(status_line),
        _ => lines.find(|line| !is_field_line(line)),
    };
    let line = culprit.unwrap_or(status_line);
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Error::new(ErrorKind::Parse(fault)).with_peer_line(line)
}

/// Would this line alone be a section of one field?
fn is_field_line(line: &[u8]) -> bool {
    let mut section = b"HTTP/1.1 200\r\n".to_vec();
    section.extend_from_slice(line);
    section.extend_from_slice(b"\r\n");
    let mut slots = [httparse::EMPTY_HEADER; 1];
    let mut response = httparse::Response::new(&mut slots);
    httparse::ParserConfig::default()
        .allow_spaces_after_header_name_in_responses(true)
        .parse_response(&mut response, &section)
        .is_ok_and(|status| status.is_complete())
}
