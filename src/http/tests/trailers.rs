//! Tests of the trailer section.

use super::*;

fn read(wire: &[u8], size: usize, limits: &Limits) -> Result<(Vec<String>, usize), ErrorKind> {
    let mut recv = RecvBuffer::new();
    let mut reader = TrailerReader::default();
    let mut trailers = Headers::new();
    for piece in wire.chunks(size) {
        recv.put(piece);
        match reader.read(&mut recv, limits, &mut trailers) {
            Ok(TrailerProgress::Complete) => {
                let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
                let fields = trailers.iter().map(|(n, v)| format!("{n}={}", text(v)));
                return Ok((fields.collect(), recv.unread().len()));
            }
            Ok(TrailerProgress::More) => {}
            Err(error) => return Err(error.kind()),
        }
    }
    Err(ErrorKind::Truncated)
}

#[test]
fn sections() {
    let limits = Limits::default();
    for size in [1, 2, 3, usize::MAX] {
        let none = read(b"\r\n", size, &limits);
        assert_eq!(none, Ok((vec![], 0)));
        let two = read(b"X-Sum: abc\r\nX-Two:2 \r\n\r\n", size, &limits);
        assert_eq!(two, Ok((vec!["X-Sum=abc".into(), "X-Two=2".into()], 0)));
        for bad in [
            "not a field\r\n\r\n",
            "\n",
            "A: b\n\r\n",
            "A: b\r\n c\r\n\r\n",
            "A : b\r\n\r\n",
            "A: \x01\r\n\r\n",
        ] {
            let have = read(bad.as_bytes(), size, &limits);
            assert_eq!(have, Err(ErrorKind::Parse(ParseFault::Trailer)), "{bad:?}");
        }
    }
    assert_eq!(read(b"\r\nnext", usize::MAX, &limits), Ok((vec![], 4)));
}

/// A lone LF is found out first also where a limit is passed behind it in the same
/// read.
#[test]
fn the_first_fault_counts() {
    let limits = Limits {
        trailer_fields: 2,
        ..Limits::default()
    };
    for size in [1, 5, usize::MAX] {
        let have = read(b"A: b\nA: b\r\nA: b\r\nA: b\r\n\r\n", size, &limits);
        assert_eq!(have, Err(ErrorKind::Parse(ParseFault::Trailer)), "{size}");
    }
}

#[test]
fn limits_hold() {
    let wire = "A: b\r\n".repeat(10) + "\r\n";
    let read = |limits: Limits| read(wire.as_bytes(), 5, &limits).map(|t| t.0.len());
    let base = Limits::default;
    assert_eq!(read(base()), Ok(10));
    assert_eq!(
        read(Limits {
            trailer_fields: 10,
            trailer_bytes: 60,
            ..base()
        }),
        Ok(10)
    );
    let too_large = |limit| Err(ErrorKind::TooLarge(limit));
    assert_eq!(
        read(Limits {
            trailer_fields: 9,
            ..base()
        }),
        too_large(Limit::TrailerFields)
    );
    assert_eq!(
        read(Limits {
            trailer_bytes: 59,
            ..base()
        }),
        too_large(Limit::TrailerBytes)
    );
    assert_eq!(
        read(Limits {
            line_bytes: 3,
            ..base()
        }),
        too_large(Limit::LineBytes)
    );
}
