//! Hostile servers: each kind is one test with its error, phase and deadline, on the
//! virtual clock, over memory. The conformance cases (`tests/http/cases.jsonl`) hold most
//! of the catalogue; here is what is about every place, about volume, or about others.
#![cfg(feature = "gzip")]

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{
    Client, ClientBuilder, Deadline, DecodeFault, Error, ErrorKind, Limit, Limits, Phase,
    RedirectFault,
};
use downbeat::runtime::stats;
use downbeat::testing::origin::{Memory, Reply, Request, Service, Steps};
use downbeat::{Runtime, TaskGroup, spawn, time};

fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

/// A client of a server that plays these steps for every request.
fn plays(steps: impl Fn(&Request) -> Steps + 'static) -> ClientBuilder {
    let service = Service::new(|_| Reply::ok("")).on_head(move |request| Some(steps(request)));
    Client::builder().connector(Memory::new(service))
}

async fn get(client: &Client, url: &str) -> Result<Vec<u8>, Error> {
    client.get(url).send().await?.bytes().await
}

/// What a request to a server that plays these steps fails with, and after how long.
/// Everything of the client is given back.
fn fails(steps: impl Fn(&Request) -> Steps + 'static) -> (Error, Duration) {
    simulate(async {
        // Lines shorter than heads, so that each limit is met.
        let limits = Limits {
            line_bytes: 16 * 1024,
            body_bytes: 1 << 20,
            ..Limits::default()
        };
        let client = plays(steps).limits(limits).build().unwrap();
        let began = time::now();
        let error = get(&client, "http://h.test/").await.unwrap_err();
        assert_eq!(client.connections(), (0, 0), "{error}");
        (error, time::now() - began)
    })
}

const MESSAGES: [&str; 3] = [
    "HTTP/1.1 200 OK\r\nX-Filler: 0123456789012345678901234567890123456789\r\nContent-Length: 120\r\n\r\n\
     012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
     1e;ext=\"quoted\"\r\n012345678901234567890123456789\r\n1e\r\n012345678901234567890123456789\r\n\
     3\r\nabc\r\n0\r\nX-Trailer: and its value, which is long enough\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
     HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n0123456789012345678901234567890123456789",
];

#[test]
fn an_end_or_a_reset_after_every_byte_is_a_truncation() {
    for message in MESSAGES {
        for length in 0..message.len() {
            for reset in [false, true] {
                let (error, took) = fails(move |_| {
                    let part = Steps::new().send(&message.as_bytes()[..length]);
                    if reset { part.reset() } else { part.close() }
                });
                let kind = error.kind();
                assert_eq!(kind, ErrorKind::Truncated, "{length} of {message}: {error}");
                let (interim, last) = message.split_at(message.rfind("HTTP/1.1").unwrap());
                let body = interim.len() + last.find("\r\n\r\n").unwrap() + 4;
                let phase = match length {
                    0 => Phase::FirstByte,
                    _ if length < body => Phase::Head,
                    _ => Phase::Body,
                };
                assert_eq!(error.phase(), phase, "{length} of {message}");
                assert_eq!(took, Duration::ZERO);
            }
        }
        let whole = simulate(async {
            let client = plays(move |_| Steps::new().send(message)).build().unwrap();
            get(&client, "http://h.test/").await
        });
        assert!(whole.is_ok());
    }
}

#[test]
fn silence_after_every_byte_ends_at_a_deadline() {
    for message in MESSAGES {
        for length in 0..message.len() {
            let part = &message.as_bytes()[..length];
            let (error, took) = fails(move |_| Steps::new().send(part).hold());
            let deadline = match length {
                0 => Deadline::FirstByte,
                _ => Deadline::ReadIdle,
            };
            // Both are 30 s, and the head's own deadline comes no earlier.
            let kind = error.kind();
            let known = [deadline, Deadline::Head].map(ErrorKind::Timeout);
            assert!(known.contains(&kind), "{length} of {message}: {kind:?}");
            assert_eq!(took, Duration::from_secs(30));
        }
    }
}

