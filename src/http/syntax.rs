//! The few grammar rules every other file needs: token, OWS, list, digits.
//!
//! Owns: nothing; pure functions over bytes.
//!
//! Laws: white space is SP and HTAB and nothing else. Digits are read by hand
//! with overflow checks, so a sign, a blank or an underscore never passes.
//!
//! WHY NOT: `str::trim` removes VT, FF and U+00A0 as well, `str::parse` and
//! `from_str_radix` accept a leading `+`: each of the three has been a
//! request-smuggling bug in a published client.
//!
//! Read next: `framing.rs`, the main user.

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

/// One token: 1*tchar (RFC 9110 section 5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_tchar)
}

/// A character of a token.
#[inline]
pub(crate) fn is_tchar(byte: u8) -> bool {
    // ALPHA, DIGIT and !#$%&'*+-.^_`|~, one bit each.
    const TCHARS: u128 = 0x57ff_ffff_c7ff_fffe_03ff_6cfa_0000_0000;
    // WHY NOT the bits: a shift of 128 bits is five instructions, a look one.
    #[allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a loop over the whole table, when this is compiled"
    )]
    static IS_TCHAR: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            table[byte] = TCHARS >> byte & 1 == 1;
            byte += 1;
        }
        table
    };
    IS_TCHAR.get(usize::from(byte)).is_some_and(|is| *is)
}

/// Are they the same but for the case of their letters? Eight bytes at a time.
///
/// WHY NOT `eq_ignore_ascii_case`: it goes byte by byte, and each head is asked for
/// five names.
#[inline]
pub(crate) fn same_name(one: &[u8], other: &[u8]) -> bool {
    let (words, _) = one.as_chunks::<8>();
    let (other_words, _) = other.as_chunks::<8>();
    let mut words = words.iter().zip(other_words);
    one.len() == other.len()
        && match (one.last_chunk(), other.last_chunk()) {
            // The last word overlaps the one before it.
            (Some(last), Some(other)) => {
                lower(*last) == lower(*other)
                    && words.all(|(one, other)| lower(*one) == lower(*other))
            }
            _ => one.eq_ignore_ascii_case(other),
        }
}

/// How many bytes the two have in common, from their beginning on.
#[inline]
pub(crate) fn common(one: &[u8], other: &[u8]) -> usize {
    // The obvious form asks each byte; this one asks sixteen at once, as long as it can.
    let chunks = |bytes| <[u8]>::as_chunks::<16>(bytes).0.iter();
    let alike = chunks(one).zip(chunks(other));
    let alike = alike.take_while(|(one, other)| one == other).count();
    let at = alike.saturating_mul(16);
    let rest = |bytes| <[u8]>::get(bytes, at..).unwrap_or_default().iter();
    let alike = rest(one).zip(rest(other));
    at.wrapping_add(alike.take_while(|(one, other)| one == other).count())
}

/// Capitals become small letters; all other bytes stay.
#[inline]
fn lower(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let low = word & each(0x7f);
    let from_a = low.wrapping_add(each(0x80 - b'A'));
    let behind_z = low.wrapping_add(each(0x7f - b'Z'));
    let capital = from_a & !behind_z & !word & each(0x80);
    // The bit that makes it small lies two below the highest.
    word | capital >> 2
}

/// What may stand in a field value we send: HTAB, SP, VCHAR and obs-text
/// (RFC 9110 section 5.5).
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    let fits = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
    let (words, tail) = bytes.as_chunks::<8>();
    // Most words hold nothing but SP to `~`, which is one question for all eight.
    let plain = |word: &[u8; 8]| not_of_text(u64::from_le_bytes(*word)) == 0;
    let fits_all = |word: &[u8; 8]| plain(word) || word.iter().all(fits);
    words.iter().all(fits_all) && tail.iter().all(fits)
}

/// The same byte eight times.
pub(crate) const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte that is not SP to `~`.
///
/// The obvious form asks each byte. Here its seven low bits are added to what carries
/// into the highest one, for all eight at once; no sum reaches the next byte.
#[inline]
pub(crate) fn not_of_text(word: u64) -> u64 {
    let low = word & each(0x7f);
    let from_space = low.wrapping_add(each(0x80 - b' '));
    let is_delete = low.wrapping_add(each(1));
    (!from_space | is_delete | word) & each(0x80)
}

/// Removes SP and HTAB at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |b: &u8| *b == b' ' || *b == b'\t';
    let start = bytes.iter().position(|b| !blank(b)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |last| last.saturating_add(1));
    bytes.get(start..end).unwrap_or_default()
}

/// The members of a comma-separated list, trimmed, empty ones included.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim)
}

/// `1*DIGIT` that fits a `u64`.
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|d| *d <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The value of one hexadecimal digit.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(87),
        b'A'..=b'F' => byte.checked_sub(55),
        _ => None,
    }
}

/// Position of the first LF at or after `from`.
pub(crate) fn find_lf(bytes: &[u8], from: usize) -> Option<usize> {
    line_feeds(bytes, from).next()
}

/// Positions of all LF at or after `from`, found eight bytes at a time.
///
/// WHY NOT `position`: it goes byte by byte, and a head is searched on every request.
#[inline]
pub(crate) fn line_feeds(bytes: &[u8], from: usize) -> LineFeeds<'_> {
    let (words, tail) = bytes.get(from..).unwrap_or_default().as_chunks::<8>();
    LineFeeds {
        words: words.iter(),
        tail,
        // Where the first word will be.
        word: from.wrapping_sub(8),
        hits: 0,
    }
}

