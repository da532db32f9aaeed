//! Tests of the request writer: exactly one request (H06).

use super::super::kind::ErrorKind;
use super::super::syntax;
use super::*;
use url::Url;

#[path = "request/forms.rs"]
mod forms;

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
            url: &Target::from(self.url.clone()),
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
    String::from_utf8_lossy(content::ACCEPT_ENCODING).into_owned()
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
    let trace = Sample::get("http://h/").method(Method::TRACE, five);
    assert_eq!(trace.fault(), Some(RequestFault::BodyForbidden));
    for body in [BodyLength::None, five] {
        let connect = Sample::get("http://h/").method(Method::CONNECT, body);
        assert_eq!(connect.fault(), Some(RequestFault::Connect));
    }
    let expects_more = Sample::get("http://h/").header("Expect", "200-ok");
    assert_eq!(expects_more.fault(), owned);
}
