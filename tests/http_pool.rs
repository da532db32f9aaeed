//! The pool through the client: reuse, caps, order, ages, idle watch, retries.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use downbeat::http::{
    Client, ClientBuilder, Connected, Destination, Error, ErrorKind, Event, Method,
};
use downbeat::runtime::Observer;
use downbeat::task::Sched;
use downbeat::testing::origin::{Memory, Origin, Reply, Request, Service, Steps};
use downbeat::testing::pair;
use downbeat::{Runtime, gather, time};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

fn serving(handler: impl Fn(&Request) -> Reply + 'static) -> (ClientBuilder, Memory) {
    let memory = Memory::new(Service::new(handler));
    (Client::builder().connector(memory.clone()), memory)
}

fn plays(steps: impl Fn(&Request) -> Option<Steps> + 'static) -> (ClientBuilder, Memory) {
    let service = Service::new(|_| Reply::ok("ok")).on_head(steps);
    let memory = Memory::new(service);
    (Client::builder().connector(memory.clone()), memory)
}

async fn get(client: &Client, url: &str) -> Result<String, Error> {
    client.get(url).send().await?.text().await
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

// ---------------------------------------------------------------- caps, order

#[test]
fn p07_caps_in_total_and_per_host() {
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (inside, peak) = (now.clone(), most.clone());
    let (builder, memory) = serving(move |request| {
        // A handler is called when its request is there, and `delay` follows.
        inside.set(inside.get() + 1);
        peak.set(peak.get().max(inside.get()));
        let left = inside.clone();
        drop(downbeat::spawn(async move {
            time::sleep(ms(10)).await;
            left.set(left.get() - 1);
        }));
        Reply::ok(request.target.clone()).delay(ms(10))
    });
    simulate(async {
        let client = builder.max_connections(5).max_per_host(2).build().unwrap();
        let began = time::now();
        let all = gather((0..30).map(|i| {
            let client = client.clone();
            async move {
                let url = format!("http://h{}.test/{i}", i % 3);
                assert_eq!(get(&client, &url).await.unwrap(), format!("/{i}"));
                let (open, _) = client.connections();
                assert!(open <= 5);
            }
        }));
        assert!(all.await.iter().all(Result::is_ok));
        assert_eq!(most.get(), 5);
        // 30 requests of 10 ms, five at a time.
        assert!(time::now() - began <= ms(80), "{:?}", time::now() - began);
        assert!(memory.connections() <= 12);
    });
}

#[test]
fn p07_the_queue_is_first_come_first_served() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let log = order.clone();
    let (builder, memory) = serving(move |request| {
        log.borrow_mut().push(request.target.clone());
        Reply::ok("ok").delay(ms(5))
    });
    simulate(async {
        let client = builder.max_connections(1).build().unwrap();
        let all = gather((0..8).map(|i| {
            let client = client.clone();
            async move { get(&client, &format!("http://h.test/{i}")).await.unwrap() }
        }));
        assert!(all.await.iter().all(Result::is_ok));
    });
    let expected: Vec<String> = (0..8).map(|i| format!("/{i}")).collect();
    assert_eq!(*order.borrow(), expected);
    assert_eq!(memory.connections(), 1);
}

#[test]
fn idle_connections_make_room_for_other_hosts() {
    let (builder, memory) = serving(|_| Reply::ok("ok"));
    simulate(async {
        let client = builder.max_connections(2).build().unwrap();
        for i in 0..10 {
            get(&client, &format!("http://h{i}.test/")).await.unwrap();
        }
        assert_eq!(client.connections(), (2, 2));
        downbeat::yield_now().await;
        assert_eq!((memory.connections(), memory.open()), (10, 2));
        // The two youngest are the ones that were kept.
        get(&client, "http://h9.test/").await.unwrap();
        get(&client, "http://h8.test/").await.unwrap();
        assert_eq!(memory.connections(), 10);
    });
}

