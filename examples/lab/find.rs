//! `lab find`: look for a schedule under which a program is wrong.
//!
//! Owns: what one attempt at a program came to.
//!
//! Laws: a schedule is a list of decisions, 0 for what FIFO would have done; replaying
//! it gives the same failure, which is how it gets its picture.
//!
//! Read next: `programs.rs`, `shrink.rs`.

use crate::bench::{Setup, run};
use crate::files::{Files, Page};
use crate::programs::{Program, called};
use crate::shrink::replay;
use crate::table::Grid;
use downbeat::policy::{Decisions, Expression, Fifo, Policy, Record};
use downbeat::runtime::ScheduleHash;
use downbeat::testing::{Recording, What};

/// Looks for a failing schedule.
pub(crate) fn find(
    name: &str,
    policy: &str,
    runs: u64,
    seed: u64,
    files: &Files,
) -> Result<(), String> {
    let program = called(name)?;
    be_quiet();
    println!("{}: a program that {}", program.name, program.says);
    let fifo = attempt(program, Box::new(Fifo::new()), files.want_pictures());
    let mut table = Grid::new(&["wrong", "schedules", "first"]);
    let wrong = u64::from(fifo.failure.is_some());
    table.row("fifo", [wrong.to_string(), "1".into(), "-".into()]);
    if let Some(failure) = &fifo.failure {
        println!("  fails under fifo already: {failure}");
        println!("  schedule_hash {}", fifo.hash);
        return show(program, seed, files, table, vec![("fifo", fifo)]);
    }
    let policy = sized(program, policy);
    let (failures, first) = search(program, &policy, runs, seed)?;
    println!("  right under fifo; wrong under {policy} in {failures} of {runs} schedules");
    let number = first
        .as_ref()
        .map_or("-".into(), |(seed, _)| seed.to_string());
    table.row(
        policy.clone(),
        [failures.to_string(), runs.to_string(), number],
    );
    let mut shown = vec![("fifo", fifo)];
    if let Some((seed, decisions)) = first {
        let failed = replay(program, &decisions, files.want_pictures());
        tell(program, &policy, &failed, &decisions, seed);
        shown.push((policy.as_str(), failed));
    } else {
        println!("  nothing found: that is no proof. Try more runs, or pct.");
        println!("  schedule_hash {}", shown[0].1.hash);
    }
    show(program, seed, files, table, shown)
}

/// The first failing schedule, in words.
fn tell(program: &Program, policy: &str, failed: &Attempt, decisions: &Decisions, seed: u64) {
    println!("  first with seed {seed}: {}", failed.said());
    println!("  its exceptions from fifo: {decisions}");
    println!("  schedule_hash {}", failed.hash);
    let name = program.name;
    println!("  next: lab shrink {name} --policy '{policy}' --seed {seed}");
}

/// How many of the seeds fail, and the first that does with its schedule.
fn search(
    program: &Program,
    policy: &str,
    runs: u64,
    seed: u64,
) -> Result<(u64, Option<(u64, Decisions)>), String> {
    let expression: Expression = policy.parse().map_err(|error| format!("{error}"))?;
    let (mut failures, mut first) = (0, None);
    for seed in (0..runs).map(|number| seed.wrapping_add(number)) {
        let (record, decisions) = Record::new(expression.build(seed));
        if attempt(program, Box::new(record), false).failure.is_some() {
            failures += 1;
            first.get_or_insert((seed, decisions.take()));
        }
    }
    Ok((failures, first))
}

/// Writes the files: a picture of each attempt, and the table.
pub(crate) fn show(
    program: &Program,
    seed: u64,
    files: &Files,
    table: Grid,
    attempts: Vec<(&str, Attempt)>,
) -> Result<(), String> {
    let hash = attempts.last().map(|(_, last)| last.hash.value);
    files.text(&table.csv(), &table.json(seed, hash))?;
    let recordings = attempts
        .into_iter()
        .map(|(name, it)| (name.to_owned(), by_steps(it.recording)));
    files.picture(Page {
        title: format!("{}: a bug that hides in an order", program.name),
        claim: format!("A program that {}. {STEPS}", program.says),
        command: format!("lab find {} --seed {seed}", program.name),
        table,
        recordings: recordings.collect(),
        theory: None,
    })
}

/// What the page says of its times.
const STEPS: &str = "A poll is drawn as a microsecond, since only the order counts.";

/// A recording in which every poll takes a microsecond.
fn by_steps(mut recording: Recording) -> Recording {
    let mut at = 0;
    for event in &mut recording.events {
        if let What::Polled { .. } = event.what {
            at += 1_000;
        }
        event.at = at;
    }
    recording
}

/// The first failing schedule from a seed on; that of FIFO if none fails.
pub(crate) fn first_failure(
    program: &Program,
    policy: &str,
    seed: u64,
) -> Result<Decisions, String> {
    let policy = sized(program, policy);
    let (_, first) = search(program, &policy, SEARCHED, seed)?;
    let (seed, decisions) = first.unwrap_or((seed, Decisions::default()));
    println!("with seed {seed} of {policy}:");
    Ok(decisions)
}

/// How many seeds `shrink` tries.
const SEARCHED: u64 = 1000;

/// A panic is one of the failures looked for; the story says what it said.
pub(crate) fn be_quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// One run of a program.
pub(crate) struct Attempt {
    /// What was wrong.
    pub(crate) failure: Option<String>,
    /// The fingerprint of its schedule.
    pub(crate) hash: ScheduleHash,
    /// How many polls it took.
    polls: u64,
    /// The exceptions from FIFO, in words, where it was a replay.
    pub(crate) story: Vec<String>,
    /// Its events, if they were asked for.
    recording: Recording,
}

impl Attempt {
    /// What was wrong, in words.
    pub(crate) fn said(&self) -> &str {
        self.failure.as_deref().unwrap_or("nothing was wrong")
    }
}

/// The schedule of a loop that could not be made.
const NEVER_RAN: ScheduleHash = ScheduleHash {
    value: 0,
    repeatable: false,
};

/// Runs a program once.
pub(crate) fn attempt(program: &Program, policy: Box<dyn Policy>, record: bool) -> Attempt {
    let setup = Setup::new(policy).starves();
    let setup = if record { setup.record() } else { setup };
    let (output, mut facts) = run(setup, (program.start)());
    let failure = match output {
        Some(Ok(())) => facts.broken.first().cloned(),
        Some(Err(failure)) => Some(failure),
        None => facts
            .broken
            .first()
            .cloned()
            .or(Some("it got stuck".into())),
    };
    let failure = failure.map(|text| {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        lines.join("\n      ")
    });
    Attempt {
        failure,
        hash: facts.hash.unwrap_or(NEVER_RAN),
        polls: facts.polls,
        story: Vec::new(),
        recording: std::mem::take(&mut facts.recording),
    }
}

/// `pct(d)` without a number of polls gets the program's own, as its guarantee needs.
fn sized(program: &Program, policy: &str) -> String {
    let depth = policy
        .trim()
        .strip_prefix("pct(")
        .and_then(|rest| rest.strip_suffix(')'));
    match depth {
        Some(depth) if !depth.contains(',') => {
            let polls = attempt(program, Box::new(Fifo::new()), false).polls;
            format!("pct({}, {polls})", depth.trim())
        }
        _ => policy.to_owned(),
    }
}
