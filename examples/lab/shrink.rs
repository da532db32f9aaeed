//! `lab shrink`: cut a failing schedule down to what matters.
//!
//! Laws: zeros are put into the schedule as long as the program still fails, so what
//! is left is minimal: no single exception can be taken away.
//!
//! Read next: `programs.rs`.

use crate::files::Files;
use crate::find::{Attempt, attempt, be_quiet, first_failure, show};
use crate::programs::{Program, called};
use crate::table::Grid;
use downbeat::policy::{Decisions, Fifo, Runnable, oracle};
use std::cell::RefCell;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// Cuts the failing schedule of a seed (or a given one) down.
pub(crate) fn shrink(
    name: &str,
    policy: &str,
    schedule: Option<&str>,
    seed: u64,
    files: &Files,
) -> Result<(), String> {
    let program = called(name)?;
    be_quiet();
    let decisions = match schedule {
        Some(text) => text.parse()?,
        None => first_failure(program, policy, seed)?,
    };
    let given = replay(program, &decisions, false);
    if given.failure.is_none() {
        println!("{name}: that schedule does not fail; `lab find {name}` looks for one that does");
        println!("  schedule_hash {}", given.hash);
        return Ok(());
    }
    let before = exceptions(&decisions).len();
    let (least, tries) = minimal(program, decisions);
    let last = replay(program, &least, files.want_pictures());
    println!("{name}: {}", last.said());
    let after = exceptions(&least).len();
    println!("  exceptions from fifo: {before} became {after}, in {tries} replays");
    println!("  FIFO everywhere except");
    last.story.iter().for_each(|line| println!("    {line}"));
    let table = table(&last, &least);
    println!("  schedule: {least}\n  schedule_hash {}", last.hash);
    println!("  again: lab shrink {name} --schedule '{least}'");
    let fifo = attempt(program, Box::new(Fifo::new()), files.want_pictures());
    let shown = vec![("fifo: right", fifo), ("shrunk: wrong", last)];
    show(program, seed, files, table, shown)
}

/// What happened, for the files.
fn table(last: &Attempt, least: &Decisions) -> Grid {
    let mut table = Grid::new(&["what happened"]);
    for line in &last.story {
        table.row("an exception from fifo", [line.clone()]);
    }
    table.row("outcome", [last.said().to_owned()]);
    table.row("schedule", [least.to_string()]);
    table
}

/// Follows `decisions` and notes where they differ from FIFO.
pub(crate) fn replay(program: &Program, decisions: &Decisions, record: bool) -> Attempt {
    let story = Rc::<RefCell<Vec<Exceptions>>>::default();
    let (write, plan) = (Rc::clone(&story), decisions.0.clone());
    let mut step = 0;
    let policy = oracle(move |ready: &[Runnable], _| {
        let at = plan.get(step).copied().unwrap_or(0).min(ready.len() - 1);
        if at > 0 {
            let (picked, first) = (label(&ready[at]), label(&ready[0]));
            let what = format!("where {picked} ran before {first}");
            tell(&mut write.borrow_mut(), step, what);
        }
        step += 1;
        at
    });
    let mut attempt = attempt(program, Box::new(policy), record);
    let stories = story.take().into_iter();
    attempt.story = stories.map(|it| it.to_string()).collect();
    attempt
}

/// Steps in a row at which the same thing happened.
struct Exceptions {
    steps: RangeInclusive<usize>,
    what: String,
}

/// One more exception.
fn tell(story: &mut Vec<Exceptions>, step: usize, what: String) {
    match story.last_mut() {
        Some(last) if last.what == what && last.steps.end() + 1 == step => {
            last.steps = *last.steps.start()..=step;
        }
        _ => story.push(Exceptions {
            steps: step..=step,
            what,
        }),
    }
}

impl fmt::Display for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps.clone().into_inner() {
            (first, last) if first == last => write!(f, "at step {first}, {}", self.what),
            (first, last) => write!(f, "at steps {first} to {last}, {}", self.what),
        }
    }
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
        replay(program, decisions, false).failure.is_some()
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
