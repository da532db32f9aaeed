//! What a server can do once both sides have agreed: records that are sealed well and
//! have no sense in them.

use crate::peer::{ALERT, DATA, HANDSHAKE, Identity, Records, Version};
use crate::{MS, Outcome, PROTOCOL, ZERO, counted, fails, meets_peer, timeout};
use downbeat::http::{Deadline, ErrorKind, Phase};
use downbeat::time;
use std::cell::Cell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

const HALF_A_MINUTE: Duration = Duration::from_secs(30);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
const BOTH: [Version; 2] = [Version::V12, Version::V13];
const BODY: Phase = Phase::Body;
const FIRST: Phase = Phase::FirstByte;

/// One request to a server that behaves until it has the request.
fn agrees<F: Future<Output = ()> + 'static>(
    version: Version,
    then: impl Fn(Records) -> F + Clone + 'static,
) -> Outcome {
    let identity = Rc::new(Identity::new(0, 1));
    meets_peer(&identity, version, move |peer| {
        let then = then.clone();
        async move { then(peer.agree().await).await }
    })
}

fn answered(body: &str) -> Outcome {
    (Ok(body.to_owned()), ZERO)
}

#[test]
fn records_by_hand_are_records() {
    for version in BOTH {
        let outcome = agrees(version, |mut server| async move {
            server.send(DATA, HEAD).await;
            for byte in b"12345678" {
                server.send(DATA, &[*byte]).await;
            }
            server.read_to_end().await;
        });
        assert_eq!(outcome, answered("12345678"), "{version:?}");
    }
}

#[test]
fn empty_records_are_let_pass_a_while() {
    for version in BOTH {
        for (count, expected) in [
            (32, answered("12345678")),
            (40, fails(PROTOCOL, BODY, ZERO)),
        ] {
            let outcome = agrees(version, move |mut server| async move {
                server.send(DATA, HEAD).await;
                for _ in 0..count {
                    server.send(DATA, &[]).await;
                }
                server.send(DATA, b"12345678").await;
                server.read_to_end().await;
            });
            assert_eq!(outcome, expected, "{version:?} {count}");
        }
    }
}

/// A session ticket (RFC 8446 section 4.6.1).
fn ticket(number: u32) -> Vec<u8> {
    let ticket = number.to_be_bytes().repeat(16);
    let length = u16::try_from(ticket.len()).unwrap().to_be_bytes();
    let mut body = [0, 0, 0x1c, 0x20].to_vec();
    body.extend([1, 2, 3, 4, 2, 0, 1]);
    body.extend(length);
    body.extend(ticket);
    body.extend([0, 0]);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[4], &length[1..], &body].concat()
}

#[test]
fn session_tickets_for_ever_meet_the_deadline() {
    let outcome = agrees(Version::V13, |mut server| async move {
        for number in 0.. {
            if server.stream.is_peer_gone() {
                break;
            }
            server.send(HANDSHAKE, &ticket(number)).await;
            time::sleep(MS * 10).await;
        }
    });
    let late = timeout(Deadline::FirstByte);
    assert_eq!(outcome, fails(late, FIRST, HALF_A_MINUTE));
}

#[test]
fn session_tickets_between_the_pieces_of_an_answer_are_no_part_of_it() {
    let outcome = agrees(Version::V13, |mut server| async move {
        for (number, piece) in [HEAD, b"1234", b"5678"].into_iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            server.send(HANDSHAKE, &ticket(number)).await;
            server.send(DATA, piece).await;
        }
        server.read_to_end().await;
    });
    assert_eq!(outcome, answered("12345678"));
}

#[test]
fn key_updates() {
    // Each wants an answer: 32 in a row are let pass, as by others.
    for (count, expected) in [
        (32, answered("12345678")),
        (33, fails(PROTOCOL, FIRST, ZERO)),
    ] {
        let outcome = agrees(Version::V13, move |mut server| async move {
            for _ in 0..count {
                server.update_keys(true).await;
            }
            server.send(DATA, &[HEAD, b"12345678"].concat()).await;
            server.read_to_end().await;
        });
        assert_eq!(outcome, expected, "{count}");
    }
    // Those that want no answer are records with nothing in them.
    let outcome = agrees(Version::V13, |mut server| async move {
        for _ in 0..40 {
            server.update_keys(false).await;
        }
        pending::<()>().await;
    });
    assert_eq!(outcome, fails(PROTOCOL, FIRST, ZERO));
}

