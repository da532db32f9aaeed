//! What a server can do before both sides agree.

use crate::peer::{Identity, Version};
use crate::{CLOSED, MS, Outcome, PROTOCOL, ZERO, fails, meets, meets_peer, timeout};
use downbeat::http::{Deadline, ErrorKind, Phase, TlsFault};
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::testing::Stream;
use downbeat::time;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// The deadline of a handshake.
const TEN: Duration = Duration::from_secs(10);

/// Reads the client's first words, says this, and falls silent.
async fn says(mut stream: Stream, bytes: Vec<u8>) {
    let mut hello = [0; 4096];
    let _hello = stream.read(&mut hello).await;
    let _gone = stream.write_all(&bytes).await;
    pending::<()>().await;
}

/// A record of this type and version.
fn record(typ: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[typ, 3, 3], &length[..], payload].concat()
}

#[test]
fn words_that_are_no_server_hello() {
    let hello = |length: [u8; 3]| [&[2][..], &length[..], &[0; 38][..]].concat();
    let rows: [(&str, Vec<u8>); 10] = [
        ("noise", (0..=255).rev().collect()),
        ("zeros", vec![0; 300]),
        ("plain HTTP", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        (
            "another server's banner",
            b"220 mail.test ESMTP\r\n".to_vec(),
        ),
        (
            "a longer record than there may be",
            [22, 3, 3, 0xff, 0xff, 2].to_vec(),
        ),
        ("a record with nothing in it", record(22, &[])),
        ("application data", record(23, b"too early")),
        (
            "a hello that is longer than itself",
            record(22, &hello([0, 0, 38])[..40]),
        ),
        ("a message of 16 MiB", record(22, &hello([0xff; 3]))),
        (
            "a finished without a beginning",
            record(22, &[20, 0, 0, 1, 0]),
        ),
    ];
    let identity = Identity::new(0, 1);
    for (name, bytes) in rows {
        let outcome = meets(&identity.root, move |stream| says(stream, bytes.clone()));
        // Less than its own length announces: the rest might come yet.
        let expected = match name {
            "a hello that is longer than itself" => fails(timeout(Deadline::Tls), Phase::Tls, TEN),
            _ => fails(PROTOCOL, Phase::Tls, ZERO),
        };
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn alerts_instead_of_a_server_hello() {
    let warnings = record(21, &[1, 90]).repeat(20);
    let rows = [
        ("handshake_failure", record(21, &[2, 40]), PROTOCOL, ZERO),
        ("internal_error", record(21, &[2, 80]), PROTOCOL, ZERO),
        ("unrecognized_name", record(21, &[2, 112]), PROTOCOL, ZERO),
        (
            "no_application_protocol",
            record(21, &[2, 120]),
            ErrorKind::Tls(TlsFault::Alpn),
            ZERO,
        ),
        (
            "a level that does not exist",
            record(21, &[7, 40]),
            PROTOCOL,
            ZERO,
        ),
        ("half an alert", record(21, &[2]), PROTOCOL, ZERO),
        // Nobody has proved who says so: it is not an end, and not one of many warnings.
        (
            "close_notify",
            record(21, &[1, 0]),
            timeout(Deadline::Tls),
            TEN,
        ),
        ("warnings without an end", warnings, PROTOCOL, ZERO),
    ];
    let identity = Identity::new(0, 1);
    for (name, bytes, kind, took) in rows {
        let outcome = meets(&identity.root, move |stream| says(stream, bytes.clone()));
        assert_eq!(outcome, fails(kind, Phase::Tls, took), "{name}");
    }
}

/// The outcome with a server that makes so many bytes of its part of the handshake, at
/// least the last twenty excepted, and then falls silent or goes away.
fn stops(identity: &Rc<Identity>, version: Version, length: usize, closes: bool) -> Outcome {
    meets_peer(identity, version, move |mut peer| async move {
        let flight = peer.flight().await;
        let most = length.min(flight.len() - 20);
        peer.stream.write_all(&flight[..most]).await.unwrap();
        if !closes {
            pending::<()>().await;
        }
    })
}

#[test]
fn a_handshake_that_stops_after_any_byte() {
    let identity = Rc::new(Identity::new(0, 1));
    for version in [Version::V12, Version::V13] {
        for length in (0..140).chain((140..1000).step_by(31)) {
            let outcome = stops(&identity, version, length, false);
            let silent = fails(timeout(Deadline::Tls), Phase::Tls, TEN);
            assert_eq!(outcome, silent, "{version:?}, {length} bytes");
            let outcome = stops(&identity, version, length, true);
            let closed = fails(CLOSED, Phase::Tls, ZERO);
            assert_eq!(outcome, closed, "{version:?}, {length} bytes");
        }
    }
}

#[test]
fn a_handshake_that_dribbles() {
    let identity = Rc::new(Identity::new(0, 1));
    for version in [Version::V12, Version::V13] {
        // The whole would take a minute: bytes that come do not move the deadline.
        let outcome = meets_peer(&identity, version, |mut peer| async move {
            for byte in peer.flight().await {
                if peer.stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                time::sleep(MS * 100).await;
            }
        });
        assert_eq!(outcome, fails(timeout(Deadline::Tls), Phase::Tls, TEN));
    }
}

#[test]
fn a_client_that_is_not_listened_to() {
    let identity = Identity::new(0, 1);
    let outcome = meets(&identity.root, |stream| async move {
        let _open = stream;
        pending::<()>().await;
    });
    assert_eq!(outcome, fails(timeout(Deadline::Tls), Phase::Tls, TEN));
}

#[test]
fn a_certificate_message_of_a_hundred_kilobytes() {
    let identity = Rc::new(Identity::new(0, 400));
    for version in [Version::V12, Version::V13] {
        let outcome = meets_peer(&identity, version, |mut peer| async move {
            let flight = peer.flight().await;
            assert!(flight.len() > 100_000, "{}", flight.len());
            let _gone = peer.stream.write_all(&flight).await;
            pending::<()>().await;
        });
        assert_eq!(outcome, fails(PROTOCOL, Phase::Tls, ZERO), "{version:?}");
    }
}

#[test]
fn a_chain_of_ten_authorities() {
    // As much as anybody has to look through, and it is not believed.
    let identity = Rc::new(Identity::new(10, 1));
    for version in [Version::V12, Version::V13] {
        let outcome = meets_peer(&identity, version, |mut peer| async move {
            let flight = peer.flight().await;
            let _gone = peer.stream.write_all(&flight).await;
            pending::<()>().await;
        });
        let kind = ErrorKind::Tls(TlsFault::Certificate);
        assert_eq!(outcome, fails(kind, Phase::Tls, ZERO), "{version:?}");
    }
}
