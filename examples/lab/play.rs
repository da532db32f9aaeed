//! `lab play`: you choose who runs next, and are scored against SRPT.
//!
//! Laws: the choices come from standard input, the number of a job a line; at its end the
//! oldest goes first. The policy is `oracle` with a person inside.
//!
//! Read next: `load.rs`.

use crate::bench::Setup;
use crate::files::{Files, Page};
use crate::lab::{Lab, Ran};
use crate::load::Load;
use crate::stats::mean;
use crate::table::Grid;
use downbeat::policy::{Policy, Runnable, Size, oracle};
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};

/// Plays a load of few jobs.
pub(crate) fn play(load: &str, seed: u64, files: &Files) -> Result<Vec<String>, String> {
    let jobs = Load::parse(load)?.jobs(seed);
    let lab = Lab::new(seed, false, files.want_pictures());
    println!("{} jobs of {load}", jobs.len());
    println!("You are the scheduler: type the number of the job that runs next, until it yields");
    println!("(nothing: the one that is ready for longest). The mean time in system counts.\n");
    let setup = Setup::new(Box::new(person())).starves();
    let yours = lab.open_with("you", setup, &jobs);
    println!();
    let score = |ran: &Ran| mean(&ran.stays().collect::<Vec<_>>());
    let (you, fifo, srpt) = (
        score(&yours),
        score(&lab.open("fifo", &jobs)),
        score(&lab.open("srpt", &jobs)),
    );
    let mut table = Grid::new(&["mean time in system"]);
    for (name, score) in [("you", you), ("fifo", fifo), ("srpt", srpt)] {
        println!("  {name:5} {score:8.3} ms");
        table.row(name, [format!("{score:.3} ms")]);
    }
    println!("  {}", praise(you, fifo, srpt));
    let left = lab.take();
    println!("  seed {seed}, schedule_hash {:016x}", left.hash);
    files.text(&table.csv(), &table.json(seed, Some(left.hash)))?;
    files.picture(Page {
        title: "You, FIFO and SRPT".into(),
        claim: praise(you, fifo, srpt).into(),
        command: format!("lab play --load '{load}' --seed {seed}"),
        table,
        recordings: left.recordings,
        theory: None,
    })?;
    Ok(left.broken)
}

/// The policy with a person inside; when nobody answers any more, the oldest goes.
fn person() -> impl Policy {
    let (mut zero, mut gone) = (None, false);
    oracle(move |ready: &[Runnable], now| {
        let since = now.saturating_duration_since(*zero.get_or_insert(now));
        if gone || ready.len() < 2 {
            return 0;
        }
        println!("at {}:", in_ms(since));
        let mut rows: Vec<_> = ready.iter().map(|task| row(task, now)).collect();
        rows.sort_unstable();
        rows.iter().for_each(|(_, row)| println!("{row}"));
        ask(ready).unwrap_or_else(|| {
            gone = true;
            0
        })
    })
}

/// A job that is ready: its number, and what one must know.
fn row(task: &Runnable, now: Instant) -> (u32, String) {
    let left = match task.size() {
        Size::Of(size) => Duration::from_nanos(size).saturating_sub(task.used()),
        Size::Unknown => Duration::ZERO,
    };
    let waited = now.saturating_duration_since(task.ready_at());
    let bar = "#".repeat(left.as_millis() as usize + 1);
    let (left, waited, number) = (in_ms(left), in_ms(waited), number(task));
    let row = format!("  {number:3}  {left:>9} left, ready for {waited:>9}  {bar}");
    (number, row)
}

fn number(task: &Runnable) -> u32 {
    let name = task.name().unwrap_or_default();
    let number = name
        .strip_prefix("job ")
        .and_then(|number| number.parse().ok());
    number.unwrap_or(0)
}

fn in_ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// Reads the number of a job until it is one of them. `None` when nobody answers.
fn ask(ready: &[Runnable]) -> Option<usize> {
    loop {
        print!("who? ");
        // A terminal that is gone cannot be told so.
        drop(stdout().flush());
        let mut line = String::new();
        if stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
            println!("(the oldest, from here on)");
            return None;
        }
        let answer = line.trim();
        if answer.is_empty() {
            return Some(0);
        }
        let named = |task: &Runnable| number(task).to_string() == answer;
        match ready.iter().position(named) {
            Some(at) => return Some(at),
            None => println!("  no job {answer:?} is ready"),
        }
    }
}

fn praise(you: f64, fifo: f64, srpt: f64) -> &'static str {
    if you < srpt * 0.999_999 {
        "Better than SRPT: possible where polls cannot be interrupted, and rare."
    } else if you <= srpt * 1.000_001 {
        "That is SRPT's score, and hardly anybody can do better."
    } else if you <= fifo {
        "Better than FIFO. What would SRPT have done where you differ?"
    } else {
        "FIFO would have been kinder. Hint: who is nearly done?"
    }
}