#[test]
fn v08_a_client_that_sends_nothing_answers_each_key_update() {
    let told = Rc::new(Cell::new(0));
    let bytes = Rc::clone(&told);
    let outcome = agrees(Version::V13, move |mut server| {
        let bytes = Rc::clone(&bytes);
        async move {
            server.update_keys(true).await;
            server.send(DATA, &[HEAD, b"12345678"].concat()).await;
            server.send(ALERT, &[1, 0]).await;
            bytes.set(server.read_to_end().await);
        }
    });
    assert_eq!(outcome, answered("12345678"));
    // A key update and a close_notify: 5 + 5 + 1 + 16 bytes, and 5 + 2 + 1 + 16.
    assert_eq!(told.get(), 27 + 24);
}

#[test]
fn a_request_to_renegotiate_is_refused_once_and_not_heard_twice() {
    let hello_request = [0, 0, 0, 0];
    for (count, expected) in [(1, answered("12345678")), (2, fails(PROTOCOL, FIRST, ZERO))] {
        let outcome = agrees(Version::V12, move |mut server| async move {
            for _ in 0..count {
                server.send(HANDSHAKE, &hello_request).await;
            }
            server.send(DATA, &[HEAD, b"12345678"].concat()).await;
            server.read_to_end().await;
        });
        assert_eq!(outcome, expected, "{count}");
    }
    // There is no such thing in TLS 1.3.
    let outcome = agrees(Version::V13, move |mut server| async move {
        server.send(HANDSHAKE, &hello_request).await;
        pending::<()>().await;
    });
    assert_eq!(outcome, fails(PROTOCOL, FIRST, ZERO));
}

#[test]
fn messages_that_have_no_business_behind_the_handshake() {
    let messages: [(&str, &[u8]); 6] = [
        ("a server hello", &[2, 0, 0, 2, 3, 3]),
        ("a finished", &[20, 0, 0, 4, 1, 2, 3, 4]),
        ("a certificate", &[11, 0, 0, 4, 0, 0, 0, 0]),
        ("a type that does not exist", &[99, 0, 0, 0]),
        ("a message of 16 MiB", &[4, 0xff, 0xff, 0xff]),
        ("a ticket that is cut off inside", &[4, 0, 0, 3, 0, 0, 0]),
    ];
    for version in BOTH {
        for (name, message) in messages {
            let outcome = agrees(version, move |mut server| async move {
                server.send(DATA, HEAD).await;
                server.send(HANDSHAKE, message).await;
                pending::<()>().await;
            });
            assert_eq!(outcome, fails(PROTOCOL, BODY, ZERO), "{version:?}: {name}");
        }
    }
}

#[test]
fn alerts_in_the_middle() {
    for version in BOTH {
        for alert in [[2, 80], [2, 0x14], [2, 255]] {
            let outcome = agrees(version, move |mut server| async move {
                server.send(DATA, HEAD).await;
                server.send(DATA, b"1234").await;
                server.send(ALERT, &alert).await;
                pending::<()>().await;
            });
            assert_eq!(
                outcome,
                fails(PROTOCOL, BODY, ZERO),
                "{version:?} {alert:?}"
            );
        }
        // Warnings: user_canceled is let pass a few times.
        for (count, expected) in [(4, answered("12345678")), (5, fails(PROTOCOL, FIRST, ZERO))] {
            let outcome = agrees(version, move |mut server| async move {
                for _ in 0..count {
                    server.send(ALERT, &[1, 90]).await;
                }
                server.send(DATA, &[HEAD, b"12345678"].concat()).await;
                server.read_to_end().await;
            });
            assert_eq!(outcome, expected, "{version:?} {count}");
        }
    }
}

#[test]
fn a_fault_right_behind_an_answer_costs_the_connection_and_not_the_answer() {
    for version in BOTH {
        for (fault, open) in [("none", 1), ("an alert", 0), ("noise", 0), ("an end", 0)] {
            let identity = Rc::new(Identity::new(0, 1));
            let (outcome, (_, left)) = counted(&identity, version, move |peer| async move {
                let mut server = peer.agree().await;
                let mut all = server.seal(DATA, &[HEAD, b"12345678"].concat());
                match fault {
                    "an alert" => all.extend(server.seal(ALERT, &[2, 80])),
                    "noise" => all.extend([23, 3, 3, 0, 20].iter().chain(&[7; 20])),
                    _ => {}
                }
                server.raw(&all).await;
                if fault != "an end" {
                    server.read_to_end().await;
                }
            });
            assert_eq!(outcome, answered("12345678"), "{version:?}: {fault}");
            assert_eq!(left, open, "{version:?}: {fault}");
        }
    }
}

