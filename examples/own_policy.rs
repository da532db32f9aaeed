//! A scheduling policy written from nothing, beside FIFO, on the same program.
//!
//! ```sh
//! cargo run --example own_policy
//! ```
//!
//! Four tasks crunch numbers in pieces of 5 ms and yield between them; ten tasks
//! answer requests that arrive over time and take 1 ms each. Under FIFO an answer
//! waits for every cruncher in the queue. The policy below lets those who waited for
//! something go before those who only yielded.
//!
//! The clock is virtual: the figures are exact, and the same on every machine.

use downbeat::policy::{Cause, Fifo, Policy, Runnable};
use downbeat::runtime::Pacing;
use downbeat::time::{now, sleep_until, work};
use downbeat::{Runtime, gather, spawn, yield_now};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Who waited goes before who yielded; among equals first in, first out.
#[derive(Default)]
struct WaitersFirst {
    waited: VecDeque<Runnable>,
    yielded: VecDeque<Runnable>,
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

const MS: Duration = Duration::from_millis(1);

/// What a run shows.
struct Figures {
    mean: Duration,
    worst: Duration,
    crunched: Duration,
    total: Duration,
}

fn main() -> std::io::Result<()> {
    println!("policy        answers: mean  worst   crunching done   all done");
    let fifo = measure("FIFO", Fifo::new())?;
    let own = measure("WaitersFirst", WaitersFirst::default())?;
    println!();
    println!(
        "An answer takes {:.1} times less. The crunching is done at {:?}, before it was {:?}.",
        fifo.mean.as_secs_f64() / own.mean.as_secs_f64(),
        own.crunched,
        fifo.crunched,
    );
    println!(
        "All work is done at {:?} and {:?}: a policy moves waiting from one task to another,",
        fifo.total, own.total
    );
    println!("it makes no work disappear. And one piece of 5 ms still delays everybody: no");
    println!("policy can interrupt a poll. Make the pieces 1 ms, or make `waited` starve the");
    println!("crunchers (let the requests come every millisecond), and run it again.");
    Ok(())
}

/// Runs the program under a policy.
fn measure<P: Policy + 'static>(name: &str, policy: P) -> std::io::Result<Figures> {
    let builder = Runtime::builder().virtual_clock().policy(policy);
    // Look at the timers after every poll: a poll of 5 ms is long enough.
    let mut runtime = builder.pacing(Pacing::Every(1)).build()?;
    let figures = runtime.block_on(program());
    println!(
        "{name:<14}{:>14.1?} {:>6.1?} {:>16.1?} {:>10.1?}",
        figures.mean, figures.worst, figures.crunched, figures.total
    );
    Ok(figures)
}

/// Ten requests among four crunchers.
async fn program() -> Figures {
    let start = now();
    let crunchers = spawn(gather((0..4).map(|_| async {
        for _ in 0..20 {
            work(5 * MS);
            yield_now().await;
        }
    })));
    let answers = spawn(gather((1..=10).map(|i| async move {
        let arrival = start + 37 * MS * i;
        sleep_until(arrival).await;
        work(MS);
        now() - arrival
    })));
    drop(crunchers.await);
    let crunched = now() - start;
    let times: Vec<Duration> = match answers.await {
        Ok(times) => times.into_iter().flatten().collect(),
        Err(error) => error.resume(),
    };
    let sum: Duration = times.iter().sum();
    Figures {
        mean: sum / times.len().max(1) as u32,
        worst: times.iter().copied().max().unwrap_or_default(),
        crunched,
        total: now() - start,
    }
}
