//! Interrupted, killed, resumed.

use crate::program::{Temporary, finish, objects, run, scraper, signal, start, urls};
use downbeat::testing::origin::{Origin, Reply, Steps};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

/// An origin that tells when a request is there, and answers by `reply`.
fn telling(reply: impl Fn(&str) -> Reply + Send + 'static) -> (Origin, Receiver<()>) {
    let (told, tell) = channel();
    let told = Mutex::new(told);
    let origin = Origin::start(move |request| {
        // A test that has heard enough listens no more.
        let _ = told.lock().expect("nobody panics").send(());
        reply(request.path())
    });
    (origin.expect("an origin starts"), tell)
}

fn wait_for(told: &Receiver<()>, requests: usize) {
    for _ in 0..requests {
        told.recv().expect("the origin lives");
    }
}

fn list(origin: &Origin, count: usize) -> (Vec<String>, Temporary) {
    let mut urls: Vec<String> = (0..count)
        .map(|page| origin.url(&format!("/{page}")))
        .collect();
    let file = Temporary::with(urls.join("\n"));
    urls.sort();
    (urls, file)
}

/// Reads standard error up to a line that begins so.
fn wait_for_line(child: &mut Child, beginning: &str) -> impl Read + use<> {
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe was asked for"));
    let mut line = String::new();
    while !line.starts_with(beginning) {
        line.clear();
        assert!(
            lines.read_line(&mut line).expect("it is text") > 0,
            "no {beginning}"
        );
    }
    lines
}

#[test]
fn one_interrupt_drains() {
    // Every answer waits for the interruption, which the test sees.
    let (origin, told) =
        telling(|_| Reply::ok("late").delay(std::time::Duration::from_millis(300)));
    let (_, file) = list(&origin, 100);
    let args = [
        "-i",
        file.name(),
        "-c",
        "10",
        "--per-host",
        "0",
        "-o",
        "-",
        "-q",
        "--summary",
        "json",
    ];
    let child = start(&mut scraper(args));
    wait_for(&told, 10);
    signal(&child, "INT");
    let run = finish(child);
    assert_eq!(run.code, Some(130), "{}", run.err);
    assert_eq!((run.objects().len(), origin.requests()), (10, 10));
    let summary = &objects(&run.err)[0];
    assert_eq!(
        (&summary["fetched"], &summary["unfinished"]),
        (&10.into(), &90.into())
    );
}

#[test]
fn two_interrupts_drop_what_is_in_flight() {
    let (origin, told) = telling(|_| Steps::new().hold().into());
    let (_, file) = list(&origin, 100);
    let args = ["-i", file.name(), "-c", "10", "--per-host", "0", "-v"];
    let mut child = start(&mut scraper(args));
    wait_for(&told, 10);
    signal(&child, "INT");
    let mut rest = wait_for_line(&mut child, "interrupted: ");
    signal(&child, "INT");
    let run = finish(child);
    assert_eq!(run.code, Some(130));
    run.two_lines("Fetched 0 of 100 URLs.");
    let mut said = String::new();
    rest.read_to_string(&mut said).expect("it is text");
    assert!(said.contains("unfinished     100"), "{said}");
}

#[test]
fn a_reader_that_does_not_read_keeps_nobody() {
    let (origin, told) = telling(|_| Reply::ok("fine"));
    let (_, file) = list(&origin, 2000);
    let args = ["-i", file.name(), "-o", "-", "--per-host", "0"];
    let mut child = start(&mut scraper(args));
    // More than the pipe can hold, and nobody takes it out.
    let stalled = child.stdout.take().expect("a pipe was asked for");
    wait_for(&told, 400);
    signal(&child, "INT");
    let mut rest = wait_for_line(&mut child, "interrupted: ");
    signal(&child, "INT");
    let mut said = String::new();
    rest.read_to_string(&mut said).expect("it is text");
    assert!(said.contains("cannot be written: nobody reads"), "{said}");
    assert!(said.contains("Total time taken: "), "{said}");
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    drop(stalled);
}

#[test]
fn the_grace_ends() {
    let (origin, told) = telling(|_| Steps::new().hold().into());
    let (_, file) = list(&origin, 20);
    let args = [
        "-i",
        file.name(),
        "-c",
        "5",
        "--per-host",
        "0",
        "--grace",
        "50ms",
    ];
    let child = start(&mut scraper(args));
    wait_for(&told, 5);
    signal(&child, "TERM");
    let run = finish(child);
    assert_eq!(run.code, Some(130));
    run.two_lines("Fetched 0 of 20 URLs.");
}

/// Ten at once from `list`, and on from where `output` ends.
fn resuming<'a>(list: &'a Temporary, output: &'a Temporary) -> [&'a str; 8] {
    let (list, output) = (list.name(), output.name());
    [
        "-i",
        list,
        "--resume",
        output,
        "-c",
        "10",
        "--per-host",
        "0",
    ]
}

#[test]
fn an_interrupted_run_is_resumed() {
    let (origin, told) = telling(|_| Reply::ok("fine").delay(std::time::Duration::from_millis(5)));
    let (given, file) = list(&origin, 300);
    let output = Temporary::new();
    let args = resuming(&file, &output);
    let child = start(&mut scraper(args));
    wait_for(&told, 100);
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
    let before = objects(&output.read()).len();
    assert!((100..300).contains(&before), "{before}");
    let rest = run(args);
    assert_eq!(rest.code, Some(0), "{}", rest.err);
    rest.two_lines(&format!("Fetched {} URLs.", 300 - before));
    assert!(
        rest.err
            .contains(&format!("{before} finished by an earlier run")),
        "{}",
        rest.err
    );
    assert_eq!(urls(&objects(&output.read())), given);
    // Nothing is left for a third run.
    run(args).two_lines("Fetched 0 URLs.");
}

#[test]
fn a_killed_run_is_resumed() {
    let (origin, told) = telling(|_| Reply::ok("fine"));
    let (given, file) = list(&origin, 2000);
    let output = Temporary::new();
    let args = resuming(&file, &output);
    let mut child = start(&mut scraper(args));
    wait_for(&told, 600);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let survived = output.read();
    assert!(survived.lines().count() > 0);
    // And the disk has lost the end of the last line.
    let torn = OpenOptions::new()
        .write(true)
        .open(output.path())
        .expect("it is there");
    torn.set_len(survived.len() as u64 - 7)
        .expect("it can be cut");
    let rest = run(args);
    assert_eq!(rest.code, Some(0), "{}", rest.err);
    assert_eq!(urls(&objects(&output.read())), given);
}

#[test]
fn a_file_of_somebody_else_is_not_touched() {
    let (origin, _) = telling(|_| Reply::ok("fine"));
    let foreign = Temporary::with("http://example.com/\nhttp://exam");
    let run = run(["--resume", foreign.name(), &origin.url("/")]);
    assert_eq!(run.code, Some(4));
    assert!(run.err.contains("line 1 is not an object"), "{}", run.err);
    assert_eq!(foreign.read(), "http://example.com/\nhttp://exam");
    assert_eq!(origin.requests(), 0);
}
