//! Tests of the short way for ordinary heads: it must say what the long one says.

use super::*;
use crate::http::head::{HeadProgress, HeadReader, ResponseHead};
use crate::http::headers::Headers;
use crate::http::limits::{Limit, Limits};
use crate::http::recv::RecvBuffer;
use crate::testing::Rng;

fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        bytes: (limits.head_bytes, Limit::HeadBytes),
        lines: (limits.fields + 1, Limit::Fields),
        line_bytes: limits.line_bytes,
    }
}

/// A reader's view of `wire`: byte by byte, so that it never goes the short way.
fn long_way(wire: &[u8], limits: &Limits) -> Option<(ResponseHead, usize)> {
    let (mut recv, mut head) = (RecvBuffer::new(), ResponseHead::default());
    let mut reader = HeadReader::new(limits, ResponseHead::default());
    for (at, byte) in wire.iter().enumerate() {
        recv.put(&[*byte]);
        match reader.read(&mut recv, limits, &mut head) {
            Ok(HeadProgress::Complete) => return Some((head, at + 1)),
            Ok(HeadProgress::More) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Whatever it takes, the long way takes with the same outcome and no quirk. Returns
/// whether it took it.
fn agrees(wire: &[u8], limits: &Limits) -> bool {
    agrees_after(b"", wire, limits)
}

/// The same, where `before` was the head before it. What that was changes nothing.
fn agrees_after(before: &[u8], wire: &[u8], limits: &Limits) -> bool {
    let mut headers = Headers::new();
    if split(before, &bounds(&Limits::default()), &mut headers).is_none() {
        headers.clear();
    }
    let Some(plain) = split(wire, &bounds(limits), &mut headers) else {
        return false;
    };
    let text = wire.escape_ascii().to_string();
    let (long, length) = long_way(wire, limits).unwrap_or_else(|| panic!("refused: {text}"));
    assert_eq!(plain.length, length, "{text}");
    assert_eq!(plain.version, long.version, "{text}");
    assert_eq!(plain.status, long.status, "{text}");
    assert_eq!(long.quirks.iter().count(), 0, "{text}");
    let fields = |headers: &Headers| {
        let fields = headers.raw();
        let owned = fields.map(|(name, value)| (name.to_vec(), value.to_vec()));
        owned.collect::<Vec<_>>()
    };
    assert_eq!(fields(&headers), fields(&long.headers), "{text}");
    for (name, value) in long.headers.iter() {
        assert!(headers.get_all(name).any(|mine| mine == value), "{text}");
    }
    true
}

const ORDINARY: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: x/1\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
    Content-Type:text/html; charset=utf-8\r\nX-Empty:\r\nX-Blank: \t \r\nX-Tab: a\tb\t \r\n\
    Content-Length: 0\r\n\r\nrest";

#[test]
fn an_ordinary_head_is_taken() {
    assert!(agrees(ORDINARY, &Limits::default()));
    assert!(agrees(b"HTTP/1.0 999 \r\n\r\n", &Limits::default()));
}

#[test]
fn what_is_odd_or_not_whole_is_left_to_the_long_way() {
    let head_length = ORDINARY.len() - 4;
    for length in 0..head_length {
        assert!(!agrees(&ORDINARY[..length], &Limits::default()), "{length}");
    }
    for odd in [
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \u{e9}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n\r\n",
    ] {
        assert!(!agrees(odd.as_bytes(), &Limits::default()), "{odd:?}");
    }
}

#[test]
fn a_limit_that_is_passed_is_named_by_the_long_way() {
    let whole = ORDINARY.len() - 4;
    let longest = "Date: Sun, 22 Nov 2026 10:00:00 GMT".len();
    let with = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        agrees(ORDINARY, &limits)
    };
    for (less, taken) in [(0, true), (1, false)] {
        assert_eq!(with(&|limits| limits.head_bytes = whole - less), taken);
        assert_eq!(with(&|limits| limits.fields = 7 - less), taken);
        let longest = longest.max("Content-Type:text/html; charset=utf-8".len());
        assert_eq!(with(&|limits| limits.line_bytes = longest - less), taken);
    }
}

#[test]
fn eight_bytes_at_once_are_as_one_by_one() {
    let of_text = |byte: u8| matches!(byte, b' '..=b'~');
    let of_names = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    for byte in 0..=u8::MAX {
        for place in 0..8 {
            for other in [b'-', b'a', b'z', b'A', b'Z'] {
                let mut word = [other; 8];
                word[place] = byte;
                let word = u64::from_le_bytes(word);
                let bit = 1 << (8 * place + 7);
                let want = |of: bool| if of { 0 } else { bit };
                assert_eq!(not_of_text(word), want(of_text(byte)), "{byte:#x}");
                assert_eq!(not_of_names(word), want(of_names(byte)), "{byte:#x}");
            }
        }
    }
}

/// Heads with a few bytes changed, taken out or put in.
#[test]
fn damaged_heads_are_taken_as_the_long_way_takes_them() {
    let mut rng = Rng::new(11);
    let bytes = b"\r\n\t :,;aZ09-_\x00\x7f\x80\xff()HTP/.1";
    let mut taken = 0;
    for _ in 0..20_000 {
        let mut wire = ORDINARY.to_vec();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(wire.len());
            let byte = bytes[rng.below(bytes.len())];
            match rng.below(3) {
                0 => wire[at] = byte,
                1 => wire.insert(at, byte),
                _ => drop(wire.remove(at)),
            }
        }
        taken += usize::from(agrees(&wire, &Limits::default()));
    }
    assert!((2_000..18_000).contains(&taken), "{taken}");
}

/// One head after the other, each a few bytes away from the last one: lines that are the
/// same, lines that are nearly, lines that moved, more of them and fewer.
#[test]
fn the_head_before_changes_nothing() {
    let mut rng = Rng::new(12);
    let bytes = b"\r\n\t :aZ0-\x00\x80";
    let limits = Limits::default();
    let (mut before, mut taken) = (ORDINARY.to_vec(), 0);
    for round in 0..20_000 {
        let mut wire = match round % 8 {
            0 => ORDINARY.to_vec(),
            _ => before.clone(),
        };
        let at = rng.below(wire.len());
        match rng.below(4) {
            0 => wire[at] = bytes[rng.below(bytes.len())],
            1 => wire.insert(at, bytes[rng.below(bytes.len())]),
            2 => drop(wire.remove(at)),
            _ => {
                let lines: Vec<_> = ORDINARY.split_inclusive(|byte| *byte == b'\n').collect();
                let line = lines[1 + rng.below(lines.len() - 3)];
                let ends = wire.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                let ends: Vec<_> = ends.map(|(at, _)| at + 1).collect();
                let at = ends[rng.below(ends.len().saturating_sub(1).max(1))];
                drop(wire.splice(at..at, line.iter().copied()));
            }
        }
        let alone = agrees(&wire, &limits);
        assert_eq!(agrees_after(&before, &wire, &limits), alone);
        taken += usize::from(alone);
        if alone {
            before = wire;
        }
    }
    assert!((2_000..18_000).contains(&taken), "{taken}");
}

#[test]
fn a_known_line_is_held_against_the_limits() {
    let (longest, fields) = ("Content-Type:text/html; charset=utf-8".len(), 7);
    for less in [0, 1] {
        let limits = Limits {
            line_bytes: longest - less,
            ..Limits::default()
        };
        assert_eq!(agrees_after(ORDINARY, ORDINARY, &limits), less == 0);
        let limits = Limits {
            fields: fields - less,
            ..Limits::default()
        };
        assert_eq!(agrees_after(ORDINARY, ORDINARY, &limits), less == 0);
    }
}

/// A head that was let pass with a quirk makes nothing known: the reader of the next
/// one sees its quirk again.
#[test]
fn what_was_let_pass_is_not_known() {
    let odd = b"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n";
    let limits = Limits::default();
    let read = |before: ResponseHead| {
        let (mut recv, mut head) = (RecvBuffer::new(), ResponseHead::default());
        let mut reader = HeadReader::new(&limits, before);
        recv.put(odd);
        let read = reader.read(&mut recv, &limits, &mut head);
        assert_eq!(read.ok(), Some(HeadProgress::Complete));
        assert!(!head.plain && head.quirks.iter().count() == 1);
        head
    };
    read(read(ResponseHead::default()));
}
