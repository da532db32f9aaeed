//! E8: pacing: how often to look at I/O.

use super::{Experiment, US, poisson};
use crate::bench::{Setup, Time};
use crate::chance::Chance;
use crate::job::{Job, Out, busy, since};
use crate::lab::Lab;
use crate::row::{Certain, Row};
use crate::stats::{Estimate, batch_means, independent, mean};
use downbeat::runtime::{Pacing, current_task, spawn_with};
use downbeat::time::{now, sleep_until, work};
use downbeat::{SpawnOptions, spawn, yield_now};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The experiment.
///
/// (a) A turn of k polls of s and a look of c is a cycle of k s + c in which an event
/// falls anywhere: its delay is uniform.
/// (b) All work comes from I/O, FIFO, `Batch`: a turn takes what is there, looks (c),
/// and serves it. With C the length of a turn, a wait is the rest of the turn one
/// comes in, then c, then the work that came earlier in that turn: W = (1 + r)
/// E[C^2] / (2 E[C]) + c, with E[C] = c/(1 - r) and var C = l E[C] E[S^2] / (1 - r^2).
/// That is P-K + c (1 + r) / (2 (1 - r)) + c.
///
/// On the machine a look costs `LOOK` and what the system takes, so (a) is late by that; no
/// event waits for more than k polls on any machine. (b) is about a microsecond in
/// thirty, less than the noise there.
pub(crate) const IT: Experiment = Experiment {
    number: "e8",
    name: "pacing",
    claim: "Looking at I/O after every k polls bounds how late an urgent event is seen; FIFO alone gains nothing from looking more often.",
    formula: "delay uniform on (0, k s + c), cost c/(k s + c); batches: W = P-K + c (1 + r)/(2 (1 - r)) + c",
    source: "elementary; gated vacations: Takagi 1991, derived in this file",
    moral: "Order, pacing and budget are three knobs. Next: lab run budget",
    run,
};

/// A poll of the hog, and a look at the system.
const POLL: u64 = 10 * US;
const LOOK: u64 = US;
const EVENTS: u64 = 600;
/// On the machine: half a second of the longest turns.
const REAL_EVENTS: u64 = 10;

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    for every in [1, 8, 61, 512] {
        let cycle = u64::from(every) * POLL + LOOK;
        let seen = detect(lab, every, EVENTS, Time::Virtual);
        let real = lab
            .real
            .then(|| detect(lab, every, REAL_EVENTS, Time::Real));
        let delays = |seen: &[Seen]| seen.iter().map(|seen| seen.delay).collect::<Vec<_>>();
        let polls = |seen: &[Seen]| seen.iter().map(|seen| seen.polls).fold(0.0, f64::max);
        let worst = delays(&seen).into_iter().fold(0.0, f64::max);
        let (cycle_us, k) = (cycle as f64 / 1e3, f64::from(every));
        let what = |what: &str| format!("look every {every} polls: {what}");
        let real_mean = real.as_ref().map(|seen| mean(&delays(seen)));
        let found = independent(&delays(&seen));
        rows.push(Row::near(what("mean delay"), "us", cycle_us / 2.0, found).real(real_mean));
        let most = what("most polls before it is seen");
        let real_most = real.as_deref().map(polls);
        rows.push(Row::at_most(most, "", k, polls(&seen)).certain(real_most, Certain::AtMost, k));
        rows.push(Row::at_most(what("longest delay"), "us", cycle_us, worst));
        let theory = LOOK as f64 / cycle as f64;
        rows.push(Row::within(
            what("cost"),
            "",
            theory,
            cost(lab, every),
            1e-9,
        ));
    }
    rows.extend(batches(lab));
    rows
}

/// An urgent event, as it was seen.
struct Seen {
    /// How late, in microseconds.
    delay: f64,
    /// After how many polls of the hog that began meanwhile.
    polls: f64,
}

/// When polls of the hog began: as many as may matter.
type Begun = Rc<RefCell<VecDeque<Instant>>>;

/// A hog that is always ready, and rare urgent events.
fn detect(lab: &Lab, every: u32, count: u64, time: Time) -> Vec<Seen> {
    let setup = Setup::new(lab.policy("priority")).time(time);
    let setup = setup.toll(every, Duration::from_nanos(LOOK));
    let cycle = u64::from(every) * POLL + LOOK;
    let chance = Chance::new(lab.seed ^ u64::from(every));
    let program = async move {
        let far = now() + Duration::from_secs(1_000_000);
        let begun = Begun::default();
        let write = Rc::clone(&begun);
        let note = move |began, _| {
            let mut begun = write.borrow_mut();
            begun.push_back(began);
            if begun.len() > 4 * every as usize {
                begun.pop_front();
            }
        };
        let hog = busy(Duration::from_nanos(POLL), far, note);
        let hog = spawn_with(hog, SpawnOptions::new().name("hog"));
        let events = events(chance, cycle, count, begun);
        let urgent = spawn_with(events, SpawnOptions::new().priority(1));
        let seen = urgent.await.unwrap_or_default();
        hog.abort();
        seen
    };
    lab.run("priority", setup, program).0.unwrap_or_default()
}

