//! Every deadline, by a server that stops exactly there, on the virtual clock:
//! the error has its name, comes at its instant, and everything is given back.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use downbeat::http::{
    Body, Client, ClientBuilder, Connected, Deadline, Deadlines, Destination, Error, ErrorKind,
    MinRate, Phase, Response,
};
use downbeat::io::{AsyncRead, AsyncWriteExt};
use downbeat::net::{Resolve, Resolving};
use downbeat::testing::origin::{Memory, Reply, Service, Steps};
use downbeat::testing::pair;
use downbeat::{Runtime, time};

const URL: &str = "http://h.test/";

fn simulate<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(future)
}

fn seconds(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

/// All deadlines far away, so that the one under test is the first.
fn far() -> Deadlines {
    let far = seconds(1_000_000);
    Deadlines {
        queue: far,
        resolve: far,
        connect: far,
        proxy: far,
        tls: far,
        write: far,
        await_continue: Duration::from_secs(1),
        first_byte: far,
        head: far,
        read_idle: far,
        min_rate: None,
        drain: Duration::from_secs(1),
        total: far,
    }
}

/// A service that plays these steps at every head.
fn plays(steps: impl Fn() -> Steps + 'static) -> (ClientBuilder, Memory) {
    let service = Service::new(|_| Reply::ok("x")).on_head(move |_| Some(steps()));
    let memory = Memory::new(service).capacity(4096);
    (Client::builder().connector(memory.clone()), memory)
}

async fn whole(sent: Result<Response, Error>) -> Result<Vec<u8>, Error> {
    sent?.bytes().await
}

/// A body of so many pieces, one every two seconds.
fn slow_body(pieces: u32) -> impl AsyncRead + Unpin + 'static {
    let (reader, mut writer) = pair(100);
    let task = async move {
        for _ in 0..pieces {
            time::sleep(Duration::from_secs(2)).await;
            writer.write_all(b"piece").await.unwrap();
        }
        writer.close().await.unwrap();
    };
    downbeat::spawn(task).detach();
    reader
}

/// Checks the error and when it came, then that nothing is left.
async fn fails(
    client: &Client,
    request: impl Future<Output = Result<Vec<u8>, Error>>,
    deadline: Deadline,
    phase: Phase,
    after: u64,
) {
    let began = time::now();
    let error = request.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(deadline), "{error}");
    assert_eq!(error.phase(), phase, "{error}");
    assert_eq!(time::now() - began, Duration::from_secs(after));
    assert!(error.is_timeout());
    let total = error.timings().unwrap().total;
    assert_eq!(total, Duration::from_secs(after));
    assert!(error.to_string().contains(&format!("deadline {deadline}")));
    assert_eq!(client.connections(), (0, 0));
}

#[test]
fn queue() {
    let (builder, _) = plays(|| Steps::new().hold());
    simulate(async {
        let deadlines = Deadlines {
            queue: seconds(3),
            ..far()
        };
        let client = builder
            .max_connections(1)
            .deadlines(deadlines)
            .build()
            .unwrap();
        let hog = client.get(URL).timeout(Duration::from_secs(5)).send();
        let hog = downbeat::spawn(hog);
        downbeat::yield_now().await;
        let began = time::now();
        let error = client.get(URL).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Deadline::Queue));
        assert_eq!(error.phase(), Phase::Queue);
        assert_eq!(time::now() - began, Duration::from_secs(3));
        assert_eq!(error.timings().unwrap().queue, Duration::from_secs(3));
        assert!(hog.await.unwrap().unwrap_err().is_timeout());
        assert_eq!(client.connections(), (0, 0));
    });
}

#[test]
fn resolve() {
    struct Never;
    impl Resolve for Never {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolving<'a> {
            Box::pin(pending())
        }
    }
    simulate(async {
        let deadlines = Deadlines {
            resolve: seconds(4),
            ..far()
        };
        let client = Client::builder()
            .resolver(Never)
            .deadlines(deadlines)
            .build()
            .unwrap();
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::Resolve, Phase::Resolve, 4).await;
    });
}

