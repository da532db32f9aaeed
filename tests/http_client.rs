//! The client as its users see it: requests, bodies, redirects, errors, hooks.
//! Over connections in memory where bytes matter, over loopback where sockets do.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, SocketAddrV6};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use downbeat::http::{
    AddressGuard, Body, Client, ClientBuilder, ErrorKind, Event, Limit, Limits, Method, Phase,
    Proxy, Quirk, RedirectFault, RedirectPolicy, RequestFault, ResolveFault, Response,
};
use downbeat::testing::origin::{Framing, Memory, Origin, Reply, Request, Service, Steps};
use downbeat::testing::pair;
use downbeat::{Runtime, time};

/// Runs on the virtual clock: nothing in here may wait for the system.
fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

/// A client whose every host is this handler, and the connector to count with.
fn serving(handler: impl Fn(&Request) -> Reply + 'static) -> (ClientBuilder, Memory) {
    let memory = Memory::new(Service::new(handler));
    (Client::builder().connector(memory.clone()), memory)
}

fn echo(request: &Request) -> Reply {
    let mut text = format!("{} {}\n", request.method, request.target);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    let mut body = text.into_bytes();
    body.extend_from_slice(&request.body);
    Reply::ok(body)
}

async fn text(client: &Client, url: &str) -> String {
    let response = client.get(url).send().await.unwrap();
    response.text().await.unwrap()
}

// ------------------------------------------------------------------ requests

#[test]
fn over_sockets_one_connection_serves_many_requests() {
    let origin = Origin::start(|request| Reply::ok(format!("got {}", request.target))).unwrap();
    downbeat::run(async {
        let client = Client::new().unwrap();
        for page in 0..5 {
            let url = origin.url(&format!("/{page}"));
            let response = client.get(&url).send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.reused(), page > 0);
            assert_eq!(response.peer_addr(), Some(origin.address()));
            assert_eq!(response.url().as_str(), url);
            assert_eq!(response.text().await.unwrap(), format!("got /{page}"));
        }
    });
    assert_eq!((origin.connections(), origin.requests()), (1, 5));
}

#[test]
fn over_sockets_every_framing_and_size_arrives_whole() {
    let body = |length: usize| (0..length).map(|i| (i * 7) as u8).collect::<Vec<u8>>();
    let origin = Origin::start(move |request| {
        let (kind, length) = request.target[1..].split_once('/').unwrap();
        let reply = Reply::ok(body(length.parse().unwrap()));
        match kind {
            "chunked" => reply.framing(Framing::Chunked(1000)),
            "close" => reply.framing(Framing::Close),
            _ => reply,
        }
    })
    .unwrap();
    downbeat::run(async {
        let client = Client::new().unwrap();
        for kind in ["length", "chunked", "close"] {
            for length in [0, 1, 1000, 16_383, 16_384, 16_385, 100_000, 1_000_000] {
                let url = origin.url(&format!("/{kind}/{length}"));
                let whole = client
                    .get(&url)
                    .send()
                    .await
                    .unwrap()
                    .bytes()
                    .await
                    .unwrap();
                assert!(whole == body(length), "{kind} {length}: {}", whole.len());
                let mut response = client.get(&url).send().await.unwrap();
                let mut pieces = Vec::new();
                while let Some(chunk) = response.chunk().await.unwrap() {
                    assert!(!chunk.is_empty());
                    pieces.extend_from_slice(chunk);
                }
                assert!(pieces == whole);
                assert_eq!(response.chunk().await.unwrap(), None);
            }
        }
    });
}

/// What a hundred thousand tasks hold that wait for a connection.
#[test]
fn the_futures_of_a_request_are_small() {
    let (client, _) = serving(echo);
    let client = client.build().unwrap();
    let send = size_of_val(&client.get("http://a.test/").send());
    let response = simulate(client.get("http://a.test/").send()).unwrap();
    let (response, bytes) = (size_of_val(&response), size_of_val(&response.bytes()));
    assert!(send <= 640, "send: {send} bytes");
    assert!(response <= 24, "a response: {response} bytes");
    assert!(bytes <= 256, "bytes: {bytes} bytes");
}

/// Responses that a thread still has when it ends are dropped like all others: on a thread
/// that is going away no head is lent to anybody.
#[test]
fn a_response_may_outlive_what_its_thread_keeps() {
    thread_local! {
        static KEPT: RefCell<Vec<Response>> = const { RefCell::new(Vec::new()) };
    }
    let thread = std::thread::spawn(|| {
        // First here, so it goes last.
        KEPT.with_borrow_mut(Vec::clear);
        let (client, _) = serving(echo);
        let client = client.build().unwrap();
        for _ in 0..2 {
            let response = simulate(client.get("http://a.test/").send()).unwrap();
            KEPT.with_borrow_mut(|kept| kept.push(response));
        }
    });
    thread.join().unwrap();
}

#[test]
fn methods_and_bodies_reach_the_server() {
    let (builder, _) = serving(echo);
    simulate(async {
        let client = builder.build().unwrap();
        for (request, line) in [
            (client.get("http://h.test/a?b=c#d"), "GET /a?b=c\n"),
            (client.post("http://h.test/").body("x"), "POST /\n"),
            (client.put("http://h.test/").body("x"), "PUT /\n"),
            (client.patch("http://h.test/").body("x"), "PATCH /\n"),
            (client.delete("http://h.test/"), "DELETE /\n"),
            (
                client.request(Method::new("PURGE").unwrap(), "http://h.test/"),
                "PURGE /\n",
            ),
        ] {
            let text = request.send().await.unwrap().text().await.unwrap();
            assert!(text.starts_with(line), "{text}");
        }
        let head = client.head("http://h.test/").send().await.unwrap();
        assert!(head.content_length().unwrap() > 10);
        assert!(head.bytes().await.unwrap().is_empty());
    });
}

