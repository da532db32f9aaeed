//! The small examples say what they are there to teach.
//!
//! `cargo test` builds examples before it runs this; with `--test small_examples`
//! alone, `cargo build --examples` comes first.

use std::path::PathBuf;
use std::process::Command;

/// Runs an example; what it printed.
fn run(name: &str, args: &[&str]) -> String {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("the test is in deps");
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program: PathBuf = profile.join("examples").join(file);
    assert!(program.exists(), "first: cargo build --examples");
    let output = Command::new(program)
        .args(args)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The words appear in this order.
fn assert_in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let at = rest
            .find(word)
            .unwrap_or_else(|| panic!("no {word:?} in {rest}"));
        rest = &rest[at + word.len()..];
    }
}

#[test]
fn hello_overlaps_its_waits() {
    let said = run("hello", &[]);
    // The shortest wait ends first, whoever began first.
    let ends = [
        "Edsger: done",
        "Grace: done",
        "Ada: done",
        "60 ms of waiting took",
    ];
    assert_in_order(&said, &ends);
}

#[test]
fn hello_explains_every_phase() {
    let said = run("hello", &["--explain"]);
    let phases = [
        "turn 1",
        "collect",
        "run",
        "wait",
        "fire",
        "turn 2",
        "the loop ends",
    ];
    assert_in_order(&said, &phases);
    for words in ["is polled", "its timer is due", "sleep for", "woke it"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn own_policy_runs_beside_fifo() {
    let said = run("own_policy", &[]);
    let order = [
        "policy",
        "FIFO",
        "WaitersFirst",
        "under WaitersFirst",
        "interrupt a poll",
    ];
    assert_in_order(&said, &order);
    let worst = |policy: &str| -> f64 {
        let line = said.lines().find(|line| line.starts_with(policy));
        let column = line.and_then(|line| line.split_whitespace().nth(2));
        let number = column.and_then(|column| column.strip_suffix("ms"));
        (number.and_then(|number| number.parse().ok())).expect("milliseconds")
    };
    let page = std::env::temp_dir().join(format!("own-policy-{}.html", std::process::id()));
    let name = page
        .to_str()
        .expect("the temporary directory has a UTF-8 name");
    assert!(run("own_policy", &[name]).contains("wrote "));
    let drawn = std::fs::read_to_string(&page).expect("it was written");
    std::fs::remove_file(&page).expect("it can be removed");
    assert!(drawn.contains("request 10") && drawn.contains("WaitersFirst"));
    // In virtual time: the same on every machine. A piece of 5 ms goes before at most.
    assert!(
        worst("WaitersFirst") <= 5.0 && worst("FIFO") > 20.0,
        "{said}"
    );
}

#[test]
fn each_mistake_is_reported_and_has_a_cure() {
    let said = run("mistakes", &[]);
    let reports = [
        "1. It blocks",
        "kept the loop for",
        "2. It burns",
        "polls in 20 ms",
        "3. It loses its wake",
        "the loop is stuck",
        "\"forgets its waker\"",
        "4. They wait",
        "the loop is stuck",
        "\"left\"",
        "\"right\"",
        "5. It keeps a guard",
        "the task panicked",
        "cure:",
    ];
    assert_in_order(&said, &reports);
    assert_eq!(said.matches("cure:").count(), 5);
}

#[test]
fn blocking_reports_the_stall_and_avoids_it() {
    let said = run("blocking", &[]);
    let order = [
        "computing",
        "report: ",
        "on the loop",
        "spawn_blocking",
        "reading",
        "the rule:",
    ];
    assert_in_order(&said, &order);
    let silence = |at: usize| -> u64 {
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("silence"))
            .collect();
        let number = lines[at].split_whitespace().rev().nth(1);
        number
            .and_then(|number| number.parse().ok())
            .expect("milliseconds")
    };
    // Two pieces of work of 70 ms at least ran before the heartbeat could.
    assert!(silence(0) >= 70, "{said}");
}
