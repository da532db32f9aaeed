//! The TLS laws over connections in memory, both ends in one thread.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};

use super::{Acceptor, ClientConfig, TlsError, TlsErrorKind, TlsStream};
use crate::io::{AsyncRead, AsyncWrite};
use crate::testing::{Stream, pair};

// ------------------------------------------------------------------ two ends

/// An end of a connection in memory that moves few bytes a call and counts.
struct End {
    stream: Stream,
    /// The most bytes one call moves.
    chunk: usize,
    /// Reads and writes that moved bytes.
    calls: (usize, usize),
}

fn duplex(capacity: usize) -> (End, End) {
    let (near, far) = pair(capacity);
    let end = |stream| End {
        stream,
        chunk: usize::MAX,
        calls: (0, 0),
    };
    (end(near), end(far))
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = buf.len().min(this.chunk);
        let read = Pin::new(&mut this.stream).poll_read(cx, &mut buf[..most]);
        this.calls.0 += usize::from(matches!(read, Poll::Ready(Ok(1..))));
        read
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = buf.len().min(this.chunk);
        let written = Pin::new(&mut this.stream).poll_write(cx, &buf[..most]);
        this.calls.1 += usize::from(matches!(written, Poll::Ready(Ok(1..))));
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

/// Polls both futures in turn until both are ready.
fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if left.is_none() {
            left = ready_now(a.as_mut().poll(&mut cx));
        }
        if right.is_none() {
            right = ready_now(b.as_mut().poll(&mut cx));
        }
        match (left, right) {
            (Some(left), Some(right)) => return (left, right),
            unfinished => (left, right) = unfinished,
        }
    }
    panic!("the two ends wait for each other");
}

fn ready_now<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut [u8]) -> io::Result<usize> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buf)).await
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await?;
        bytes = &bytes[n..];
    }
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

async fn close<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_close(cx)).await
}

async fn read_to_end<S: AsyncRead + Unpin>(stream: &mut S) -> (Vec<u8>, io::Result<()>) {
    let (mut all, mut buf) = (Vec::new(), [0; 1000]);
    loop {
        match read_some(stream, &mut buf).await {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(error) => return (all, Err(error)),
        }
    }
}

// -------------------------------------------------------------- certificates

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Leaf {
    chain: String,
    key: String,
}

/// A root with a key and a name of its own.
fn authority() -> Authority {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test root {}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: Issuer::new(params, key),
        pem,
    }
}

fn leaf_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

