//! The figures of `docs/reference/reliability.md`: what idleness, bombs, long streams,
//! many timers, the end, and a hostile neighbour cost.
//!
//! ```text
//! cargo run --release --bin figures [NAME...]
//! ```
//!
//! Exit 1 when one misses its target.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use downbeat::http::{Client, ErrorKind, Limit, Limits};
use downbeat::runtime::stats;
use downbeat::testing::Rng;
use downbeat::{Runtime, TaskGroup, spawn, spawn_blocking, time, yield_now};
use downbeat_chaos::process::{Server, forget_peak_kib, peak_kib, thread_time};

/// A name, and what prints a line and says whether the target is met.
type Figure = (&'static str, fn() -> bool);

const ALL: [Figure; 6] = [
    ("idle", idle),
    ("bomb", bomb),
    ("stream", stream),
    ("timers", timers),
    ("shutdown", shutdown),
    ("neighbour", neighbour),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut missed = 0;
    for (name, figure) in ALL {
        if !wanted.is_empty() && !wanted.iter().any(|word| word == name) {
            continue;
        }
        print!("{name}: ");
        if !figure() {
            println!("   MISSED");
            missed += 1;
        }
    }
    if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The origin's program lies beside this one.
fn server() -> Server {
    let mut path = std::env::current_exe().expect("a path");
    path.set_file_name("origin");
    Server::start(path.to_str().expect("UTF-8"), 0)
}

/// 1,000 kept connections: at most 0.5 % of a core and one wakeup a second.
fn idle() -> bool {
    let server = server();
    downbeat::run(async {
        let client = Client::builder()
            .max_connections(1000)
            .max_per_host(1000)
            .idle_timeout(Duration::from_secs(600))
            .build()
            .expect("a client");
        let mut group = TaskGroup::new();
        for _ in 0..1000 {
            let request = client.get(format!("http://{}/1/slow", server.address));
            group.spawn(async move { request.send().await?.bytes().await });
        }
        while let Some((_, answer)) = group.next().await {
            answer.expect("no panic").expect("an answer");
        }
        // A queue of connections that is full makes the system try again after seconds.
        for _ in 0..100 {
            if client.connections().1 == 1000 {
                break;
            }
            time::sleep(Duration::from_millis(100)).await;
        }
        let counts = client.connections();
        let (began, used, waits) = (Instant::now(), thread_time(), stats().waits);
        time::sleep(Duration::from_secs(10)).await;
        let seconds = began.elapsed().as_secs_f64();
        let share = (thread_time() - used).as_secs_f64() / seconds * 100.0;
        let wakeups = (stats().waits - waits) as f64 / seconds;
        println!("(open, idle) {counts:?}: {share:.3} % of a core, {wakeups:.2} wakeups a second");
        counts == (1000, 1000) && share <= 0.5 && wakeups <= 1.0
    })
}

/// 10 GiB in gzip: refused before it costs 8 MiB.
fn bomb() -> bool {
    let server = server();
    let url = format!("http://{}/160/bomb", server.address);
    downbeat::run(async {
        let client = Client::new().expect("a client");
        let before = forget_peak_kib();
        let mut response = client.get(&url).send().await.expect("a head");
        let (mut seen, mut error) = (0_u64, None);
        while error.is_none() {
            match response.chunk().await {
                Ok(Some(piece)) => seen += piece.len() as u64,
                Ok(None) => break,
                Err(failed) => error = Some(failed.kind()),
            }
        }
        let grown = peak_kib().saturating_sub(before) as f64 / 1024.0;
        let refused = error == Some(ErrorKind::TooLarge(Limit::BodyBytes));
        println!(
            "refused after {} MiB, {grown:+.1} MiB of memory",
            seen >> 20
        );
        refused && grown <= 8.0
    })
}

/// 1 GiB as it comes: at most 16 MiB more.
fn stream() -> bool {
    let server = server();
    let url = format!("http://{}/1024/stream", server.address);
    downbeat::run(async {
        let limits = Limits {
            body_bytes: u64::MAX,
            ..Limits::default()
        };
        let client = Client::builder().limits(limits).build().expect("a client");
        let before = forget_peak_kib();
        let began = Instant::now();
        let mut response = client.get(&url).send().await.expect("a head");
        let mut seen = 0_u64;
        while let Some(piece) = response.chunk().await.expect("a piece") {
            seen += piece.len() as u64;
        }
        let took = began.elapsed().as_secs_f64();
        let grown = peak_kib().saturating_sub(before) as f64 / 1024.0;
        println!(
            "{} MiB in {took:.2} s, {grown:+.1} MiB of memory",
            seen >> 20
        );
        seen == 1 << 30 && grown <= 16.0
    })
}

/// 100,000 timers: never early, the 99th of 100 at most 5 ms late.
fn timers() -> bool {
    let (early, mut late) = downbeat::run(async {
        let late = Rc::new(RefCell::new(Vec::with_capacity(100_000)));
        let early = Rc::new(Cell::new(0_u32));
        let mut rng = Rng::new(1);
        let mut group = TaskGroup::new();
        let began = time::now();
        for _ in 0..100_000 {
            let due = began + Duration::from_micros(1_000_000 + rng.below(4_000_000) as u64);
            let (late, early) = (late.clone(), early.clone());
            group.spawn(async move {
                time::sleep_until(due).await;
                let now = Instant::now();
                early.set(early.get() + u32::from(now < due));
                late.borrow_mut().push(now.saturating_duration_since(due));
            });
        }
        while group.next().await.is_some() {}
        (early.get(), late.take())
    });
    late.sort_unstable();
    let (median, p99) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    println!(
        "{early} early of {}, median {median:?} late, p99 {p99:?}",
        late.len()
    );
    early == 0 && p99 <= Duration::from_millis(5)
}

/// 10,000 tasks that wait, and a pool that works: the end takes at most 1 s.
fn shutdown() -> bool {
    struct Counted(Rc<Cell<u32>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let mut runtime = Runtime::new().expect("a loop");
    runtime.block_on(async {
        for number in 0..10_000_u64 {
            let guard = Counted(dropped.clone());
            drop(spawn(async move {
                let _guard = guard;
                match number % 2 {
                    0 => time::sleep(Duration::from_secs(3600 + number)).await,
                    _ => pending().await,
                }
            }));
        }
        for _ in 0..40 {
            drop(spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(300))
            }));
        }
        yield_now().await;
        yield_now().await;
    });
    let began = Instant::now();
    drop(runtime);
    let took = began.elapsed();
    println!(
        "{} tasks dropped in {took:?}, a busy pool included",
        dropped.get()
    );
    dropped.get() == 10_000 && took <= Duration::from_secs(1)
}