#[test]
fn headers_of_the_client_and_of_the_request() {
    let (builder, _) = serving(echo);
    simulate(async {
        let client = builder
            .user_agent("probe/1")
            .default_header("X-All", "all")
            .default_header("Accept", "text/html")
            .build()
            .unwrap();
        let request = client
            .get("http://user:pa%20ss@h.test:81/")
            .header("X-One", "1")
            .header("x-all", "mine");
        let text = request.send().await.unwrap().text().await.unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "Host: h.test:81",
            "User-Agent: probe/1",
            "Accept: text/html",
            "X-One: 1",
            "x-all: mine",
            "Authorization: Basic dXNlcjpwYSBzcw==",
        ] {
            assert!(lines.contains(&line), "{line} is not in {text}");
        }
        assert!(!text.contains("X-All: all"));
    });
}

#[test]
fn what_cannot_be_sent_is_refused_before_a_connection() {
    let (builder, memory) = serving(echo);
    simulate(async {
        let client = builder.build().unwrap();
        let fault = async |request: downbeat::http::RequestBuilder| {
            let error = request.send().await.unwrap_err();
            assert_eq!(error.phase(), Phase::Request);
            match error.kind() {
                ErrorKind::Request(fault) => fault,
                other => panic!("{other:?}"),
            }
        };
        let get = || client.get("http://h.test/");
        use RequestFault::{
            BodyForbidden, HeaderName, HeaderValue, OwnedHeader, Scheme, Url, ZoneId,
        };
        assert_eq!(fault(get().header("A", "b\r\nC: d")).await, HeaderValue);
        assert_eq!(fault(get().header("A b", "c")).await, HeaderName);
        assert_eq!(
            fault(get().header("Transfer-Encoding", "gzip")).await,
            OwnedHeader
        );
        assert_eq!(
            fault(get().header("Content-Length", "5")).await,
            OwnedHeader
        );
        assert_eq!(fault(client.get("no url")).await, Url);
        assert_eq!(fault(client.get("ftp://h.test/")).await, Scheme);
        assert_eq!(fault(client.get("http://[fe80::1%25eth0]/")).await, ZoneId);
        let trace = client.request(Method::TRACE, "http://h.test/").body("x");
        assert_eq!(fault(trace).await, BodyForbidden);
        assert_eq!(memory.connections(), 0);
        // Nor does it cost one that is kept.
        text(&client, "http://h.test/").await;
        let trace = client.request(Method::TRACE, "http://h.test/").body("x");
        assert_eq!(fault(trace).await, BodyForbidden);
        assert!(get().send().await.unwrap().reused());
    });
    assert_eq!(memory.connections(), 1);
}

#[test]
fn bodies_from_streams_and_files() {
    let (builder, memory) = serving(echo);
    let path = std::env::temp_dir().join(format!("downbeat-body-{}", std::process::id()));
    let content: Vec<u8> = (0..200_000_u32).map(|i| (i % 253) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let mut runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let client = builder.build().unwrap();
        let sent = async |body: Body| {
            let request = client.post("http://h.test/").body(body);
            let all = request.send().await.unwrap().bytes().await.unwrap();
            let at = all.windows(2).position(|w| w == b"\n\n").unwrap();
            let head = String::from_utf8(all[..at].to_vec()).unwrap();
            (head, all[at + 2..].to_vec())
        };
        let stream = || io::Cursor::new(content.clone());
        let stream = || downbeat::blocking::Reader::new(stream());

        let (head, body) = sent(Body::stream(stream())).await;
        assert!(head.contains("Transfer-Encoding: chunked") && body == content);
        let (head, body) = sent(Body::sized(stream(), 200_000)).await;
        assert!(head.contains("Content-Length: 200000") && body == content);
        let (head, body) = sent(Body::file(&path)).await;
        assert!(head.contains("Content-Length: 200000") && body == content);
        // One, unless the answer was faster than the thread that says where a stream
        // ends: an upload that is cut short ends its connection.
        assert!((1..=3).contains(&memory.connections()));

        // H07: neither a byte more nor a byte less.
        for length in [199_999, 200_001] {
            let request = client
                .post("http://h.test/")
                .body(Body::sized(stream(), length));
            let error = request.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request(RequestFault::BodyLength));
        }
        let error = client
            .post("http://h.test/")
            .body(Body::file("/no/such/file"));
        assert_eq!(error.send().await.unwrap_err().kind(), ErrorKind::Upload);
    });
    std::fs::remove_file(path).unwrap();
}

/// All that was announced has left, but the source has not said that it has no more:
/// a server that answers by then has answered a whole request.
#[test]
fn a_source_that_ends_late_does_not_cost_the_connection() {
    struct EndsLate(&'static [u8], Option<time::Sleep>);
    impl downbeat::io::AsyncRead for EndsLate {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if !self.0.is_empty() {
                let bytes = std::mem::take(&mut self.0);
                buf[..bytes.len()].copy_from_slice(bytes);
                return Poll::Ready(Ok(bytes.len()));
            }
            let late = || time::sleep(Duration::from_secs(1));
            let sleep = self.1.get_or_insert_with(late);
            Pin::new(sleep).poll(cx).map(|()| Ok(0))
        }
    }
    let (builder, memory) = serving(echo);
    simulate(async {
        let client = builder.build().unwrap();
        for _ in 0..2 {
            let body = Body::sized(EndsLate(b"all of it", None), 9);
            let request = client.post("http://h.test/").body(body);
            let text = request.send().await.unwrap().text().await.unwrap();
            assert!(text.ends_with("all of it"), "{text}");
        }
        assert_eq!(memory.connections(), 1);
    });
}