#[test]
fn connect() {
    simulate(async {
        let deadlines = Deadlines {
            resolve: seconds(2),
            connect: seconds(3),
            ..far()
        };
        let client = Client::builder()
            .connector(|_: &Destination| pending::<Result<Connected, Error>>())
            .deadlines(deadlines)
            .build()
            .unwrap();
        // A connector of one's own has both times together.
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::Connect, Phase::Connect, 5).await;
    });
}

#[test]
fn connect_over_sockets() {
    // A listener whose queue is full answers nobody.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50))
    {
        fillers.push(stream);
        assert!(fillers.len() < 10_000);
    }
    downbeat::run(async {
        let deadlines = Deadlines {
            connect: Some(Duration::from_millis(100)),
            ..far()
        };
        let client = Client::builder().deadlines(deadlines).build().unwrap();
        let error = client
            .get(format!("http://{address}/"))
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Deadline::Connect));
        assert_eq!(error.peer_addr(), Some(address));
        assert!(error.timings().unwrap().connect >= Duration::from_millis(100));
    });
}

#[test]
#[cfg(feature = "tls")]
fn tls_and_proxy() {
    simulate(async {
        let deadlines = Deadlines {
            tls: seconds(6),
            proxy: seconds(7),
            ..far()
        };
        // It takes our bytes and says nothing.
        let silent = |_: &Destination| async {
            let (ours, theirs) = pair(10_000);
            drop(downbeat::spawn(async move {
                let _theirs = theirs;
                pending::<()>().await;
            }));
            Ok(Connected::new(ours))
        };
        let builder = || {
            Client::builder()
                .connector(silent)
                .deadlines(deadlines.clone())
        };
        let client = builder().build().unwrap();
        let sent = async { whole(client.get("https://h.test/").send().await).await };
        fails(&client, sent, Deadline::Tls, Phase::Tls, 6).await;

        let proxy = downbeat::http::Proxy::all("http://proxy.test/").unwrap();
        let client = builder().proxy(proxy).build().unwrap();
        let sent = async { whole(client.get("https://h.test/").send().await).await };
        fails(&client, sent, Deadline::Proxy, Phase::Proxy, 7).await;
    });
}

#[test]
fn write() {
    // The body is not read, and larger than what is on the way.
    let (builder, _) = plays(|| Steps::new().wait(Duration::from_secs(500_000)));
    simulate(async {
        let deadlines = Deadlines {
            write: seconds(8),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let request = client.post(URL).body(vec![b'x'; 100_000]);
        let sent = async { whole(request.send().await).await };
        fails(&client, sent, Deadline::Write, Phase::Write, 8).await;
    });
}

#[test]
fn write_is_about_progress() {
    // The caller's own body is slow: every piece is taken at once.
    let (builder, _) = plays(|| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        Steps::new().read_body().send(answer)
    });
    simulate(async {
        let deadlines = Deadlines {
            write: seconds(1),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let request = client.post(URL).body(Body::stream(slow_body(10)));
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "ok");
    });
}

