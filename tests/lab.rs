//! The laboratory as a process: what it prints, what it ends with, and that the same
//! seed says the same.
//!
//! The example must be built: `cargo test` does that, `cargo test --test lab` does not.

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
}