#[test]
fn expect_100_continue_in_all_orders() {
    let service = Service::new(echo).on_head(|request| match request.path() {
        "/asks" => Some(
            Steps::new()
                .send("HTTP/1.1 100 Continue\r\n\r\n")
                .read_body()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ),
        "/silent" => Some(
            Steps::new()
                .read_body()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ),
        "/refuses" => Some(
            Steps::new()
                .send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
                .hold(),
        ),
        _ => None,
    });
    let memory = Memory::new(service);
    let client = Client::builder().connector(memory.clone()).build().unwrap();
    simulate(async {
        let post = async |path: &str| {
            let began = time::now();
            let request = client
                .post(format!("http://h.test{path}"))
                .header("Expect", "100-continue")
                .body("the body");
            let response = request.send().await.unwrap();
            (response.status(), time::now() - began, memory.connections())
        };
        assert_eq!(post("/asks").await, (200, Duration::ZERO, 1));
        assert_eq!(post("/silent").await, (200, Duration::from_secs(1), 2));
        assert_eq!(post("/refuses").await, (417, Duration::ZERO, 3));
    });
}

#[test]
fn h08_an_early_answer_stops_the_upload() {
    let service = Service::new(echo).on_head(|_| {
        Some(
            Steps::new()
                .send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
                .hold(),
        )
    });
    let memory = Memory::new(service).capacity(4096);
    let client = Client::builder().connector(memory.clone()).build().unwrap();
    simulate(async {
        // Larger than all buffers on the way: it can never be sent.
        let request = client.post("http://h.test/").body(vec![b'x'; 10_000_000]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.text().await.unwrap(), "big");
        assert_eq!(client.connections(), (0, 0), "not reused");
    });
}

// ----------------------------------------------------------------- redirects

#[test]
fn redirects_are_followed_and_remembered() {
    let (builder, _) = serving(|request| match request.path() {
        "/1" => Reply::new(302).header("Location", "/2?x").body("gone"),
        "/2" => Reply::new(307).header("Location", "http://other.test/3"),
        "/3" => echo(request),
        path => Reply::new(404).body(path.to_owned()),
    });
    simulate(async {
        let client = builder.build().unwrap();
        let request = client
            .post("http://h.test/1")
            .header("Authorization", "secret")
            .header("X-Kept", "1")
            .body("form");
        let response = request.send().await.unwrap();
        assert_eq!(response.url().as_str(), "http://other.test/3");
        let history: Vec<_> = response
            .history()
            .iter()
            .map(|hop| (hop.status, hop.url.path()))
            .collect();
        assert_eq!(history, [(302, "/1"), (307, "/2")]);
        assert_eq!(response.attempts(), 3);
        let text = response.text().await.unwrap();
        assert!(text.starts_with("GET /3\n"), "{text}");
        assert!(text.contains("X-Kept: 1") && !text.contains("secret"));
        assert!(!text.contains("Content-Length"), "{text}");
    });
}

/// N01: what the client adds to every request is stripped like the caller's own, and
/// does not come back, not even at home.
#[test]
fn n01_default_credentials_do_not_follow_to_another_origin() {
    let (builder, _) = serving(|request| match request.path() {
        "/out" => Reply::new(302).header("Location", "http://other.test/back"),
        "/back" => {
            assert!(request.header("authorization").is_none(), "{request:?}");
            assert!(request.header("cookie").is_none(), "{request:?}");
            Reply::new(302).header("Location", "http://h.test/home")
        }
        _ => echo(request),
    });
    simulate(async {
        let builder = builder.default_header("Authorization", "Bearer s3cret");
        let builder = builder.default_header("Cookie", "id=s3cret");
        let client = builder.default_header("X-Kept", "1").build().unwrap();
        let at_home = text(&client, "http://h.test/home").await;
        assert_eq!(at_home.matches("s3cret").count(), 2);
        let after = text(&client, "http://h.test/out").await;
        assert!(
            after.contains("X-Kept") && !after.contains("s3cret"),
            "{after}"
        );
    });
}

#[test]
fn n08_the_redirect_limit_is_exact() {
    for limit in [0, 1, 2, 10] {
        let (builder, _) = serving(|request| {
            let number: u32 = request.target[1..].parse().unwrap();
            Reply::new(302).header("Location", format!("/{}", number + 1))
        });
        simulate(async {
            let asked = Rc::new(RefCell::new(0));
            let counter = asked.clone();
            let client = builder
                .redirects(RedirectPolicy::limit(limit))
                .hooks(move |_: u64, event: &Event<'_>| {
                    *counter.borrow_mut() +=
                        u32::from(matches!(event, Event::ResponseStart { .. }));
                })
                .build()
                .unwrap();
            let error = client.get("http://h.test/0").send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect(RedirectFault::TooMany));
            assert_eq!(*asked.borrow(), limit + 1, "limit {limit}");
            assert_eq!(error.attempts(), limit + 1);
            let none = client
                .get("http://h.test/0")
                .redirects(RedirectPolicy::none());
            assert_eq!(none.send().await.unwrap().status(), 302);
        });
    }
}

