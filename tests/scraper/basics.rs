//! The demo, lists, outputs, summaries.

use crate::program::{Temporary, kind, objects, run, run_with_input, scraper, seconds, text, urls};
use downbeat::testing::origin::{Origin, Reply};
use std::fs;
use std::io::Read;
use std::process::Stdio;

fn hello() -> Origin {
    Origin::start(|request| {
        Reply::ok(format!("this is {}", request.target)).header("Content-Type", "text/plain")
    })
    .expect("an origin starts")
}

#[test]
fn the_demo_prints_two_lines_and_explains() {
    let run = run::<&str>([]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let seconds = run.two_lines("Fetched 100 URLs.");
    // The slowest page takes 180 ms, one after the other takes 10 s.
    assert!((0.17..5.0).contains(&seconds), "{seconds}");
    let said = [
        "demo origin http://127.0.0.1:",
        "p50",
        "one at a time",
        "event loop",
        "busy",
    ];
    for words in said {
        assert!(run.err.contains(words), "{words}: {}", run.err);
    }
}

#[test]
fn quiet_says_nothing() {
    let run = run(["--demo", "10", "--latency", "0..5ms", "-q"]);
    assert_eq!(run.code, Some(0));
    run.two_lines("Fetched 10 URLs.");
    assert_eq!(run.err, "");
}

#[test]
fn a_list_with_everything_in_it() {
    let origin = hello();
    let (one, two) = (origin.url("/1"), origin.url("/2"));
    let list = format!("# a list\n\n{one}\r\n  {two}  \nno url\n{one}\nhttp://\n#{one}\nftp://h/");
    let (list, output) = (Temporary::with(list), Temporary::new());
    let run = run(["-i", list.name(), "-o", output.name(), &one]);
    assert_eq!(run.code, Some(1), "{}", run.err);
    run.two_lines("Fetched 4 of 7 URLs.");
    let mut found = objects(&output.read());
    let mut given = [&one, &one, &two, "no url", &one, "http://", "ftp://h/"].map(str::to_owned);
    given.sort();
    assert_eq!(urls(&found), given);
    found.sort_by_key(|object| object["index"].as_u64());
    let lines: Vec<_> = found.iter().map(|object| object["line"].as_u64()).collect();
    assert_eq!(
        lines,
        [None, Some(3), Some(4), Some(5), Some(6), Some(7), Some(9)]
    );
    let kinds: Vec<_> = found.iter().map(kind).collect();
    assert_eq!(kinds, ["", "", "", "url", "", "url", "url"]);
    let first = &found[0];
    assert_eq!(
        (&first["ok"], &first["status"]),
        (&true.into(), &200.into())
    );
    assert_eq!(
        (text(first, "final_url"), text(first, "content_type")),
        (one, "text/plain".into())
    );
    assert_eq!(
        (&first["bytes"], &first["attempts"]),
        (&"this is /1".len().into(), &1.into())
    );
    assert!(first["timings"]["total_ms"].as_f64() > Some(0.0));
}

#[test]
fn standard_input_and_standard_output() {
    let origin = hello();
    let input: Vec<String> = (0..50)
        .map(|page| origin.url(&format!("/{page}")))
        .collect();
    let run = run_with_input(["-i", "-", "-o", "-", "-q"], &input.join("\n"));
    assert_eq!(run.code, Some(0));
    let mut given = input;
    given.sort();
    assert_eq!(urls(&run.objects()), given);
    seconds(&run.err, "Fetched 50 URLs.");
}

#[test]
fn the_summary_can_be_an_object() {
    let run = run(["--demo", "20", "--latency", "1..2", "--summary", "json"]);
    let summary = run.summary();
    assert_eq!(
        (&summary["fetched"], &summary["failed"]),
        (&20.into(), &0.into())
    );
    assert!(summary["response_ms"]["p99"].as_f64() >= Some(1.0));
    assert!(summary["loop"]["polls"].as_u64() >= Some(20));
}

#[test]
fn connections_are_used_again() {
    let origin = hello();
    let input: Vec<String> = (0..40)
        .map(|page| origin.url(&format!("/{page}")))
        .collect();
    let run = run_with_input(["-i", "-", "-o", "-", "--sequential"], &input.join("\n"));
    assert_eq!((origin.connections(), origin.requests()), (1, 40));
    let reused = run
        .objects()
        .iter()
        .filter(|object| object["reused"] == true)
        .count();
    assert_eq!(reused, 39);
}

#[test]
fn bodies_are_saved() {
    let origin = hello();
    let dir = Temporary::new();
    let (page, index) = (origin.url("/a/page.html?x=1"), origin.url("/"));
    let run = run(["--save", dir.name(), "-o", "-", &page, &index]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let names = ["00000000-127.0.0.1-page.html", "00000001-127.0.0.1-index"];
    let mut saved: Vec<String> = run
        .objects()
        .iter()
        .map(|object| text(object, "saved"))
        .collect();
    saved.sort();
    assert_eq!(saved, names);
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("it was saved");
    assert_eq!(read(names[0]), "this is /a/page.html?x=1");
    assert_eq!(
        fs::read_dir(dir.path())
            .expect("the directory is there")
            .count(),
        2
    );
}

#[test]
fn large_bodies_are_saved_in_pieces() {
    let body: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let sent = body.clone();
    let origin = Origin::start(move |_| Reply::ok(sent.clone())).expect("an origin starts");
    let dir = Temporary::new();
    let run = run(["--save", dir.name(), &origin.url("/big")]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let saved = fs::read(dir.path().join("00000000-127.0.0.1-big")).expect("it was saved");
    assert!(saved == body);
}

#[test]
fn headers_are_sent() {
    let origin = Origin::start(|request| {
        let field = |name| request.header(name).unwrap_or("none").to_owned();
        Reply::ok(format!("{} {}", field("user-agent"), field("x-test")))
    })
    .expect("an origin starts");
    let dir = Temporary::new();
    let url = origin.url("/");
    run([
        "--user-agent",
        "me/1",
        "--header",
        "X-Test: yes",
        "--save",
        dir.name(),
        &url,
    ]);
    let saved = fs::read_to_string(dir.path().join("00000000-127.0.0.1-index"));
    assert_eq!(saved.expect("it was saved"), "me/1 yes");
}

#[test]
fn a_comparison_has_a_ratio() {
    let args = ["--demo", "20", "--latency", "40..60", "--compare"];
    let text = run(args);
    assert_eq!(text.code, Some(0));
    text.two_lines("Fetched 20 URLs.");
    assert!(text.err.contains("(measured)"), "{}", text.err);
    let summary = run(args.iter().chain(&["--summary", "json"])).summary();
    let sequential = &summary["sequential"];
    // 20 pages of 50 ms on average: a sleep is never too short.
    assert!(sequential["seconds"].as_f64() >= Some(1.0), "{sequential}");
    assert!(sequential["ratio"].as_f64() > Some(1.5), "{sequential}");
}

#[test]
fn the_progress_bar_can_be_forced() {
    let run = run([
        "--demo",
        "20",
        "--latency",
        "60..70",
        "--progress",
        "always",
    ]);
    assert!(run.err.contains("/20  in flight"), "{}", run.err);
    run.two_lines("Fetched 20 URLs.");
}

#[test]
fn verbose_has_a_line_per_url() {
    let run = run(["--demo", "20", "--latency", "0..1", "-v"]);
    assert_eq!(
        run.err
            .lines()
            .filter(|line| line.contains(": 200, "))
            .count(),
        20,
        "{}",
        run.err
    );
}

#[test]
fn all_options_are_in_the_help() {
    let run = run(["--help"]);
    assert_eq!(run.code, Some(0));
    for option in [
        "--concurrency",
        "--per-host",
        "--delay",
        "--demo",
        "--latency",
        "--fail-rate",
        "--seed",
        "--connect-timeout",
        "--timeout",
        "--max-size",
        "--max-redirects",
        "--retry",
        "--output",
        "--save",
        "--resume",
        "--summary",
        "--quiet",
        "--verbose",
        "--progress",
        "--sequential",
        "--compare",
        "--policy",
        "--user-agent",
        "--header",
        "--cacert",
        "--input",
        "--grace",
        "--window",
        "--gate",
        "--trace",
    ] {
        assert!(run.out.contains(option), "{option}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let args = [
        "--demo",
        "2000",
        "--latency",
        "0..0",
        "-o",
        "-",
        "-q",
        "--summary",
        "json",
    ];
    let mut child = scraper(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut first = [0; 1];
    let mut out = child.stdout.take().expect("a pipe was asked for");
    out.read_exact(&mut first).expect("something is written");
    drop(out);
    let mut said = String::new();
    let mut err = child.stderr.take().expect("a pipe was asked for");
    err.read_to_string(&mut said).expect("it says something");
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    // The summary, and no complaint. A busy machine makes slow polls, and debug builds
    // report those.
    let reports = |line: &&str| line.contains(" kept the loop for ");
    let said: String = said
        .split_inclusive('\n')
        .filter(|line| !reports(line))
        .collect();
    assert_eq!(objects(&said).len(), 1, "{said}");
}
