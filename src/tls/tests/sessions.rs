//! Versions, ALPN, resumption and the key log.

use super::*;

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