/// Not an error: a server that never says `100 Continue` gets the body a while later.
#[test]
fn await_continue() {
    let (builder, _) = plays(|| {
        let steps = Steps::new().read_until("body");
        steps.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    simulate(async {
        let deadlines = Deadlines {
            await_continue: Duration::from_secs(7),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let began = time::now();
        let request = client.post(URL).header("Expect", "100-continue");
        let response = request.body("body").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(time::now() - began, Duration::from_secs(7));
    });
}

/// An interim head is not `100 Continue`: the body follows when the wait is over.
#[test]
fn await_continue_goes_on_behind_another_interim_head() {
    let (builder, _) = plays(|| {
        let steps = Steps::new().send("HTTP/1.1 102 Processing\r\n\r\n");
        let steps = steps.read_until("body");
        steps.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    simulate(async {
        let client = builder.deadlines(far()).build().unwrap();
        let began = time::now();
        let request = client.post(URL).header("Expect", "100-continue");
        let response = request.body("body").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(time::now() - began, far().await_continue);
    });
}

/// After `100 Continue` the upload may take its time, and the answer has all of its
/// own afterwards.
#[test]
fn an_upload_that_was_asked_for_is_not_waiting_for_a_head() {
    let answers = |pause: u64| {
        plays(move || {
            let steps = Steps::new().send("HTTP/1.1 100 Continue\r\n\r\n");
            let steps = steps.read_body().wait(Duration::from_secs(pause));
            steps.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        })
    };
    let deadlines = || Deadlines {
        head: seconds(5),
        read_idle: seconds(5),
        ..far()
    };
    simulate(async {
        let client = answers(4).0.deadlines(deadlines()).build().unwrap();
        let body = || Body::stream(slow_body(10));
        let request = || {
            client
                .post(URL)
                .header("Expect", "100-continue")
                .body(body())
        };
        assert_eq!(whole(request().send().await).await.unwrap(), b"ok");
        let client = answers(6).0.deadlines(deadlines()).build().unwrap();
        let request = client
            .post(URL)
            .header("Expect", "100-continue")
            .body(body());
        let sent = async { whole(request.send().await).await };
        fails(&client, sent, Deadline::Head, Phase::Head, 20 + 5).await;
    });
}

/// Not an error: the connection of a redirect whose body does not end is given up.
#[test]
fn drain() {
    let service = Service::new(|_| Reply::ok("end")).on_head(|request| {
        let head = "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 100\r\n\r\nbit";
        (request.path() == "/").then(|| Steps::new().send(head).hold())
    });
    let builder = Client::builder().connector(Memory::new(service));
    simulate(async {
        let deadlines = Deadlines {
            drain: Duration::from_secs(3),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let began = time::now();
        let response = client.get(URL).send().await.unwrap();
        assert_eq!((response.status(), response.reused()), (200, false));
        assert_eq!(time::now() - began, Duration::from_secs(3));
    });
}

/// Every deadline that can fail is on unless somebody turns it off.
#[test]
fn all_are_on_by_default() {
    let on = Deadlines::default();
    let all = [
        on.queue,
        on.resolve,
        on.connect,
        on.proxy,
        on.tls,
        on.write,
        on.first_byte,
        on.head,
        on.read_idle,
        on.total,
    ];
    assert!(all.iter().all(Option::is_some) && on.min_rate.is_some());
    assert!(!on.await_continue.is_zero() && !on.drain.is_zero());
}

#[test]
fn first_byte() {
    let (builder, _) = plays(|| Steps::new().hold());
    simulate(async {
        let deadlines = Deadlines {
            first_byte: seconds(9),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::FirstByte, Phase::FirstByte, 9).await;
    });
}

#[test]
fn head_is_not_extended_by_a_dribble() {
    let (builder, _) = plays(|| {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(10_000));
        Steps::new().dribble(head, 1, Duration::from_secs(1))
    });
    simulate(async {
        let deadlines = Deadlines {
            head: seconds(20),
            read_idle: seconds(5),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::Head, Phase::Head, 20).await;
    });
}

#[test]
fn read_idle_in_the_head_and_in_the_body() {
    for (text, phase) in [
        ("HTTP/1.1 200 OK\r\nContent-", Phase::Head),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123",
            Phase::Body,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\n",
            Phase::Body,
        ),
    ] {
        let (builder, _) = plays(move || Steps::new().send(text).hold());
        simulate(async {
            let deadlines = Deadlines {
                read_idle: seconds(5),
                ..far()
            };
            let client = builder.deadlines(deadlines).build().unwrap();
            let sent = async { whole(client.get(URL).send().await).await };
            fails(&client, sent, Deadline::ReadIdle, phase, 5).await;
        });
    }
}

#[test]
fn read_idle_does_not_count_the_readers_own_time() {
    let (builder, _) = plays(|| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
        Steps::new()
            .send(format!("{head}123"))
            .wait(Duration::from_secs(20))
            .send("456")
    });
    simulate(async {
        let deadlines = Deadlines {
            read_idle: seconds(15),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let mut response = client.get(URL).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap(), Some(&b"123"[..]));
        time::sleep(Duration::from_secs(10)).await;
        // Ten seconds of silence are ours, the ten that follow are the server's.
        assert_eq!(response.chunk().await.unwrap(), Some(&b"456"[..]));
    });
}

#[test]
fn min_rate() {
    let slow = |bytes: usize| {
        plays(move || {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
            Steps::new()
                .send(head)
                .dribble(vec![b'x'; 300 * bytes], bytes, Duration::from_secs(2))
                .hold()
        })
    };
    let deadlines = Deadlines {
        min_rate: Some(MinRate {
            bytes_per_second: 1,
            window: Duration::from_secs(10),
        }),
        read_idle: seconds(60),
        ..far()
    };
    simulate(async {
        let client = slow(1).0.deadlines(deadlines.clone()).build().unwrap();
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::MinRate, Phase::Body, 10).await;
    });
    simulate(async {
        // Fast enough, until it stops.
        let client = slow(3).0.deadlines(deadlines).build().unwrap();
        let sent = async { whole(client.get(URL).send().await).await };
        fails(&client, sent, Deadline::MinRate, Phase::Body, 610).await;
    });
    simulate(async {
        // Nothing is asked for, over no time: that is no reason to spin.
        let min_rate = Some(MinRate {
            bytes_per_second: 0,
            window: Duration::ZERO,
        });
        let (builder, _) = plays(|| {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab";
            Steps::new()
                .send(head)
                .wait(Duration::from_secs(1))
                .send("cd")
        });
        let client = builder.deadlines(Deadlines { min_rate, ..far() });
        let client = client.build().unwrap();
        let body = whole(client.get(URL).send().await).await;
        assert_eq!(body.unwrap(), b"abcd");
    });
}

/// LAW C10: a body of which there is always more, to a reader who takes his time.
#[test]
fn c10_total_ends_a_flood() {
    let (builder, _) = plays(|| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Steps::new().send(head).repeat("1\r\nx\r\n", 1_000_000)
    });
    simulate(async {
        let deadlines = Deadlines {
            total: seconds(10),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let mut response = client.get(URL).send().await.unwrap();
        let mut chunks = 0;
        let error = loop {
            match response.chunk().await {
                Ok(chunk) => assert_eq!(chunk, Some(&b"x"[..])),
                Err(error) => break error,
            }
            chunks += 1;
            time::work(Duration::from_millis(10));
        };
        assert_eq!(error.kind(), ErrorKind::Timeout(Deadline::Total), "{error}");
        // The clock is read once per turn, not per chunk.
        assert!((1000..1500).contains(&chunks), "{chunks}");
    });
    // Nor does it help that the bytes are read in one go, or that we are the flood.
    let computing = async {
        loop {
            time::work(Duration::from_millis(10));
            downbeat::yield_now().await;
        }
    };
    let (builder, _) = plays(|| {
        let steps = Steps::new().send("HTTP/1.1 200 OK\r\n\r\n");
        steps.repeat(vec![b'x'; 4096], 1_000_000)
    });
    simulate(async {
        downbeat::spawn(computing).detach();
        let deadlines = Deadlines {
            total: seconds(1),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let error = whole(client.get(URL).send().await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Deadline::Total), "{error}");
        let endless = Body::stream(downbeat::blocking::Reader::new(std::io::repeat(b'x')));
        let (builder, _) = plays(|| Steps::new().read_until("never"));
        let deadlines = Deadlines {
            total: seconds(1),
            ..far()
        };
        let client = builder.deadlines(deadlines).build().unwrap();
        let error = client.post(URL).body(endless).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Deadline::Total), "{error}");
    });
}