#[test]
fn v04_ends_in_the_middle() {
    for version in BOTH {
        for notify in [false, true] {
            for (sent, phase) in [(&b""[..], FIRST), (&HEAD[..20], Phase::Head), (HEAD, BODY)] {
                let outcome = agrees(version, move |mut server| async move {
                    server.send(DATA, sent).await;
                    if notify {
                        server.send(ALERT, &[1, 0]).await;
                    }
                });
                let expected = fails(ErrorKind::Truncated, phase, ZERO);
                assert_eq!(outcome, expected, "{version:?} {notify} {}", sent.len());
            }
        }
        // What follows a close_notify is not read.
        let outcome = agrees(version, |mut server| async move {
            server.send(DATA, HEAD).await;
            server.send(ALERT, &[1, 0]).await;
            server.send(DATA, b"12345678").await;
            pending::<()>().await;
        });
        let expected = fails(ErrorKind::Truncated, BODY, ZERO);
        assert_eq!(outcome, expected, "{version:?}");
    }
}

#[test]
fn records_that_are_no_records() {
    type Bend = fn(Vec<u8>) -> Vec<u8>;
    let bends: [(&str, Bend); 7] = [
        ("one bit of its content turned", |mut record| {
            record[7] ^= 1;
            record
        }),
        ("one bit of its seal turned", |mut record| {
            *record.last_mut().unwrap() ^= 0x80;
            record
        }),
        ("said to be longer than any", |mut record| {
            record[3] = 0xff;
            record
        }),
        ("of another type", |mut record| {
            record[0] = 99;
            record
        }),
        ("shorter than a seal", |record| {
            [&record[..3], &[0, 4], &record[5..9]].concat()
        }),
        ("not sealed", |record| {
            [&record[..3], &[0, 8][..], b"12345678"].concat()
        }),
        ("sent twice", |record| record.repeat(2)),
    ];
    for version in BOTH {
        for (name, bend) in bends {
            let outcome = agrees(version, move |mut server| async move {
                let head = server.seal(DATA, HEAD);
                let body = server.seal(DATA, b"1234");
                server.raw(&[head, bend(body)].concat()).await;
                pending::<()>().await;
            });
            assert_eq!(outcome, fails(PROTOCOL, BODY, ZERO), "{version:?}: {name}");
        }
    }
}

#[test]
fn a_record_that_stops_after_any_byte() {
    for version in BOTH {
        for (length, closes) in (0..30).flat_map(|length| [(length, false), (length, true)]) {
            let outcome = agrees(version, move |mut server| async move {
                server.send(DATA, HEAD).await;
                let record = server.seal(DATA, b"12345678");
                server.raw(&record[..length.min(record.len() - 1)]).await;
                if !closes {
                    pending::<()>().await;
                }
            });
            let expected = match closes {
                false => fails(timeout(Deadline::ReadIdle), BODY, HALF_A_MINUTE),
                true => fails(ErrorKind::Truncated, BODY, ZERO),
            };
            assert_eq!(outcome, expected, "{version:?} {length}");
        }
    }
}

#[test]
fn a_record_that_dribbles_is_silence() {
    for version in BOTH {
        // Bytes come, but nothing that the caller could have: the whole would take a
        // minute.
        let outcome = agrees(version, |mut server| async move {
            server.send(DATA, HEAD).await;
            for byte in server.seal(DATA, &[b'x'; 600]) {
                server.raw(&[byte]).await;
                time::sleep(MS * 100).await;
            }
        });
        let late = timeout(Deadline::ReadIdle);
        assert_eq!(outcome, fails(late, BODY, HALF_A_MINUTE), "{version:?}");
    }
}

#[test]
fn s03_records_with_nothing_in_them_spend_the_budget() {
    for version in BOTH {
        let identity = Rc::new(Identity::new(0, 1));
        let (outcome, (polls, _)) = counted(&identity, version, |peer| async move {
            let mut server = peer.agree().await;
            // All at once: a thousand bytes in half a megabyte of records.
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
            let mut all = server.seal(DATA, head);
            for _ in 0..1000 {
                for _ in 0..24 {
                    all.extend(server.seal(DATA, &[]));
                }
                all.extend(server.seal(DATA, b"x"));
            }
            server.raw(&all).await;
            server.read_to_end().await;
        });
        assert_eq!(outcome, answered(&"x".repeat(1000)));
        // At most 128 units a poll, and a unit is six records.
        assert!(polls >= 25_000 / (6 * 128), "{version:?}: {polls} polls");
    }
}
