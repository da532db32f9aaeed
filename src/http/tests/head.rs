//! Tests of the head reader.

use super::*;

#[path = "head/limits.rs"]
mod limits;

/// Reads `wire` in pieces of `size` bytes.
fn read(wire: &[u8], size: usize, limits: &Limits) -> Result<(ResponseHead, usize), ErrorKind> {
    let mut recv = RecvBuffer::new();
    let mut reader = HeadReader::new(limits, ResponseHead::default());
    let mut head = ResponseHead::default();
    for piece in wire.chunks(size) {
        recv.put(piece);
        match reader.read(&mut recv, limits, &mut head) {
            Ok(HeadProgress::Complete) => return Ok((head, recv.unread().len())),
            Ok(HeadProgress::More) => {}
            Err(error) => return Err(error.kind()),
        }
    }
    Err(ErrorKind::Truncated)
}

fn one_shot(wire: &[u8]) -> Result<ResponseHead, ErrorKind> {
    read(wire, usize::MAX, &Limits::default()).map(|(head, _)| head)
}

fn fault(wire: &[u8]) -> ErrorKind {
    let at_once = one_shot(wire).map(|_| ()).err();
    let dribbled = read(wire, 1, &Limits::default()).map(|_| ()).err();
    assert_eq!(at_once, dribbled, "{:?}", wire.escape_ascii().to_string());
    at_once.unwrap_or(ErrorKind::Cancelled)
}

#[test]
fn status_lines_accepted() {
    let case = |line: &str, status, version, quirks: &[Quirk]| {
        let wire = format!("{line}\r\nA: b\r\n\r\n");
        let head = one_shot(wire.as_bytes()).map_err(|kind| format!("{line}: {kind}"));
        let have = head.map(|h| (h.status, h.version, h.quirks.iter().collect::<Vec<_>>()));
        assert_eq!(have, Ok((status, version, quirks.to_vec())), "{line}");
    };
    case("HTTP/1.1 200 OK", 200, Version::Http11, &[]);
    case("HTTP/1.1 200 ", 200, Version::Http11, &[]);
    case(
        "HTTP/1.1 200",
        200,
        Version::Http11,
        &[Quirk::MissingReason],
    );
    case("HTTP/1.0 404 it:\t\"x\"", 404, Version::Http10, &[]);
    case(
        "HTTP/1.1 200 Déjà vu",
        200,
        Version::Http11,
        &[Quirk::ObsText],
    );
    case(
        "\r\nHTTP/1.1 200 OK",
        200,
        Version::Http11,
        &[Quirk::LeadingEmptyLine],
    );
    case("HTTP/1.1 799 x", 799, Version::Http11, &[]);
    case("HTTP/1.1 999 x", 999, Version::Http11, &[]);
}

#[test]
fn what_is_not_http_fails_at_the_first_wrong_byte() {
    let rows = [
        ("http/1.1 200 OK", 0),
        ("Http/1.1 200 OK", 1),
        ("SSH-2.0-x", 0),
        ("ICY 200 OK", 0),
        ("HTTP/1.2 200 OK", 7),
        ("HTTP/2.0 200 OK", 5),
        ("HTTP/11.1 200 OK", 6),
        ("HTTP/1.1200 OK", 8),
        ("HTTP/1.1\r\n", 8),
        (" HTTP/1.1 200 OK", 0),
        ("\u{feff}HTTP/1.1 200 OK", 0),
        ("\u{15}\u{3}\u{1}", 0),
        ("<html>", 0),
        ("\rHTTP/1.1 200", 1),
    ];
    for (wire, at) in rows {
        let bytes = wire.as_bytes();
        let upto = |end| read(&bytes[..end], 1, &Limits::default()).err();
        assert_eq!(upto(at), Some(ErrorKind::Truncated), "{wire}");
        assert_eq!(
            upto(at + 1),
            Some(ErrorKind::Parse(ParseFault::NotHttp)),
            "{wire}"
        );
    }
}

