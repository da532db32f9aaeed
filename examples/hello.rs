//! Three tasks that wait at the same time, on one thread.
//!
//! Run it with `--explain` to see every turn of the loop in words: what was
//! collected, who ran, how long the loop waited, what fired.
//!
//! Read next: `src/runtime/turn.rs`, which is what `--explain` tells.
#![forbid(unsafe_code)]

use downbeat::policy::{Cause, End};
use downbeat::runtime::{Observer, stats};
use downbeat::task::Sched;
use downbeat::time::{now, sleep};
use downbeat::{Runtime, gather, spawn};
use std::time::{Duration, Instant};

async fn greet(name: &str, millis: u64) -> u64 {
    println!("{name}: I wait {millis} ms, others may run");
    sleep(Duration::from_millis(millis)).await;
    println!("{name}: done");
    millis
}

async fn hello() {
    let began = now();
    let first = spawn(greet("Ada", 30));
    let others = gather([greet("Grace", 20), greet("Edsger", 10)]).await;
    let mut waited = first.await.unwrap_or(0);
    waited += others.into_iter().flatten().sum::<u64>();
    let took = now().duration_since(began).as_millis();
    println!("{waited} ms of waiting took {took} ms: the waits overlap");
}

fn main() -> std::io::Result<()> {
    let explain = std::env::args().any(|arg| arg == "--explain");
    let mut builder = Runtime::builder();
    if explain {
        builder = builder.observer(Explain::new());
    }
    builder.build()?.block_on(hello());
    Ok(())
}

/// Tells what the loop does.
struct Explain {
    /// When it began.
    began: Instant,
    /// Turn and phase of the last line.
    last: (u64, Phase),
}

/// The phases of a turn, in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Collect,
    Run,
    Wait,
    Fire,
}

impl Explain {
    fn new() -> Self {
        Self {
            began: now(),
            last: (0, Phase::Fire),
        }
    }

    /// Prints a line, with the turn and the phase where they are new.
    fn tell(&mut self, phase: Phase, at: Instant, text: &str) {
        // The loop counts a turn when its polls are over.
        let over = stats().turns;
        let turn = if matches!(phase, Phase::Collect | Phase::Run) {
            over + 1
        } else {
            over
        };
        if self.last.0 != turn {
            println!("-- turn {turn}");
        }
        let name = match phase {
            _ if self.last == (turn, phase) => "",
            Phase::Collect => "collect",
            Phase::Run => "run",
            Phase::Wait => "wait",
            Phase::Fire => "fire",
        };
        self.last = (turn, phase);
        let at = at.saturating_duration_since(self.began).as_secs_f64() * 1e3;
        println!("   {at:7.2} ms  {name:<8} {text}");
    }
}

/// What a task is called here.
fn name(task: &Sched) -> String {
    match task.name() {
        Some(name) => format!("{name:?}"),
        None => format!("task {} (line {})", task.id(), task.site().line()),
    }
}

impl Observer for Explain {
    fn loop_started(&mut self, _: Instant) {
        println!("-- the loop starts");
    }

    fn task_runnable(&mut self, task: &Sched, cause: Cause, at: Instant) {
        let (phase, why) = match cause {
            Cause::Spawn(None) => (Phase::Collect, "is new".into()),
            Cause::Spawn(Some(by)) => (Phase::Run, format!("is new, spawned by task {by}")),
            Cause::Task(by) => (Phase::Run, format!("can go on: task {by} woke it")),
            Cause::Yield => (Phase::Run, "wants to go on at once".into()),
            Cause::Io => (Phase::Fire, "can go on: its socket is ready".into()),
            Cause::Timer => (Phase::Fire, "can go on: its timer is due".into()),
            Cause::Thread => (Phase::Collect, "can go on: another thread woke it".into()),
            other => (Phase::Collect, format!("can go on: {other:?}")),
        };
        self.tell(phase, at, &format!("{} {why}", name(task)));
    }

    fn poll_started(&mut self, task: &Sched, at: Instant) {
        self.tell(Phase::Run, at, &format!("{} is polled", name(task)));
    }

    fn poll_ended(&mut self, task: &Sched, took: Duration, end: End, at: Instant) {
        let what = match end {
            End::Done => "is done",
            End::Yield => "yields",
            _ => "waits",
        };
        let text = format!("{} {what}, after {} us", name(task), took.as_micros());
        self.tell(Phase::Run, at, &text);
    }

    fn before_wait(&mut self, until: Option<Instant>, at: Instant) {
        let text = match until {
            Some(until) => {
                let left = until.saturating_duration_since(at).as_secs_f64() * 1e3;
                format!("nothing can run: asks the system to sleep for {left:.2} ms at most")
            }
            None => "nothing can run: sleeps until a socket or a thread wakes it".into(),
        };
        self.tell(Phase::Wait, at, &text);
    }

    fn after_wait(&mut self, at: Instant) {
        self.tell(Phase::Wait, at, "awake");
    }

    fn loop_ended(&mut self, _: Instant) {
        println!("-- the loop ends: its first future is done");
    }
}