#[test]
fn a_redirect_with_a_body_that_is_gone_is_an_error() {
    let (builder, _) = serving(|_| Reply::new(307).header("Location", "/again"));
    simulate(async {
        let client = builder.build().unwrap();
        let (reader, mut writer) = pair(100);
        let feed = async move {
            use downbeat::io::AsyncWriteExt;
            writer.write_all(b"data").await.unwrap();
            writer.close().await.unwrap();
        };
        drop(downbeat::spawn(feed));
        let request = client.post("http://h.test/").body(Body::stream(reader));
        let error = request.send().await.unwrap_err();
        let kind = ErrorKind::Redirect(RedirectFault::BodyNotReplayable);
        assert_eq!(error.kind(), kind);
    });
}

#[test]
fn a_long_body_of_a_redirect_is_not_read() {
    let service = Service::new(|request| match request.path() {
        "/short" => Reply::new(302)
            .header("Location", "/end")
            .body(vec![b'x'; 60_000]),
        "/long" => Reply::new(302)
            .header("Location", "/end")
            .body(vec![b'x'; 90_000]),
        _ => Reply::ok("end"),
    })
    .on_head(|request| {
        let slow = "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 9\r\n\r\n123";
        (request.path() == "/slow").then(|| Steps::new().send(slow).hold())
    });
    let memory = Memory::new(service);
    let client = Client::builder().connector(memory.clone()).build().unwrap();
    simulate(async {
        let began = time::now();
        assert_eq!(text(&client, "http://h.test/short").await, "end");
        assert_eq!(memory.connections(), 1, "its connection was saved");
        assert_eq!(text(&client, "http://h.test/long").await, "end");
        assert_eq!(memory.connections(), 2, "its connection was closed");
        assert_eq!(time::now(), began);
        assert_eq!(text(&client, "http://h.test/slow").await, "end");
        assert_eq!(time::now() - began, Duration::from_millis(500));
    });
}

// ------------------------------------------------------------ limits, quirks

#[test]
fn limits_are_per_client_and_per_request() {
    let (builder, _) = serving(|request| match request.path() {
        "/chunked" => Reply::ok(vec![b'x'; 2000]).framing(Framing::Chunked(100)),
        "/fields" => (0..20).fold(Reply::ok(""), |reply, i| reply.header(format!("F{i}"), "v")),
        _ => Reply::ok(vec![b'x'; 2000]),
    });
    simulate(async {
        let small = Limits {
            body_bytes: 1000,
            fields: 10,
            ..Limits::default()
        };
        let client = builder.limits(small).build().unwrap();
        let error = async |path: &str| {
            let sent = client.get(format!("http://h.test{path}")).send().await;
            match sent {
                Ok(response) => response.bytes().await.unwrap_err().kind(),
                Err(error) => error.kind(),
            }
        };
        assert_eq!(error("/").await, ErrorKind::TooLarge(Limit::BodyBytes));
        assert_eq!(
            error("/chunked").await,
            ErrorKind::TooLarge(Limit::BodyBytes)
        );
        assert_eq!(error("/fields").await, ErrorKind::TooLarge(Limit::Fields));
        let request = client.get("http://h.test/").limits(Limits::default());
        assert_eq!(
            request.send().await.unwrap().bytes().await.unwrap().len(),
            2000
        );
    });
}

#[test]
fn tolerance_is_recorded() {
    let service = Service::new(|_| {
        Reply::steps(Steps::new().send("HTTP/1.1 200\nX : y\nContent-Length: 2\n\nok"))
    });
    let client = Client::builder()
        .connector(Memory::new(service))
        .build()
        .unwrap();
    simulate(async {
        let response = client.get("http://h.test/").send().await.unwrap();
        let quirks: Vec<Quirk> = response.quirks().iter().collect();
        let all = [Quirk::BareLf, Quirk::SpaceBeforeColon, Quirk::MissingReason];
        assert_eq!(quirks, all);
        assert_eq!(response.text().await.unwrap(), "ok");
        assert_eq!(client.connections(), (0, 0), "and forbids reuse");
    });
}

#[test]
fn trailers_come_behind_the_body() {
    let service = Service::new(|_| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Reply::steps(Steps::new().send(format!("{head}2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")))
    });
    let client = Client::builder()
        .connector(Memory::new(service))
        .build()
        .unwrap();
    simulate(async {
        let mut response = client.get("http://h.test/").send().await.unwrap();
        assert!(response.trailers().is_empty());
        assert_eq!(response.read_all().await.unwrap(), b"ok");
        assert_eq!(response.trailers().get("x-sum"), Some(&b"7"[..]));
    });
}

#[test]
fn text_uses_the_charset() {
    let (builder, _) = serving(|request| match request.path() {
        "/latin" => {
            Reply::ok(vec![b'c', 0xe9]).header("Content-Type", "text/plain; charset=ISO-8859-1")
        }
        _ => Reply::ok(vec![b'c', 0xc3, 0xa9, 0xff]),
    });
    simulate(async {
        let client = builder.build().unwrap();
        assert_eq!(text(&client, "http://h.test/latin").await, "cé");
        assert_eq!(text(&client, "http://h.test/").await, "cé\u{fffd}");
    });
}

// ------------------------------------------------------- names and addresses

