//! Whom a client believes, whom it asks for, and what it says when it does not.

use super::*;

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

#[test]
fn hostile_names_in_errors_are_escaped_and_cut() {
    let error = TlsError::new(TlsErrorKind::Protocol, &"a\n\u{7f}".repeat(1000));
    let text = error.to_string();
    assert!(text.len() < 300 && !text.contains('\n'), "{text}");
}
