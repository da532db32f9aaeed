//! Tests of origins: one spelling of the host for everybody (N07).

use super::*;
use crate::http::into_url::IntoUrl;

fn origin(text: &str) -> Result<Origin, ErrorKind> {
    text.into_url()
        .and_then(|url| Origin::of(&url))
        .map_err(|e| e.kind())
}

#[test]
fn host_table() {
    // URL, host, Host field, SNI
    let rows = [
        (
            "http://example.org/x",
            "example.org",
            "example.org",
            Some("example.org"),
        ),
        (
            "http://EXAMPLE.org:80/",
            "example.org",
            "example.org",
            Some("example.org"),
        ),
        (
            "https://example.org:443",
            "example.org",
            "example.org",
            Some("example.org"),
        ),
        (
            "https://example.org:80",
            "example.org",
            "example.org:80",
            Some("example.org"),
        ),
        (
            "http://localhost.:81/",
            "localhost.",
            "localhost.:81",
            Some("localhost"),
        ),
        (
            "http://bücher.example/",
            "xn--bcher-kva.example",
            "xn--bcher-kva.example",
            Some("xn--bcher-kva.example"),
        ),
        ("http://0x7f.1/", "127.0.0.1", "127.0.0.1", None),
        ("http://2130706433/", "127.0.0.1", "127.0.0.1", None),
        ("http://017700000001/", "127.0.0.1", "127.0.0.1", None),
        ("http://127.1/", "127.0.0.1", "127.0.0.1", None),
        ("http://%31%32%37.0.0.1/", "127.0.0.1", "127.0.0.1", None),
        ("http://①②⑦.0.0.1/", "127.0.0.1", "127.0.0.1", None),
        ("http://[::1]:8080/", "::1", "[::1]:8080", None),
        (
            "https://[0:0::ffff:127.0.0.1]/",
            "::ffff:7f00:1",
            "[::ffff:7f00:1]",
            None,
        ),
        (
            "http://user:pw@h.test:8080/",
            "h.test",
            "h.test:8080",
            Some("h.test"),
        ),
        ("http:\\\\h.test\\p", "h.test", "h.test", Some("h.test")),
        (
            "http://h.test\\@evil.test/",
            "h.test",
            "h.test",
            Some("h.test"),
        ),
        ("ht\ntp://h.test/", "h.test", "h.test", Some("h.test")),
    ];
    for (text, host, authority, sni) in rows {
        match origin(text) {
            Ok(origin) => {
                assert_eq!(origin.host(), host, "{text}");
                assert_eq!(origin.sni(), sni, "{text}");
                // `url` writes mapped addresses in hexadecimal, std in dots.
                assert_eq!(origin.authority(), authority, "{text}");
                assert_eq!(origin.ip().is_none(), sni.is_some(), "{text}");
            }
            Err(kind) => panic!("{text}: {kind}"),
        }
    }
}

#[test]
fn refused() {
    let rows = [
        ("http://", RequestFault::Url),
        ("", RequestFault::Url),
        ("/path", RequestFault::Url),
        ("http://h:65536/", RequestFault::Url),
        ("http://[::1/", RequestFault::Url),
        ("http://a b/", RequestFault::Url),
        ("http://[fe80::1%25eth0]/", RequestFault::ZoneId),
        ("http://[fe80::1%eth0]:80/x", RequestFault::ZoneId),
        ("ftp://h/", RequestFault::Scheme),
        ("file:///etc/passwd", RequestFault::Scheme),
        ("data:,x", RequestFault::Scheme),
    ];
    for (text, fault) in rows {
        assert_eq!(
            origin(text).map(|_| ()),
            Err(ErrorKind::Request(fault)),
            "{text}"
        );
    }
    let error = "http://user:s3cret@h:99999/".into_url().err();
    assert!(
        !format!(
            "{error:?}{}",
            error.as_ref().map(ToString::to_string).unwrap_or_default()
        )
        .contains("s3cret")
    );
}

#[test]
fn equal_origins() {
    let same = |a: &'static str, b: &'static str| {
        let equal = origin(a) == origin(b);
        let (a, b) = (origin(a), b.into_url());
        assert_eq!(a.is_ok_and(|a| b.is_ok_and(|b| a.is_of(&b))), equal);
        equal
    };
    assert!(same("http://h.test/a", "HTTP://u:p@H.TEST:80/b?c#d"));
    assert!(!same("http://h.test/", "https://h.test/"));
    assert!(!same("http://h.test/", "http://h.test:81/"));
    assert!(!same("http://h.test/", "http://h.test./"));
    assert!(!same("http://h.test/", "http://www.h.test/"));
}

#[test]
fn connect_targets_always_have_a_port() {
    let target = |text| origin(text).map(|o| o.authority_with_port());
    assert_eq!(target("https://h.test/"), Ok("h.test:443".into()));
    assert_eq!(target("https://[::1]/"), Ok("[::1]:443".into()));
}