#[test]
fn names_come_from_the_resolver_or_are_given() {
    let origin = Origin::start(echo).unwrap();
    let port = origin.address().port();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let log = asked.clone();
    downbeat::run(async {
        let client = Client::builder()
            .resolver(move |host: &str, port: u16| {
                log.borrow_mut().push(host.to_owned());
                match host {
                    "known.test" => Ok(vec![([127, 0, 0, 1], port).into()]),
                    "empty.test" => Ok(Vec::new()),
                    _ => Err(io::ErrorKind::NotFound.into()),
                }
            })
            .host_override("given.test", vec![([127, 0, 0, 1], 0).into()])
            .host_override("moved.test", vec![origin.address()])
            .host_override("B\u{dc}RO.test", vec![origin.address()])
            .idle_timeout(Duration::ZERO)
            .build()
            .unwrap();
        for _ in 0..3 {
            let text = text(&client, &format!("http://known.test:{port}/")).await;
            assert!(text.contains(&format!("Host: known.test:{port}")));
        }
        assert_eq!(*asked.borrow(), ["known.test"], "the answer is kept");
        text(&client, &format!("http://GIVEN.test:{port}/")).await;
        text(&client, "http://moved.test/").await;
        text(&client, "http://büro.test/").await;
        assert_eq!(asked.borrow().len(), 1);
        for (host, fault) in [
            ("unknown.test", ResolveFault::NotFound),
            ("empty.test", ResolveFault::NoAddress),
        ] {
            for _ in 0..2 {
                let error = client
                    .get(format!("http://{host}/"))
                    .send()
                    .await
                    .unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Resolve(fault));
                assert_eq!(error.phase(), Phase::Resolve);
            }
        }
        assert_eq!(asked.borrow().len(), 3, "a refusal is kept too");
    });
}

/// A zone id is no part of a URL, but a resolver and an override may name one.
#[test]
fn zone_ids_come_from_the_resolver_or_the_override() {
    let refused = |url: &str| {
        let client = Client::new().unwrap();
        let error = simulate(async { client.get(url).send().await.unwrap_err() });
        error.kind()
    };
    let zone_id = ErrorKind::Request(RequestFault::ZoneId);
    assert_eq!(refused("http://[fe80::1%25eth0]/"), zone_id);
    assert_eq!(refused("http://[fe80::1%eth0]:80/"), zone_id);
    let address: SocketAddrV6 = "[fe80::1%4242]:9".parse().unwrap();
    let resolver = move |_: &str, _: u16| Ok(vec![SocketAddr::V6(address)]);
    let given = Client::builder().host_override("h.test", vec![address.into()]);
    for builder in [Client::builder().resolver(resolver), given] {
        let client = builder.build().unwrap();
        let sent = downbeat::run(async move { client.get("http://h.test/").send().await });
        // There is no such zone here, and the error says where it would have gone.
        let error = sent.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
        assert_eq!(error.peer_addr(), Some(SocketAddr::V6(address)));
    }
}

#[test]
fn p10_many_requests_to_one_name_are_one_look_up() {
    struct Slow(Rc<RefCell<u32>>, std::net::SocketAddr);
    impl downbeat::net::Resolve for Slow {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> downbeat::net::Resolving<'a> {
            *self.0.borrow_mut() += 1;
            Box::pin(async {
                time::sleep(Duration::from_millis(20)).await;
                Ok(vec![self.1])
            })
        }
    }
    let origin = Origin::start(echo).unwrap();
    let look_ups = Rc::new(RefCell::new(0));
    downbeat::run(async {
        let client = Client::builder()
            .resolver(Slow(look_ups.clone(), origin.address()))
            .build()
            .unwrap();
        let all = downbeat::gather((0..10).map(|_| {
            let client = client.clone();
            async move {
                client
                    .get("http://slow.test/")
                    .send()
                    .await
                    .unwrap()
                    .status()
            }
        }));
        // The one who asked first gives up; the others get its answer.
        let first = downbeat::spawn({
            let client = client.clone();
            async move { drop(client.get("http://slow.test/").send().await) }
        });
        downbeat::yield_now().await;
        first.abort();
        assert!(all.await.into_iter().all(|status| status.ok() == Some(200)));
    });
    assert_eq!(*look_ups.borrow(), 1);
}

#[test]
fn n05_the_guard_judges_addresses_at_every_hop() {
    let inner = Origin::start(|_| Reply::ok("secret")).unwrap();
    let inner_url = inner.url("/");
    let location = inner_url.clone();
    let outer =
        Origin::start(move |_| Reply::new(302).header("Location", location.clone())).unwrap();
    let blocked = |client: Client, url: String| {
        downbeat::run(async move {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressBlocked);
            assert_eq!(error.phase(), Phase::Connect);
        });
    };
    let public = || Client::builder().address_guard(AddressGuard::public_only());
    blocked(public().build().unwrap(), inner.url("/"));
    let port = inner.address().port();
    for host in ["127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
        blocked(public().build().unwrap(), format!("http://{host}:{port}/"));
    }
    let named = public().resolver(|_: &str, port: u16| {
        // One good address does not excuse a bad one.
        Ok(vec![
            ([93, 184, 216, 34], port).into(),
            ([10, 0, 0, 1], port).into(),
        ])
    });
    blocked(named.build().unwrap(), "http://mixed.test/".into());
    // A redirect is a hop of its own. The outer server is taken for public.
    let guard = AddressGuard::no_escape().deny(inner.address().ip());
    blocked(
        Client::builder().address_guard(guard).build().unwrap(),
        outer.url("/"),
    );
    assert_eq!((inner.connections(), outer.connections()), (0, 0));
}

