//! Scarce resources and a peer that comes and goes: descriptors, interruptions, an
//! origin that is killed, restarted, stopped.
//!
//! `KILLS=300 cargo test --release --test resources killed` goes on for ten minutes.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use downbeat::http::{ConnectFault, Deadline, ErrorKind};
use downbeat_chaos::crowd::{self, Ledger};
use downbeat_chaos::process::{Server, number, thread_time};

/// The origin as a program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_origin");

/// Runs a test of this file again, as a child of a shell that first says `limits`.
fn again(test: &str, limits: &str, base: &str) -> Command {
    let mut child = Command::new("sh");
    child
        .arg("-c")
        .arg(format!("{limits}; exec \"$0\" --exact {test} --nocapture"))
        .arg(std::env::current_exe().unwrap())
        .env("CHILD", base);
    child
}

/// Where the parent's origin is, in a child.
fn parent() -> Option<String> {
    std::env::var("CHILD").ok()
}

fn succeed(mut child: Command) -> String {
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    text
}

fn five_hundred(base: &str, connections: usize) -> Ledger {
    downbeat::run(async {
        let total = Duration::from_secs(200);
        let client = crowd::client(total, connections).unwrap();
        // All at once, whatever the caps.
        crowd::run(&client, base, 0..500, 500, total).await
    })
}

#[test]
fn five_hundred_urls_with_sixty_four_descriptors() {
    if let Some(base) = parent() {
        for connections in [40, 500] {
            let (began, used) = (Instant::now(), thread_time());
            let ledger = five_hundred(&base, connections);
            let share = (thread_time() - used).as_secs_f64() / began.elapsed().as_secs_f64();
            println!(
                "{connections} connections at most: {} answered, {:?}, {:.0} % of a core",
                ledger.successes(),
                ledger.failures(),
                share * 100.0
            );
            assert!(ledger.wrong.is_empty(), "{:?}", ledger.wrong);
            assert_eq!(ledger.outcomes.len(), 500);
            let odd = (ledger.outcomes.values().flatten())
                .find(|kind| **kind != ErrorKind::DescriptorsExhausted);
            assert_eq!(odd, None);
            assert!(connections > 64 || ledger.successes() == 500);
        }
        return;
    }
    let seen = Arc::new(Mutex::default());
    let origin = crowd::origin(false, &seen).unwrap();
    let base = crowd::base(false, origin.address());
    let name = "five_hundred_urls_with_sixty_four_descriptors";
    println!("{}", succeed(again(name, "ulimit -n 64", &base)));
}

#[test]
fn a_storm_of_interruptions() {
    if let Some(base) = parent() {
        let ledger = downbeat::run(async {
            let total = Duration::from_secs(400);
            let client = crowd::client(total, 8).unwrap();
            crowd::run(&client, &base, 0..400, 8, total).await
        });
        assert!(ledger.wrong.is_empty(), "{:?}", ledger.wrong);
        assert_eq!(ledger.successes(), 400, "{:?}", ledger.failures());
        return;
    }
    let seen = Arc::new(Mutex::default());
    let origin = crowd::origin(false, &seen).unwrap();
    let base = crowd::base(false, origin.address());
    let mut child = again("a_storm_of_interruptions", ":", &base)
        .spawn()
        .unwrap();
    let id = child.id().to_string();
    // Going on after a stop ends `epoll_wait` by EINTR, with no handler at all.
    let storm = "while kill -STOP $0 && kill -CONT $0; do :; done 2>/dev/null";
    let mut storm = Command::new("sh").args(["-c", storm, &id]).spawn().unwrap();
    let status = child.wait().unwrap();
    drop(storm.kill());
    drop(storm.wait());
    assert!(status.success());
}

/// What became of a request, and when it began.
type Seen = Arc<Mutex<Vec<(Instant, Option<ErrorKind>)>>>;

/// Calls all the time until the flag falls.
fn caller(
    base: String,
    total: Duration,
    seen: Seen,
    stop: Arc<Mutex<bool>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        downbeat::run(async {
            let client = crowd::client(total, 8).unwrap();
            let mut first = 0;
            while !*stop.lock().unwrap() {
                let began = Instant::now();
                // GETs only: what is told apart here is up and down.
                let numbers = first * 4..first * 4 + 3;
                let ledger = crowd::run(&client, &base, numbers, 3, total).await;
                assert!(ledger.wrong.is_empty(), "{:?}", ledger.wrong);
                let outcomes = ledger.outcomes.values().map(|kind| (began, *kind));
                seen.lock().unwrap().extend(outcomes);
                first += 1;
                downbeat::time::sleep(Duration::from_millis(2)).await;
            }
        });
    })
}