/// See [`line_feeds`].
pub(crate) struct LineFeeds<'a> {
    /// Words not looked at.
    words: std::slice::Iter<'a, [u8; 8]>,
    /// Bytes behind the last word, not looked at.
    tail: &'a [u8],
    /// Where the word that was looked at last begins.
    word: usize,
    /// The highest bit of each byte of it that is LF and was not returned.
    hits: u64,
}

impl Iterator for LineFeeds<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        const LF: u64 = 0x0a0a_0a0a_0a0a_0a0a;
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        while self.hits == 0 {
            let Some(word) = self.words.next() else {
                return self.in_tail();
            };
            // A byte is 0 where LF was. Adding 0x7f to its low bits carries into the
            // highest one unless they are all 0 (Hacker's Delight section 6-1).
            let apart = u64::from_le_bytes(*word) ^ LF;
            self.hits = !((apart & LOW).wrapping_add(LOW) | apart | LOW);
            self.word = self.word.wrapping_add(8);
            #[cfg(test)]
            visit(8);
        }
        let byte = (self.hits.trailing_zeros() / 8) as usize;
        self.hits &= self.hits.wrapping_sub(1);
        Some(self.word.wrapping_add(byte))
    }
}

impl LineFeeds<'_> {
    /// The next one in the last few bytes.
    fn in_tail(&mut self) -> Option<usize> {
        let found = self.tail.iter().position(|byte| *byte == b'\n');
        #[cfg(test)]
        visit(found.map_or(self.tail.len(), |at| at + 1));
        let start = self.word.wrapping_add(8);
        let behind = found.map_or(self.tail.len(), |at| at.wrapping_add(1));
        self.tail = self.tail.get(behind..).unwrap_or_default();
        // The tail moves on as a word would.
        self.word = self.word.wrapping_add(behind);
        found.map(|at| start.wrapping_add(at))
    }
}

#[cfg(test)]
thread_local! {
    /// Bytes looked at by searches and parsers, for the tests of linear cost.
    pub(crate) static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts bytes looked at.
#[cfg(test)]
pub(crate) fn visit(count: usize) {
    VISITED.set(VISITED.get().saturating_add(count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tchar_is_what_the_rfc_lists() {
        for byte in 0..=u8::MAX {
            let listed = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            assert_eq!(is_tchar(byte), listed, "{byte:#x}");
        }
    }

    #[test]
    fn names_are_the_same_but_for_the_case_of_letters() {
        for length in 0..20 {
            for place in 0..length {
                for one in 0..=u8::MAX {
                    for other in [one ^ 0x20, one, one ^ 0x80, one ^ 1, b'a', b'Z'] {
                        let (mut left, mut right) = (vec![b'x'; length], vec![b'X'; length]);
                        (left[place], right[place]) = (one, other);
                        let want = left.eq_ignore_ascii_case(&right);
                        assert_eq!(same_name(&left, &right), want, "{one:#x} {other:#x}");
                    }
                }
            }
        }
        assert!(!same_name(b"abcdefgh", b"abcdefghi"));
    }

    #[test]
    fn values_hold_no_control_but_htab() {
        for byte in 0..=u8::MAX {
            let fits = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
            for place in 0..12 {
                let mut value = [b'v'; 12];
                value[place] = byte;
                assert_eq!(is_value(&value), fits, "{byte:#x}");
            }
        }
    }

    #[test]
    fn decimal_takes_digits_only() {
        assert_eq!(decimal(b"0005"), Some(5));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"+5",
            b"-0",
            b" 5",
            b"5 ",
            b"0x5",
            b"5_0",
            b"18446744073709551616",
            b"\xef\xbc\x95",
        ] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn trim_takes_space_and_tab_only() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b"\x0bx\xa0"), b"\x0bx\xa0");
    }

    #[test]
    fn find_lf_looks_only_behind_from() {
        assert_eq!(find_lf(b"a\nb\nc", 0), Some(1));
        assert_eq!(find_lf(b"a\nb\nc", 2), Some(3));
        assert_eq!(find_lf(b"a\nb\nc", 4), None);
        assert_eq!(find_lf(b"a\n", 2), None);
        assert_eq!(find_lf(b"a\n", 9), None);
        // At every place, among bytes that differ in one bit or by one.
        for len in 0..40 {
            for place in 0..len {
                for other in [b'\t', 0x0b, 0x8a, 0, 0xff, b'\r'] {
                    let mut bytes = vec![other; len];
                    assert_eq!(find_lf(&bytes, 0), None);
                    bytes[place] = b'\n';
                    for from in 0..len {
                        let want = (from <= place).then_some(place);
                        assert_eq!(find_lf(&bytes, from), want);
                    }
                    // And beside another one.
                    for second in 0..len {
                        let mut bytes = bytes.clone();
                        bytes[second] = b'\n';
                        let all: Vec<_> = (0..len).filter(|at| bytes[*at] == b'\n').collect();
                        assert_eq!(line_feeds(&bytes, 0).collect::<Vec<_>>(), all);
                    }
                }
            }
        }
    }
}
