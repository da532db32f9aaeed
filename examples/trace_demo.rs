//! A convoy under two policies, as a picture.
//!
//! One hog computes in steps of 10 ms, many small tasks in steps of 0.1 ms; each
//! small task waits once for a timer and hands its result to a collector. All of it
//! is in virtual time, so every run gives the same file:
//!
//! `cargo run --release --example trace_demo -- --html convoy.html --json convoy.json`
//!
//! `--tasks 10000 --steps 6` makes a large one, of some 200,000 events.

#[path = "pictures/mod.rs"]
mod pictures;

use clap::Parser;
use downbeat::policy::{Fifo, Lifo, Policy};
use downbeat::runtime::Pacing;
use downbeat::sync::channel;
use downbeat::testing::{Recorder, Recording, What};
use downbeat::time::{sleep, work};
use downbeat::{Runtime, SpawnOptions, spawn_with, yield_now};
use pictures::{Curve, Latency, Run, Summary};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Runs a convoy under FIFO and LIFO and draws it.
#[derive(Parser)]
struct Arguments {
    /// How many small tasks.
    #[arg(long, default_value_t = 99)]
    tasks: u32,
    /// How many steps of 0.1 ms each of them makes before its timer.
    #[arg(long, default_value_t = 5)]
    steps: u32,
    /// Only FIFO: one run on the page instead of two.
    #[arg(long)]
    single: bool,
    /// Where the page goes.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Where the trace for Perfetto goes.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const HOG_STEP: Duration = Duration::from_millis(10);
const HOG_STEPS: u32 = 4;
const SMALL_STEP: Duration = Duration::from_micros(100);
const TIMER: Duration = Duration::from_millis(3);
const COLLECT: Duration = Duration::from_micros(20);

/// What a run came to.
struct Outcome {
    name: &'static str,
    recording: Recording,
    took: Duration,
    waited: Duration,
    polls: u64,
    hash: String,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut outcomes = vec![convoy("fifo", Fifo::new(), &arguments)?];
    if !arguments.single {
        outcomes.push(convoy("lifo", Lifo::new(), &arguments)?);
    }
    let summary = summary(&arguments, &outcomes);
    print(&summary);
    let cycle = (HOG_STEP + SMALL_STEP * arguments.tasks.saturating_sub(1)).as_secs_f64();
    let runs: Vec<Run> = outcomes
        .into_iter()
        .map(|outcome| {
            let mut run = Run::new(outcome.name, outcome.recording);
            if outcome.name == "fifo" {
                run.theory.push(Curve {
                    label: "one round of FIFO".into(),
                    of: Latency::Ready,
                    points: vec![(cycle, 1.0), (cycle, 1e-9)],
                });
            }
            run
        })
        .collect();
    for path in [&arguments.html, &arguments.json].into_iter().flatten() {
        pictures::write(path, &runs, &summary)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// The workload, under one policy.
fn convoy<P: Policy + 'static>(
    name: &'static str,
    policy: P,
    arguments: &Arguments,
) -> io::Result<Outcome> {
    let (recorder, recording) = Recorder::new();
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .pacing(Pacing::Every(1)) // Timers are looked at after every poll.
        .policy(policy)
        .observer(recorder)
        .build()?;
    runtime.block_on(workload(arguments.tasks, arguments.steps));
    let stats = runtime.stats();
    Ok(Outcome {
        name,
        recording: recording.take(),
        took: stats.running,
        waited: stats.waited,
        polls: stats.polls,
        hash: runtime.schedule_hash().to_string(),
    })
}

/// One hog, `tasks` small tasks of `steps` steps, and a collector of their numbers.
async fn workload(tasks: u32, steps: u32) {
    let (sender, receiver) = channel(tasks.max(1) as usize);
    let hog = spawn_with(steps_of(HOG_STEP, HOG_STEPS), named("hog"));
    let collector = async move {
        let mut sum = 0;
        while let Some(value) = receiver.recv().await {
            work(COLLECT);
            sum += value;
        }
        sum
    };
    let collector = spawn_with(collector, named("collector"));
    let small = (1..=tasks).map(|number| {
        let sender = sender.clone();
        let small = async move {
            steps_of(SMALL_STEP, steps).await;
            sleep(TIMER).await;
            work(SMALL_STEP);
            // The collector hears of it; it has gone only if the run is over.
            let _ = sender.send(u64::from(number)).await;
        };
        spawn_with(small, named(format!("small-{number:02}")))
    });
    let small: Vec<_> = small.collect();
    drop(sender);
    for task in small {
        task.await.expect("a small task ends");
    }
    let sum = collector.await.expect("the collector ends");
    assert_eq!(sum, u64::from(tasks) * (u64::from(tasks) + 1) / 2);
    hog.await.expect("the hog ends");
}

async fn steps_of(step: Duration, steps: u32) {
    for _ in 0..steps {
        work(step);
        yield_now().await;
    }
}

fn named(name: impl Into<std::borrow::Cow<'static, str>>) -> SpawnOptions {
    SpawnOptions::new().name(name)
}

/// The numbers, for the terminal and for the page.
fn summary(arguments: &Arguments, outcomes: &[Outcome]) -> Summary {
    let mut summary = Summary::new("The convoy: one hog, many small tasks");
    summary.claim = "A loop cannot interrupt a poll. Under FIFO every small step waits behind \
         a step of the hog; LIFO lets the small ones pass, and the hog pays."
        .into();
    summary.command = command(arguments);
    summary.columns = outcomes.iter().map(|o| o.name.to_owned()).collect();
    let each = |value: &dyn Fn(&Outcome) -> String| -> Vec<String> {
        outcomes.iter().map(value).collect()
    };
    summary.row("whole run", each(&|o| format!("{:?}", o.took)));
    summary.row("the loop waited", each(&|o| format!("{:?}", o.waited)));
    summary.row("polls", each(&|o| o.polls.to_string()));
    summary.row("hog done at", each(&|o| shown(done_at(o, "hog"))));
    summary.row(
        "half of the small tasks done at",
        each(&|o| shown(half_done(o))),
    );
    summary.row("schedule", each(&|o| o.hash.clone()));
    summary
}

fn print(summary: &Summary) {
    println!("{}\n{}\n", summary.title, summary.claim);
    let line = |label: &str, values: &[String]| {
        let values: String = values.iter().map(|value| format!("{value:>20}")).collect();
        println!("{label:32}{values}");
    };
    line("", &summary.columns);
    for (label, values) in &summary.rows {
        line(label, values);
    }
}

/// The ends of tasks, in order.
fn ends(outcome: &Outcome) -> impl Iterator<Item = (u32, Duration)> {
    outcome
        .recording
        .events
        .iter()
        .filter_map(|event| match event.what {
            What::Polled {
                task,
                end: downbeat::policy::End::Done,
            } => Some((task, Duration::from_nanos(event.at))),
            _ => None,
        })
}

/// When the task of this name was done.
fn done_at(outcome: &Outcome, name: &str) -> Option<Duration> {
    let named = |task: u32| outcome.recording.tasks[task as usize].name.as_deref() == Some(name);
    ends(outcome)
        .find(|(task, _)| named(*task))
        .map(|end| end.1)
}

fn shown(time: Option<Duration>) -> String {
    time.map_or("-".into(), |time| format!("{time:?}"))
}

/// When half of the small tasks were done.
fn half_done(outcome: &Outcome) -> Option<Duration> {
    let small = |task: u32| {
        let name = outcome.recording.tasks[task as usize].name.as_deref();
        name.is_some_and(|name| name.starts_with("small"))
    };
    let all: Vec<_> = ends(outcome).filter(|(task, _)| small(*task)).collect();
    all.get(all.len() / 2).map(|end| end.1)
}

/// The command that makes the page again.
fn command(arguments: &Arguments) -> String {
    let mut command = String::from("cargo run --release --example trace_demo --");
    command += &format!(" --tasks {} --steps {}", arguments.tasks, arguments.steps);
    if arguments.single {
        command += " --single";
    }
    command + " --html convoy.html"
}
