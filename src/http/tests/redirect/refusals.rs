//! Redirects that are not followed, and what their errors say.

use super::*;

#[test]
fn targets_refused() {
    let rows: &[(&[u8], RedirectFault)] = &[
        (b"ftp://127.0.0.1/x", RedirectFault::Scheme),
        (b"file:///etc/passwd", RedirectFault::Scheme),
        (b"data:text/plain,hi", RedirectFault::Scheme),
        (b"javascript:alert(1)", RedirectFault::Scheme),
        (b"ws://127.0.0.1/", RedirectFault::Scheme),
        (b"mailto:a@b.c", RedirectFault::Scheme),
        (b"http://", RedirectFault::Target),
        (b"http://[::1/", RedirectFault::Target),
        (b"http://ex ample.test/", RedirectFault::Target),
        (b"http://h:99999/", RedirectFault::Target),
        (b"http://[fe80::1%25eth0]/", RedirectFault::Target),
    ];
    for (location, fault) in rows {
        let have = next("http://h.test/", location).map(|n| n.url.to_string());
        assert_eq!(
            have,
            Err(ErrorKind::Redirect(*fault)),
            "{}",
            location.escape_ascii()
        );
    }
    let long = [b"/".as_slice(), &[b'x'; 20_000]].concat();
    let have = next("http://h.test/", &long).map(|n| n.url.to_string());
    assert_eq!(have, Err(ErrorKind::TooLarge(Limit::LocationBytes)));
}

#[test]
fn https_to_http_refused() {
    let downgrade = next("https://h.test/", b"http://h.test/").map(|n| n.url.to_string());
    assert_eq!(
        downgrade,
        Err(ErrorKind::Redirect(RedirectFault::Downgrade))
    );
    assert!(next("http://h.test/", b"https://h.test/").is_ok());
}

#[test]
fn limit_counts_exact() {
    for limit in [0u32, 1, 2, 10] {
        let policy = RedirectPolicy::limit(limit);
        let mut trail = Trail::default();
        let mut requests = 0u32;
        let end = loop {
            requests += 1;
            let headers = leading_to(format!("/{requests}").as_bytes());
            let url = parsed(&format!("http://h.test/{}", requests - 1));
            let turn = found(&url, &headers);
            if let Err(error) = trail.follow(&turn, &policy, &Limits::default()) {
                break error.kind();
            }
        };
        assert_eq!(end, ErrorKind::Redirect(RedirectFault::TooMany));
        assert_eq!(requests, limit + 1);
    }
}

#[test]
fn loops_conflicts_and_bodies() {
    let (url, headers) = (parsed("http://h.test/loop"), leading_to(b"/loop"));
    let mut trail = Trail::default();
    let limits = Limits::default();
    let policy = RedirectPolicy::default();
    let looping = found(&url, &headers);
    assert!(matches!(
        trail.follow(&looping, &policy, &limits),
        Ok(Step::Follow(_))
    ));
    let kind = trail
        .follow(&looping, &policy, &limits)
        .map(|_| ())
        .map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::Redirect(RedirectFault::Loop)));
    assert_eq!(trail.len(), 2);
    let none = RedirectPolicy::none();
    assert!(matches!(
        trail.follow(&looping, &none, &limits),
        Ok(Step::Deliver)
    ));
    // The same target twice is one target, two are none.
    let mut two = headers.clone();
    two.append_unchecked("Location", b"/loop");
    let turn = found(&url, &two);
    assert!(matches!(
        Trail::default().follow(&turn, &policy, &limits),
        Ok(Step::Follow(_))
    ));
    two.append_unchecked("Location", b"/other");
    let turn = found(&url, &two);
    let kind = Trail::default()
        .follow(&turn, &policy, &limits)
        .map(|_| ())
        .map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::Redirect(RedirectFault::Conflict)));
    // A stream cannot be sent again, and need not be where the body goes.
    let post = |status| {
        let turn = Turn {
            method: &Method::POST,
            url: &url,
            replayable: false,
            status,
            headers: &headers,
        };
        Trail::default()
            .follow(&turn, &policy, &limits)
            .map(|_| ())
            .map_err(|e| e.kind())
    };
    assert_eq!(
        post(307),
        Err(ErrorKind::Redirect(RedirectFault::BodyNotReplayable))
    );
    assert_eq!(post(303), Ok(()));
}

#[test]
fn an_error_shows_the_target_without_secrets() {
    let url = parsed("http://me:s3cret@h.test/");
    let headers = leading_to(b"ftp://user:s3cret@h.test/x\x01");
    let turn = found(&url, &headers);
    let error = Trail::default().follow(&turn, &RedirectPolicy::default(), &Limits::default());
    let text = error
        .map_err(|e| e.with_url(&url).to_string())
        .err()
        .unwrap_or_default();
    assert!(
        text.contains("@h.test/x\\x01") && !text.contains("s3cret"),
        "{text}"
    );
}
