//! Lists and outputs that are odd, endless, blocked, or each other.

use crate::program::{Temporary, finish, kind, objects, run, scraper, signal, start, text};
use downbeat::testing::origin::{Origin, Reply, Steps};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

/// An origin that tells of each request, and answers if it is to.
fn telling(answers: bool) -> (Origin, Receiver<()>) {
    let (told, tell) = channel();
    let told = Mutex::new(told);
    let origin = Origin::start(move |_| {
        // A test that has heard enough listens no more.
        let _ = told.lock().expect("nobody panics").send(());
        match answers {
            true => Reply::ok("fine"),
            false => Steps::new().hold().into(),
        }
    });
    (origin.expect("an origin starts"), tell)
}

fn fifo() -> Temporary {
    let fifo = Temporary::new();
    let made = Command::new("mkfifo").arg(fifo.path()).status();
    assert!(made.expect("mkfifo exists").success());
    fifo
}

#[test]
fn what_is_not_what_was_given_is_not_fetched() {
    let (origin, _) = telling(true);
    let mut list = b"\xEF\xBB\xBF# a list from elsewhere, caf\xE9\r\n".to_vec();
    list.extend(origin.url("/caf\u{e9}\r\n").bytes());
    list.extend(origin.url("/caf").bytes().chain(*b"\xE9\r\n"));
    list.extend(origin.url("/").bytes());
    list.extend([b'x'; 100_000]);
    list.extend(b"\n\0\n\xFF\xFE\n");
    let list = Temporary::with(list);
    let run = run(["-i", list.name(), "-o", "-", "-q"]);
    assert_eq!(run.code, Some(1), "{}", run.err);
    let mut found = run.objects();
    found.sort_by_key(|object| object["line"].as_u64());
    let found: Vec<_> = found
        .iter()
        .map(|object| {
            let why = object["error"]["message"].as_str().unwrap_or("");
            (object["line"].as_u64(), kind(object), why)
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some(2), "", ""),
            (Some(3), "url", "the line is not UTF-8"),
            (Some(4), "url", "the line is longer than 64 KiB"),
            (
                Some(5),
                "url",
                "no scheme: a URL begins with http:// or https://"
            ),
            (Some(6), "url", "the line is not UTF-8"),
        ]
    );
    assert_eq!(origin.requests(), 1);
}

#[test]
fn a_list_is_not_overwritten_by_its_results() {
    let (origin, _) = telling(true);
    let list = Temporary::with(origin.url("/"));
    let link = Temporary::new();
    std::os::unix::fs::symlink(list.path(), link.path()).expect("links can be made");
    for args in [
        ["-i", list.name(), "-o", list.name()],
        ["-i", link.name(), "-o", list.name()],
        ["-i", list.name(), "--resume", link.name()],
    ] {
        let run = run(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert!(run.err.contains("are the same file"), "{}", run.err);
    }
    // Nor are two things written to one file, be it there or not.
    let (old, new) = (Temporary::with("mine"), Temporary::new());
    let (html, url) = (format!("{}.html", new.name()), origin.url("/"));
    let (html, same) = (html.as_str(), html.replace("/downbeat", "/./downbeat"));
    let same = same.as_str();
    for args in [
        ["-o", old.name(), "--cacert", old.name()],
        ["-o", html, "--trace", same],
        ["--resume", html, "--trace", same],
    ] {
        let run = run(args.into_iter().chain([url.as_str()]));
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert!(run.err.contains("are the same file"), "{}", run.err);
    }
    assert_eq!(old.read(), "mine");
    assert!(!std::path::Path::new(html).exists());
    let stdin = fs::File::open(list.path()).expect("it is there");
    let run = finish(start(
        scraper(["-i", "-", "-o", list.name()]).stdin(Stdio::from(stdin)),
    ));
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert_eq!(list.read(), origin.url("/"));
    assert_eq!(origin.requests(), 0);
}

#[test]
fn a_list_that_blocks_holds_nobody_up() {
    let (origin, _) = telling(true);
    // Nobody has the other end of the pipe: opening it waits for ever.
    let (list, url) = (fifo(), origin.url("/"));
    let mut child = start(&mut scraper(["-i", list.name(), "-o", "-", &url]));
    let mut out = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
    let mut line = String::new();
    out.read_line(&mut line).expect("it is text");
    assert_eq!(text(&objects(&line)[0], "url"), url);
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
}

#[test]
fn a_pipe_can_be_written() {
    let (origin, _) = telling(true);
    let (output, url) = (fifo(), origin.url("/"));
    let child = start(&mut scraper(["-o", output.name(), &url, &url]));
    assert_eq!(objects(&output.read()).len(), 2);
    assert_eq!(finish(child).code, Some(0));
    // Without a single outcome its reader sees the end all the same.
    let empty = Temporary::with("");
    let child = start(&mut scraper(["-i", empty.name(), "-o", output.name()]));
    assert_eq!(output.read(), "");
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn what_can_be_no_list_and_no_result_is_refused_at_once() {
    let (origin, _) = telling(true);
    let (dir, pipe, url) = (std::env::temp_dir(), fifo(), origin.url("/"));
    let dir = dir.to_str().expect("it is UTF-8");
    for (args, code) in [
        (["-i", dir, &url], 2),
        (["-o", dir, &url], 4),
        (["--resume", dir, &url], 4),
        (["--resume", pipe.name(), &url], 4),
    ] {
        let run = run(args);
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{args:?}");
        assert!(run.err.starts_with("scraper: --"), "{args:?}: {}", run.err);
    }
    assert_eq!(origin.requests(), 0);
}

#[test]
fn an_argument_that_is_no_text_is_an_outcome() {
    use std::os::unix::ffi::OsStrExt;
    let (origin, _) = telling(true);
    let (url, odd) = (
        origin.url("/"),
        std::ffi::OsStr::from_bytes(b"http://\xff/"),
    );
    let mut program = scraper(["-o", "-", &url]);
    let run = finish(start(program.arg(odd)));
    assert_eq!(run.code, Some(1), "{}", run.err);
    let mut objects = run.objects();
    objects.sort_by_key(|object| object["index"].as_u64());
    assert_eq!(
        (objects.len(), kind(&objects[0]), kind(&objects[1])),
        (2, "", "url")
    );
}

#[test]
fn no_more_is_read_than_the_window_holds() {
    let (origin, told) = telling(false);
    let args = ["-i", "-", "--window", "50"];
    let mut child = start(scraper(args).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let line = origin.url(&format!("/{}\n", "x".repeat(1000)));
    let writer = std::thread::spawn(move || {
        let written = |_: &usize| stdin.write_all(line.as_bytes()).is_ok();
        (0..100_000).take_while(written).count()
    });
    // As many as the host may have at once; they are never answered.
    for _ in 0..6 {
        told.recv().expect("the origin lives");
    }
    signal(&child, "INT");
    let mut err = BufReader::new(child.stderr.take().expect("a pipe was asked for"));
    let mut line = String::new();
    while !line.starts_with("interrupted: ") {
        line.clear();
        assert!(err.read_line(&mut line).expect("it is text") > 0);
    }
    signal(&child, "INT");
    let mut rest = String::new();
    err.read_to_string(&mut rest).expect("it is text");
    assert_eq!(finish(child).code, Some(130));
    // 50, six in flight, five batches of 64, and what pipe and buffer hold.
    let read = writer.join().expect("nobody panics");
    assert!((6..1000).contains(&read), "{read}");
}