#[test]
fn heads_refused() {
    let with = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\nB: c\r\n\r\n");
    let status = |line: &str| format!("HTTP/1.1 {line}\r\nB: c\r\n\r\n");
    let rows = [
        (status("20 OK"), ParseFault::StatusLine),
        (status("2000 OK"), ParseFault::StatusLine),
        (status("2o0 OK"), ParseFault::StatusLine),
        (status("-200 OK"), ParseFault::StatusLine),
        (status(" 200 OK"), ParseFault::StatusLine),
        (status("0xC8 OK"), ParseFault::StatusLine),
        (status("200 O\0K"), ParseFault::StatusLine),
        (status("200 OK\rX: y"), ParseFault::StatusLine),
        (status("099 Low"), ParseFault::StatusCode),
        (status("000 x"), ParseFault::StatusCode),
        (with(" X-Ghost: 1"), ParseFault::LeadingSpace),
        (with("\tX-Ghost: 1"), ParseFault::LeadingSpace),
        (with("no colon"), ParseFault::FieldName),
        (with(": nameless"), ParseFault::FieldName),
        (with("X Bad: 1"), ParseFault::FieldName),
        (with("X-\u{1}: 1"), ParseFault::FieldName),
        (with("X-ä: 1"), ParseFault::FieldName),
        (with("X: a\0b"), ParseFault::FieldValue),
        (with("X: a\u{1}b"), ParseFault::FieldValue),
        (with("X: \u{b}b"), ParseFault::FieldValue),
        (with("X: a\rY: b"), ParseFault::FieldValue),
        (with("X: a\u{7f}"), ParseFault::FieldValue),
    ];
    for (wire, want) in rows {
        assert_eq!(fault(wire.as_bytes()), ErrorKind::Parse(want), "{wire:?}");
    }
}

#[test]
fn an_error_shows_the_line_but_no_secret() {
    let detail = |line: &str| {
        let wire = format!("HTTP/1.1 200 OK\r\nA: b\r\n{line}\r\n\r\n");
        let mut recv = RecvBuffer::new();
        recv.put(wire.as_bytes());
        let limits = Limits::default();
        let result = HeadReader::new(&limits, ResponseHead::default()).read(
            &mut recv,
            &limits,
            &mut ResponseHead::default(),
        );
        result.err().and_then(|e| e.detail().map(str::to_owned))
    };
    assert_eq!(
        detail("<!DOCTYPE html>").as_deref(),
        Some("<!DOCTYPE html>")
    );
    assert_eq!(
        detail("Set-Cookie: a=\u{1}s3cret").as_deref(),
        Some("Set-Cookie: (secret)")
    );
}

#[test]
fn folds_become_one_space() {
    let head = one_shot(
        b"HTTP/1.1 200 OK\r\nA: one \r\n  two\r\n\tthree\r\nTransfer-Encoding:\r\n chunked\r\nE: x\r\n \t\r\nN: 1\r\n\r\n",
    );
    let fields = head.map(|head| {
        assert!(head.quirks.contains(Quirk::ObsFold));
        let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
        head.headers
            .iter()
            .map(|(n, v)| format!("{n}={}", text(v)))
            .collect::<Vec<_>>()
    });
    let want = ["A=one two three", "Transfer-Encoding=chunked", "E=x", "N=1"];
    assert_eq!(fields, Ok(want.map(String::from).to_vec()));
}

#[test]
fn a_fold_inside_a_name_is_no_field() {
    let bad = ErrorKind::Parse(ParseFault::FieldName);
    for head in [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding\r\n : chunked\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-\r\n Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\nA: b\nSet-Cookie\n\t: x\n\n",
    ] {
        assert_eq!(fault(head), bad, "{}", head.escape_ascii());
    }
}

#[test]
fn tolerated_and_recorded() {
    let quirks = |wire: &[u8]| one_shot(wire).map(|head| head.quirks.to_string());
    assert_eq!(quirks(b"HTTP/1.1 200 OK\nA: b\n\n"), Ok("bare-lf".into()));
    assert_eq!(
        quirks(b"HTTP/1.0 200 OK\nA: b\r\nC: d\n\n"),
        Ok("bare-lf".into())
    );
    assert_eq!(
        quirks(b"HTTP/1.1 200 OK\r\nA \t: b\r\n\r\n"),
        Ok("space-before-colon".into())
    );
    assert_eq!(
        quirks(b"HTTP/1.1 200 OK\r\nA: caf\xe9\r\n\r\n"),
        Ok("obs-text".into())
    );
    assert_eq!(quirks(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(String::new()));
}

#[test]
fn names_and_values() {
    let head = one_shot(
        b"HTTP/1.1 200 OK\r\nX!#$%&'*+-.^_`|~9:y\r\nE:\r\nF: \t \r\nG: \t a b \t\r\n\r\nbody",
    );
    let Ok(head) = head else {
        panic!("{:?}", head.err())
    };
    assert_eq!(head.headers.get("x!#$%&'*+-.^_`|~9"), Some(&b"y"[..]));
    assert_eq!(head.headers.get("e"), Some(&b""[..]));
    assert_eq!(head.headers.get("f"), Some(&b""[..]));
    assert_eq!(head.headers.get("g"), Some(&b"a b"[..]));
}
