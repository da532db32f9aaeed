//! Tests of targets: whatever was asked for before, they are what `Url::parse` makes.

use super::*;
use crate::testing::Rng;

/// What can be seen of a target, and of the URL it stands for.
fn same(target: &Target, url: &Url) {
    assert_eq!(target.url(), url);
    assert_eq!(&target.clone().into_url(), url);
    assert_eq!(target.credentials(), basic::of_url(url));
    let query = url.query().map(|query| format!("?{query}"));
    let line = format!("{}{}", url.path(), query.unwrap_or_default());
    assert_eq!(target.path_and_query(), line);
    if let Some(origin) = target.origin() {
        assert_eq!(Some(origin), Origin::of(url).ok().as_ref());
    }
    if let Form::Plain { behind, front, .. } = &target.0 {
        assert_eq!(format!("{}{behind}", front.text), url.as_str());
    }
}

#[test]
fn texts_become_what_url_makes_of_them() {
    let fronts = [
        "http://127.0.0.1:8080",
        "http://127.1",
        "http://EXAMPLE.com",
        "https://example.com:443",
        "https://example.com:99999",
        "http://[::1]:80",
        "http://[::1]:81",
        "http://[fe80::1%25eth0]",
        "http://user:secret@h.test",
        "http://h.test?a=",
        "http://h.test#a",
        "http://0x7f.1",
        "http://xn--nxasmq6b.test",
        "http://b\u{fc}cher.test",
        "HTTP://h.test",
        "http:/h.test",
        "http://",
        "ftp://h.test",
    ];
    let pieces = [
        "/",
        "a",
        ".",
        "..",
        "%2e",
        "%2E",
        "%20",
        "%",
        "?",
        "#",
        "\\",
        "\t",
        " ",
        "\u{e4}",
        "\"",
        "<",
        "|",
        "^",
        "{",
        "`",
        "%zz",
        ";x=1",
        "//",
        "@",
        ":",
        "[",
        "'",
        "Z-_~!$&()*+,=",
        "9",
    ];
    let mut rng = Rng::new(7);
    let (mut valid, mut plain) = (0, 0);
    for _ in 0..20_000 {
        let front = fronts[rng.below(fronts.len())];
        // A front that comes again is known.
        for _ in 0..3 {
            let mut text = front.to_owned();
            text.push_str(["", "/", "/a", "/a?"][rng.below(4)]);
            for _ in 0..rng.below(5) {
                text.push_str(pieces[rng.below(pieces.len())]);
            }
            let (ours, theirs) = (Target::of(&text), Url::parse(&text));
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}");
            if let (Ok(target), Ok(url)) = (ours, theirs) {
                same(&target, &url);
                valid += 1;
                plain += usize::from(target.origin().is_some());
            }
        }
    }
    assert!(valid > 10_000 && plain > 500, "{valid} {plain}");
}

#[test]
fn every_byte_is_left_to_url_unless_it_leaves_it_alone() {
    drop(Target::of("http://h.test/"));
    for byte in 0..=127_u8 {
        for (before, behind) in [("/", ""), ("/a", ""), ("/a", "b"), ("/?", ""), ("/?a", "b")] {
            let text = format!("http://h.test{before}{}{behind}", char::from(byte));
            if let (Ok(target), Ok(url)) = (Target::of(&text), Url::parse(&text)) {
                same(&target, &url);
            }
        }
    }
}

#[test]
fn n04_a_password_is_not_kept() {
    drop(Target::of("http://h.test/"));
    drop(Target::of("http://user:s3cret@other.test/"));
    LAST.with_borrow(|last| {
        let front = last.as_ref().map(|front| &*front.text);
        assert_eq!(front, Some("http://h.test"));
    });
}
