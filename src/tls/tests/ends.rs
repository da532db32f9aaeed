//! Bytes that cross, and how a stream ends.

use super::*;

// ------------------------------------------------------------- bytes and ends

#[test]
fn bytes_cross_unchanged_however_ragged_the_stream_is() {
    let root = authority();
    let acceptor = root.leaf(&["example.org"]).acceptor();
    let config = root.trusted();
    let sent: Vec<u8> = (0..70_000u32).map(|i| (i % 251) as u8).collect();
    for chunk in [1, 7, 4096, usize::MAX] {
        let (mut near, mut far) = duplex(9_000);
        near.chunk = chunk;
        far.chunk = chunk;
        let client = async {
            let mut tls = config.connect("example.org", near).unwrap().await.unwrap();
            write_all(&mut tls, &sent).await.unwrap();
            close(&mut tls).await.unwrap();
            read_to_end(&mut tls).await
        };
        let server = async {
            let mut tls = acceptor.accept(far).unwrap().await.unwrap();
            let (got, end) = read_to_end(&mut tls).await;
            end.unwrap();
            write_all(&mut tls, &got).await.unwrap();
            close(&mut tls).await.unwrap();
            got.len()
        };
        let ((echoed, end), got) = both(client, server);
        assert!(end.is_ok());
        assert_eq!(got, sent.len(), "chunk {chunk}");
        assert!(echoed == sent, "chunk {chunk}");
    }
}

#[test]
fn a_small_message_is_one_write_and_one_read() {
    let (mut client, mut server) = connected();
    // Session tickets of the handshake are read first.
    let mut cx = Context::from_waker(Waker::noop());
    assert!(
        Pin::new(&mut client)
            .poll_read(&mut cx, &mut [0; 8])
            .is_pending()
    );
    let before = (client.get_ref().calls, server.get_ref().calls);
    let (sent, ()) = both(write_all(&mut client, &[b'x'; 9_000]), async {});
    sent.unwrap();
    let mut buf = vec![0; 16_000];
    let (got, ()) = both(read_some(&mut server, &mut buf), async {});
    assert_eq!(got.unwrap(), 9_000);
    let after = (client.get_ref().calls, server.get_ref().calls);
    assert_eq!(after.0.1 - before.0.1, 1, "writes of the client");
    assert_eq!(after.1.0 - before.1.0, 1, "reads of the server");
}

#[test]
fn v07_bytes_we_hold_are_handed_out_without_asking_the_socket() {
    let (mut client, mut server) = connected();
    for _ in 0..3 {
        let (sent, ()) = both(write_all(&mut server, &[b'x'; 500]), async {});
        sent.unwrap();
    }
    let (got, ()) = both(read_some(&mut client, &mut [0; 1]), async {});
    assert_eq!(got.unwrap(), 1);
    let reads = client.get_ref().calls.0;
    for _ in 1..1500 {
        let (got, ()) = both(read_some(&mut client, &mut [0; 1]), async {});
        assert_eq!(got.unwrap(), 1);
    }
    assert_eq!(client.get_ref().calls.0, reads);
}

#[test]
fn v04_an_end_without_close_notify_is_an_error() {
    let (mut client, mut server) = connected();
    let (sent, ()) = both(write_all(&mut server, b"half"), async {});
    sent.unwrap();
    drop(server);
    let ((got, end), ()) = both(read_to_end(&mut client), async {});
    assert_eq!(got, b"half");
    let error = end.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(
        TlsError::of(&error).unwrap().kind(),
        TlsErrorKind::Truncated
    );
}

#[test]
fn v04_close_notify_is_an_end_even_if_the_stream_stays_open() {
    let (mut client, mut server) = connected();
    let (sent, ()) = both(write_all(&mut server, b"whole"), async {});
    sent.unwrap();
    let (closed, ()) = both(close(&mut server), async {});
    closed.unwrap();
    let ((got, end), ()) = both(read_to_end(&mut client), async {});
    assert_eq!((got.as_slice(), end.is_ok()), (&b"whole"[..], true));
    // We may still speak, and then say goodbye too.
    let ((got, end), sent) = both(read_to_end(&mut server), async {
        write_all(&mut client, b"bye").await?;
        close(&mut client).await
    });
    sent.unwrap();
    assert_eq!((got.as_slice(), end.is_ok()), (&b"bye"[..], true));
    let (after, ()) = both(write_all(&mut client, b"more"), async {});
    assert_eq!(after.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn v05_a_handshake_with_a_closed_peer_ends() {
    let root = authority();
    // RUSTSEC-2024-0336: close_notify inside the handshake, where nothing vouches
    // for it. One poll must not spin; the end of the stream ends the handshake.
    let (near, mut far) = duplex(64 * 1024);
    let goodbye = async {
        let close_notify = [21, 3, 3, 0, 2, 1, 0];
        write_all(&mut far, &close_notify).await.unwrap();
    };
    both(goodbye, async {});
    let mut handshake = root.trusted().connect("example.org", near).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut handshake).poll(&mut cx).is_pending());
    let (client, closed) = both(handshake, close(&mut far));
    closed.unwrap();
    assert_eq!(client.err().unwrap().kind(), TlsErrorKind::Closed);
    // End of file instead.
    let (near, far) = duplex(64 * 1024);
    drop(far);
    let (client, ()) = both(
        root.trusted().connect("example.org", near).unwrap(),
        async {},
    );
    let kind = client.err().unwrap().kind();
    assert!(matches!(kind, TlsErrorKind::Closed | TlsErrorKind::Io));
}

#[test]
fn v06_a_handshake_is_bounded_in_bytes() {
    let root = authority();
    // Empty handshake records for ever: each makes the session move nothing on.
    let (near, mut far) = duplex(64 * 1024);
    let flood = async {
        for _ in 0..100_000 {
            if write_all(&mut far, &[22, 3, 3, 0, 0]).await.is_err() {
                return;
            }
        }
        panic!("the client took 500 kB");
    };
    let (client, ()) = both(root.trusted().connect("example.org", near).unwrap(), flood);
    assert_eq!(client.err().unwrap().kind(), TlsErrorKind::Protocol);
}

#[test]
fn plain_http_and_junk_on_a_tls_port_are_protocol_errors() {
    let root = authority();
    for junk in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        &[0xff; 100],
        &[22, 3, 3, 0xff, 0xff],
    ] {
        let (near, mut far) = duplex(64 * 1024);
        let talk = async {
            write_all(&mut far, junk).await.unwrap();
            &far
        };
        let (client, _) = both(root.trusted().connect("example.org", near).unwrap(), talk);
        assert_eq!(client.err().unwrap().kind(), TlsErrorKind::Protocol);
    }
}