/// Waits until something has been seen; for minutes, since the machine may be busy.
#[track_caller]
fn wait_for(seen: &Seen, what: impl Fn(&(Instant, Option<ErrorKind>)) -> bool) {
    let began = Instant::now();
    while !seen.lock().unwrap().iter().any(&what) {
        assert!(began.elapsed() < Duration::from_secs(180), "it never comes");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A request that went well and began a while after `from`.
fn well_after(from: Instant) -> impl Fn(&(Instant, Option<ErrorKind>)) -> bool {
    move |(began, failed)| failed.is_none() && *began >= from + Duration::from_millis(1200)
}

/// How long after `from` the last request that failed before `until` began.
fn recovery(seen: &Seen, from: Instant, until: Instant) -> Duration {
    let seen = seen.lock().unwrap();
    let failed = seen
        .iter()
        .filter(|(began, kind)| kind.is_some() && *began >= from && *began < until);
    let last = failed.map(|(began, _)| *began - from).max();
    last.unwrap_or_default()
}

#[test]
fn an_origin_that_is_killed_and_restarted() {
    let mut server = Server::start(PROGRAM, 0);
    let (seen, stop) = (Seen::default(), Arc::default());
    let base = crowd::base(false, server.address);
    let caller = caller(
        base,
        Duration::from_secs(20),
        seen.clone(),
        Arc::clone(&stop),
    );
    let kills = number("KILLS", 3);
    let port = server.address.port();
    let mut worst = Duration::ZERO;
    for _ in 0..kills {
        let begin = Instant::now();
        wait_for(&seen, |(began, failed)| failed.is_none() && *began >= begin);
        drop(server);
        let down = Instant::now();
        wait_for(&seen, |(began, failed)| failed.is_some() && *began >= down);
        server = Server::start(PROGRAM, port);
        let up = Instant::now();
        wait_for(&seen, well_after(up));
        worst = worst.max(recovery(&seen, up, Instant::now()));
    }
    *stop.lock().unwrap() = true;
    caller.join().unwrap();
    let seen = seen.lock().unwrap();
    let failed = seen.iter().filter_map(|(_, kind)| *kind);
    let expected = [
        ErrorKind::Connect(ConnectFault::Refused),
        ErrorKind::Connect(ConnectFault::Reset),
        ErrorKind::Truncated,
        ErrorKind::Io,
    ];
    let odd = failed.clone().find(|kind| !expected.contains(kind));
    assert_eq!(odd, None);
    println!(
        "{} requests, {} failed, all well {worst:?} after a restart at the latest",
        seen.len(),
        failed.clone().count()
    );
    assert!(worst < Duration::from_secs(1), "{worst:?}");
}

#[test]
fn an_origin_that_is_stopped_and_goes_on() {
    let server = Server::start(PROGRAM, 0);
    let (seen, stop) = (Seen::default(), Arc::default());
    let base = crowd::base(false, server.address);
    let caller = caller(
        base,
        Duration::from_secs(8),
        seen.clone(),
        Arc::clone(&stop),
    );
    wait_for(&seen, |(_, failed)| failed.is_none());
    server.signal("-STOP");
    wait_for(&seen, |(_, failed)| failed.is_some());
    server.signal("-CONT");
    let up = Instant::now();
    wait_for(&seen, well_after(up));
    let late = recovery(&seen, up, Instant::now());
    *stop.lock().unwrap() = true;
    caller.join().unwrap();
    let seen = seen.lock().unwrap();
    let failed = seen.iter().filter_map(|(_, kind)| *kind);
    let waits = [
        Deadline::FirstByte,
        Deadline::ReadIdle,
        Deadline::Head,
        Deadline::Write,
    ];
    let odd = failed
        .clone()
        .find(|kind| !waits.map(ErrorKind::Timeout).contains(kind));
    assert_eq!(odd, None);
    println!(
        "{} requests, {} timed out, all well after {late:?}",
        seen.len(),
        failed.clone().count()
    );
    assert!(late < Duration::from_secs(1), "{late:?}");
}
