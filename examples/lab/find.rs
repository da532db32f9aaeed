//! `lab find` and `lab shrink`: look for a schedule under which a program is wrong,
//! and cut it down to what matters.
//!
//! Laws: a schedule is a list of decisions, 0 for what FIFO would have done; replaying
//! it gives the same failure. `shrink` puts zeros into it as long as the program still
//! fails, so what is left is minimal: no single exception can be taken away.
//!
//! Read next: `programs.rs`.

use crate::bench::{Setup, run};
use crate::programs::{Program, called};
use downbeat::policy::{Decisions, Expression, Fifo, Policy, Record, Runnable, oracle};
use std::cell::RefCell;
use std::rc::Rc;

/// Looks for a failing schedule.
pub(crate) fn find(name: &str, policy: &str, runs: u64, seed: u64) -> Result<(), String> {
    let program = called(name)?;
    be_quiet();
    println!("{}: a program that {}", program.name, program.says);
    if let Some(failure) = attempt(program, Box::new(Fifo::new())).failure {
        println!("  fails under fifo already: {failure}");
        return Ok(());
    }
    let policy = sized(program, policy);
    let expression: Expression = policy.parse().map_err(|error| format!("{error}"))?;
    let (mut failures, mut first) = (0, None);
    for number in 0..runs {
        let (record, decisions) = Record::new(expression.build(seed + number));
        let attempt = attempt(program, Box::new(record));
        if let Some(failure) = attempt.failure {
            failures += 1;
            first.get_or_insert((seed + number, failure, decisions.take(), attempt.hash));
        }
    }
    println!("  right under fifo; wrong under {policy} in {failures} of {runs} schedules");
    let Some((seed, failure, decisions, hash)) = first else {
        println!("  nothing found: that is no proof. Try more runs, or pct.");
        return Ok(());
    };
    println!("  first with seed {seed}: {failure}");
    println!("  its exceptions from fifo: {decisions}");
    println!("  schedule_hash {hash}");
    println!("  next: lab shrink {name} --policy '{policy}' --seed {seed}");
    Ok(())
}

/// Cuts the failing schedule of a seed (or a given one) down.
pub(crate) fn shrink(
    name: &str,
    policy: &str,
    schedule: Option<&str>,
    seed: u64,
) -> Result<(), String> {
    let program = called(name)?;
    be_quiet();
    let decisions = match schedule {
        Some(text) => text.parse()?,
        None => first_failure(program, policy, seed)?,
    };
    if replay(program, &decisions).failure.is_none() {
        println!("{name}: that schedule does not fail; `lab find {name}` looks for one that does");
        return Ok(());
    }
    let before = exceptions(&decisions).len();
    let (least, tries) = minimal(program, decisions);
    let last = replay(program, &least);
    let failure = last.failure.unwrap_or_default();
    println!("{name}: {failure}");
    println!(
        "  {before} exceptions from fifo became {}, in {tries} replays",
        exceptions(&least).len()
    );
    println!("  FIFO everywhere except");
    for line in &last.story {
        println!("    {line}");
    }
    println!("  schedule: {least}\n  schedule_hash {}", last.hash);
    println!("  again: lab shrink {name} --schedule '{least}'");
    Ok(())
}

/// The first failing schedule from a seed on; that of the seed if none fails.
fn first_failure(program: &Program, policy: &str, seed: u64) -> Result<Decisions, String> {
    let policy = sized(program, policy);
    let expression: Expression = policy.parse().map_err(|error| format!("{error}"))?;
    let mut last = Decisions::default();
    for number in 0..SEARCHED {
        let (record, decisions) = Record::new(expression.build(seed + number));
        let failed = attempt(program, Box::new(record)).failure.is_some();
        last = decisions.take();
        if failed {
            println!("with seed {} of {policy}:", seed + number);
            return Ok(last);
        }
    }
    Ok(last)
}

/// How many seeds `shrink` tries.
const SEARCHED: u64 = 1000;

