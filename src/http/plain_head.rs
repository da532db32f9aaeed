//! The head of an ordinary response: checked and split in one pass.
//!
//! Owns: nothing; a function over the bytes that were read and the head before them, whose
//! lines need no second check where they are the same, and change nothing otherwise.
//!
//! Laws: what is taken here, `lines.rs` and httparse would take, with the same fields
//! and without a quirk. At the first byte that is anything else this file gives up,
//! and they see the head from its beginning, so no error and no leniency is decided
//! here. H04: it is tried once per head, with the first bytes of it.
//!
//! WHY NOT they alone: they find the end of the head, then look for odd bytes, then
//! parse, then find the parts again in the buffer; that was a third of what a request
//! costs.
//!
//! Read next: `head.rs`, which asks here first.

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

use super::fields::Field;
use super::headers::Headers;
use super::lines::Bounds;
use super::syntax::{self, each, not_of_text};
use super::version::Version;

/// What the status line says, and where the head ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PlainHead {
    pub(super) version: Version,
    /// 100 to 999.
    pub(super) status: u16,
    /// Bytes of the head, its empty line included.
    pub(super) length: usize,
}

/// The head at the front of `bytes`, if all of it is there and all of it is plain: CR
/// LF at every end, no fold, nothing but ASCII, within the bounds. Its fields replace
/// those in `headers`, which mean nothing after `None`.
///
/// `headers` may hold a head that was read here: most lines of a server are as they were
/// in its last head, and those are not checked again.
pub(super) fn split(bytes: &[u8], bounds: &Bounds, headers: &mut Headers) -> Option<PlainHead> {
    if u32::try_from(bytes.len()).is_err() {
        return None;
    }
    let (version, status) = status_line(bytes)?;
    let mut end = text_end(bytes, REASON)?;
    let (mut line, mut count) = (0_usize, 0_usize);
    headers.begin_replacing();
    loop {
        if end.wrapping_sub(line) > bounds.line_bytes {
            return None;
        }
        line = end.wrapping_add(2);
        let rest = bytes.get(line..)?;
        (count, line) = headers.keep(count, line, rest, bounds.line_bytes);
        // With the status line, there is one line more than fields.
        if count >= bounds.lines.0 {
            return None;
        }
        if let [b'\r', b'\n', ..] = bytes.get(line..)? {
            break;
        }
        let name_end = name_end(bytes, line)?;
        let value = value_start(bytes, name_end);
        end = text_end(bytes, value)?;
        let value = value..trimmed(bytes, value, end);
        headers.put(count, Field::at(line..name_end, value));
        count = count.wrapping_add(1);
    }
    let length = line.wrapping_add(2);
    if length > bounds.bytes.0 {
        return None;
    }
    headers.end_replacing(count, bytes.get(..length)?);
    Some(PlainHead {
        version,
        status,
        length,
    })
}

/// Where the reason begins: behind `HTTP/1.1 200 `.
const REASON: usize = 13;

fn status_line(bytes: &[u8]) -> Option<(Version, u16)> {
    let [
        b'H',
        b'T',
        b'T',
        b'P',
        b'/',
        b'1',
        b'.',
        minor @ (b'0' | b'1'),
        b' ',
        hundreds @ b'1'..=b'9',
        tens @ b'0'..=b'9',
        ones @ b'0'..=b'9',
        b' ',
        ..,
    ] = bytes
    else {
        return None;
    };
    let digit = |byte: u8| u16::from(byte.wrapping_sub(b'0'));
    let status = [*hundreds, *tens, *ones]
        .into_iter()
        .fold(0_u16, |status, byte| {
            status.wrapping_mul(10).wrapping_add(digit(byte))
        });
    let version = match minor {
        b'0' => Version::Http10,
        _ => Version::Http11,
    };
    Some((version, status))
}

/// Where the name that begins at `from` ends: at a colon.
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = skip(bytes, at, not_of_names);
        match bytes.get(at)? {
            b':' => return (at > from).then_some(at),
            byte if syntax::is_tchar(*byte) => at = at.wrapping_add(1),
            _ => return None,
        }
    }
}

/// Where the value behind the colon begins.
fn value_start(bytes: &[u8], colon: usize) -> usize {
    let mut start = colon.wrapping_add(1);
    // As it nearly always is.
    if let Some([b' ', b'!'..=b'~', ..]) = bytes.get(start..) {
        return start.wrapping_add(1);
    }
    while let Some(b' ' | b'\t') = bytes.get(start) {
        start = start.wrapping_add(1);
    }
    start
}

/// Where a value ends, without the white space behind it.
fn trimmed(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while end > start
        && let Some(b' ' | b'\t') = bytes.get(end.wrapping_sub(1))
    {
        end = end.wrapping_sub(1);
    }
    end
}

/// Where the text that begins at `from` ends: at the first CR LF, if nothing before it
/// is odd.
fn text_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = skip(bytes, at, not_of_text);
        match bytes.get(at..)? {
            [b'\r', b'\n', ..] => return Some(at),
            [b'\t' | b' '..=b'~', ..] => at = at.wrapping_add(1),
            _ => return None,
        }
    }
}

/// The first byte at or after `at` that is `other` or among the last few of all.
#[inline]
fn skip(bytes: &[u8], at: usize, other: impl Fn(u64) -> u64) -> usize {
    let (words, _) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    let mut at = at;
    for word in words {
        let other = other(u64::from_le_bytes(*word));
        at = at.wrapping_add((other.trailing_zeros() / 8) as usize);
        if other != 0 {
            break;
        }
    }
    at
}

/// The highest bit of each byte that is neither a letter nor `-`: names have little
/// else. Found as [`not_of_text`] finds them; the bit that tells small letters from
/// capitals is set in all.
fn not_of_names(word: u64) -> u64 {
    let low = word & each(0x7f);
    let small = low | each(0x20);
    let from_a = small.wrapping_add(each(0x80 - b'a'));
    let behind_z = small.wrapping_add(each(0x7f - b'z'));
    let apart_from_dash = (low ^ each(b'-')).wrapping_add(each(0x7f));
    (((!from_a | behind_z) & apart_from_dash) | word) & each(0x80)
}

#[cfg(test)]
#[path = "tests/plain_head.rs"]
mod tests;
