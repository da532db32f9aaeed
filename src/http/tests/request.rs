//! Tests of the request writer: exactly one request (H06).

use super::super::kind::ErrorKind;
use super::super::syntax;
use super::*;

struct Sample {
    method: Method,
    url: Url,
    headers: Headers,
    defaults: Headers,
    body: BodyLength,
    proxy: Option<Option<&'static str>>,
    decode: bool,
}

impl Sample {
    fn get(url: &str) -> Sample {
        Sample {
            method: Method::GET,
            url: Url::parse(url).unwrap_or_else(|e| panic!("{url}: {e}")),
            headers: Headers::new(),
            defaults: Headers::new(),
            body: BodyLength::None,
            proxy: None,
            decode: true,
        }
    }

    fn header(mut self, name: &str, value: &str) -> Sample {
        assert!(self.headers.append(name, value).is_ok());
        self
    }

    fn method(mut self, method: Method, body: BodyLength) -> Sample {
        self.method = method;
        self.body = body;
        self
    }

    fn write(&self) -> Result<(String, Asked), ErrorKind> {
        let origin = Origin::of(&self.url).map_err(|e| e.kind())?;
        let mut out = b"before".to_vec();
        let head = RequestHead {
            method: &self.method,
            url: &self.url,
            origin: &origin,
            headers: &self.headers,
            defaults: &self.defaults,
            left_home: false,
            form: match self.proxy {
                None => TargetForm::Origin,
                Some(credentials) => TargetForm::Absolute(credentials),
            },
            body: self.body,
            user_agent: "db/1",
            decode: self.decode,
        };
        let asked = write_head(&mut out, &head).map_err(|error| {
            assert_eq!(out, b"before");
            error.kind()
        })?;
        let text = String::from_utf8(out).unwrap_or_default();
        Ok((
            text.strip_prefix("before").unwrap_or_default().to_owned(),
            asked,
        ))
    }

    fn text(&self) -> String {
        self.write()
            .map(|(text, _)| text)
            .unwrap_or_else(|kind| kind.to_string())
    }

    fn fault(&self) -> Option<RequestFault> {
        match self.write() {
            Err(ErrorKind::Request(fault)) => Some(fault),
            _ => None,
        }
    }
}

const PLAIN: &str = "User-Agent: db/1\r\nAccept: */*\r\n";

fn accept_encoding() -> String {
    content::ACCEPT_ENCODING.map_or(String::new(), |v| format!("Accept-Encoding: {v}\r\n"))
}

#[test]
fn a_plain_get() {
    let text = Sample::get("http://h.test:8080/a/b?c=d&e=%20f#frag").text();
    let coding = accept_encoding();
    let want = format!("GET /a/b?c=d&e=%20f HTTP/1.1\r\nHost: h.test:8080\r\n{PLAIN}{coding}\r\n");
    assert_eq!(text, want);
    assert!(
        Sample::get("http://h.test")
            .text()
            .starts_with("GET / HTTP/1.1\r\nHost: h.test\r\n")
    );
    assert!(
        Sample::get("http://h/a b/é?ü=1")
            .text()
            .starts_with("GET /a%20b/%C3%A9?%C3%BC=1 ")
    );
}

#[test]
fn callers_fields_win_and_keep_their_order() {
    let mut sample = Sample::get("http://h.test/")
        .header("X-One", "1")
        .header("Host", "virtual.test")
        .header("x-two", "2")
        .header("user-agent", "mine")
        .header("Accept", "a/b")
        .header("Accept-Encoding", "identity")
        .header("X-One", "3");
    assert!(sample.defaults.append("X-Default", "d").is_ok());
    assert!(sample.defaults.append("X-TWO", "no").is_ok());
    assert_eq!(
        sample.text(),
        "GET / HTTP/1.1\r\nHost: virtual.test\r\nX-One: 1\r\nx-two: 2\r\nuser-agent: mine\r\n\
         Accept: a/b\r\nAccept-Encoding: identity\r\nX-One: 3\r\nX-Default: d\r\n\r\n"
    );
}

#[test]
fn userinfo_becomes_basic() {
    let text = Sample::get("http://user:p%40ss@h.test/u").text();
    assert!(
        text.contains("\r\nAuthorization: Basic dXNlcjpwQHNz\r\n"),
        "{text}"
    );
    assert!(
        text.contains("\r\nHost: h.test\r\n") && !text.contains("user:"),
        "{text}"
    );
    let own = Sample::get("http://user:pw@h.test/")
        .header("authorization", "Bearer x")
        .text();
    assert!(
        own.contains("authorization: Bearer x\r\n") && !own.contains("Basic"),
        "{own}"
    );
}

#[test]
fn the_library_owns_the_length() {
    let length = |method: &Method, body| {
        let text = Sample::get("http://h/").method(method.clone(), body).text();
        let field = text
            .split("\r\n")
            .find(|line| line.starts_with("Content-Length"));
        let chunked = text.contains("\r\nTransfer-Encoding: chunked\r\n");
        (field.map(str::to_owned), chunked)
    };
    let announced = |n: u64| (Some(format!("Content-Length: {n}")), false);
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        assert_eq!(length(&method, BodyLength::None), announced(0));
        assert_eq!(length(&method, BodyLength::Known(0)), announced(0));
        assert_eq!(length(&method, BodyLength::Known(5)), announced(5));
        assert_eq!(length(&method, BodyLength::Chunked), (None, true));
    }
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS] {
        assert_eq!(length(&method, BodyLength::None), (None, false));
        assert_eq!(length(&method, BodyLength::Known(0)), (None, false));
        assert_eq!(length(&method, BodyLength::Known(5)), announced(5));
    }
    let post = |body| Sample::get("http://h/").method(Method::POST, body);
    let owned = Some(RequestFault::OwnedHeader);
    let five = BodyLength::Known(5);
    assert_eq!(post(five).header("content-length", "6").fault(), owned);
    assert_eq!(post(five).header("content-length", "+5").fault(), owned);
    assert_eq!(
        post(five).header("Transfer-Encoding", "chunked").fault(),
        owned
    );
    assert_eq!(
        post(BodyLength::Chunked)
            .header("Content-Length", "5")
            .fault(),
        owned
    );
    assert_eq!(
        post(BodyLength::Chunked)
            .header("Transfer-Encoding", "gzip")
            .fault(),
        owned
    );
    let same = post(five)
        .header("CONTENT-LENGTH", "5")
        .header("content-length", "5")
        .text();
    assert_eq!(
        same.to_ascii_lowercase().matches("content-length").count(),
        1
    );
    for method in [Method::TRACE, Method::CONNECT] {
        let fault = Sample::get("http://h/").method(method, five).fault();
        assert_eq!(fault, Some(RequestFault::BodyForbidden));
    }
}

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
            url: &sample.url,
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
        let ours = 3 + usize::from(content::ACCEPT_ENCODING.is_some());
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