#[test]
fn n05_a_kept_connection_is_judged_again() {
    // To the guard, the first host is public and the second is not; both are the
    // same service in memory.
    let service = Service::new(|request| match request.header("host") {
        Some("public.test") => Reply::new(302).header("Location", "http://private.test/"),
        _ => Reply::ok("secret"),
    });
    let memory = Memory::new(service);
    let connect = memory.clone();
    let client = Client::builder()
        .connector(move |to: &downbeat::http::Destination| {
            let address = match to.host() {
                "public.test" => ([93, 184, 216, 34], 80),
                _ => ([10, 0, 0, 1], 80),
            };
            let (ours, theirs) = pair(10_000);
            let connect = connect.clone();
            drop(downbeat::spawn(async move {
                connect.serve_stream(theirs).await
            }));
            async move { Ok(downbeat::http::Connected::new(ours).peer(address.into())) }
        })
        .address_guard(AddressGuard::no_escape())
        .build()
        .unwrap();
    simulate(async {
        // Asked for directly, the private host is allowed, and its connection kept.
        assert_eq!(text(&client, "http://private.test/").await, "secret");
        assert_eq!(client.connections().1, 1);
        let error = client.get("http://public.test/").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressBlocked);
    });
}

// -------------------------------------------------------------------- proxies

#[test]
fn n05_what_lies_behind_a_proxy_is_judged_for_every_request() {
    let proxy = Origin::start(|request| match request.target.as_str() {
        "http://10.0.0.1/" => Reply::ok("inside"),
        _ => Reply::new(302).header("Location", "http://10.0.0.1/"),
    })
    .unwrap();
    downbeat::run(async {
        let by_proxy = |guard| {
            let proxy = Proxy::all(proxy.url("").as_str()).unwrap();
            let client = Client::builder().proxy(proxy).address_guard(guard);
            client.build().unwrap()
        };
        let client = by_proxy(AddressGuard::no_escape());
        // Asked for by the caller it is fine, and the connection is kept for all hosts.
        assert_eq!(text(&client, "http://10.0.0.1/").await, "inside");
        for outside in ["http://8.8.8.8/", "http://name.test/"] {
            let error = client.get(outside).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressBlocked, "{outside}");
        }
        // From one private address to another.
        assert_eq!(text(&client, "http://10.0.0.2/").await, "inside");
        let client = by_proxy(AddressGuard::public_only());
        let error = client.get("http://10.0.0.1/").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressBlocked);
    });
}

#[test]
fn a_proxy_forwards_http_and_gets_its_credentials() {
    let proxy = Origin::start(echo).unwrap();
    let url = format!("http://user:secret@{}", proxy.address());
    downbeat::run(async {
        let client = Client::builder()
            .proxy(Proxy::all(url.as_str()).unwrap())
            .build()
            .unwrap();
        for host in ["one.test", "two.test:81"] {
            let text = text(&client, &format!("http://{host}/path?q")).await;
            assert!(
                text.starts_with(&format!("GET http://{host}/path?q\n")),
                "{text}"
            );
            assert!(text.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ="));
        }
        assert!(!format!("{client:?}").contains("secret"));
    });
    assert_eq!(proxy.connections(), 1, "one connection serves all hosts");
}

#[test]
#[cfg(feature = "tls")]
fn a_tunnel_that_is_refused_is_a_proxy_error() {
    for (status, fault) in [
        (403, downbeat::http::ProxyFault::Refused),
        (407, downbeat::http::ProxyFault::Authentication),
    ] {
        let proxy = Origin::start(move |request| {
            assert_eq!(
                (request.method.as_str(), request.target.as_str()),
                ("CONNECT", "h.test:443")
            );
            Reply::new(status).close()
        })
        .unwrap();
        downbeat::run(async {
            let client = Client::builder()
                .proxy(Proxy::all(proxy.url("").as_str()).unwrap())
                .build()
                .unwrap();
            let error = client.get("https://h.test/").send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy(fault));
            assert_eq!(error.phase(), Phase::Proxy);
        });
    }
}

/// Through a tunnel comes what the origin says; here it says nothing and ends, which
/// is TLS's to complain about.
#[test]
#[cfg(feature = "tls")]
fn the_answers_of_a_proxy_that_open_a_tunnel() {
    for (answer, phase) in [
        ("HTTP/1.0 200 Connection established\r\n\r\n", Phase::Tls),
        ("HTTP/1.1 204 X\r\n\r\n", Phase::Tls),
        // RFC 9110 section 9.3.6: these fields mean nothing in it.
        ("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n", Phase::Tls),
        (
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n",
            Phase::Tls,
        ),
        ("HTTP/1.1 200 X\r\nContent-Length: 5, 6\r\n\r\n", Phase::Tls),
        ("HTTP/1.1 100 X\r\n\r\nHTTP/1.1 200 X\r\n\r\n", Phase::Tls),
        ("HTTP/1.1 200 X\r\n\r\nEXTRA", Phase::Proxy),
        ("HTTP/1.1 101 X\r\n\r\n", Phase::Proxy),
        (
            "HTTP/1.1 302 X\r\nLocation: http://h.test/\r\n\r\n",
            Phase::Proxy,
        ),
        ("HTTP/1.1 100 X\r\n\r\n", Phase::Proxy),
        ("SOCKS\r\n\r\n", Phase::Proxy),
    ] {
        let (builder, _) = serving(move |_| Steps::new().send(answer).close().into());
        let client = builder.proxy(Proxy::all("http://proxy.test").unwrap());
        let client = client.build().unwrap();
        simulate(async {
            let error = client.get("https://h.test/").send().await.unwrap_err();
            assert_eq!(error.phase(), phase, "{answer:?}: {error}");
            assert!(!error.is_timeout(), "{answer:?}: {error}");
        });
    }
}

// ----------------------------------------------------------- errors and hooks

#[test]
fn connection_errors_have_kinds() {
    // A port nobody listens at: bound, and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    downbeat::run(async {
        let client = Client::new().unwrap();
        let url = format!("http://user:secret@127.0.0.1:{port}/path");
        let error = client.get(url).send().await.unwrap_err();
        let refused = downbeat::http::ConnectFault::Refused;
        assert_eq!(error.kind(), ErrorKind::Connect(refused));
        assert!(error.is_retryable() && !error.is_timeout());
        assert_eq!(error.attempts(), 1);
        assert_eq!(error.url().unwrap().path(), "/path");
        for text in [format!("{error}"), format!("{error:?}")] {
            assert!(!text.contains("secret"), "{text}");
        }
    });
}