#[test]
fn a_waiter_takes_a_freed_connection_before_its_own_is_made() {
    // Connections take 100 ms, requests 10.
    let memory = Memory::new(Service::new(|_| Reply::ok("ok").delay(ms(10))));
    let connect = memory.clone();
    simulate(async {
        let client = Client::builder()
            .connector(move |_: &Destination| {
                let (ours, theirs) = pair(10_000);
                let connect = connect.clone();
                async move {
                    time::sleep(ms(100)).await;
                    drop(downbeat::spawn(async move {
                        connect.serve_stream(theirs).await
                    }));
                    Ok(Connected::new(ours))
                }
            })
            .build()
            .unwrap();
        get(&client, "http://h.test/").await.unwrap();
        let began = time::now();
        let both = gather((0..2).map(|_| {
            let client = client.clone();
            async move { get(&client, "http://h.test/").await.unwrap() }
        }));
        assert!(both.await.iter().all(Result::is_ok));
        // One used the kept connection, the other got it afterwards.
        assert_eq!(time::now() - began, ms(20));
        assert_eq!(memory.connections(), 1);
        // The connection nobody waited for came about, and is kept.
        time::sleep(ms(100)).await;
        assert_eq!((memory.connections(), client.connections()), (2, (2, 2)));
    });
}

#[test]
fn p07_a_failed_connect_wakes_the_next() {
    let tries = Rc::new(Cell::new(0));
    let count = tries.clone();
    simulate(async {
        let client = Client::builder()
            .connector(move |_: &Destination| {
                count.set(count.get() + 1);
                async {
                    time::sleep(ms(10)).await;
                    let refused = std::io::ErrorKind::ConnectionRefused;
                    Err::<Connected, _>(Error::connect(refused.into()))
                }
            })
            .max_connections(1)
            .build()
            .unwrap();
        let all = gather((0..5).map(|_| {
            let client = client.clone();
            async move { get(&client, "http://h.test/").await.unwrap_err().kind() }
        }));
        for kind in all.await {
            assert!(matches!(kind, Ok(ErrorKind::Connect(_))));
        }
        assert_eq!(client.connections(), (0, 0));
    });
    assert_eq!(tries.get(), 5);
}

#[test]
fn p06_a_cancelled_waiter_leaves_the_line() {
    let (builder, _) = serving(|_| Reply::ok("ok").delay(ms(10)));
    simulate(async {
        let client = builder.max_connections(1).build().unwrap();
        let spawn = |i: u32| {
            let client = client.clone();
            downbeat::spawn(async move { get(&client, &format!("http://h.test/{i}")).await })
        };
        let tasks: Vec<_> = (0..5).map(spawn).collect();
        time::sleep(ms(1)).await;
        // The one that is being served, and one in the middle of the line.
        tasks[0].abort();
        tasks[2].abort();
        let mut done = 0;
        for task in tasks {
            done += u32::from(matches!(task.await, Ok(Ok(_))));
        }
        assert_eq!(done, 3);
        assert_eq!(client.connections(), (1, 1));
    });
}

// ------------------------------------------------------------------ ages, idle

#[test]
fn p07_idle_and_lifetime_limits() {
    let (builder, memory) = serving(|_| Reply::ok("ok"));
    simulate(async {
        let client = builder
            .idle_timeout(ms(1000))
            .max_lifetime(ms(2500))
            .build()
            .unwrap();
        for (pause, connections) in [(0, 1), (900, 1), (900, 1), (900, 2), (1100, 3)] {
            time::sleep(ms(pause)).await;
            get(&client, "http://h.test/").await.unwrap();
            assert_eq!(memory.connections(), connections, "after {pause}");
        }
        // Nobody has to ask for it: the keeper closes it.
        time::sleep(ms(1001)).await;
        assert_eq!((client.connections(), memory.open()), ((0, 0), 0));
    });
}

/// A response may lie unread for long: its connection is in use until it is read, and
/// only then begins to be idle.
#[test]
fn p07_a_slow_reader_takes_nothing_of_the_idle_time() {
    let (builder, memory) = serving(|_| Reply::ok("ok"));
    simulate(async {
        let client = builder.idle_timeout(ms(1000)).build().unwrap();
        for _ in 0..3 {
            let response = client.get("http://h.test/").send().await.unwrap();
            time::sleep(ms(5000)).await;
            assert_eq!(response.bytes().await.unwrap(), b"ok");
            time::sleep(ms(900)).await;
            assert_eq!(client.connections(), (1, 1));
        }
        time::sleep(ms(101)).await;
        assert_eq!(client.connections(), (0, 0));
    });
    assert_eq!(memory.connections(), 1);
}

