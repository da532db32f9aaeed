//! `--gate`: who gets the next slot; and `--trace`: pictures of what happened.

use crate::limits::{list, watched};
use crate::program::{Temporary, finish, objects, run, run_with_input, scraper, signal, start};
use downbeat::testing::origin::{Origin, Reply};
use serde_json::Value;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The indices in the order in which pages were done, one at a time.
fn order(gate: &str) -> Vec<u64> {
    let args = [
        "--demo",
        "8",
        "--latency",
        "1..30",
        "-c",
        "1",
        "-o",
        "-",
        "-q",
    ];
    let run = run(args.iter().chain(&["--gate", gate]));
    assert_eq!(run.code, Some(0), "{}", run.err);
    let index = |object: &Value| object["index"].as_u64().expect("a number");
    run.objects().iter().map(index).collect()
}

#[test]
fn the_gate_decides_who_is_next() {
    assert_eq!(order("fifo"), [0, 1, 2, 3, 4, 5, 6, 7]);
    // The first one came while nobody waited.
    assert_eq!(order("lifo"), [0, 7, 6, 5, 4, 3, 2, 1]);
    // By the latencies that the seed gives; those of 2k and 2k + 1 add up to 31 ms.
    assert_eq!(order("sjf"), SHORTEST_FIRST);
    let within = order("check > groups(fifo) > sjf");
    assert_eq!(within, SHORTEST_FIRST);
}

const SHORTEST_FIRST: [u64; 8] = [0, 5, 6, 3, 1, 2, 7, 4];

#[test]
fn behind_the_gate_the_caps_hold() {
    let (origin, most) = watched(Duration::from_millis(5));
    let args = ["-i", "-", "-c", "7", "--per-host", "0", "--gate", "lifo"];
    let run = run_with_input(args, &list(&origin, 60));
    run.two_lines("Fetched 60 URLs.");
    assert_eq!(most.load(Ordering::SeqCst), 7);
    assert!(run.err.contains("waits for a slot: mean "), "{}", run.err);
    let (origin, most) = watched(Duration::from_millis(5));
    let args = ["-i", "-", "-c", "7", "--per-host", "2", "--gate", "edf"];
    run_with_input(args, &list(&origin, 30)).two_lines("Fetched 30 URLs.");
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[test]
fn behind_the_gate_starts_are_a_delay_apart() {
    let (origin, _) = watched(Duration::ZERO);
    let args = ["-i", "-", "--delay", "60ms", "--gate", "fifo"];
    let run = run_with_input(args, &list(&origin, 6));
    assert!(run.two_lines("Fetched 6 URLs.") >= 0.3);
}

#[test]
fn an_interrupt_sends_the_line_away() {
    let (told, tell) = channel();
    let told = Mutex::new(told);
    let origin = Origin::start(move |_| {
        // A test that has heard enough listens no more.
        let _ = told.lock().expect("nobody panics").send(());
        Reply::ok("late").delay(Duration::from_millis(300))
    });
    let origin = origin.expect("an origin starts");
    let urls = Temporary::with(list(&origin, 100));
    let args = [
        "-i",
        urls.name(),
        "-c",
        "10",
        "--per-host",
        "0",
        "-o",
        "-",
        "-q",
    ];
    let more = ["--gate", "random(7)", "--summary", "json"];
    let child = start(&mut scraper(args.iter().chain(&more)));
    for _ in 0..10 {
        tell.recv().expect("the origin lives");
    }
    signal(&child, "INT");
    let run = finish(child);
    assert_eq!(run.code, Some(130), "{}", run.err);
    assert_eq!((run.objects().len(), origin.requests()), (10, 10));
    let summary = &objects(&run.err)[0];
    let counts = (&summary["fetched"], &summary["unfinished"]);
    assert_eq!(counts, (&10.into(), &90.into()));
}

#[test]
fn pictures_show_what_happened() {
    let named = |ending: &str| format!("{}.{ending}", Temporary::new().name());
    let (page, trace) = (named("html"), named("json"));
    let args = ["--demo", "20", "--latency", "1..5", "--compare"];
    let run = run(args.iter().chain(&["--trace", &page, "--trace", &trace]));
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.err.contains(&format!("wrote {page}: ")), "{}", run.err);
    run.two_lines("Fetched 20 URLs.");
    let read = |path: &str| {
        let text = fs::read_to_string(path).expect("it was written");
        fs::remove_file(path).expect("it can be removed");
        text
    };
    let (page, trace) = (read(&page), read(&trace));
    assert!(page.trim_end().ends_with("</html>"));
    for words in [
        "20 of 20 URLs",
        "one at a time",
        "fifo",
        "19 /page/19 127.0.0.1\"",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let trace: Value = serde_json::from_str(&trace).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("a list of events");
    let rows = |event: &&Value| {
        let name = event["args"]["name"].as_str();
        event["name"] == "thread_name" && name.is_some_and(|name| name.contains(" /page/"))
    };
    assert_eq!(
        events.iter().filter(rows).count(),
        40,
        "two runs of 20 pages"
    );
}