#[test]
fn total_covers_redirects_and_the_body() {
    let service = Service::new(|request| match request.path() {
        "/end" => Reply::ok("x"),
        path => {
            let next = path[1..].parse::<u32>().unwrap_or(0) + 1;
            Reply::new(302)
                .header("Location", format!("/{next}"))
                .delay(Duration::from_secs(2))
        }
    });
    let client = Client::builder()
        .connector(Memory::new(service))
        .deadlines(far())
        .build()
        .unwrap();
    simulate(async {
        let request = client.get(URL).timeout(Duration::from_secs(7));
        let sent = async { whole(request.send().await).await };
        fails(&client, sent, Deadline::Total, Phase::FirstByte, 7).await;
    });
    let (builder, _) = plays(|| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        Steps::new()
            .send(head)
            .dribble(vec![b'x'; 100_000], 1, Duration::from_secs(1))
    });
    simulate(async {
        let client = builder.deadlines(far()).build().unwrap();
        let request = client.get(URL).timeout(Duration::from_secs(100));
        let sent = async { whole(request.send().await).await };
        fails(&client, sent, Deadline::Total, Phase::Body, 100).await;
    });
}

#[test]
fn an_error_says_where_the_time_went() {
    let service = Service::new(|_| Reply::ok("late").delay(Duration::from_secs(100)));
    let memory = Memory::new(service);
    simulate(async {
        let connect = memory.clone();
        let client = Client::builder()
            .connector(move |_: &Destination| {
                let (ours, theirs) = pair(1000);
                let connect = connect.clone();
                async move {
                    time::sleep(Duration::from_millis(1500)).await;
                    drop(downbeat::spawn(async move {
                        connect.serve_stream(theirs).await
                    }));
                    Ok(Connected::new(ours).dns_time(Duration::from_millis(300)))
                }
            })
            .build()
            .unwrap();
        let request = client
            .get("http://user:secret@h.test/")
            .timeout(Duration::from_secs(8));
        let error = request.send().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "http://h.test/: timeout after 8.0 s: queue 0.0, dns 0.3, connect 1.2, tls 0.0, \
             write 0.0, first byte 6.5 (deadline total, in first byte)"
        );
    });
}

