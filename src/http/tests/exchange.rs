//! Tests of the exchange: whole responses, at every split.

use super::super::kind::{FramingFault, ParseFault};
use super::super::limits::Limit;
use super::super::method::Method;
use super::*;

const GET: Asked = Asked {
    method: Method::GET,
    expects_continue: false,
    upgrade: false,
    close: false,
    decode: true,
};

/// What came out of a response.
#[derive(PartialEq, Debug, Clone)]
struct Outcome {
    status: u16,
    fields: usize,
    informational: usize,
    body: Vec<u8>,
    trailers: Vec<String>,
    kept: bool,
    quirks: String,
}

/// Feeds `wire`, cut at `cuts`, and then the end of the connection, to an
/// exchange whose request was sent.
fn run(
    asked: &Asked,
    limits: &Limits,
    wire: &[u8],
    cuts: &[usize],
    ended: Ended,
) -> Result<Outcome, ErrorKind> {
    let mut exchange = Exchange::begin(asked.clone(), limits);
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    let mut body = Vec::new();
    let mut informational = 0;
    let mut fed = 0;
    let mut reuse = None;
    let ends = cuts.iter().copied().chain([wire.len()]);
    for end in ends {
        recv.put(wire.get(fed..end).unwrap_or_default());
        fed = end.max(fed);
        while reuse.is_none() {
            match exchange.advance(&mut recv).map_err(|e| e.kind())? {
                Event::Need => break,
                Event::Informational => informational += 1,
                Event::Head => {}
                Event::Body(piece) => {
                    let bytes = exchange.lend(piece, &mut recv);
                    assert!(!bytes.is_empty());
                    body.extend_from_slice(bytes);
                }
                Event::Done(verdict) => reuse = Some(verdict),
            }
        }
    }
    let reuse = match reuse {
        Some(reuse) => reuse,
        None => match exchange.end(ended).map_err(|e| e.kind())? {
            Event::Done(reuse) => reuse,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(exchange.stage(), Stage::Done);
    let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
    let trailers = exchange.take_trailers();
    let trailers = trailers.iter();
    let mut quirks = exchange.quirks();
    // Bytes that arrive after the end are for the idle watch to see.
    let clean = recv.is_empty() && !quirks.contains(Quirk::TrailingBytes);
    if !clean {
        quirks.insert(Quirk::TrailingBytes);
    }
    Ok(Outcome {
        status: exchange.head().status,
        fields: exchange.head().headers.len(),
        informational,
        body,
        trailers: trailers.map(|(n, v)| format!("{n}={}", text(v))).collect(),
        kept: reuse == Reuse::Keep && clean,
        quirks: quirks.to_string(),
    })
}

/// The same at every single split, byte by byte, and at seeded multi-splits.
fn all_splits(asked: &Asked, wire: &[u8], ended: Ended) -> Result<Outcome, ErrorKind> {
    let limits = Limits::default();
    let at_once = run(asked, &limits, wire, &[], ended);
    let check = |cuts: &[usize]| {
        let text = wire.escape_ascii().to_string();
        let have = run(asked, &limits, wire, cuts, ended);
        assert_eq!(have, at_once, "{cuts:?} {text}");
    };
    for cut in 1..wire.len() {
        check(&[cut]);
    }
    check(&(1..wire.len()).collect::<Vec<_>>());
    let mut seed = 7u64;
    for _ in 0..64 {
        let mut cuts: Vec<usize> = (0..5)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as usize % wire.len().max(1)
            })
            .collect();
        cuts.sort_unstable();
        check(&cuts);
    }
    at_once
}

fn get(wire: &str) -> Result<Outcome, ErrorKind> {
    all_splits(&GET, wire.as_bytes(), Ended::Clean)
}

/// Status, body and whether the connection is kept.
fn brief(wire: &str) -> Result<(u16, String, bool), ErrorKind> {
    get(wire).map(|o| {
        (
            o.status,
            String::from_utf8_lossy(&o.body).into_owned(),
            o.kept,
        )
    })
}

/// The next piece of the body, which must be there.
fn piece(exchange: &mut Exchange, recv: &mut RecvBuffer) -> Vec<u8> {
    match exchange.advance(recv) {
        Ok(Event::Body(piece)) => exchange.lend(piece, recv).to_vec(),
        other => panic!("{other:?}"),
    }
}

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
fn trailers_do_not_touch_the_head() {
    let outcome = get(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\nContent-Length: 99\r\nConnection: close\r\n\r\n",
    );
    let have = outcome.map(|o| (o.fields, o.trailers, o.kept));
    let trailers = ["Content-Length=99", "Connection=close"].map(String::from);
    assert_eq!(have, Ok((1, trailers.to_vec(), true)));
}

