//! https through the client: certificates, truncation, resumption, tunnels.
#![cfg(feature = "tls")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{
    Client, ClientBuilder, Connected, Destination, Error, ErrorKind, Event, Phase, Proxy,
    RedirectFault, RedirectPolicy, TlsFault,
};
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::testing::origin::{Framing, Memory, Origin, Reply, Request, Service, Steps};
use downbeat::testing::pair;
use downbeat::tls::{Acceptor, AcceptorBuilder};
use downbeat::{Runtime, time};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

const URL: &str = "https://h.test/";

fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    fn acceptor(&self, names: &[&str], change: fn(&mut CertificateParams)) -> AcceptorBuilder {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Acceptor::builder(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    fn client(&self) -> ClientBuilder {
        Client::builder()
            .only_roots_pem(self.pem.as_bytes())
            .unwrap()
    }

    /// A client of an https service in memory, and the connector to count with.
    fn serving(&self, service: Service, acceptor: AcceptorBuilder) -> (ClientBuilder, Memory) {
        let memory = Memory::new(service).tls(acceptor.build().unwrap());
        (self.client().connector(memory.clone()), memory)
    }
}

fn authority() -> Authority {
    Authority::new("downbeat test root")
}

fn page(request: &Request) -> Reply {
    Reply::ok(format!("page {}", request.target))
}

async fn get(client: &Client, url: &str) -> Result<String, Error> {
    client.get(url).send().await?.text().await
}

#[test]
fn https_over_sockets() {
    let root = authority();
    let acceptor = root.acceptor(&["127.0.0.1"], |_| {}).build().unwrap();
    let body: Vec<u8> = (0..500_000_u32).map(|i| (i % 241) as u8).collect();
    let expected = body.clone();
    let origin = Origin::builder()
        .tls(acceptor)
        .start(move |request| match request.path() {
            "/long" => Reply::ok(body.clone()).framing(Framing::Chunked(5000)),
            _ => page(request),
        })
        .unwrap();
    downbeat::run(async {
        let client = root.client().build().unwrap();
        for i in 0..3 {
            let url = origin.url(&format!("/{i}"));
            assert!(url.starts_with("https://"));
            assert_eq!(get(&client, &url).await.unwrap(), format!("page /{i}"));
        }
        let long = client.get(origin.url("/long")).send().await.unwrap();
        assert!(long.bytes().await.unwrap() == expected);
        assert_eq!(client.connections(), (1, 1));
    });
    assert_eq!(origin.connections(), 1);
}

#[test]
fn s03_a_budget_of_one_is_enough_however_many_layers_there_are() {
    // A response body over TLS over a stream: three layers that charge.
    for budget in [1, 2, 3] {
        let root = authority();
        let acceptor = root.acceptor(&["h.test"], |_| {});
        let (builder, _) = root.serving(Service::new(page), acceptor);
        let runtime = Runtime::builder().virtual_clock().budget(budget);
        let text = runtime.build().unwrap().block_on(async {
            let client = builder.build().unwrap();
            get(&client, "https://h.test/x").await.unwrap()
        });
        assert_eq!(text, "page /x");
    }
}

#[test]
fn v01_what_is_wrong_with_a_certificate() {
    let (root, stranger) = (authority(), Authority::new("somebody else"));
    let fault = |acceptor: AcceptorBuilder| {
        let (builder, _) = root.serving(Service::new(page), acceptor);
        simulate(async {
            let client = builder.build().unwrap();
            match get(&client, URL).await {
                Ok(_) => None,
                Err(error) => {
                    assert_eq!(error.phase(), Phase::Tls);
                    assert_eq!(client.connections(), (0, 0));
                    Some(error.kind())
                }
            }
        })
    };
    let tls = |fault| Some(ErrorKind::Tls(fault));
    let good = |_: &mut CertificateParams| {};
    assert_eq!(fault(root.acceptor(&["h.test"], good)), None);
    assert_eq!(fault(root.acceptor(&["h.test"], good).tls12_only()), None);
    let expired = root.acceptor(&["h.test"], |p| p.not_after = date_time_ymd(2001, 1, 1));
    assert_eq!(fault(expired), tls(TlsFault::Expired));
    let early = root.acceptor(&["h.test"], |p| p.not_before = date_time_ymd(3000, 1, 1));
    assert_eq!(fault(early), tls(TlsFault::NotYetValid));
    let other = root.acceptor(&["other.test"], good);
    assert_eq!(fault(other), tls(TlsFault::WrongHost));
    let unknown = stranger.acceptor(&["h.test"], good);
    assert_eq!(fault(unknown), tls(TlsFault::UnknownIssuer));
    let h2 = root.acceptor(&["h.test"], good).alpn(&["h2"]);
    assert_eq!(fault(h2), tls(TlsFault::Alpn));
}

#[test]
fn plain_http_on_a_tls_port_and_a_closed_handshake() {
    let service = Service::new(page).on_accept(|number| {
        Some(match number {
            0 => Steps::new()
                .send("HTTP/1.1 400 Bad Request\r\n\r\n")
                .close(),
            _ => Steps::new().close(),
        })
    });
    // The service itself speaks no TLS.
    let client = authority()
        .client()
        .connector(Memory::new(service))
        .build()
        .unwrap();
    simulate(async {
        for fault in [TlsFault::Protocol, TlsFault::Closed] {
            let error = get(&client, URL).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Tls(fault));
            assert_eq!(error.is_retryable(), fault == TlsFault::Closed);
        }
    });
}

