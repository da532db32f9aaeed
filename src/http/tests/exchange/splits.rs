//! However the bytes of a response are cut, and wherever they end.

use super::*;

#[test]
fn split_invariance() {
    let ok = |status, body: &str, kept| Ok((status, body.to_owned(), kept));
    let framing = |fault| Err(ErrorKind::Framing(fault));
    let rows = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            ok(200, "hello", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ok(200, "", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
            ok(200, "abc", false),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 100 Continue\r\n\r\n",
            ok(200, "ok", false),
        ),
        ("HTTP/1.1 204 No\r\n\r\n", ok(204, "", true)),
        (
            "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello",
            ok(204, "", false),
        ),
        (
            "HTTP/1.1 304 No\r\nContent-Length: 1234\r\n\r\n",
            ok(304, "", true),
        ),
        (
            "HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\nevil",
            ok(304, "", false),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nto the end",
            ok(200, "to the end", false),
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nall",
            ok(200, "all", false),
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
            ok(200, "a", false),
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
            ok(200, "a", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n",
            ok(200, "hello!", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 70\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            ok(200, "", false),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ok(200, "abc", false),
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding:\n chunked\n\n3\r\nabc\r\n0\r\n\r\n",
            ok(200, "abc", false),
        ),
        (
            "\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 200\r\nContent-Length: 3\r\n\r\nfin",
            ok(200, "fin", false),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
            ok(200, "", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 6\r\n\r\nopaque",
            ok(200, "opaque", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
            framing(FramingFault::ChunkEnd),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\r\n\r\n",
            framing(FramingFault::ChunkSize),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            framing(FramingFault::LengthConflict),
        ),
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
            Err(ErrorKind::Parse(ParseFault::Upgrade)),
        ),
        (
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            Err(ErrorKind::Parse(ParseFault::FieldName)),
        ),
        (
            "<html>old</html>",
            Err(ErrorKind::Parse(ParseFault::NotHttp)),
        ),
    ];
    for (wire, want) in rows {
        assert_eq!(brief(wire), want, "{wire:?}");
    }
}

#[test]
fn cut_off_anywhere_is_truncated() {
    let wires = [
        "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    ];
    for wire in wires {
        for cut in 0..wire.len() {
            for ended in [Ended::Clean, Ended::NoCloseNotify, Ended::Reset] {
                let have = run(
                    &GET,
                    &Limits::default(),
                    &wire.as_bytes()[..cut],
                    &[],
                    ended,
                );
                assert_eq!(have.err(), Some(ErrorKind::Truncated), "{cut} {wire:?}");
            }
        }
        for ended in [Ended::NoCloseNotify, Ended::Reset] {
            assert!(all_splits(&GET, wire.as_bytes(), ended).is_ok());
        }
    }
    let to_close = b"HTTP/1.1 200 OK\r\n\r\npart";
    assert!(all_splits(&GET, to_close, Ended::Clean).is_ok());
    for ended in [Ended::NoCloseNotify, Ended::Reset] {
        assert_eq!(
            all_splits(&GET, to_close, ended).err(),
            Some(ErrorKind::Truncated)
        );
    }
}

#[test]
fn random_bytes_never_panic() {
    let words: [&[u8]; 24] = [
        b"HTTP/1.1 ",
        b"HTTP/1.0 ",
        b"200",
        b"100",
        b"204",
        b" ",
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"Content-Length: ",
        b"Transfer-Encoding: chunked",
        b"5",
        b"0",
        b"ffffffffffffffff",
        b";",
        b"Content-Encoding: gzip",
        b"\x1f\x8b\x08",
        b"\0",
        b"\xff",
        b":",
        b"A: b",
        b"\t",
        b"hello",
    ];
    let mut seed = 99u64;
    let mut next = |most: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    for _ in 0..6_000 {
        let mut wire = match next(3) {
            0 => Vec::new(),
            _ => b"HTTP/1.1 200 OK\r\n".to_vec(),
        };
        for _ in 0..next(14) {
            wire.extend_from_slice(words[next(words.len())]);
        }
        let cut = next(wire.len() + 1);
        let limits = Limits::default();
        let at_once = run(&GET, &limits, &wire, &[], Ended::Clean);
        let split = run(&GET, &limits, &wire, &[cut], Ended::Clean);
        assert_eq!(at_once, split, "{cut} {}", wire.escape_ascii());
    }
}
