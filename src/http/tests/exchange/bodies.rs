//! Which responses have a body, and how it is handed out.

use super::*;

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
    let mut exchange = Exchange::begin(GET, limits.clone());
    exchange.request_sent();
    let mut recv = RecvBuffer::new();
    recv.put(wire);
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Head)));
    exchange.discard_body();
    assert_eq!(piece(&mut exchange, &mut recv), b"xxxx");
    assert!(matches!(exchange.advance(&mut recv), Ok(Event::Need)));
}

#[cfg(feature = "gzip")]
#[test]
fn a_decoder_taken_away_loses_no_byte() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0";
    let limits = Limits {
        decode_step: 1,
        ..Limits::default()
    };
    let mut exchange = Exchange::begin(GET, limits.clone());
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
    let mut exchange = Exchange::begin(GET, limits.clone());
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
