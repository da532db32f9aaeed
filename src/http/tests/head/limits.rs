//! What a head may cost: bytes, lines, time and memory.

use super::*;

#[test]
fn limits_are_inclusive_and_fail_early() {
    let wire = b"HTTP/1.1 200 OK\r\nAbc: defg\r\nH: i\r\n\r\n";
    let check = |limits: Limits, limit: Option<Limit>| {
        for size in [1, 2, 7, usize::MAX] {
            let have = read(wire, size, &limits).err();
            assert_eq!(have, limit.map(ErrorKind::TooLarge), "{size} {limits:?}");
        }
    };
    let base = Limits::default;
    check(
        Limits {
            head_bytes: wire.len(),
            ..base()
        },
        None,
    );
    check(
        Limits {
            head_bytes: wire.len() - 1,
            ..base()
        },
        Some(Limit::HeadBytes),
    );
    check(
        Limits {
            fields: 2,
            ..base()
        },
        None,
    );
    check(
        Limits {
            fields: 1,
            ..base()
        },
        Some(Limit::Fields),
    );
    check(
        Limits {
            line_bytes: 15,
            ..base()
        },
        None,
    );
    check(
        Limits {
            line_bytes: 14,
            ..base()
        },
        Some(Limit::LineBytes),
    );
    // Endless lines, fields and empty lines stop at the limit.
    let limits = Limits {
        head_bytes: 4096,
        ..base()
    };
    let endless = |start: &str, more: &str| {
        let wire = format!("{start}{}", more.repeat(10_000));
        read(wire.as_bytes(), 1000, &limits).err()
    };
    assert_eq!(
        endless("HTTP/1.1 200 ", "A"),
        Some(ErrorKind::TooLarge(Limit::HeadBytes))
    );
    assert_eq!(
        endless("HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        Some(ErrorKind::TooLarge(Limit::Fields))
    );
    assert_eq!(
        endless("", "\r\n"),
        Some(ErrorKind::TooLarge(Limit::EmptyLines))
    );
    assert_eq!(
        endless("", "\n"),
        Some(ErrorKind::TooLarge(Limit::EmptyLines))
    );
}

#[test]
fn more_fields_than_on_the_stack() {
    let fields: String = (0..500).map(|n| format!("h{n}: {n}\r\n")).collect();
    let head = one_shot(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes());
    let head = head.map(|head| {
        (
            head.headers.len(),
            head.headers.get("H499").map(<[u8]>::to_vec),
        )
    });
    assert_eq!(head, Ok((500, Some(b"499".to_vec()))));
}

#[test]
fn linear_parse_cost() {
    let visits = |kib: usize| {
        let line = format!("X-Filler: {}\r\n", "v".repeat(116));
        let wire = format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(kib * 8));
        let limits = Limits {
            fields: 10_000,
            ..Limits::default()
        };
        crate::http::syntax::VISITED.set(0);
        assert!(read(wire.as_bytes(), 1, &limits).is_ok());
        (crate::http::syntax::VISITED.get(), wire.len())
    };
    let (small, _) = visits(32);
    let (large, bytes) = visits(64);
    assert!(large <= 2 * bytes, "{large} visits for {bytes} bytes");
    assert!(large * 10 <= small * 22);
}

#[test]
fn a_second_head_uses_the_memory_of_the_first() {
    let limits = Limits::default();
    let mut recv = RecvBuffer::new();
    let mut head = ResponseHead::default();
    let wire = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nE: f\r\n\r\n";
    let mut footprint = 0;
    for round in 0..5 {
        recv.put(wire);
        let mut reader = HeadReader::new(&limits, ResponseHead::default());
        let done = reader.read(&mut recv, &limits, &mut head).ok();
        assert_eq!(done, Some(HeadProgress::Complete));
        assert_eq!(head.headers.len(), 3);
        if round > 0 {
            assert_eq!(head.headers.footprint(), footprint);
        }
        footprint = head.headers.footprint();
    }
}