#[test]
fn head_and_connect_have_no_body() {
    let head = Asked {
        method: Method::HEAD,
        ..GET
    };
    for fields in [
        "Content-Length: 1000\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
    ] {
        let wire = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let have = all_splits(&head, wire.as_bytes(), Ended::Clean);
        assert_eq!(
            have.map(|o| (o.body.len(), o.kept)),
            Ok((0, true)),
            "{fields}"
        );
    }
    let connect = Asked {
        method: Method::CONNECT,
        ..GET
    };
    let have = all_splits(&connect, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Clean);
    assert_eq!(have.map(|o| (o.status, o.kept)), Ok((200, false)));
}

#[test]
fn informational_heads_share_the_head_budget() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let wire = interim.repeat(20) + last;
    let have = get(&wire).map(|o| (o.informational, o.kept));
    assert_eq!(have, Ok((20, true)));
    let limits = |head_bytes| Limits {
        head_bytes,
        ..Limits::default()
    };
    let run = |head_bytes| {
        run(
            &GET,
            &limits(head_bytes),
            wire.as_bytes(),
            &[100],
            Ended::Clean,
        )
    };
    assert!(run(wire.len()).is_ok());
    let too_large = Some(ErrorKind::TooLarge(Limit::HeadBytes));
    assert_eq!(run(wire.len() - 1).err(), too_large);
}

#[test]
fn body_bytes() {
    let with = |limit, wire: &str| {
        let limits = Limits {
            body_bytes: limit,
            ..Limits::default()
        };
        let cuts: Vec<usize> = (1..wire.len()).collect();
        let at_once = run(&GET, &limits, wire.as_bytes(), &[], Ended::Clean);
        let dribbled = run(&GET, &limits, wire.as_bytes(), &cuts, Ended::Clean);
        assert_eq!(at_once, dribbled);
        at_once.map(|o| o.body.len())
    };
    let too_large = Err(ErrorKind::TooLarge(Limit::BodyBytes));
    for wire in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ] {
        assert_eq!(with(5, wire), Ok(5), "{wire:?}");
        assert_eq!(with(4, wire), too_large, "{wire:?}");
    }
    // What is only announced fails as well, before a byte of it came.
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n";
    assert_eq!(with(1000, announced), too_large);
    let announced = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5F5E100\r\n";
    assert_eq!(with(1000, announced), too_large);
}

#[test]
fn a_discarded_body_has_no_limit_and_no_coding() {
    let wire =
        b"HTTP/1.1 302 F\r\nContent-Encoding: gzip\r\nContent-Length: 9000000000\r\n\r\nxxxx";
    let limits = Limits {
        body_bytes: 2,
        ..Limits::default()
    };
    let mut exchange = Exchange::begin(GET, &limits);
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(wire);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    exchange.discard_body();
    assert_eq!(piece(&mut exchange, &mut recv), b"xxxx");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
}

#[test]
fn early_response_stops_upload_no_reuse() {
    let wire = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    let mut exchange = Exchange::begin(GET, &Limits::default());
    let mut recv = RecvBuffer::new();
    assert_eq!(exchange.upload(), Upload::Sending);
    recv.put(wire);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(exchange.upload(), Upload::Stopped);
    exchange.request_sent();
    assert_eq!(exchange.upload(), Upload::Stopped);
    assert_eq!(piece(&mut exchange, &mut recv), b"no");
    let done = exchange.advance(&mut recv);
    assert!(matches!(
        done,
        Ok(Event::Done(Reuse::Close(CloseReason::RequestUnfinished)))
    ));
}

