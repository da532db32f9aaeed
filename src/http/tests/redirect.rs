//! Tests of redirects: methods, targets, credentials, limits.

use super::*;

#[path = "redirect/refusals.rs"]
mod refusals;

fn parsed(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

fn leading_to(location: &[u8]) -> Headers {
    let mut headers = Headers::new();
    headers.append_unchecked("Location", location);
    headers
}

/// The answer 302 to a GET.
fn found<'a>(url: &'a Url, headers: &'a Headers) -> Turn<'a> {
    Turn {
        method: &Method::GET,
        url,
        replayable: true,
        status: 302,
        headers,
    }
}

/// One turn from `from` by `status` and `location`.
fn turn(from: &str, method: &Method, status: u16, location: &[u8]) -> Result<Step, ErrorKind> {
    let (url, headers) = (parsed(from), leading_to(location));
    let turn = Turn {
        method,
        status,
        ..found(&url, &headers)
    };
    Trail::default()
        .follow(&turn, &RedirectPolicy::default(), &Limits::default())
        .map_err(|e| e.kind())
}

fn next(from: &str, location: &[u8]) -> Result<Box<NextRequest>, ErrorKind> {
    match turn(from, &Method::GET, 302, location)? {
        Step::Follow(next) => Ok(next),
        Step::Deliver => Err(ErrorKind::Cancelled),
    }
}

#[test]
fn location_resolution() {
    let base = "http://h.test/a/b/c?old=1";
    let rows: &[(&[u8], &str)] = &[
        (b"d", "http://h.test/a/b/d"),
        (b"../d?k=v", "http://h.test/a/d?k=v"),
        (b"?new=2", "http://h.test/a/b/c?new=2"),
        (b"/x", "http://h.test/x"),
        (b"//o.test:81/net", "http://o.test:81/net"),
        (b"HTTP://H.TEST:80/up", "http://h.test/up"),
        (b"/a/./b/../c", "http://h.test/a/c"),
        (b"/p%2Fq%20r", "http://h.test/p%2Fq%20r"),
        (b"c;v=2?z", "http://h.test/a/b/c;v=2?z"),
        (b"/f#frag", "http://h.test/f#frag"),
        (b"/a b", "http://h.test/a%20b"),
        (b"/caf\xc3\xa9", "http://h.test/caf%C3%A9"),
        (b"/caf\xe9", "http://h.test/caf%E9"),
        (b"/caf\xe9?q=\xc3\xa9", "http://h.test/caf%E9?q=%C3%A9"),
        (
            "/日本?q=語".as_bytes(),
            "http://h.test/%E6%97%A5%E6%9C%AC?q=%E8%AA%9E",
        ),
        (b"\\x\\y", "http://h.test/x/y"),
        (b"http:\\\\o.test\\x", "http://o.test/x"),
    ];
    for (location, want) in rows {
        let have = next(base, location).map(|n| n.url.to_string());
        assert_eq!(have, Ok((*want).to_owned()), "{}", location.escape_ascii());
    }
    let odd = |location: &[u8]| next(base, location).map(|n| !n.quirks.is_empty());
    assert_eq!(odd(b"/a b"), Ok(true));
    assert_eq!(odd(b"/caf\xe9"), Ok(true));
    assert_eq!(odd(b"\\x"), Ok(true));
    assert_eq!(odd(b"/plain"), Ok(false));
    let inherits = next("http://h.test/a#top", b"/b").map(|n| n.url.to_string());
    assert_eq!(inherits, Ok("http://h.test/b#top".into()));
}

#[test]
fn method_rewrite() {
    let patch = Method::PATCH;
    let rows = [
        (301, Method::GET, Method::GET),
        (301, Method::POST, Method::GET),
        (302, Method::POST, Method::GET),
        (303, Method::POST, Method::GET),
        (307, Method::POST, Method::POST),
        (308, Method::POST, Method::POST),
        (301, Method::PUT, Method::PUT),
        (303, Method::PUT, Method::GET),
        (303, Method::DELETE, Method::GET),
        (301, Method::DELETE, Method::DELETE),
        (302, Method::HEAD, Method::HEAD),
        (303, Method::HEAD, Method::HEAD),
        (308, patch.clone(), patch.clone()),
        (302, patch.clone(), patch),
    ];
    for (status, from, to) in rows {
        match turn("http://h.test/", &from, status, b"/n") {
            Ok(Step::Follow(next)) => {
                assert_eq!(next.method, to, "{status} {from}");
                assert_eq!(next.drop_body, from != to, "{status} {from}");
            }
            other => panic!("{status} {from}: {other:?}"),
        }
    }
    for status in [200, 201, 300, 304, 305, 306, 399, 400] {
        let have = turn("http://h.test/", &Method::GET, status, b"/n");
        assert!(matches!(have, Ok(Step::Deliver)), "{status}");
    }
    assert!(matches!(
        turn("http://h.test/", &Method::GET, 302, b""),
        Ok(Step::Deliver)
    ));
}

#[test]
fn strip_sticky_all_copies() {
    let secrets = [
        "Authorization",
        "Cookie",
        "cookie2",
        "Proxy-Authorization",
        "WWW-Authenticate",
    ];
    let fields = || {
        let mut headers = Headers::new();
        for name in secrets {
            for copy in ["s3cret-1", "s3cret-2"] {
                headers.append_unchecked(name, copy.as_bytes());
            }
            headers.append_unchecked(&name.to_uppercase(), b"s3cret-3");
        }
        headers.append_unchecked("Host", b"virtual.test");
        headers.append_unchecked("X-Custom", b"c");
        headers
    };
    let origins = [
        "http://h.test",
        "https://h.test",
        "http://h.test:81",
        "https://h.test:81",
        "http://www.h.test",
        "http://o.test",
        "http://h.test.",
        "http://[::1]",
    ];
    for first in origins {
        for second in origins {
            for third in origins {
                let mut headers = fields();
                let mut crossed = false;
                let mut from = first;
                let policy = RedirectPolicy::default().allow_downgrade(true);
                let mut trail = Trail::default();
                for to in [second, third] {
                    let response = leading_to(format!("{to}/n").as_bytes());
                    let url = parsed(from);
                    let turn = Turn {
                        status: 307,
                        ..found(&url, &response)
                    };
                    match trail.follow(&turn, &policy, &Limits::default()) {
                        Ok(Step::Follow(next)) => next.apply(&mut headers),
                        other => panic!("{other:?}"),
                    }
                    crossed |= from != to;
                    from = to;
                    let names: Vec<_> = headers.iter().map(|(n, _)| n).collect();
                    let kept = if crossed { 1 } else { secrets.len() * 3 + 2 };
                    assert_eq!(names.len(), kept, "{first} {second} {third}: {names:?}");
                    assert!(headers.contains("x-custom"));
                }
            }
        }
    }
}

#[test]
fn body_fields_go_with_the_body() {
    let mut headers = Headers::new();
    for name in [
        "Content-Type",
        "content-length",
        "Content-Language",
        "Transfer-Encoding",
        "Expect",
        "Repr-Digest",
        "Last-Modified",
        "X-A",
    ] {
        headers.append_unchecked(name, b"v");
    }
    let kept = headers.len();
    let apply = |status, headers: &mut Headers| match turn(
        "http://h.test/",
        &Method::POST,
        status,
        b"/n",
    ) {
        Ok(Step::Follow(next)) => next.apply(headers),
        other => panic!("{other:?}"),
    };
    apply(307, &mut headers);
    assert_eq!(headers.len(), kept);
    apply(303, &mut headers);
    assert_eq!(headers.iter().map(|(n, _)| n).collect::<Vec<_>>(), ["X-A"]);
}

#[test]
fn userinfo_of_a_target_is_for_that_target() {
    let mut headers = Headers::new();
    headers.append_unchecked("Authorization", b"Bearer mine");
    let step = next("http://h.test/", b"http://u:p@o.test/x");
    let Ok(step) = step else {
        panic!("{:?}", step.err())
    };
    assert_eq!(step.url.as_str(), "http://o.test/x");
    step.apply(&mut headers);
    assert_eq!(
        headers.get_all("authorization").collect::<Vec<_>>(),
        [b"Basic dTpw"]
    );
}