#[test]
fn v04_truncation_is_an_error_unless_the_framing_is_complete() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    let close = "HTTP/1.1 200 OK\r\n\r\n";
    let ok = Ok("body".to_owned());
    let truncated = Err(ErrorKind::Truncated);
    let cases = [
        ("complete", format!("{length}body"), false, ok.clone()),
        ("short", format!("{length}bo"), false, truncated.clone()),
        (
            "to the close",
            format!("{close}body"),
            false,
            truncated.clone(),
        ),
        (
            "to the close_notify",
            format!("{close}body"),
            true,
            ok.clone(),
        ),
        (
            "short, with close_notify",
            format!("{length}bo"),
            true,
            truncated,
        ),
    ];
    let root = authority();
    for (name, answer, notify, expected) in cases {
        let service = Service::new(move |_| {
            let steps = Steps::new().send(answer.as_str());
            Reply::steps(if notify { steps.close() } else { steps.cut() })
        });
        let (builder, memory) = root.serving(service, root.acceptor(&["h.test"], |_| {}));
        simulate(async {
            let client = builder.build().unwrap();
            let got = get(&client, URL).await.map_err(|error| error.kind());
            assert_eq!(got, expected, "{name}");
            time::sleep(Duration::from_millis(1)).await;
            assert_eq!(client.connections(), (0, 0), "{name}");
        });
        assert_eq!(memory.connections(), 1);
    }
}

#[test]
fn p02_session_tickets_do_not_disturb_an_idle_connection() {
    let root = authority();
    let (builder, memory) = root.serving(Service::new(page), root.acceptor(&["h.test"], |_| {}));
    simulate(async {
        let client = builder.build().unwrap();
        for _ in 0..5 {
            get(&client, URL).await.unwrap();
            time::sleep(Duration::from_millis(100)).await;
            assert_eq!(client.connections(), (1, 1));
        }
    });
    assert_eq!(memory.connections(), 1);
}

#[test]
fn v09_sessions_are_resumed_by_the_same_client_only() {
    let root = authority();
    let acceptor = root.acceptor(&["h.test"], |_| {}).build().unwrap();
    let memory = Memory::new(Service::new(page)).tls(acceptor);
    simulate(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let client = || {
            let log = seen.clone();
            let builder = root.client().connector(memory.clone());
            let builder =
                builder
                    .idle_timeout(Duration::ZERO)
                    .hooks(move |_: u64, event: &Event<'_>| {
                        if let Event::TlsEnd { version, resumed } = event {
                            log.borrow_mut().push((version.to_string(), *resumed));
                        }
                    });
            builder.build().unwrap()
        };
        let (one, two) = (client(), client());
        for client in [&one, &one, &two, &one] {
            get(client, URL).await.unwrap();
        }
        let resumed: Vec<bool> = seen.borrow().iter().map(|(_, resumed)| *resumed).collect();
        assert_eq!(resumed, [false, true, false, true]);
        assert!(
            seen.borrow()
                .iter()
                .all(|(version, _)| version == "TLSv1.3")
        );
    });
}

#[test]
fn client_certificates() {
    let root = authority();
    let acceptor = || {
        let acceptor = root.acceptor(&["h.test"], |_| {});
        acceptor.require_client_pem(root.pem.as_bytes()).unwrap()
    };
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let chain = params.signed_by(&key, &root.issuer).unwrap().pem();
    simulate(async {
        let (builder, _) = root.serving(Service::new(page), acceptor());
        let key = key.serialize_pem();
        let client = builder
            .identity_pem(chain.as_bytes(), key.as_bytes())
            .unwrap();
        assert_eq!(get(&client.build().unwrap(), URL).await.unwrap(), "page /");
        let (builder, _) = root.serving(Service::new(page), acceptor());
        let error = get(&builder.build().unwrap(), URL).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
    });
}

#[test]
fn n03_a_redirect_from_https_to_http_is_refused_unless_allowed() {
    let root = authority();
    let plain = Origin::start(|_| Reply::ok("plain")).unwrap();
    let location = plain.url("/");
    let acceptor = root.acceptor(&["127.0.0.1"], |_| {}).build().unwrap();
    let secure = Origin::builder()
        .tls(acceptor)
        .start(move |_| Reply::new(302).header("Location", location.clone()))
        .unwrap();
    downbeat::run(async {
        let client = root.client().build().unwrap();
        let error = get(&client, &secure.url("/")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect(RedirectFault::Downgrade));
        let policy = RedirectPolicy::limit(5).allow_downgrade(true);
        let request = client.get(secure.url("/")).redirects(policy);
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "plain");
    });
}

