//! Text of a body: bytes to `String`, by byte order mark or `charset`.
//!
//! Owns: the table of windows-1252, the one legacy encoding that is common.
//!
//! Laws: it never fails; what is not valid becomes U+FFFD. A byte order mark
//! wins over the label (WHATWG Encoding section 6). The labels latin-1 and
//! ascii mean windows-1252, as in every browser. An unknown label is read as
//! UTF-8, which is what most such pages are.
//!
//! Absent on purpose: the twenty other encodings; `docs/decisions/` says why.
//! A caller who needs them has the bytes and the label.
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

use super::syntax;

/// The encodings we read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Utf8,
    Windows1252,
    Utf16Le,
    Utf16Be,
}

/// Decodes a body. `content_type` is the value of `Content-Type`, if any.
pub(crate) fn decode(bytes: Vec<u8>, content_type: Option<&[u8]>) -> String {
    let (encoding, mark) = match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
        _ => {
            let label = content_type.and_then(charset);
            (label.map_or(Encoding::Utf8, encoding_of), 0)
        }
    };
    let text = bytes.get(mark..).unwrap_or_default();
    match encoding {
        // The usual case: no copy.
        Encoding::Utf8 if mark == 0 => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Encoding::Utf8 => String::from_utf8_lossy(text).into_owned(),
        Encoding::Windows1252 => text.iter().map(|byte| windows_1252(*byte)).collect(),
        Encoding::Utf16Le => utf_16(text, u16::from_le_bytes),
        Encoding::Utf16Be => utf_16(text, u16::from_be_bytes),
    }
}

/// The first `charset` parameter of a media type that has a value, without quotes
/// (RFC 9110 section 8.3.1). What stands inside quotes is no parameter.
pub(crate) fn charset(content_type: &[u8]) -> Option<&[u8]> {
    let (_, mut rest) = split_at_free(content_type, b';')?;
    loop {
        let (part, behind) = match split_at_free(rest, b';') {
            Some((part, behind)) => (part, Some(behind)),
            None => (rest, None),
        };
        let mut sides = part.splitn(2, |b| *b == b'=');
        let name = syntax::trim(sides.next()?);
        let value = syntax::trim(sides.next().unwrap_or_default());
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        if name.eq_ignore_ascii_case(b"charset") && !value.is_empty() {
            return Some(syntax::trim(value));
        }
        rest = behind?;
    }
}

/// What stands before and behind the first such byte outside quotes.
fn split_at_free(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (mut quoted, mut escaped) = (false, false);
    let at = text.iter().position(|b| {
        let literal = std::mem::take(&mut escaped);
        match *b {
            b'\\' if quoted && !literal => escaped = true,
            b'"' if !literal => quoted = !quoted,
            _ => {}
        }
        *b == byte && !quoted
    })?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// Labels of WHATWG Encoding section 4.2, those of these four encodings. The rest is
/// read as UTF-8.
const LABELS: [(Encoding, &[&str]); 3] = [
    (
        Encoding::Windows1252,
        &[
            "windows-1252",
            "cp1252",
            "x-cp1252",
            "iso-8859-1",
            "iso8859-1",
            "iso88591",
            "iso_8859-1",
            "iso_8859-1:1987",
            "iso-ir-100",
            "csisolatin1",
            "latin1",
            "latin-1",
            "l1",
            "us-ascii",
            "ascii",
            "ansi_x3.4-1968",
            "cp819",
            "ibm819",
        ],
    ),
    (
        Encoding::Utf16Le,
        &[
            "utf-16le",
            "utf-16",
            "unicode",
            "unicodefeff",
            "csunicode",
            "ucs-2",
            "iso-10646-ucs-2",
        ],
    ),
    (Encoding::Utf16Be, &["utf-16be", "unicodefffe"]),
];

fn encoding_of(label: &[u8]) -> Encoding {
    let named = |known: &&str| label.eq_ignore_ascii_case(known.as_bytes());
    let fits = |(_, labels): &&(Encoding, &[&str])| labels.iter().any(named);
    let found = LABELS.iter().find(fits);
    found.map_or(Encoding::Utf8, |(encoding, _)| *encoding)
}

/// Latin-1 but for 0x80 to 0x9F.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => {
            let at = usize::from(byte & 0x1f);
            HIGH.get(at).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        byte => char::from(byte),
    }
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    if !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_mark_and_fallback() {
        let case = |bytes: &[u8], label: Option<&str>, want: &str| {
            let label = label.map(str::as_bytes);
            assert_eq!(decode(bytes.to_vec(), label), want, "{bytes:?} {label:?}");
        };
        case("é".as_bytes(), None, "é");
        case(
            b"caf\xe9 \x80",
            Some("text/html; charset=ISO-8859-1"),
            "café €",
        );
        case(
            b"caf\xe9",
            Some("text/html; Charset = \"latin1\" ; x=y"),
            "café",
        );
        case(b"caf\xe9", Some("text/html"), "caf\u{fffd}");
        case(b"a", Some("text/html; charset=klingon"), "a");
        case(
            b"\xef\xbb\xbf\xc3\xa9",
            Some("text/html; charset=latin1"),
            "é",
        );
        case(b"\xff\xfea\0\x3d\xd8\x00\xde", None, "a😀");
        case(b"\xfe\xff\0a\xd8\x3d", None, "a\u{fffd}");
        case(b"a\0b", Some("x/y;charset=utf-16le"), "a\u{fffd}");
        case(b"\0a", Some("x/y;charset=utf-16be"), "a");
        case(b"", Some(";;=;charset="), "");
        case(b"caf\xe9", Some("x/y;;charset=;charset= latin1 "), "café");
        // A parameter inside the quotes of another is none.
        let trap = "text/html; a=\"x; charset=latin1\"; charset=utf-8";
        case("é".as_bytes(), Some(trap), "é");
        let trap = "text/html; a=\"\\\"; charset=utf-8; \"; charset=\" L1 \"";
        case(b"caf\xe9", Some(trap), "café");
        case(
            b"caf\xe9",
            Some("text/html; charset=csISOLatin1; a=\"b"),
            "café",
        );
        case("é".as_bytes(), Some("text/html; a=\"; charset=latin1"), "é");
    }

    #[test]
    fn windows_1252_covers_every_byte() {
        let all: Vec<u8> = (0..=255).collect();
        let text = decode(all, Some(b"x/y; charset=cp1252"));
        assert_eq!(text.chars().count(), 256);
        assert_eq!(text.chars().nth(0x9f), Some('Ÿ'));
    }
}