/// The end of a response is when its last bytes came, whenever its reader comes to them.
#[test]
fn the_total_goes_to_the_last_bytes() {
    let total = |body: &'static [u8]| {
        let service = Service::new(move |_| Reply::ok(body));
        let memory = Memory::new(service).capacity(64 * 1024);
        simulate(async {
            let client = Client::builder().connector(memory).build().unwrap();
            let mut response = client.get(URL).send().await.unwrap();
            let mut read = 0;
            while let Some(chunk) = response.chunk().await.unwrap() {
                read += chunk.len();
                time::work(Duration::from_secs(3));
            }
            assert_eq!(read, body.len());
            response.timings().total
        })
    };
    // It came with its head.
    assert_eq!(total(&[b'x'; 1000]), Duration::ZERO);
    // The rest is read after the work on the first piece.
    assert!(total(&[b'x'; 20_000]) >= Duration::from_secs(3));
}

#[test]
fn p08_no_timer_survives_its_exchange() {
    let service = Service::new(|_| Reply::ok("x").delay(Duration::from_secs(1)));
    let client = Client::builder()
        .connector(Memory::new(service))
        .idle_timeout(Duration::from_secs(1_000_000))
        .max_lifetime(None)
        .build()
        .unwrap();
    simulate(async {
        for _ in 0..3 {
            let text = client.get(URL).send().await.unwrap().text().await.unwrap();
            assert_eq!(text, "x");
            // Longer than all deadlines of an exchange together.
            time::sleep(Duration::from_secs(100_000)).await;
            assert_eq!(client.connections(), (1, 1), "an old timer closed it");
        }
    });
}
