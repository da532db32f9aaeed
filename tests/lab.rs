//! The laboratory as a process: what it prints, what it ends with, and that the same
//! seed says the same.
//!
//! The example must be built: `cargo test` does that, `cargo test --test lab` does not.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Next to the tests: `target/<profile>/examples/lab`.
fn path() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.ancestors().nth(2).expect("tests are in deps/");
    let name = format!("lab{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "first: cargo build --example lab ({path:?})");
    path
}

fn lab(args: &[&str]) -> (String, Output) {
    let mut command = Command::new(path());
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.expect("the laboratory starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output)
}

/// What an experiment printed, without how long it took.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" polls, ") {
        Some((before, after)) => {
            let (_, rest) = after
                .split_once("; ")
                .expect("a time stands before the seed");
            format!("{before}; {rest}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn list_names_experiments_programs_and_policies() {
    let (text, output) = lab(&["list"]);
    assert!(output.status.success());
    for word in ["conservation", "e17", "lost-update", "groups(fifo) >"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn exact_experiments_hold_and_repeat() {
    for name in ["convoy", "skip", "gate"] {
        let args = ["run", name, "--check", "--virtual-only", "--seed", "11"];
        let (first, output) = lab(&args);
        assert!(output.status.success(), "{name}: {first}");
        assert!(first.contains("all laws hold") && first.contains("schedule_hash "));
        let (again, _) = lab(&args);
        assert_eq!(without_times(&first), without_times(&again), "{name}");
    }
}

/// What is asserted of the machine holds however busy it is.
#[test]
fn what_is_certain_holds_on_this_machine() {
    let certain = [
        ("skip", "exact; real = 10"),
        ("gate", "real >= "),
        ("convoy", "real >= 10.99"),
        ("shares", "<= theory; real <= "),
    ];
    for (name, verdict) in certain {
        let (text, output) = lab(&["run", name, "--check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {text}{said}");
        assert!(text.contains(verdict), "{name}: {text}");
    }
}

#[test]
fn a_bad_question_is_pointed_at_before_anything_runs() {
    let load = |load| ["duel", "fifo", "lifo", "--load", load];
    let cases: [(&[&str], &[&str]); 12] = [
        (&["run", "convoi"], &["convoi", "conservation, spread"]),
        (
            &["duel", "fiffo", "lifo"],
            &["did you mean `fifo`?", "\n  fiffo\n  ^^^^^"],
        ),
        (
            &["duel", "lifo", "groups(fair > edf"],
            &["expected `,` or `)` behind", "^^^^"],
        ),
        (&["whatif", "Cargo.toml"], &["line 1", "downbeat-story"]),
        (&["whatif", "no/such/file"], &["no/such/file"]),
        (&["fetch", "no/such/file"], &["no/such/file", "no URL"]),
        (
            &["fetch", "--demo", "--permits", "0"],
            &["--permits", "from 1 on"],
        ),
        (&["find", "nothing"], &["nothing", "lost-update"]),
        (
            &load("poisson(.8) hh2(1ms)"),
            &["\n              ^^^^^^^^\n", "h2("],
        ),
        (&load("jobs(99999999999)"), &["from 1 to 1000000"]),
        (&load(" "), &["expected a word of a load"]),
        (
            &["run", "skip", "--seed", "99999999999999999999"],
            &["--seed", "too large"],
        ),
    ];
    for (question, answers) in cases {
        let (text, output) = lab(question);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{question:?}: {said}");
        assert_eq!(text, "", "{question:?}");
        for answer in answers {
            assert!(
                said.contains(answer),
                "{question:?}: {answer:?} is not in {said}"
            );
        }
    }
    for flag in ["--csv", "--json", "--html", "--trace"] {
        let (text, output) = lab(&["run", "skip", flag, "no/such/directory/file"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("cannot write no/such/directory/file"),
            "{said}"
        );
        assert_eq!(
            (text.as_str(), output.status.code()),
            ("", Some(2)),
            "{flag}"
        );
    }
}

/// The rules by which Perfetto reads the format: slices of a track do not overlap, an arrow
/// begins inside a slice that was written before it and ends where one begins.
#[test]
fn a_trace_is_as_perfetto_reads_it() {
    let file = std::env::temp_dir().join(format!("lab-{}.trace.json", std::process::id()));
    let load = "poisson(.9) exp(1ms) polls(300us) jobs(80)";
    let args = ["duel", "fifo", "lifo", "--load", load, "--trace"];
    let (text, output) = lab(&[&args[..], &[&file.to_string_lossy()]].concat());
    assert!(output.status.success(), "{text}");
    let trace = std::fs::read(&file).expect("it was written");
    std::fs::remove_file(&file).expect("it can be removed");
    let trace: Value = serde_json::from_slice(&trace).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("a list of events");
    let mut slices: BTreeMap<(u64, u64), (f64, f64)> = BTreeMap::new();
    let (mut tails, mut heads, mut processes) = (BTreeMap::new(), 0, BTreeMap::new());
    for event in events {
        let number = |key: &str| event[key].as_f64().expect(key);
        let (pid, tid) = (event["pid"].as_u64(), event["tid"].as_u64());
        let track = (pid.expect("a process"), tid.expect("a thread"));
        assert!(track.0 > 0 && track.1 > 0, "0 is the idle one: {event}");
        // Perfetto names threads by their numbers alone.
        assert_eq!(*processes.entry(track.1).or_insert(track.0), track.0);
        let slice = slices.get(&track).copied().unwrap_or((-1.0, 0.0));
        let at = number("ts");
        match event["ph"].as_str().expect("a phase") {
            "X" => {
                assert!(slice.1 <= at + 1e-6, "{event} overlaps {slice:?}");
                slices.insert(track, (at, at + number("dur")));
            }
            "s" => {
                assert!((slice.0..=slice.1).contains(&at), "{event} in {slice:?}");
                tails.insert(event["id"].as_u64(), at);
            }
            "f" => {
                assert_eq!(at, slice.0, "{event}");
                assert!(tails[&event["id"].as_u64()] <= at, "{event}");
                heads += 1;
            }
            "M" | "C" | "i" => {}
            other => panic!("an unknown phase {other}"),
        }
    }
    assert!(heads > 0 && slices.len() > 160, "{heads} {}", slices.len());
}

#[test]
fn whoever_plays_is_scored() {
    let mut child = Command::new(path())
        .arg("play")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the laboratory starts");
    let mut answers = child.stdin.take().expect("a pipe");
    answers.write_all(b"2\nnobody\n\n").expect("it reads");
    drop(answers);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("no job \"nobody\" is ready"), "{text}");
    for line in ["\n  you ", "\n  fifo ", "\n  srpt ", "schedule_hash"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_broken_law_is_named_and_ends_with_one() {
    let broken = [
        (
            "pace(3ms) > fifo",
            "sum of W S minus that of fifo: theory 0",
        ),
        ("loses", "loses dropped"),
        ("hoards", "hoards has nothing to run but keeps"),
        ("panics", "panics panicked"),
    ];
    let mut args = vec!["run", "conservation", "--check", "--virtual-only"];
    let innocent = "groups(lottery) > lifo";
    for policy in broken.map(|(policy, _)| policy).iter().chain([&innocent]) {
        args.extend(["--policy", policy]);
    }
    let (text, output) = lab(&args);
    let said = text + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("LAWS BROKEN"), "{said}");
    let laws: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("  conservation: "))
        .collect();
    for (policy, law) in broken {
        let named = laws
            .iter()
            .any(|line| line.contains(policy) && line.contains(law));
        assert!(named, "{policy}: {said}");
    }
    assert!(!laws.iter().any(|line| line.contains(innocent)), "{said}");
    // A policy that does not exist is no broken law.
    let (_, output) = lab(&["run", "srpt", "--check", "--policy", "lotery"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_command_writes_every_file() {
    let at = std::env::temp_dir().join(format!("lab-files-{}", std::process::id()));
    std::fs::create_dir_all(&at).expect("a temporary directory");
    let path = |name: &str| at.join(name).to_string_lossy().into_owned();
    let story = path("run.story");
    let load = "poisson(.9) exp(1ms) polls(500us) jobs(60)";
    let commands: [&[&str]; 7] = [
        &["run", "skip", "--virtual-only"],
        &["duel", "fifo", "srpt", "--load", load],
        &["fetch", "--demo", "--permits", "50", "--record", &story],
        &["whatif", &story, "--policy", "srpt"],
        &["find", "lost-update", "--runs", "50"],
        &["shrink", "lost-update"],
        &["play", "--load", "poisson(1.2) exp(1ms) jobs(5)"],
    ];
    for command in commands {
        let ends = ["csv", "json", "html", "trace.json"].map(|end| path(&format!("out.{end}")));
        let mut args = command.to_vec();
        for (flag, file) in ["--csv", "--json", "--html", "--trace"].iter().zip(&ends) {
            args.extend([*flag, file.as_str()]);
        }
        args.extend(["--seed", "5"]);
        let (text, output) = lab(&args);
        assert!(output.status.success(), "{command:?}: {text}");
        assert!(text.contains("schedule_hash"), "{command:?}: {text}");
        for (file, begins) in ends.iter().zip(["", "", "<!doctype html", "{"]) {
            let written = std::fs::read_to_string(file).expect(file);
            let written = written.to_lowercase();
            assert!(
                written.len() > 20 && written.starts_with(begins),
                "{command:?}: {file}"
            );
            std::fs::remove_file(file).expect(file);
        }
    }
    std::fs::remove_dir_all(&at).expect("it was there");
}

#[test]
fn a_duel_conserves_and_points_at_bad_words() {
    let load = "poisson(.9) exp(1ms) jobs(200)";
    let (text, output) = lab(&["duel", "fifo", "sjf", "--load", load]);
    assert!(output.status.success());
    assert!(text.contains("the same to the nanosecond"), "{text}");
    let (_, output) = lab(&["duel", "fifo", "sfj", "--load", load]);
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(says.contains("^^^") && says.contains("srpt"), "{says}");
}

#[test]
fn jobs_that_are_turned_away_are_accounted_for() {
    let load = "poisson(1.5) exp(1ms) jobs(500) deadline(20ms)";
    let args = ["duel", "fifo", "codel(1ms, 20ms)", "--load", load];
    let (text, output) = lab(&args);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("turned away"), "{text}");
    assert_eq!(text, lab(&args).0);
}

#[test]
fn a_failing_schedule_is_found_and_shrunk() {
    let (text, _) = lab(&["find", "lost-update", "--runs", "200"]);
    assert!(text.contains("right under fifo; wrong under pct"), "{text}");
    let (text, output) = lab(&["shrink", "lost-update"]);
    assert!(output.status.success());
    assert!(text.contains("FIFO everywhere except"), "{text}");
    assert!(text.contains("ran before"), "{text}");
    let schedule = text
        .split("--schedule '")
        .nth(1)
        .expect("it says how to repeat it");
    let schedule = schedule.split('\'').next().expect("in quotes");
    let (again, _) = lab(&["shrink", "lost-update", "--schedule", schedule]);
    assert!(
        again.contains(&format!("schedule: {schedule}\n")),
        "{again}"
    );
}

#[test]
fn a_story_is_told_again() {
    let story = "downbeat-story 1\npermits 1\n\
                 0 0 w1000000 s9000000 w0 # long\n\
                 0 1 w1000000 s1000000 w0 # short\n";
    let file = std::env::temp_dir().join(format!("lab-{}.story", std::process::id()));
    std::fs::write(&file, story).expect("a temporary file");
    let (text, output) = lab(&["whatif", &file.to_string_lossy(), "--policy", "all"]);
    std::fs::remove_file(&file).expect("it was there");
    assert!(output.status.success());
    // Alone in line: the long one first, whatever the run queue says.
    let fifo = text
        .lines()
        .find(|line| line.contains("run queue fifo"))
        .expect("a line");
    let cells: Vec<&str> = fifo.split_whitespace().skip(3).collect();
    assert_eq!(cells, ["11.000", "10.000", "12.000", "0.000"]);
    assert!(text.contains("schedule_hash"));
    for place in ["run queue", "gate"] {
        for policy in ["priority", "eevdf", "mlfq", "pct"] {
            assert!(text.contains(&format!("{place} {policy} ")), "{text}");
        }
    }
}
