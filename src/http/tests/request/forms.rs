//! The forms of a request: for a proxy, for an exchange, and always exactly one.

use super::*;

#[test]
fn host_is_sent_once() {
    let twice = Sample::get("http://h/")
        .header("Host", "a")
        .header("HOST", "a");
    assert_eq!(twice.fault(), Some(RequestFault::Host));
    for bad in ["", "a b", "a,b", "a/b", "u@h", "a\\b", "\u{e9}"] {
        let sample = Sample::get("http://h/").header("Host", bad);
        assert_eq!(sample.fault(), Some(RequestFault::Host), "{bad}");
    }
    let mut sample = Sample::get("http://h/").header("Host", "mine");
    assert!(sample.defaults.append("host", "default").is_ok());
    assert!(sample.text().contains("Host: mine\r\n"));
}

#[test]
fn what_the_exchange_is_told() {
    let asked = |sample: Sample| sample.write().map(|(_, asked)| asked);
    let post = |body| {
        Sample::get("http://h/")
            .method(Method::POST, body)
            .header("Expect", "100-continue")
    };
    let expects = |body| asked(post(body)).map(|a| a.expects_continue);
    assert_eq!(expects(BodyLength::Known(5)), Ok(true));
    assert_eq!(expects(BodyLength::Chunked), Ok(true));
    assert_eq!(expects(BodyLength::Known(0)), Ok(false));
    assert!(!post(BodyLength::None).text().contains("Expect"));
    assert_eq!(
        post(BodyLength::Known(1))
            .text()
            .matches("Expect: 100-continue\r\n")
            .count(),
        1
    );
    let close = asked(Sample::get("http://h/").header("Connection", "foo, Close"));
    assert_eq!(close.map(|a| a.close), Ok(true));
    let upgrade = Sample::get("http://h/").header("Upgrade", "x");
    assert_eq!(asked(upgrade).map(|a| a.upgrade), Ok(false));
    let upgrade = Sample::get("http://h/")
        .header("Upgrade", "x")
        .header("Connection", "Upgrade");
    assert_eq!(asked(upgrade).map(|a| a.upgrade), Ok(true));
    let range = Sample::get("http://h/").header("Range", "bytes=0-9");
    assert!(!range.text().contains("Accept-Encoding"));
    assert_eq!(asked(range).map(|a| a.decode), Ok(false));
}

#[test]
fn forms_for_proxies() {
    let mut sample = Sample::get("http://u:p@h.test:81/a?b#c").header("Proxy-Authorization", "x");
    assert!(
        !sample.text().contains("Proxy-Authorization"),
        "not for the origin"
    );
    sample.headers = Headers::new();
    sample.proxy = Some(Some("Basic eA=="));
    let text = sample.text();
    assert!(
        text.starts_with("GET http://h.test:81/a?b HTTP/1.1\r\nHost: h.test:81\r\n"),
        "{text}"
    );
    assert!(
        text.contains("\r\nProxy-Authorization: Basic eA==\r\n"),
        "{text}"
    );
    let mut out = Vec::new();
    let url = Url::parse("https://[::1]/x").map_err(|_| ());
    let origin = url.and_then(|url| Origin::of(&url).map_err(|_| ()));
    let asked = origin
        .and_then(|o| write_connect(&mut out, &o, "db/1", Some("Basic eA==")).map_err(|_| ()));
    assert_eq!(asked.map(|a| a.method), Ok(Method::CONNECT));
    assert_eq!(
        String::from_utf8_lossy(&out),
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: db/1\r\nProxy-Authorization: Basic eA==\r\n\r\n"
    );
}

/// Every byte at every place: either refused, or one request that parses back
/// to what was asked for.
#[test]
fn request_bytes_are_exactly_one_request() {
    let mut seed = 5u64;
    let mut next = |most: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    let (mut sent, mut refused) = (0, 0);
    for round in 0..20_000u32 {
        let mut sample = Sample::get("http://h.test/");
        let mut text = |most| {
            let bytes = (0..next(most)).map(|_| match next(3) {
                0 if most > 8 => next(256) as u8,
                _ => b"abcdXYZ-_1.~\r\n\0 :\t/?#%\xc3\xa9"[next(24) as usize],
            });
            bytes.collect::<Vec<u8>>()
        };
        // As if somebody had got around the check of the list.
        let (name, value) = (text(4), text(8));
        let name = String::from_utf8_lossy(&name).into_owned();
        sample.headers.append_unchecked(&name, &value);
        let target = text(9);
        let target = String::from_utf8_lossy(&target).into_owned();
        let Ok(url) = Url::parse(&format!("http://h.test/{target}")) else {
            continue;
        };
        sample.url = url;
        let method = text(3);
        if let Ok(method) = Method::new(&String::from_utf8_lossy(&method)) {
            sample.method = method;
        }
        let mut out = Vec::new();
        let Ok(origin) = Origin::of(&sample.url) else {
            continue;
        };
        let head = RequestHead {
            method: &sample.method,
            url: &Target::from(sample.url.clone()),
            origin: &origin,
            headers: &sample.headers,
            defaults: &sample.defaults,
            left_home: false,
            form: TargetForm::Origin,
            body: BodyLength::None,
            user_agent: "db/1",
            decode: true,
        };
        if write_head(&mut out, &head).is_err() {
            refused += 1;
            assert!(out.is_empty());
            continue;
        }
        sent += 1;
        let mut slots = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Request::new(&mut slots);
        let text = out.escape_ascii().to_string();
        let length = parsed.parse(&out);
        assert_eq!(
            length,
            Ok(httparse::Status::Complete(out.len())),
            "{round} {text}"
        );
        assert_eq!(parsed.method, Some(sample.method.as_str()), "{text}");
        let ours = 3 + usize::from(!content::ACCEPT_ENCODING.is_empty());
        let found = parsed.headers.iter().find(|h| h.name == name);
        let found = found.map(|h| syntax::trim(h.value));
        if parsed.headers.len() == ours + 1 {
            assert_eq!(found, Some(syntax::trim(&value)), "{text}");
        }
    }
    assert!(
        sent > 1000 && refused > 1000,
        "{sent} sent, {refused} refused"
    );
}