#[test]
fn the_servers_keep_alive_is_honoured_with_a_margin() {
    for (hint, idle) in [
        ("timeout=5", 4000),
        ("timeout=100", 15_000),
        ("max=9", 15_000),
    ] {
        let (builder, memory) = serving(move |_| Reply::ok("ok").header("Keep-Alive", hint));
        simulate(async {
            let client = builder.build().unwrap();
            get(&client, "http://h.test/").await.unwrap();
            time::sleep(ms(idle - 1)).await;
            assert_eq!(client.connections(), (1, 1), "{hint}");
            time::sleep(ms(2)).await;
            assert_eq!(client.connections(), (0, 0), "{hint}");
            assert_eq!(memory.open(), 0);
        });
    }
    // A server that keeps it for a second only is not worth the race.
    let (builder, _) = serving(|_| Reply::ok("ok").header("Keep-Alive", "timeout=1"));
    simulate(async {
        let client = builder.build().unwrap();
        get(&client, "http://h.test/").await.unwrap();
        assert_eq!(client.connections(), (0, 0));
    });
}

#[test]
fn p02_an_idle_connection_that_stirs_is_closed() {
    let planted = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    type Way = fn(Steps, &str) -> Steps;
    let ways: [(&str, Way); 3] = [
        ("bytes", |steps, planted| {
            steps.wait(ms(50)).send(planted).hold()
        }),
        ("end", |steps, _| steps.wait(ms(50)).close()),
        ("reset", |steps, _| steps.wait(ms(50)).reset()),
    ];
    for (name, way) in ways {
        let (builder, memory) = plays(move |request| {
            (request.path() == "/first").then(|| way(Steps::new().send(OK), planted))
        });
        simulate(async {
            let client = builder.build().unwrap();
            assert_eq!(get(&client, "http://h.test/first").await.unwrap(), "ok");
            assert_eq!(client.connections(), (1, 1), "{name}");
            time::sleep(ms(51)).await;
            // Watched, so nobody has to ask for it.
            assert_eq!(client.connections(), (0, 0), "{name}");
            assert_eq!(get(&client, "http://h.test/second").await.unwrap(), "ok");
            assert_eq!(memory.connections(), 2, "{name}");
        });
    }
}

/// Counts the polls of the task that looks after idle connections.
struct Looks(Rc<Cell<u32>>);

impl Observer for Looks {
    fn poll_started(&mut self, task: &Sched, _: Instant) {
        if task.name().as_deref() == Some("http idle keeper") {
            self.0.set(self.0.get() + 1);
        }
    }
}

#[test]
fn one_connection_in_turn_is_not_looked_at_for_each_request() {
    let looks = Rc::new(Cell::new(0));
    let (builder, memory) = serving(|_| Reply::ok("ok"));
    let builder = builder.idle_timeout(ms(1000));
    let runtime = Runtime::builder().virtual_clock();
    let mut runtime = runtime.observer(Looks(looks.clone())).build().unwrap();
    runtime.block_on(async {
        let client = builder.build().unwrap();
        for _ in 0..100 {
            get(&client, "http://h.test/").await.unwrap();
        }
        assert!(looks.get() <= 3, "{} looks", looks.get());
        // What was in use when it looked is closed in time all the same.
        time::sleep(ms(1000)).await;
        time::sleep(ms(1)).await;
        assert_eq!(client.connections(), (0, 0));
    });
    assert_eq!(memory.connections(), 1);
}

#[test]
fn p02_bytes_behind_a_response_are_nobodys_answer() {
    let planted = format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    let pieces = OK.len();
    for (name, split) in [("one write", false), ("two writes", true)] {
        let planted = planted.clone();
        let (builder, memory) = plays(move |request| {
            let (first, second) = planted.split_at(pieces);
            (request.path() == "/first").then(|| match split {
                false => Steps::new().send(planted.as_str()),
                true => Steps::new().send(first).send(second),
            })
        });
        simulate(async {
            let client = builder.build().unwrap();
            let first = client.get("http://h.test/first").send().await.unwrap();
            assert_eq!(first.text().await.unwrap(), "ok");
            assert_eq!(
                get(&client, "http://h.test/second").await.unwrap(),
                "ok",
                "{name}"
            );
            assert_eq!(memory.connections(), 2, "{name}");
        });
    }
}