#[test]
fn what_never_ends_meets_a_limit() {
    let head = "HTTP/1.1 200 OK\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let rows: [(&str, &str, Limit, Phase); 8] = [
        ("", "\r\n", Limit::EmptyLines, Phase::Head),
        ("HTTP/1.1 200 ", "a", Limit::LineBytes, Phase::Head),
        (head, "X: y\r\n", Limit::Fields, Phase::Head),
        (
            "HTTP/1.1 200 OK\r\nX: ",
            "abc",
            Limit::LineBytes,
            Phase::Head,
        ),
        (
            "",
            "HTTP/1.1 103 Early\r\n\r\n",
            Limit::HeadBytes,
            Phase::Head,
        ),
        (
            chunked,
            "1;extension\r\nx\r\n",
            Limit::ChunkOverhead,
            Phase::Body,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "T: v\r\n",
            Limit::TrailerFields,
            Phase::Body,
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n",
            "a body without an end",
            Limit::BodyBytes,
            Phase::Body,
        ),
    ];
    for (start, more, limit, phase) in rows {
        let (error, took) = fails(move |_| Steps::new().send(start).repeat(more, 1 << 40));
        assert_eq!(error.kind(), ErrorKind::TooLarge(limit), "{error}");
        assert_eq!(error.phase(), phase, "{error}");
        assert_eq!(took, Duration::ZERO);
    }
}

#[test]
fn a_hundred_thousand_chunks_of_one_byte_are_a_body() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let polls = simulate(async {
        let steps = move |_: &Request| {
            let chunks = Steps::new().send(chunked).repeat("1\r\nx\r\n", 100_000);
            chunks.send("0\r\n\r\n")
        };
        let client = plays(steps).build().unwrap();
        let body = get(&client, "http://h.test/").await.unwrap();
        assert_eq!(body.len(), 100_000);
        stats().polls
    });
    // The budget is 128 pieces per poll: others get their turn.
    assert!(polls > 100_000 / 128, "{polls} polls");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn gzip_of_every_bad_kind() {
    let good = gzip(b"hello");
    let bomb = gzip(&vec![0; 4 << 20]);
    let mut twice = bomb.clone();
    twice = gzip(&twice);
    let limits = Limits {
        body_bytes: 1 << 20,
        ..Limits::default()
    };
    let rows: [(&str, Vec<u8>, ErrorKind); 5] = [
        ("gzip", bomb, ErrorKind::TooLarge(Limit::BodyBytes)),
        ("gzip, gzip", twice, ErrorKind::TooLarge(Limit::BodyBytes)),
        (
            "gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip",
            good.clone(),
            ErrorKind::TooLarge(Limit::Codings),
        ),
        (
            "gzip",
            good[..good.len() - 1].to_vec(),
            ErrorKind::Decode(DecodeFault::Truncated),
        ),
        (
            "gzip",
            gzip(b"x").iter().map(|byte| byte ^ 0x55).collect(),
            ErrorKind::Decode(DecodeFault::Header),
        ),
    ];
    for (coding, body, kind) in rows {
        let message = coded(coding, &body);
        let limits = limits.clone();
        let error = simulate(async {
            let steps = move |_: &Request| Steps::new().send(message.clone());
            let client = plays(steps).limits(limits).build().unwrap();
            get(&client, "http://h.test/").await.unwrap_err()
        });
        assert_eq!(error.kind(), kind, "{coding}: {error}");
    }
}

#[test]
fn a_hundred_thousand_empty_gzip_members_do_not_hold_the_loop() {
    let count = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    let members = gzip(b"").repeat(count);
    let message = coded("gzip", &members);
    let (length, others) = simulate(async {
        let steps = move |_: &Request| Steps::new().send(message.clone());
        let client = plays(steps).build().unwrap();
        let others = spawn(async {
            let mut turns = 0_u32;
            loop {
                downbeat::yield_now().await;
                turns += 1;
                if turns == 20 {
                    return time::now();
                }
            }
        });
        let body = get(&client, "http://h.test/").await;
        (body.map(|body| body.len()), others.await.is_ok())
    });
    assert_eq!(length.unwrap(), 0);
    assert!(others);
}

