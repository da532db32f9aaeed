//! Line folds (RFC 9112 section 5.2): a field that goes on in the next line.
//!
//! Owns: nothing.
//!
//! Laws: a fold, and the blanks around it, becomes one space before anything reads
//! the field, so no two readers see different values. A first line that begins with a
//! blank continues nothing, and a line without a colon has no value that could go on:
//! both are errors, since one reader would find a field there and another none.
//!
//! Read next: `head.rs`, its only user.

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
use super::syntax;

/// Replaces every line fold, and the blanks around it, by one space (RFC 9112
/// section 5.2), in place.
///
/// # Errors
/// `LeadingSpace`, or `FieldName` for a fold inside a name.
pub(super) fn unfold(text: &mut Vec<u8>) -> Result<(), Error> {
    let Some(first) = syntax::find_lf(text, 0) else {
        return Ok(());
    };
    if matches!(text.get(first.saturating_add(1)), Some(b' ' | b'\t')) {
        let ghost = text.get(first.saturating_add(1)..).unwrap_or_default();
        let line = ghost.split(|b| *b == b'\r' || *b == b'\n').next();
        return Err(Error::new(ErrorKind::Parse(ParseFault::LeadingSpace))
            .with_peer_line(line.unwrap_or_default()));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut lines = text.split_inclusive(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let begins = !matches!(line.first(), Some(b' ' | b'\t'));
        let continued = matches!(
            lines.peek().and_then(|next| next.first()),
            Some(b' ' | b'\t')
        );
        if begins && continued && !line.contains(&b':') {
            let line = syntax::trim(line.split(|b| *b == b'\r').next().unwrap_or_default());
            return Err(Error::new(ErrorKind::Parse(ParseFault::FieldName)).with_peer_line(line));
        }
        let mut part = line;
        if out.last() == Some(&b' ') {
            part = start_trimmed(part);
        }
        if continued {
            part = part.strip_suffix(b"\n").unwrap_or(part);
            part = part.strip_suffix(b"\r").unwrap_or(part);
            out.extend_from_slice(end_trimmed(part));
            out.push(b' ');
        } else {
            out.extend_from_slice(part);
        }
    }
    *text = out;
    Ok(())
}

fn start_trimmed(line: &[u8]) -> &[u8] {
    let blanks = line
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    line.get(blanks..).unwrap_or_default()
}

fn end_trimmed(line: &[u8]) -> &[u8] {
    let kept = line
        .iter()
        .rposition(|b| !matches!(b, b' ' | b'\t'))
        .map_or(0, |last| last.saturating_add(1));
    line.get(..kept).unwrap_or_default()
}