#[test]
fn expect_100_all_orders() {
    let begin = || {
        let asked = Asked {
            method: Method::POST,
            expects_continue: true,
            ..GET
        };
        (
            Exchange::begin(asked, &Limits::default()),
            RecvBuffer::new(),
        )
    };
    let hundred = b"HTTP/1.1 100 Continue\r\n\r\n";
    let last = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    // 100, body, final
    let (mut exchange, mut recv) = begin();
    assert_eq!(exchange.upload(), Upload::Waiting);
    recv.put(hundred);
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Informational)
    ));
    assert_eq!(exchange.upload(), Upload::Sending);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
    exchange.request_sent();
    recv.put(last);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Done(Reuse::Keep))
    ));
    // 102 does not let the body go, the timer does; a late 100 changes nothing
    let (mut exchange, mut recv) = begin();
    recv.put(b"HTTP/1.1 102 Processing\r\n\r\n");
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Informational)
    ));
    assert_eq!(exchange.upload(), Upload::Waiting);
    exchange.continue_expired();
    assert_eq!(exchange.upload(), Upload::Sending);
    exchange.request_sent();
    recv.put(hundred);
    recv.put(last);
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Informational)
    ));
    assert_eq!(exchange.upload(), Upload::Sent);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Done(Reuse::Keep))
    ));
    // final first: the body is never sent
    let (mut exchange, mut recv) = begin();
    recv.put(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(exchange.upload(), Upload::Stopped);
    let done = exchange.advance(&mut recv);
    assert!(matches!(
        done,
        Ok(Event::Done(Reuse::Close(CloseReason::RequestUnfinished)))
    ));
}

#[test]
fn an_asked_101_hands_the_connection_over() {
    let asked = Asked {
        upgrade: true,
        ..GET
    };
    let mut exchange = Exchange::begin(asked, &Limits::default());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x81\x02hi");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    let done = exchange.advance(&mut recv);
    assert!(matches!(
        done,
        Ok(Event::Done(Reuse::Close(CloseReason::Tunnel)))
    ));
    assert_eq!(recv.unread(), b"\x81\x02hi");
}

#[test]
fn stages_follow_the_response() {
    let mut exchange = Exchange::begin(GET, &Limits::default());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
    assert_eq!(
        (exchange.stage(), exchange.heard()),
        (Stage::FirstByte, false)
    );
    recv.put(b"\r\n");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
    assert_eq!((exchange.stage(), exchange.heard()), (Stage::Head, true));
    recv.put(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(exchange.stage(), Stage::Body);
    // Past the buffer.
    assert_eq!(exchange.direct(&recv), Some(10));
    exchange.took_direct(7);
    assert_eq!(exchange.direct(&recv), Some(3));
    recv.put(b"890");
    assert_eq!(exchange.direct(&recv), None);
    assert_eq!(piece(&mut exchange, &mut recv), b"890");
    let done = exchange.advance(&mut recv);
    let leading = Reuse::Close(CloseReason::Quirk(Quirk::LeadingEmptyLine));
    assert!(matches!(done, Ok(Event::Done(reuse)) if reuse == leading));
}

#[test]
fn the_servers_idle_time_is_handed_on() {
    let mut exchange = Exchange::begin(GET, &Limits::default());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(exchange.idle_hint(), Some(Duration::from_secs(4)));
    // The head may be taken away at any time.
    assert_eq!(exchange.take_head().headers.len(), 2);
    assert!(matches!(
        exchange.advance(&mut recv),
        Ok(Event::Done(Reuse::Keep))
    ));
}

#[cfg(feature = "gzip")]
#[test]
fn a_decoder_taken_away_loses_no_byte() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0";
    let limits = Limits {
        decode_step: 1,
        ..Limits::default()
    };
    let mut exchange = Exchange::begin(GET, &limits);
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n");
    recv.put(gzip);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(piece(&mut exchange, &mut recv), b"h");
    // The decoder waits for room: its input is still in the buffer.
    let left = recv.unread().len();
    assert!(left >= 8);
    exchange.discard_body();
    let rest = piece(&mut exchange, &mut recv);
    assert_eq!(rest.len(), left);
    let done = exchange.advance(&mut recv);
    assert!(matches!(done, Ok(Event::Done(Reuse::Keep))));
}

#[test]
fn direct_reads_stop_at_the_limit() {
    let limits = Limits {
        body_bytes: 5,
        ..Limits::default()
    };
    let mut exchange = Exchange::begin(GET, &limits);
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(b"HTTP/1.1 200 OK\r\n\r\n");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    assert_eq!(exchange.direct(&recv), Some(5));
    exchange.took_direct(5);
    assert_eq!(exchange.direct(&recv), None);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
    recv.put(b"x");
    let kind = exchange
        .advance(&mut recv)
        .map(|_| ())
        .map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::TooLarge(Limit::BodyBytes)));
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