#[test]
fn locations_of_every_bad_kind() {
    let long = format!("http://h.test/{}", "a".repeat(1 << 20));
    let rows: [(&str, ErrorKind); 7] = [
        (
            "file:///etc/passwd",
            ErrorKind::Redirect(RedirectFault::Scheme),
        ),
        (
            "javascript:alert(1)",
            ErrorKind::Redirect(RedirectFault::Scheme),
        ),
        (
            "data:text/plain,x",
            ErrorKind::Redirect(RedirectFault::Scheme),
        ),
        ("http://[::1", ErrorKind::Redirect(RedirectFault::Target)),
        (
            "http://h.test:99999/",
            ErrorKind::Redirect(RedirectFault::Target),
        ),
        ("/loop", ErrorKind::Redirect(RedirectFault::Loop)),
        (&long, ErrorKind::TooLarge(Limit::LocationBytes)),
    ];
    for (location, kind) in rows {
        let reply =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let error = simulate(async {
            let steps = move |_: &Request| Steps::new().send(reply.clone());
            // The head may hold it, so that the limit of its own is what counts.
            let limits = Limits {
                head_bytes: 4 << 20,
                line_bytes: 4 << 20,
                ..Limits::default()
            };
            let client = plays(steps).limits(limits).build().unwrap();
            get(&client, "http://h.test/loop").await.unwrap_err()
        });
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().len() < 2000,
            "bounded, whatever the peer says"
        );
    }
}

#[test]
fn a_response_before_the_request_is_that_connections_first_answer() {
    // Nobody else can have asked for it: the connection is new.
    let early = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
    let service =
        Service::new(|_| Reply::ok("late")).on_accept(move |_| Some(Steps::new().send(early)));
    let memory = Memory::new(service);
    simulate(async {
        let client = Client::builder().connector(memory.clone()).build().unwrap();
        let first = get(&client, "http://h.test/").await.unwrap();
        assert_eq!(first, b"early");
        time::sleep(Duration::from_millis(1)).await;
        // Its own answer came then, and found nobody.
        assert_eq!(client.connections(), (0, 0));
    });
}

/// The header of a gzip member, and four deflate blocks without content: ten bits each,
/// and each makes the decoder build its tables.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const BLOCKS: [u8; 5] = [0x02, 0x08, 0x20, 0x80, 0x00];

/// Bytes on the wire and bytes handed out, per poll of the task that reads them.
fn volume(start: impl Into<Vec<u8>>, more: Vec<u8>, times: u64) -> (u64, u64) {
    let start = start.into();
    simulate(async {
        let steps = move |_: &Request| {
            let steps = Steps::new().send(start.clone());
            steps.repeat(more.clone(), times).close()
        };
        let client = plays(steps).build().unwrap();
        let reading = spawn(async move {
            let mut response = client.get("http://h.test/").send().await.unwrap();
            let polls = || downbeat::runtime::current_task(|task| task.polls()).unwrap();
            let (before, mut out) = (polls(), 0);
            while let Ok(Some(piece)) = response.chunk().await {
                out += piece.len() as u64;
            }
            let polls = (polls() - before).max(1);
            (response.wire_bytes().1 / polls, out / polls)
        });
        reading.await.unwrap()
    })
}

#[test]
fn s03_volume_spends_the_budget_too() {
    let plain = "HTTP/1.1 200 OK\r\n\r\n";
    let coded = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let kib = 1024;
    let (wire, _) = volume(plain, vec![7; 4096], 4000);
    assert!(wire <= 160 * kib, "{wire} bytes a poll");
    let (_, out) = volume(coded, gzip(&[0; 65_536]), 500);
    assert!(out <= 640 * kib, "{out} inflated bytes a poll");
    let (wire, _) = volume(coded, gzip(b"").repeat(50), 40);
    assert!(wire <= kib, "{wire} bytes of empty members a poll");
    let one = [coded.as_bytes(), &HEADER].concat();
    let (wire, _) = volume(one, BLOCKS.repeat(500), 20);
    assert!(wire <= 17 * kib, "{wire} bytes of empty blocks a poll");
}

