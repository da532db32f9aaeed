//! Who speaks when: informational heads, early answers, `100 Continue`, `101`.

use super::*;

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
fn early_response_stops_upload_no_reuse() {
    let wire = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    let mut exchange = Exchange::begin(GET, Limits::default());
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
        (Exchange::begin(asked, Limits::default()), RecvBuffer::new())
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
    let mut exchange = Exchange::begin(asked, Limits::default());
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
    let mut exchange = Exchange::begin(GET, Limits::default());
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
    let mut exchange = Exchange::begin(GET, Limits::default());
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