impl Authority {
    fn sign(&self, params: CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn leaf(&self, names: &[&str]) -> Leaf {
        self.sign(leaf_params(names))
    }

    fn trusted(&self) -> ClientConfig {
        let builder = ClientConfig::builder().only_roots_pem(self.pem.as_bytes());
        builder.unwrap().build().unwrap()
    }
}

impl Leaf {
    fn acceptor(&self) -> Acceptor {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> super::AcceptorBuilder {
        Acceptor::builder(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

type Ends = (
    Result<TlsStream<End>, TlsError>,
    Result<TlsStream<End>, TlsError>,
);

fn shake(client: &ClientConfig, host: &str, server: &Acceptor) -> Ends {
    let (near, far) = duplex(64 * 1024);
    both(
        client.connect(host, near).unwrap(),
        server.accept(far).unwrap(),
    )
}

fn connected() -> (TlsStream<End>, TlsStream<End>) {
    let root = authority();
    let server = root.leaf(&["example.org"]).acceptor();
    let (client, server) = shake(&root.trusted(), "example.org", &server);
    (client.unwrap(), server.unwrap())
}

// ----------------------------------------------------------------------- V01

/// What the client says of a server with this leaf when it asks for `host`.
fn verdict(root: &Authority, leaf: &Leaf, host: &str) -> Result<(), TlsErrorKind> {
    let (client, _) = shake(&root.trusted(), host, &leaf.acceptor());
    client.map(drop).map_err(|error| error.kind())
}

#[test]
fn v01_certificate_matrix() {
    use TlsErrorKind::*;
    let (root, stranger) = (authority(), authority());
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = leaf_params(&["example.org"]);
        change(&mut params);
        root.sign(params)
    };
    let good = root.leaf(&["example.org", "www.example.net"]);
    let expired = with(|p| p.not_after = date_time_ymd(2001, 1, 1));
    let early = with(|p| p.not_before = date_time_ymd(3000, 1, 1));
    let ip = root.leaf(&["127.0.0.1", "::1"]);
    let wild = root.leaf(&["*.example.org"]);
    let nameless = with(|p| {
        p.subject_alt_names.clear();
        p.distinguished_name
            .push(rcgen::DnType::CommonName, "example.org");
    });
    let for_clients = with(|p| {
        p.extended_key_usages
            .push(ExtendedKeyUsagePurpose::ClientAuth);
    });
    let ip_as_name = with(|p| {
        p.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().unwrap())];
    });
    let unknown = stranger.leaf(&["example.org"]);
    let alone = {
        let key = KeyPair::generate().unwrap();
        let params = leaf_params(&["example.org"]);
        Leaf {
            chain: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    };
    let table: &[(&str, &Leaf, &str, Result<(), TlsErrorKind>)] = &[
        ("valid", &good, "example.org", Ok(())),
        ("second name", &good, "www.example.net", Ok(())),
        ("upper case", &good, "EXAMPLE.org", Ok(())),
        ("final dot", &good, "example.org.", Ok(())),
        ("wrong host", &good, "example.com", Err(WrongHost)),
        ("parent of a name", &good, "example.net", Err(WrongHost)),
        (
            "address instead of name",
            &good,
            "127.0.0.1",
            Err(WrongHost),
        ),
        ("expired", &expired, "example.org", Err(Expired)),
        ("not yet valid", &early, "example.org", Err(NotYetValid)),
        ("self-signed", &alone, "example.org", Err(UnknownIssuer)),
        ("unknown root", &unknown, "example.org", Err(UnknownIssuer)),
        ("IPv4", &ip, "127.0.0.1", Ok(())),
        ("IPv6", &ip, "::1", Ok(())),
        ("IPv6 in brackets", &ip, "[::1]", Ok(())),
        ("wrong IPv4", &ip, "127.0.0.2", Err(WrongHost)),
        (
            "address in a name field",
            &ip_as_name,
            "127.0.0.1",
            Err(WrongHost),
        ),
        ("wildcard", &wild, "a.example.org", Ok(())),
        (
            "wildcard is one label",
            &wild,
            "a.b.example.org",
            Err(WrongHost),
        ),
        ("wildcard is not none", &wild, "example.org", Err(WrongHost)),
        ("common name only", &nameless, "example.org", Err(WrongHost)),
        (
            "not for servers",
            &for_clients,
            "example.org",
            Err(BadCertificate),
        ),
    ];
    for (title, leaf, host, expected) in table {
        assert_eq!(verdict(&root, leaf, host), *expected, "{title}");
    }
}

#[test]
fn v08_an_alert_leaves_without_being_asked_for() {
    let (root, stranger) = (authority(), authority());
    let server = stranger.leaf(&["example.org"]).acceptor();
    let (client, server) = shake(&root.trusted(), "example.org", &server);
    let error = client.err().unwrap();
    assert!(error.is_certificate());
    // The server sees the alert `unknown_ca` (48) or `certificate_unknown`.
    assert!(matches!(
        server.err().unwrap().kind(),
        TlsErrorKind::Alert(_)
    ));
}

#[test]
fn web_roots_do_not_trust_our_root_but_added_ones_do() {
    let root = authority();
    let leaf = root.leaf(&["example.org"]);
    let web = ClientConfig::builder().build().unwrap();
    let (client, _) = shake(&web, "example.org", &leaf.acceptor());
    assert_eq!(client.err().unwrap().kind(), TlsErrorKind::UnknownIssuer);
    let both_kinds = ClientConfig::builder().add_root_pem(root.pem.as_bytes());
    let both_kinds = both_kinds.unwrap().build().unwrap();
    let (client, _) = shake(&both_kinds, "example.org", &leaf.acceptor());
    assert!(client.is_ok());
}

#[test]
fn client_certificates_are_shown_when_asked_for() {
    let root = authority();
    let server = root.leaf(&["example.org"]);
    let server = server.builder().require_client_pem(root.pem.as_bytes());
    let server = server.unwrap().build().unwrap();
    let us = root.leaf(&["client"]);
    let config = ClientConfig::builder().only_roots_pem(root.pem.as_bytes());
    let config = config
        .and_then(|c| c.identity_pem(us.chain.as_bytes(), us.key.as_bytes()))
        .and_then(|c| c.build())
        .unwrap();
    let (client, accepted) = shake(&config, "example.org", &server);
    assert!(client.is_ok() && accepted.is_ok());

    // In TLS 1.3 the client is done before the server refuses: a read tells.
    let (client, refused) = shake(&root.trusted(), "example.org", &server);
    assert!(refused.is_err());
    let mut client = client.unwrap();
    let (read, ()) = both(read_some(&mut client, &mut [0; 8]), async {});
    let error = read.unwrap_err();
    let alert = TlsError::of(&error).unwrap().kind();
    assert_eq!(alert, TlsErrorKind::Alert(116), "certificate_required");
}

#[test]
fn bad_pem_is_a_configuration_error() {
    let root = authority();
    let leaf = root.leaf(&["example.org"]);
    let other = root.leaf(&["example.org"]);
    for pem in [
        "",
        "no pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let error = ClientConfig::builder().add_root_pem(pem.as_bytes());
        assert_eq!(error.err().unwrap().kind(), TlsErrorKind::Config, "{pem}");
    }
    let mismatch = ClientConfig::builder()
        .identity_pem(leaf.chain.as_bytes(), other.key.as_bytes())
        .and_then(|c| c.build());
    assert_eq!(mismatch.err().unwrap().kind(), TlsErrorKind::Config);
}

// ----------------------------------------------------------------------- V02

#[test]
fn v02_names_are_sent_and_addresses_are_not() {
    let root = authority();
    let server = root.leaf(&["example.org", "127.0.0.1", "::1"]).acceptor();
    for (host, sent) in [
        ("example.org", Some("example.org")),
        ("example.org.", Some("example.org")),
        ("127.0.0.1", None),
        ("[::1]", None),
    ] {
        let (client, server) = shake(&root.trusted(), host, &server);
        assert!(client.is_ok());
        assert_eq!(server.unwrap().server_name(), sent, "{host}");
    }
    for host in ["", "a b", "[::1", "exa/mple", "a..b", "ü.example"] {
        let error = root.trusted().connect(host, pair(10).0).err();
        assert_eq!(error.unwrap().kind(), TlsErrorKind::Name, "{host:?}");
    }
}

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

// ------------------------------------------------- versions, ALPN, resumption

#[test]
fn tls12_works_both_ways() {
    let root = authority();
    let leaf = root.leaf(&["example.org"]);
    let old = leaf.builder().tls12_only().build().unwrap();
    let (client, server) = shake(&root.trusted(), "example.org", &old);
    assert_eq!(client.unwrap().version(), Some("TLSv1.2"));
    drop(server);
    let builder = ClientConfig::builder().only_roots_pem(root.pem.as_bytes());
    let old = builder.unwrap().tls12_only().build().unwrap();
    let (client, server) = shake(&old, "example.org", &leaf.acceptor());
    assert_eq!(client.unwrap().version(), Some("TLSv1.2"));
    assert!(server.is_ok());
}

#[test]
fn v10_http11_or_no_alpn() {
    let root = authority();
    let leaf = root.leaf(&["example.org"]);
    let shake_with = |protocols: &[&str]| {
        let server = leaf.builder().alpn(protocols).build().unwrap();
        shake(&root.trusted(), "example.org", &server)
    };
    let (client, _server) = shake_with(&["h2", "http/1.1"]);
    assert_eq!(client.unwrap().alpn(), Some(&b"http/1.1"[..]));
    let (client, _server) = shake_with(&[]);
    assert_eq!(client.unwrap().alpn(), None);
    let (client, _server) = shake_with(&["h2"]);
    assert_eq!(client.err().unwrap().kind(), TlsErrorKind::Alpn);
}

#[test]
fn v09_sessions_resume_within_one_configuration_only() {
    let root = authority();
    let server = root.leaf(&["example.org"]).acceptor();
    let (one, two) = (root.trusted(), root.trusted());
    assert_ne!(one.id(), two.id());
    let resumed = |config: &ClientConfig| {
        let (client, server) = shake(config, "example.org", &server);
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        // The ticket of TLS 1.3 comes with the first read.
        let (sent, got) = both(
            write_all(&mut server, b"x"),
            read_some(&mut client, &mut [0; 1]),
        );
        // `write_all` borrows end here.
        sent.unwrap();
        assert_eq!(got.unwrap(), 1);
        client.resumed()
    };
    assert!(!resumed(&one));
    assert!(resumed(&one));
    assert!(!resumed(&two), "another configuration starts afresh");
    assert!(resumed(&one));
}

// ------------------------------------------------------------------- key log

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_key_log_has_a_line_per_secret_and_is_off_by_default() {
    let root = authority();
    let server = root.leaf(&["example.org"]).acceptor();
    let lines = Lines::default();
    let config = ClientConfig::builder().only_roots_pem(root.pem.as_bytes());
    let config = config.unwrap().key_log(lines.clone()).build().unwrap();
    let (client, _server) = shake(&config, "example.org", &server);
    assert!(client.is_ok());
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
    for line in text.lines() {
        assert_eq!(line.split(' ').count(), 3, "{line}");
    }
}

#[test]
fn hostile_names_in_errors_are_escaped_and_cut() {
    let error = TlsError::new(TlsErrorKind::Protocol, &"a\n\u{7f}".repeat(1000));
    let text = error.to_string();
    assert!(text.len() < 300 && !text.contains('\n'), "{text}");
}