#[test]
fn p01_what_forbids_reuse() {
    let cases: [(&str, &str, bool); 7] = [
        ("plain", OK, true),
        (
            "close",
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            false,
        ),
        (
            "old",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            false,
        ),
        (
            "old with keep-alive",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            true,
        ),
        ("quirk", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false),
        (
            "two framings",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            false,
        ),
        ("no body", "HTTP/1.1 204 No Content\r\n\r\n", true),
    ];
    for (name, answer, reused) in cases {
        let (builder, memory) = plays(move |_| Some(Steps::new().send(answer)));
        simulate(async {
            let client = builder.build().unwrap();
            for _ in 0..2 {
                get(&client, "http://h.test/").await.unwrap();
            }
            assert_eq!(memory.connections(), if reused { 1 } else { 2 }, "{name}");
        });
    }
}

#[test]
fn an_unread_body_closes_its_connection_and_an_empty_one_does_not() {
    let (builder, memory) = serving(|request| match request.path() {
        "/empty" => Reply::ok(""),
        _ => Reply::ok(vec![b'x'; 100_000]),
    });
    simulate(async {
        let client = builder.build().unwrap();
        for (path, open) in [("/empty", 1), ("/long", 0), ("/empty", 1)] {
            let response = client
                .get(format!("http://h.test{path}"))
                .send()
                .await
                .unwrap();
            drop(response);
            assert_eq!(client.connections(), (open, open), "{path}");
        }
        assert_eq!(memory.connections(), 2);
    });
}

// -------------------------------------------------------------------- retries

/// A service that answers the first request of each connection and then, when
/// the next one has arrived, does `then`.
fn stale(then: fn(Steps) -> Steps) -> (ClientBuilder, Memory) {
    plays(move |request| {
        (request.index == 1 && request.connection == 0).then(|| then(Steps::new()))
    })
}

#[test]
fn p04_a_stale_connection_is_retried_only_where_that_is_safe() {
    type Way = fn(Steps) -> Steps;
    let ways: [(&str, Way); 2] = [
        ("close", |steps| steps.close()),
        ("reset", |steps| steps.reset()),
    ];
    for (name, way) in ways {
        for (method, retried) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::PUT, true),
            (Method::DELETE, true),
            (Method::POST, false),
            (Method::PATCH, false),
        ] {
            let (builder, memory) = stale(way);
            simulate(async {
                let retries = Rc::new(Cell::new(0));
                let count = retries.clone();
                let client = builder
                    .hooks(move |_: u64, event: &Event<'_>| {
                        count.set(count.get() + u32::from(matches!(event, Event::Retry { .. })));
                    })
                    .build()
                    .unwrap();
                get(&client, "http://h.test/").await.unwrap();
                let sent = client
                    .request(method.clone(), "http://h.test/")
                    .send()
                    .await;
                match retried {
                    true => {
                        let response = sent.unwrap();
                        assert_eq!((response.status(), response.attempts()), (200, 2), "{name}");
                        assert!(!response.reused());
                    }
                    false => {
                        let error = sent.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Truncated, "{name} {method:?}");
                        assert!(error.is_retryable());
                    }
                }
                assert_eq!(retries.get(), u32::from(retried));
                assert_eq!(memory.connections(), 1 + usize::from(retried));
            });
        }
    }
}

#[test]
fn p04_no_retry_on_a_new_connection_or_after_a_byte() {
    let (builder, memory) = plays(|_| Some(Steps::new().close()));
    simulate(async {
        let client = builder.build().unwrap();
        let error = get(&client, "http://h.test/").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Truncated, 1));
    });
    assert_eq!(memory.connections(), 1);
    let (builder, memory) = stale(|steps| steps.send("HTTP").close());
    simulate(async {
        let client = builder.build().unwrap();
        get(&client, "http://h.test/").await.unwrap();
        let error = get(&client, "http://h.test/").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Truncated, 1));
    });
    assert_eq!(memory.connections(), 1);
}