/// A panic is one of the failures looked for; the story says what it said.
fn be_quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// One run of a program.
struct Attempt {
    failure: Option<String>,
    hash: String,
    polls: u64,
    /// The exceptions from FIFO, in words, where it was a replay.
    story: Vec<String>,
}

fn attempt(program: &Program, policy: Box<dyn Policy>) -> Attempt {
    let (output, facts) = run(Setup::new(policy).starves(), (program.start)());
    let failure = match output {
        Some(Ok(())) => facts.broken.first().cloned(),
        Some(Err(failure)) => Some(failure),
        None => facts
            .broken
            .first()
            .cloned()
            .or(Some("it got stuck".into())),
    };
    let failure = failure.map(|text| text.lines().next().unwrap_or_default().to_owned());
    Attempt {
        failure,
        hash: facts.hash.map_or_else(String::new, |hash| hash.to_string()),
        polls: facts.polls,
        story: Vec::new(),
    }
}

/// Follows `decisions` and notes where they differ from FIFO.
fn replay(program: &Program, decisions: &Decisions) -> Attempt {
    let story = Rc::<RefCell<Vec<String>>>::default();
    let (write, plan) = (Rc::clone(&story), decisions.0.clone());
    let mut step = 0;
    let policy = oracle(move |ready: &[Runnable], _| {
        let at = plan.get(step).copied().unwrap_or(0).min(ready.len() - 1);
        if at > 0 {
            let (picked, first) = (label(&ready[at]), label(&ready[0]));
            write
                .borrow_mut()
                .push(format!("at step {step}, where {picked} ran before {first}"));
        }
        step += 1;
        at
    });
    let mut attempt = attempt(program, Box::new(policy));
    attempt.story = story.take();
    attempt
}

/// What a person calls a task.
fn label(task: &Runnable) -> String {
    match task.name() {
        Some(name) => format!("{name:?}"),
        None => format!("task {}", task.id()),
    }
}

/// The steps at which a schedule is not FIFO.
fn exceptions(decisions: &Decisions) -> Vec<usize> {
    let steps = decisions.0.iter().enumerate();
    steps
        .filter(|(_, at)| **at != 0)
        .map(|(step, _)| step)
        .collect()
}

/// Takes exceptions away, in halves, quarters and so on, while the program fails
/// (delta debugging, Zeller and Hildebrandt 2002); then makes the rest smaller.
fn minimal(program: &Program, mut best: Decisions) -> (Decisions, usize) {
    let mut tries = 0;
    let mut fails = |decisions: &Decisions| {
        tries += 1;
        replay(program, decisions).failure.is_some()
    };
    let mut chunk = exceptions(&best).len().max(1);
    loop {
        let mut removed = false;
        for part in exceptions(&best).chunks(chunk) {
            let mut fewer = best.clone();
            part.iter().for_each(|step| fewer.0[*step] = 0);
            if fails(&fewer) {
                (best, removed) = (fewer, true);
            }
        }
        if chunk == 1 && !removed {
            break;
        }
        chunk = if removed { chunk } else { chunk / 2 }.max(1);
    }
    for step in exceptions(&best) {
        while best.0[step] > 1 {
            let mut smaller = best.clone();
            smaller.0[step] -= 1;
            if !fails(&smaller) {
                break;
            }
            best = smaller;
        }
    }
    let length = exceptions(&best).last().map_or(0, |last| last + 1);
    best.0.truncate(length);
    (best, tries)
}

/// `pct(d)` without a number of polls gets the program's own, as its guarantee needs.
fn sized(program: &Program, policy: &str) -> String {
    let depth = policy
        .trim()
        .strip_prefix("pct(")
        .and_then(|rest| rest.strip_suffix(')'));
    match depth {
        Some(depth) if !depth.contains(',') => {
            let polls = attempt(program, Box::new(Fifo::new())).polls;
            format!("pct({}, {polls})", depth.trim())
        }
        _ => policy.to_owned(),
    }
}
