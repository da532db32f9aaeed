//! `lab play`: you choose who runs next, and are scored against SRPT.
//!
//! Laws: the choices come from standard input, one number a line; at its end the
//! oldest goes first. The policy is `oracle` with a person inside.
//!
//! Read next: `load.rs`.

use crate::bench::Setup;
use crate::files::{Files, Page};
use crate::lab::{Lab, Ran};
use crate::load::Load;
use crate::stats::mean;
use crate::table::Grid;
use downbeat::policy::{Runnable, Size, oracle};
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Instant;

/// Plays a load of few jobs.
pub(crate) fn play(load: &str, seed: u64, files: &Files) -> Result<Vec<String>, String> {
    let jobs = Load::parse(load)?.jobs(seed);
    let lab = Lab::new(seed, false, files.want_pictures());
    println!(
        "{} jobs of {load}. You are the scheduler: type the number of who runs next",
        jobs.len()
    );
    println!("(nothing: the oldest). The mean time in system counts.\n");
    let policy = oracle(|ready: &[Runnable], now| choose(ready, now));
    let setup = Setup::new(Box::new(policy)).starves();
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

/// Shows who is ready and reads a number.
fn choose(ready: &[Runnable], now: Instant) -> usize {
    if ready.len() < 2 {
        return 0;
    }
    for (number, task) in ready.iter().enumerate() {
        let waited = now.saturating_duration_since(task.ready_at());
        let left = match task.size() {
            Size::Of(size) => size.saturating_sub(task.used().as_nanos() as u64),
            Size::Unknown => 0,
        };
        println!(
            "  {number}: job {:4} {:7.3} ms left, ready for {waited:.1?}",
            task.id(),
            left as f64 / 1e6
        );
    }
    print!("who? ");
    // A terminal that is gone cannot be told so.
    drop(stdout().flush());
    let mut line = String::new();
    match stdin().lock().read_line(&mut line) {
        Ok(_) => line.trim().parse().unwrap_or(0),
        Err(_) => 0,
    }
}

fn praise(you: f64, fifo: f64, srpt: f64) -> &'static str {
    if you <= srpt * 1.000_001 {
        "Nobody can do better: that is SRPT's score."
    } else if you <= fifo {
        "Better than FIFO. What would SRPT have done where you differ?"
    } else {
        "FIFO would have been kinder. Hint: who is nearly done?"
    }
}