#[test]
fn p04_retries_end() {
    // Every connection answers once and dies at its second request; ten of them
    // are kept.
    let (builder, memory) = plays(|request| match request.index {
        0 => Some(Steps::new().wait(ms(1)).send(OK)),
        _ => Some(Steps::new().close()),
    });
    simulate(async {
        let client = builder.build().unwrap();
        let all = gather((0..10).map(|_| {
            let client = client.clone();
            async move { get(&client, "http://h.test/").await.unwrap() }
        }));
        assert_eq!(all.await.len(), 10);
        assert_eq!(client.connections(), (10, 10));
        let response = client.get("http://h.test/").send().await.unwrap();
        assert_eq!((response.attempts(), response.reused()), (3, false));
        assert_eq!(memory.connections(), 11);
    });
}

// -------------------------------------------------------------------- sockets

#[test]
fn over_sockets_an_idle_connection_that_is_closed_is_noticed() {
    // The origin closes after each answer without saying so.
    let origin = Origin::builder()
        .can_reset()
        .start(|request| match request.path() {
            "/reset" => Reply::steps(Steps::new().send(OK).reset()),
            _ => Reply::steps(Steps::new().send(OK).close()),
        })
        .unwrap();
    downbeat::run(async {
        let client = Client::new().unwrap();
        for round in 0..20 {
            let path = if round % 2 == 0 { "/close" } else { "/reset" };
            match get(&client, &origin.url(path)).await {
                Ok(text) => assert_eq!(text, "ok"),
                // A reset destroys what was not read yet.
                Err(error) => assert_eq!((error.kind(), path), (ErrorKind::Truncated, "/reset")),
            }
            while client.connections() != (0, 0) {
                time::sleep(ms(1)).await;
            }
        }
    });
    assert_eq!(origin.connections(), 20);
}

/// The close of the server is with the system, and no event has told of it yet: only
/// a look right before the use can. A POST would not be made again.
#[test]
fn p03_what_came_since_the_last_wait_is_seen() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (close, closes) = mpsc::channel::<()>();
    let (closed, has_closed) = mpsc::channel();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(OK.as_bytes()).unwrap();
            // The first waits for the word, the second for the end of the test.
            let _ = closes.recv();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    downbeat::run(async {
        let client = Client::new().unwrap();
        for round in 0..2 {
            let sent = client.post(url.as_str()).send().await.unwrap();
            assert_eq!(
                (sent.reused(), sent.text().await.unwrap()),
                (false, "ok".into())
            );
            time::sleep(ms(1)).await;
            if round == 0 {
                // The loop stands still here, on purpose.
                close.send(()).unwrap();
                has_closed.recv().unwrap();
            }
        }
        drop(close);
    });
    server.join().unwrap();
}

#[test]
fn over_sockets_a_thousand_requests_share_the_connections() {
    let origin = Origin::start(|request| Reply::ok(request.target.clone())).unwrap();
    downbeat::run(async {
        let client = Client::builder().max_connections(20).build().unwrap();
        let all = gather((0..1000).map(|i| {
            let (client, url) = (client.clone(), origin.url(&format!("/{i}")));
            async move { get(&client, &url).await.unwrap() == format!("/{i}") }
        }));
        assert!(all.await.into_iter().all(|right| right.unwrap()));
        assert_eq!(client.connections(), (20, 20));
    });
    assert_eq!((origin.connections(), origin.requests()), (20, 1000));
}

#[test]
fn a_client_survives_its_loop() {
    let origin = Origin::start(|request| Reply::ok(request.target.clone())).unwrap();
    let client = Client::new().unwrap();
    for round in 0..3 {
        let mut runtime = Runtime::new().unwrap();
        let url = origin.url(&format!("/{round}"));
        let text = runtime.block_on(get(&client, &url)).unwrap();
        assert_eq!(text, format!("/{round}"));
    }
    assert_eq!(origin.connections(), 3, "sockets belong to their loop");
}