#[test]
fn a_connection_that_is_closed_and_reset_while_it_is_made_was_reset() {
    let ends = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
    ];
    for end in ends {
        let error = downbeat::http::Error::connect(end.into());
        let fault = downbeat::http::ConnectFault::Reset;
        assert_eq!(error.kind(), ErrorKind::Connect(fault), "{end}");
        assert!(error.is_retryable());
    }
}

#[test]
fn hooks_see_every_phase() {
    let (builder, _) = serving(|request| match request.path() {
        "/" => Reply::new(302).header("Location", "/end"),
        _ => Reply::ok("end"),
    });
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    simulate(async {
        let client = builder
            .hooks(move |request: u64, event: &Event<'_>| {
                let name = format!("{event:?}");
                let name = name.split([' ', '{', '(']).next().unwrap_or_default();
                log.borrow_mut().push(format!("{request} {name}"));
            })
            .build()
            .unwrap();
        assert_eq!(text(&client, "http://h.test/").await, "end");
        assert_eq!(text(&client, "http://h.test/end").await, "end");
    });
    let expected = [
        "0 RequestStart",
        "0 RequestSent",
        "0 ResponseStart",
        "0 ResponseEnd",
        "0 Redirect",
        "0 ConnectionReused",
        "0 RequestSent",
        "0 ResponseStart",
        "0 ResponseChunk",
        "0 ResponseEnd",
        "1 RequestStart",
        "1 ConnectionReused",
        "1 RequestSent",
        "1 ResponseStart",
        "1 ResponseChunk",
        "1 ResponseEnd",
    ];
    assert_eq!(*seen.borrow(), expected);
}

/// A failure is told once, wherever it happens, and says what was known.
#[test]
fn an_error_says_what_was_known_of_the_connection() {
    let (builder, _) = serving(|request| match request.path() {
        "/ok" => Reply::ok("fine"),
        "/away" => Reply::new(302).header("Location", "/short"),
        "/short" => Reply::steps(
            Steps::new()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
                .close(),
        ),
        _ => Reply::steps(Steps::new().send("junk").close()),
    });
    let failures = Rc::new(RefCell::new(Vec::new()));
    let log = failures.clone();
    let hooks = move |_: u64, event: &Event<'_>| {
        if let Event::RequestFailed { error } = event {
            log.borrow_mut().push((error.kind(), error.wire_bytes().1));
        }
    };
    simulate(async {
        let client = builder.hooks(hooks).build().unwrap();
        assert_eq!(text(&client, "http://h.test/ok").await, "fine");
        let mut response = client.get("http://h.test/away").send().await.unwrap();
        let (sent, received) = response.wire_bytes();
        assert!(sent > 50 && received > 30, "{sent} {received}");
        let error = response.read_all().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(error.wire_bytes(), (sent, 41));
        assert!(error.reused());
        let history: Vec<_> = error.history().iter().map(|hop| hop.url.path()).collect();
        assert_eq!((history, error.attempts()), (vec!["/away"], 2));
        let error = client.get("http://h.test/junk").send().await.unwrap_err();
        assert_eq!((error.wire_bytes().1, error.reused()), (4, false));
    });
    let failures = failures.borrow();
    assert_eq!(failures.len(), 2);
    assert_eq!(
        (failures[0], failures[1].1),
        ((ErrorKind::Truncated, 41), 4)
    );
}

/// Whatever is printed of anything: no password, no token, no cookie.
#[test]
fn n04_no_secret_is_ever_printed() {
    let (builder, _) = serving(|request| match request.path() {
        "/away" => Reply::new(302).header("Location", "http://u:s3cret@h.test/ok"),
        "/loops" => Reply::new(302).header("Location", "http://u:s3cret@h.test/loops"),
        "/ftp" => Reply::new(302).header("Location", "ftp://u:s3cret@h.test/"),
        "/head" => {
            Reply::steps(Steps::new().send("HTTP/1.1 200 OK\r\nSet-Cookie: id=s3cret\x01\r\n\r\n"))
        }
        "/half" => Reply::steps(
            Steps::new()
                .send("HTTP/1.1 200 OK\r\nSet-Cookie: s3cret\r\nContent-Length: 9\r\n\r\nhal")
                .close(),
        ),
        _ => Reply::ok("fine").header("Set-Cookie", "id=s3cret"),
    });
    let printed = Rc::new(RefCell::new(String::new()));
    let log = printed.clone();
    let hooks = move |_: u64, event: &Event<'_>| {
        log.borrow_mut().push_str(&format!("{event:?}\n"));
    };
    simulate(async {
        let proxy = Proxy::http("http://p:s3cret@proxy.test:1").unwrap();
        let builder = builder.hooks(hooks).proxy(proxy.clone());
        let client = builder
            .default_header("Cookie", "id=s3cret")
            .build()
            .unwrap();
        let print = |text: String| printed.borrow_mut().push_str(&text);
        print(format!("{proxy:?} {client:?}\n"));
        for path in ["/ok", "/away", "/loops", "/ftp", "/head", "/half", "/ok#s"] {
            let url = format!("http://user:s3cret@h.test{path}");
            let request = client.get(url).header("X-Shown", "1");
            let sent = request.header("Proxy-Authorization", "s3cret").send().await;
            let read = match sent {
                Ok(mut response) => {
                    let read = response.read_all().await.map(drop);
                    print(format!("{response:?} {:?}\n", response.history()));
                    read
                }
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                print(format!("{error} {error:?} {:?}\n", error.url()));
            }
        }
        let bad = client
            .get("http://user:s3cret@:80/")
            .send()
            .await
            .unwrap_err();
        let value = client.get("http://h.test/").header("Cookie", "s3cret\n");
        let value = value.send().await.unwrap_err();
        print(format!("{bad} {bad:?} {value} {value:?}\n"));
    });
    let printed = printed.borrow();
    assert!(
        printed.lines().count() > 40 && printed.contains("(secret)"),
        "{printed}"
    );
    for secret in ["s3cret", "czNjcmV0", "user:", "dXNlc"] {
        let lines: Vec<_> = printed
            .lines()
            .filter(|line| line.contains(secret))
            .collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }
}

