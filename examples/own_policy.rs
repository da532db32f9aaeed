//! A scheduling policy written from nothing, beside FIFO, on the same program.
//!
//! ```sh
//! cargo run --example own_policy
//! cargo run --example own_policy -- own.html     # and a picture of both runs
//! ```
//!
//! Four tasks crunch numbers in pieces of 5 ms and yield between them; ten tasks
//! answer requests that arrive over time and take 1 ms each. Under FIFO an answer
//! waits for every cruncher in the queue. The policy below lets those who waited for
//! something go before those who only yielded.
//!
//! The clock is virtual: the figures are exact, and the same on every machine.
//!
//! To try a policy of yours: put it here, and name it in `own`.

#[path = "pictures/mod.rs"]
mod pictures;

use downbeat::policy::{Cause, Fifo, Policy, Runnable};
use downbeat::runtime::Pacing;
use downbeat::testing::{Recorder, Recording};
use downbeat::time::{now, sleep_until, work};
use downbeat::{Runtime, SpawnOptions, spawn_with, yield_now};
use pictures::{Run, Summary};
use std::time::{Duration, Instant};

/// Who waited goes before who yielded; among equals first in, first out.
#[derive(Default)]
struct WaitersFirst {
    waited: std::collections::VecDeque<Runnable>,
    yielded: std::collections::VecDeque<Runnable>,
}

impl Policy for WaitersFirst {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        match cause {
            Cause::Yield => self.yielded.push_back(task),
            _ => self.waited.push_back(task),
        }
    }

    fn pick_next(&mut self, _now: Instant) -> Option<Runnable> {
        self.waited.pop_front().or_else(|| self.yielded.pop_front())
    }
}

/// The policy that runs beside FIFO.
fn own() -> impl Policy + 'static {
    WaitersFirst::default()
}

const MS: Duration = Duration::from_millis(1);

/// What a run shows.
struct Figures {
    mean: Duration,
    worst: Duration,
    crunched: Duration,
    total: Duration,
}

const COLUMNS: [&str; 4] = ["answers: mean", "worst", "crunching done", "all done"];

fn main() -> std::io::Result<()> {
    let (fifo, before) = measure(Fifo::new())?;
    let name = own().name();
    let (own, after) = measure(own())?;
    let runs = [Run::new("FIFO", before), Run::new(name, after)];
    let figures = [&fifo, &own];
    println!(
        "{:14}{:>15}{:>8}{:>17}{:>11}",
        "policy", COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[3]
    );
    for (run, figures) in runs.iter().zip(figures) {
        let [mean, worst, crunched, total] = figures.cells();
        println!(
            "{:14}{mean:>15}{worst:>8}{crunched:>17}{total:>11}",
            run.name
        );
    }
    println!();
    explain(&fifo, &own, &runs[1].name);
    match std::env::args().nth(1) {
        Some(file) => draw(&file, &runs, figures),
        None => Ok(()),
    }
}

/// What the figures say.
fn explain(fifo: &Figures, own: &Figures, name: &str) {
    println!(
        "An answer takes {:.1?} under FIFO, {:.1?} under {name}; the crunching is done at {:.1?}",
        fifo.mean, own.mean, fifo.crunched,
    );
    println!(
        "and {:.1?}, all work at {:.1?} and {:.1?}: a policy moves waiting from one task to",
        own.crunched, fifo.total, own.total
    );
    println!("another and makes no work disappear. And a piece of 5 ms still delays everybody,");
    println!("for no policy can interrupt a poll: make the pieces 1 ms and run it again. Or let");
    println!("the requests come every millisecond: under which policy do the crunchers starve?");
}

/// Both runs on one page, which opens in any browser.
fn draw(file: &str, runs: &[Run], figures: [&Figures; 2]) -> std::io::Result<()> {
    let mut summary = Summary::new("A policy of our own, beside FIFO");
    summary.command = format!("cargo run --example own_policy -- {file}");
    summary.columns = COLUMNS.map(String::from).to_vec();
    for (run, figures) in runs.iter().zip(figures) {
        summary.row(run.name.clone(), figures.cells());
    }
    pictures::write(file, runs, &summary)?;
    println!("\nwrote {file}: open it in a browser, and click on a late task");
    Ok(())
}

impl Figures {
    /// One per column.
    fn cells(&self) -> [String; 4] {
        [self.mean, self.worst, self.crunched, self.total].map(|time| format!("{time:.1?}"))
    }
}

/// Runs the program under a policy.
fn measure<P: Policy + 'static>(policy: P) -> std::io::Result<(Figures, Recording)> {
    let (recorder, recording) = Recorder::new();
    let builder = Runtime::builder().virtual_clock().policy(policy);
    // Look at the timers after every poll: a poll of 5 ms is long enough.
    let builder = builder.pacing(Pacing::Every(1)).observer(recorder);
    let figures = builder.build()?.block_on(program());
    Ok((figures, recording.take()))
}

/// Ten requests among four crunchers.
async fn program() -> Figures {
    let start = now();
    let cruncher = |i| {
        let task = async {
            for _ in 0..20 {
                work(5 * MS);
                yield_now().await;
            }
        };
        spawn_with(task, SpawnOptions::new().name(format!("cruncher {i}")))
    };
    let request = |i| {
        let task = async move {
            let arrival = start + 37 * MS * i;
            sleep_until(arrival).await;
            work(MS);
            now() - arrival
        };
        spawn_with(task, SpawnOptions::new().name(format!("request {i}")))
    };
    let requests: Vec<_> = (1..=10).map(request).collect();
    let crunchers: Vec<_> = (1..=4).map(cruncher).collect();
    for cruncher in crunchers {
        cruncher.await.unwrap_or_else(|error| error.resume());
    }
    let crunched = now() - start;
    let mut times = Vec::new();
    for request in requests {
        times.push(request.await.unwrap_or_else(|error| error.resume()));
    }
    let sum: Duration = times.iter().sum();
    Figures {
        mean: sum / times.len().max(1) as u32,
        worst: times.iter().copied().max().unwrap_or_default(),
        crunched,
        total: now() - start,
    }
}