#[test]
fn s03_what_lies_between_two_codings_is_work_too() {
    // A few kilobytes that are 20 MB of blocks with nothing in them: more than a body
    // may be, and no longer a poll than any other.
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n";
    let start = [head.as_bytes(), &gzip(&HEADER)].concat();
    let member = gzip(&BLOCKS.repeat(1000));
    let (kind, polls) = simulate(async {
        let steps = move |_: &Request| {
            let steps = Steps::new().send(start.clone());
            steps.repeat(member.clone(), 4000).close()
        };
        let limits = Limits {
            body_bytes: 16 << 10,
            ..Limits::default()
        };
        let client = plays(steps).limits(limits).build().unwrap();
        let reading = spawn(async move {
            let kind = get(&client, "http://h.test/").await.unwrap_err().kind();
            let polls = downbeat::runtime::current_task(|task| task.polls()).unwrap();
            (kind, polls)
        });
        reading.await.unwrap()
    });
    assert_eq!(kind, ErrorKind::TooLarge(Limit::BodyBytes));
    assert!(polls >= 2, "{polls} polls");
}

/// What a hostile server plays, and the request it plays it for.
type Hostile = fn() -> Steps;

/// The turns of the loop that each of 99 callers needs for a request, the 99 of 100.
fn p99(hostile: Option<Hostile>) -> u64 {
    simulate(async {
        let service = Service::new(|_| Reply::ok(vec![7; 2000])).on_head(move |request| {
            hostile
                .filter(|_| request.path() == "/hostile")
                .map(|steps| steps())
        });
        let memory = Memory::new(service);
        let client = Client::builder()
            .connector(memory)
            .limits(Limits {
                body_bytes: 1 << 40,
                ..Limits::default()
            })
            .build()
            .unwrap();
        let stream = client.clone();
        let attacked = spawn(async move {
            // Reads on for as long as there is something.
            if let Ok(mut response) = stream.get("http://h.test/hostile").send().await {
                while let Ok(Some(_)) = response.chunk().await {}
            }
        });
        let turns = Rc::new(RefCell::new(Vec::new()));
        let mut group = TaskGroup::new();
        for _ in 0..99 {
            let (client, turns) = (client.clone(), turns.clone());
            group.spawn(async move {
                for _ in 0..10 {
                    let began = stats().turns;
                    assert_eq!(get(&client, "http://h.test/").await.unwrap().len(), 2000);
                    turns.borrow_mut().push(stats().turns - began);
                }
            });
        }
        while group.next().await.is_some() {}
        attacked.abort();
        let mut turns = turns.take();
        turns.sort_unstable();
        turns[turns.len() * 99 / 100]
    })
}

#[test]
fn one_hostile_server_among_a_hundred_does_not_double_the_p99_of_the_others() {
    let quiet = p99(None);
    let floods: [(&str, Hostile); 7] = [
        ("a body without an end", || {
            Steps::new()
                .send("HTTP/1.1 200 OK\r\n\r\n")
                .repeat("flood", 1 << 40)
        }),
        ("chunks of one byte", || {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            Steps::new().send(head).repeat("1\r\nx\r\n", 1 << 40)
        }),
        ("a bomb without an end", || {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
            Steps::new().send(head).repeat(gzip(&[0; 1 << 20]), 1 << 40)
        }),
        ("gzip members without content", || {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
            Steps::new()
                .send(head)
                .repeat(gzip(b"").repeat(50), 1 << 40)
        }),
        ("deflate blocks without content", || {
            let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
            let start = [head.as_bytes(), &HEADER].concat();
            Steps::new().send(start).repeat(BLOCKS.repeat(100), 1 << 40)
        }),
        ("fields without an end", || {
            Steps::new()
                .send("HTTP/1.1 200 OK\r\n")
                .repeat("X: y\r\n", 1 << 40)
        }),
        ("a dribble", || {
            let head = "HTTP/1.1 200 OK\r\n\r\n";
            Steps::new()
                .dribble(head.repeat(100), 1, Duration::from_micros(1))
                .hold()
        }),
    ];
    for (name, hostile) in floods {
        let p99 = p99(Some(hostile));
        println!("{name}: p99 {p99} turns, {quiet} without");
        assert!(p99 <= 2 * quiet, "{name}: p99 {p99} turns, {quiet} without");
    }
}