/// Which part of the time goes into looking, over a hundred whole turns of the hog.
fn cost(lab: &Lab, every: u32) -> f64 {
    let setup = Setup::new(lab.policy("fifo")).toll(every, Duration::from_nanos(LOOK));
    let turns = 100;
    let program = async move {
        let zero = now();
        let hog = spawn(async move {
            for poll in 0..turns * every {
                if poll > 0 {
                    yield_now().await;
                }
                work(Duration::from_nanos(POLL));
            }
        });
        drop(hog.await);
        since(zero)
    };
    let wall = lab.run("fifo", setup, program).0.unwrap_or(0);
    let used = u64::from(turns * every) * POLL;
    wall.saturating_sub(used) as f64 / wall as f64
}

/// Events at instants that know nothing of turns: 10 to 12 cycles apart.
async fn events(mut chance: Chance, cycle: u64, count: u64, begun: Begun) -> Vec<Seen> {
    let mut events = Vec::new();
    for _ in 0..count {
        let due = now() + Duration::from_nanos(10 * cycle + chance.below(2 * cycle));
        sleep_until(due).await;
        // The card says when the loop saw that the timer was due.
        let seen = current_task(|task| task.ready_at()).unwrap_or(due);
        let meanwhile = |began: &&Instant| (due..=seen).contains(*began);
        events.push(Seen {
            delay: seen.saturating_duration_since(due).as_nanos() as f64 / 1e3,
            polls: begun.borrow().iter().filter(meanwhile).count() as f64,
        });
    }
    events
}

const LOAD: f64 = 0.7;
const JOBS: usize = 150_000;

/// FIFO, where all work comes from I/O.
fn batches(lab: &Lab) -> Vec<Row> {
    let mean = POLL as f64;
    let jobs = poisson(lab.seed, JOBS, mean / LOAD, |chance, at| {
        Job::new(at, chance.exponential(mean) as u64 + 1)
    });
    let (s, c) = (mean / 1e3, LOOK as f64 / 1e3);
    // Exponential sizes: l E[S^2] / (2 (1 - r)) = r s / (1 - r).
    let gated = LOAD * s / (1.0 - LOAD) + c * (1.0 + LOAD) / (2.0 * (1.0 - LOAD)) + c;
    let setup = Setup::new(lab.policy("fifo")).pacing(Pacing::Batch);
    let (outs, _) = lab.run("fifo, batches", setup, with_looks(Rc::clone(&jobs)));
    let mut rows = vec![Row::near(
        "batches: mean wait",
        "us",
        gated,
        waits(&jobs, &outs),
    )];
    let mut last: f64 = 0.0;
    for every in [16, 4, 1] {
        let look = Duration::from_nanos(LOOK);
        let setup = Setup::new(lab.policy("fifo")).toll(every, look);
        let (outs, _) = lab.run("fifo", setup, asleep(Rc::clone(&jobs)));
        let wait = waits(&jobs, &outs).mean;
        let what = format!("fifo, look every {every}: mean wait");
        rows.push(Row::at_least(what, "us", last, wait));
        last = wait;
    }
    rows
}

/// The jobs, and a task that is in every batch and stands for the look.
async fn with_looks(jobs: Rc<[Job]>) -> Vec<Out> {
    let far = now() + Duration::from_secs(1_000_000);
    let first = now() + SETTLE;
    let looks = async move {
        sleep_until(first).await;
        busy(Duration::from_nanos(LOOK), far, |_, _| {}).await;
    };
    let looks = spawn_with(looks, SpawnOptions::new().name("look"));
    let outs = asleep(jobs).await;
    looks.abort();
    outs
}

/// Until then the first polls of all jobs, which only go to sleep, are over and paid.
const SETTLE: Duration = Duration::from_secs(1);

/// All jobs are there from the beginning and sleep until they arrive, so that each is
/// woken by its own timer and is in the next batch. (The task of `job::open` would
/// need a turn of its own to spawn them.)
async fn asleep(jobs: Rc<[Job]>) -> Vec<Out> {
    let zero = now() + SETTLE;
    let mut tasks = Vec::new();
    for job in jobs.iter() {
        let (at, size) = (zero + Duration::from_nanos(job.at), job.size);
        tasks.push(spawn(async move {
            sleep_until(at).await;
            let start = since(zero);
            work(Duration::from_nanos(size));
            Out {
                start,
                end: since(zero),
                ..Out::default()
            }
        }));
    }
    let mut outs = Vec::new();
    for task in tasks {
        outs.push(task.await.unwrap_or_default());
    }
    outs
}

/// The mean wait, in microseconds.
fn waits(jobs: &[Job], outs: &Option<Vec<Out>>) -> Estimate {
    let outs = outs.as_deref().unwrap_or_default();
    let pairs = jobs.iter().zip(outs);
    batch_means(pairs.map(|(job, out)| (out.start - job.at) as f64 / 1e3))
}