/// Adds up how long each poll of a future takes, in processor time.
async fn timed<F: Future>(future: F, polls: Rc<RefCell<Vec<Duration>>>) -> F::Output {
    let mut future = Box::pin(future);
    std::future::poll_fn(|cx| {
        let began = thread_time();
        let polled = future.as_mut().poll(cx);
        polls.borrow_mut().push(thread_time() - began);
        polled
    })
    .await
}

/// The 99th of 100.
fn p99(all: &mut [Duration]) -> Duration {
    all.sort_unstable();
    all.get(all.len() * 99 / 100).copied().unwrap_or_default()
}

/// What a round of requests by 99 callers takes, the 99th of 100, in processor time of
/// the loop, which no other program can change.
fn callers(normal: &Server) -> Duration {
    let mut all = downbeat::run(async {
        let client = Client::new().expect("a client");
        let all = Rc::new(RefCell::new(Vec::new()));
        let mut group = TaskGroup::new();
        for _ in 0..99 {
            let (client, all) = (client.clone(), all.clone());
            let url = format!("http://{}/2/page", normal.address);
            group.spawn(async move {
                for round in 0..60 {
                    let began = thread_time();
                    let response = client.get(&url).send().await.expect("an answer");
                    response.bytes().await.expect("a body");
                    // The first ones are about connections.
                    if round >= 20 {
                        all.borrow_mut().push(thread_time() - began);
                    }
                }
            });
        }
        while group.next().await.is_some() {}
        all.take()
    });
    p99(&mut all)
}

/// How long a poll of a task that reads a flood takes, the 99th of 100.
fn flood(url: &str) -> Duration {
    let mut polls = downbeat::run(async {
        let limits = Limits {
            body_bytes: u64::MAX,
            decoded_ratio: u32::MAX,
            ..Limits::default()
        };
        let client = Client::builder().limits(limits).build().expect("a client");
        let mut response = client.get(url).send().await.expect("a head");
        let polls = Rc::new(RefCell::new(Vec::new()));
        let reading = async { while let Ok(Some(_)) = response.chunk().await {} };
        let reading = timed(reading, polls.clone());
        let _ended = time::timeout(Duration::from_secs(3), reading).await;
        polls.take()
    });
    p99(&mut polls)
}

/// One hostile server among 100 does not double the p99 of the 99 others. A request of
/// theirs takes four turns of the loop, with it and without (`tests/hostile.rs`); so four
/// polls of the task that reads the flood must not take longer than a request.
fn neighbour() -> bool {
    const TURNS: u32 = 4;
    let (normal, hostile) = (server(), server());
    let request = callers(&normal);
    println!("a request of 99 callers, p99: {request:?} of processor time");
    let mut good = true;
    for path in ["stream", "crumbs", "bomb", "members", "blocks", "twice"] {
        let poll = flood(&format!("http://{}/1000000/{path}", hostile.address));
        let times = 1.0 + (poll * TURNS).as_secs_f64() / request.as_secs_f64();
        println!("  {path}: a poll, p99: {poll:?}, {times:.2} times at most");
        good &= times <= 2.0;
    }
    good
}