/// What callers saw and what became of the connections adds up.
#[test]
fn e04_requests_and_connections_are_all_counted() {
    let (builder, memory) = serving(|request| match request.path() {
        "/close" => Reply::ok("x").header("Connection", "close"),
        "/away" => Reply::new(302).header("Location", "/"),
        "/quirk" => Reply::steps(
            Steps::new().send("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 1\r\n\r\nx"),
        ),
        "/half" => Reply::steps(
            Steps::new()
                .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
                .close(),
        ),
        "/then-dies" if request.index > 0 => Reply::steps(Steps::new().close()),
        _ => Reply::ok("x"),
    });
    simulate(async {
        let builder = builder.idle_timeout(Duration::from_secs(5));
        let client = builder.max_connections(2).build().unwrap();
        let get = async |path: &str| {
            let response = client.get(format!("http://h.test{path}")).send().await?;
            response.text().await
        };
        for path in ["/", "/close", "/away", "/quirk", "/", "/then-dies"] {
            get(path).await.unwrap();
        }
        assert!(get("/half").await.is_err());
        // Given up with the body unread.
        drop(client.get("http://h.test/").send().await.unwrap());
        get("/").await.unwrap();
        time::sleep(Duration::from_secs(6)).await;
        get("/").await.unwrap();
        for host in ["a", "b"] {
            text(&client, &format!("http://{host}.test/")).await;
        }
        let refused = client.request(Method::TRACE, "http://h.test/").body("x");
        assert!(refused.send().await.is_err());
        client.close_idle();
        let counters = client.counters();
        let closed = &counters.closed;
        assert_eq!(counters.requests, 13, "{counters:?}");
        assert_eq!(
            (counters.responses, counters.failed),
            (12, 1),
            "{counters:?}"
        );
        assert_eq!(
            (counters.broken_bodies, counters.retries),
            (1, 1),
            "{counters:?}"
        );
        assert_eq!(counters.redirects, 1);
        assert_eq!(closed.total(), counters.opened, "{counters:?}");
        assert_eq!(memory.connections(), counters.opened as usize);
        let reasons = [
            closed.by_server,
            closed.doubtful,
            closed.expired,
            closed.evicted,
        ];
        assert_eq!(reasons, [1, 1, 1, 1], "{counters:?}");
        assert_eq!(
            (closed.by_caller, closed.unfinished, closed.by_request),
            (2, 0, 0)
        );
        // The half response, the one that was dropped, the one that died.
        assert_eq!(closed.given_up, 3, "{counters:?}");
        assert_eq!(counters.reused, 5, "{counters:?}");
    });
}

#[test]
fn hooks_hear_of_an_end_once_also_when_there_is_no_body() {
    let (builder, _) = serving(|_| Reply::ok(""));
    let ends = Rc::new(RefCell::new(Vec::new()));
    let log = ends.clone();
    simulate(async {
        let listen = move |request: u64, event: &Event<'_>| {
            if matches!(event, Event::ResponseEnd) {
                log.borrow_mut().push(request);
            }
        };
        let client = builder.hooks(listen).build().unwrap();
        assert_eq!(text(&client, "http://h.test/").await, "");
        let head = client.head("http://h.test/").send().await.unwrap();
        assert!(head.bytes().await.unwrap().is_empty());
        let mut unread = client.get("http://h.test/").send().await.unwrap();
        assert_eq!(unread.chunk().await.unwrap(), None);
        assert_eq!(unread.chunk().await.unwrap(), None);
    });
    assert_eq!(*ends.borrow(), [0, 1, 2]);
}

#[test]
fn p06_cancelling_at_every_poll_gives_everything_back() {
    for polls in 0..30 {
        let (builder, memory) = serving(|_| Reply::ok("x").delay(Duration::from_millis(1)));
        let done = simulate(async {
            let client = builder.max_connections(1).build().unwrap();
            let request = client.get("http://h.test/").send();
            let mut request = Box::pin(async { request.await?.text().await });
            let mut count = 0;
            let finished = std::future::poll_fn(|cx| {
                if count == polls {
                    return std::task::Poll::Ready(false);
                }
                count += 1;
                request.as_mut().poll(cx).map(|done| done.is_ok())
            })
            .await;
            drop(request);
            // The slot is free again, so the next request is served.
            assert_eq!(text(&client, "http://h.test/").await, "x");
            assert_eq!(client.connections(), (1, 1));
            client.close_idle();
            assert_eq!(client.connections(), (0, 0));
            time::sleep(Duration::from_millis(10)).await;
            assert_eq!(memory.open(), 0, "after {polls} polls");
            finished
        });
        if done {
            assert!(polls >= 2);
            return;
        }
    }
    panic!("the request never ends");
}