/// A proxy in memory: takes one CONNECT, then is the origin.
fn tunnels(origin: Memory, heads: Rc<RefCell<Vec<String>>>) -> impl downbeat::http::Connect {
    move |to: &Destination| {
        assert_eq!((to.host(), to.port()), ("proxy.test", 3128));
        let (ours, mut theirs) = pair(10_000);
        let (origin, heads) = (origin.clone(), heads.clone());
        drop(downbeat::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                theirs.read_exact(&mut byte).await.unwrap();
                head.push(byte[0]);
            }
            heads.borrow_mut().push(String::from_utf8(head).unwrap());
            theirs
                .write_all(b"HTTP/1.1 200 Fine\r\nX: y\r\n\r\n")
                .await
                .unwrap();
            origin.serve_stream(theirs).await;
        }));
        async move { Ok(Connected::new(ours)) }
    }
}

/// close_notify goes both ways: ours when an idle connection is closed, theirs as the
/// end of a body that only the end of the connection ends.
#[test]
fn v04_our_connections_end_with_close_notify() {
    let root = authority();
    let acceptor = root.acceptor(&["h.test"], |_| {}).build().unwrap();
    let ends = Rc::new(RefCell::new(Vec::new()));
    let told = ends.clone();
    simulate(async {
        let client = root.client().connector(move |_: &Destination| {
            let (ours, theirs) = pair(64 * 1024);
            let (acceptor, told) = (acceptor.clone(), told.clone());
            drop(downbeat::spawn(async move {
                let mut stream = acceptor.accept(theirs).unwrap().await.unwrap();
                let mut request = [0; 1024];
                let n = stream.read(&mut request).await.unwrap();
                let to_close = request[..n].starts_with(b"GET /close");
                let head: &[u8] = match to_close {
                    true => b"HTTP/1.1 200 OK\r\n\r\nok",
                    false => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                };
                stream.write_all(head).await.unwrap();
                stream.flush().await.unwrap();
                if to_close {
                    stream.close().await.unwrap();
                }
                // Ok(0) only behind a close_notify; an end without one is an error.
                let end = stream.read(&mut request).await.ok();
                told.borrow_mut().push(end);
            }));
            std::future::ready(Ok(Connected::new(ours)))
        });
        let client = client.build().unwrap();
        assert_eq!(get(&client, URL).await.unwrap(), "ok");
        client.close_idle();
        assert_eq!(get(&client, "https://h.test/close").await.unwrap(), "ok");
        // Given up in the middle.
        drop(client.get(URL).send().await.unwrap());
        time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(*ends.borrow(), [Some(0); 3]);
}

#[test]
fn a_server_of_tls_1_2_alone_and_the_key_log() {
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let root = authority();
    let acceptor = root.acceptor(&["h.test"], |_| {}).tls12_only();
    let (builder, _) = root.serving(Service::new(page), acceptor);
    let secrets = std::sync::Arc::default();
    let builder = builder
        .key_log(Shared(std::sync::Arc::clone(&secrets)))
        .unwrap();
    let versions = Rc::new(RefCell::new(Vec::new()));
    let seen = versions.clone();
    let builder = builder.hooks(move |_: u64, event: &Event<'_>| {
        if let Event::TlsEnd { version, .. } = event {
            seen.borrow_mut().push(version.to_string());
        }
    });
    simulate(async {
        let client = builder.build().unwrap();
        assert_eq!(get(&client, URL).await.unwrap(), "page /");
    });
    assert_eq!(*versions.borrow(), ["TLSv1.2"]);
    let secrets = String::from_utf8(secrets.lock().unwrap().clone()).unwrap();
    assert!(secrets.starts_with("CLIENT_RANDOM "), "{secrets}");
}

#[test]
fn v11_through_a_tunnel_the_origin_is_still_the_one_that_is_checked() {
    let root = authority();
    let heads = Rc::new(RefCell::new(Vec::new()));
    let acceptor = root.acceptor(&["h.test"], |_| {}).build().unwrap();
    let memory = Memory::new(Service::new(page)).tls(acceptor);
    simulate(async {
        let client = root
            .client()
            .connector(tunnels(memory.clone(), heads.clone()))
            .proxy(Proxy::all("http://user:secret@proxy.test:3128").unwrap())
            .build()
            .unwrap();
        assert_eq!(get(&client, "https://h.test/a").await.unwrap(), "page /a");
        assert_eq!(get(&client, "https://h.test/b").await.unwrap(), "page /b");
        // Another origin is another tunnel, and this certificate is not for it.
        let error = get(&client, "https://other.test:444/").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls(TlsFault::WrongHost));
    });
    let heads = heads.borrow();
    assert_eq!(heads.len(), 2);
    assert!(heads[0].starts_with("CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n"));
    assert!(heads[0].contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
    assert!(heads[1].starts_with("CONNECT other.test:444 "));
}
