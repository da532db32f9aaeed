//! Caps, delays, descriptors, memory.

use crate::program::{
    Temporary, finish, objects, run, run_by_shell, run_with_input, scraper, start, text,
};
use downbeat::testing::origin::{Origin, Reply};
use serde_json::Value;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An origin, and the most connections that were open when a request came.
pub(crate) fn watched(delay: Duration) -> (Arc<Origin>, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&most);
    let (sender, receiver) = sync_channel::<std::sync::Weak<Origin>>(1);
    let known = std::cell::OnceCell::new();
    let handler = move |_: &_| {
        let origin = known.get_or_init(|| receiver.recv().expect("the test says where it is"));
        if let Some(origin) = origin.upgrade() {
            theirs.fetch_max(origin.open(), Ordering::SeqCst);
        }
        Reply::ok("fine").delay(delay)
    };
    let origin = Arc::new(Origin::start(handler).expect("an origin starts"));
    sender
        .send(Arc::downgrade(&origin))
        .expect("the origin listens");
    (origin, most)
}

pub(crate) fn list(origin: &Origin, count: usize) -> String {
    (0..count)
        .map(|page| origin.url(&format!("/{page}\n")))
        .collect()
}

#[test]
fn the_concurrency_is_a_cap() {
    let (origin, most) = watched(Duration::from_millis(5));
    let args = ["-i", "-", "-c", "7", "--per-host", "0"];
    run_with_input(args, &list(&origin, 60)).two_lines("Fetched 60 URLs.");
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[test]
fn a_host_has_a_cap_of_its_own() {
    for (args, cap) in [(&["-i", "-"][..], 6), (&["-i", "-", "--per-host", "2"], 2)] {
        let (origin, most) = watched(Duration::from_millis(5));
        run_with_input(args, &list(&origin, 40)).two_lines("Fetched 40 URLs.");
        assert_eq!(most.load(Ordering::SeqCst), cap);
    }
}

#[test]
fn starts_on_one_host_are_a_delay_apart() {
    let (origin, _) = watched(Duration::ZERO);
    let run = run_with_input(["-i", "-", "--delay", "60ms"], &list(&origin, 6));
    assert!(run.two_lines("Fetched 6 URLs.") >= 0.3);
}

#[test]
fn a_slow_host_does_not_idle_the_others() {
    // Two names of one machine are two hosts. The slow one is the beginning of the list
    // and would have all slots; it answers when the fast one was asked for everything.
    let (tell, told) = channel();
    let left = AtomicUsize::new(50);
    let tell = Mutex::new(tell);
    let fast = Origin::start(move |_| {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            tell.lock()
                .expect("nobody panics")
                .send(())
                .expect("the slow one listens");
        }
        Reply::ok("fast")
    });
    let fast = fast.expect("an origin starts");
    let told = Mutex::new(Some(told));
    let slow = Origin::start(move |_| {
        // A handler that waits blocks the whole origin: this is a slow host.
        if let Some(told) = told.lock().expect("nobody panics").take() {
            let waited = told.recv_timeout(Duration::from_secs(60));
            return waited.map_or(Reply::new(500), |()| Reply::ok("slow"));
        }
        Reply::ok("slow")
    });
    let slow = slow.expect("an origin starts");
    let mut input = String::new();
    for page in 0..8 {
        input += &format!("http://localhost:{}/{page}\n", slow.address().port());
    }
    input += &list(&fast, 50);
    let args = [
        "-i",
        "-",
        "-o",
        "-",
        "-c",
        "4",
        "--per-host",
        "2",
        "--timeout",
        "100s",
    ];
    let run = run_with_input(args, &input);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let order: Vec<bool> = run
        .objects()
        .iter()
        .map(|object| text(object, "url").contains("localhost"))
        .collect();
    assert_eq!(order.len(), 58);
    // The last few may end in any order.
    assert!(order[..46].iter().all(|slow| !slow), "{order:?}");
}

#[test]
fn a_thousand_at_once() {
    let args = [
        "--demo",
        "1000",
        "-c",
        "1000",
        "--latency",
        "1s..1s",
        "--summary",
        "json",
    ];
    let run = run(args);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let summary = run.summary();
    assert_eq!(summary["fetched"], 1000);
    // One after the other it is 1000 s.
    assert!(summary["seconds"].as_f64() < Some(60.0), "{summary}");
}

/// Runs it with a soft and hard limit of descriptors.
fn with_descriptors(soft: u32, hard: u32, args: &[&str]) -> crate::program::Run {
    run_by_shell(
        &format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\""),
        args,
    )
}

#[test]
fn descriptors_are_raised_or_made_do_with() {
    let args = ["--demo", "200", "--latency", "5..10", "-c", "100"];
    let raised = with_descriptors(64, 512, &args);
    raised.two_lines("Fetched 200 URLs.");
    assert!(!raised.err.contains("lowered"), "{}", raised.err);
    let lowered = with_descriptors(64, 64, &args);
    lowered.two_lines("Fetched 200 URLs.");
    assert!(
        lowered.err.contains("concurrency lowered from 100 to "),
        "{}",
        lowered.err
    );
}

#[cfg(target_os = "linux")]
#[test]
fn running_out_of_descriptors_waits() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let origin = Origin::start(move |_| {
        // A test that has heard enough listens no more.
        let _ = tell.lock().expect("nobody panics").send(());
        // Each URL needs a connection, so a descriptor, of its own.
        Reply::ok("fine").delay(Duration::from_millis(20)).close()
    });
    let origin = origin.expect("an origin starts");
    let urls = Temporary::with(list(&origin, 200));
    let args = ["-i", urls.name(), "-c", "40", "--per-host", "0", "-v"];
    let child = start(&mut scraper(args));
    for _ in 0..50 {
        told.recv().expect("the origin lives");
    }
    // Now that it runs, its soft limit drops below what it has open.
    let limit = ["--nofile=20:", "--pid", &child.id().to_string()].map(str::to_owned);
    let lowered = Command::new("prlimit").args(limit).status();
    assert!(lowered.expect("prlimit exists").success());
    let run = finish(child);
    run.two_lines("Fetched 200 URLs.");
    assert!(run.err.contains("no file descriptor left"), "{}", run.err);
    assert_eq!(run.code, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_follow_the_number_of_urls() {
    let peak = |count: &str| {
        let args = [
            "--demo",
            count,
            "--latency",
            "0..0",
            "-c",
            "100",
            "--summary",
            "json",
        ];
        let output = Temporary::new();
        let run = run(args.iter().chain(&["-o", output.name()]));
        let summary: Value = run.summary();
        assert_eq!(run.code, Some(0));
        assert_eq!(
            objects(&output.read()).len(),
            count.parse::<usize>().expect("a number")
        );
        summary["peak_memory_bytes"].as_u64().expect("Linux tells") as f64
    };
    let (few, many) = (peak("100"), peak("5000"));
    assert!(many - few < 4e6, "{few} {many}");
}
