//! E14: the LIFO slot.

use super::{Experiment, MS, US};
use crate::bench::{Setup, Time};
use crate::job::busy;
use crate::lab::Lab;
use crate::row::Row;
use downbeat::runtime::{Pacing, spawn_with};
use downbeat::sync::Notify;
use downbeat::time::{now, work};
use downbeat::{SpawnOptions, spawn};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The experiment.
pub(crate) const IT: Experiment = Experiment {
    number: "e14",
    name: "slot",
    claim: "A slot for the task just woken makes a message hop in one poll instead of a round; without a cap it starves the rest.",
    formula: "hop: (N + 1) s without a slot, s + s/cap with it, s without a cap; the others' share: N/(N + 1), 1/(cap + 1), 0",
    source: "Go's runnext; tokio's cap of 3; elementary",
    moral: "Every shortcut needs a cap. Next: lab run skip",
    run,
};

/// Busy tasks beside the pair, and everybody's poll.
const BUSY: u64 = 100;
const POLL: u64 = 10 * US;
/// Long enough for the watchdog to see who starves.
const SPAN: u64 = 2500 * MS;

/// The mean hop in microseconds, the busy tasks' share, tasks reported as passed over.
struct Hops {
    mean: f64,
    share: f64,
    reports: usize,
}

fn run(lab: &Lab) -> Vec<Row> {
    let s = POLL as f64 / 1e3;
    let n = BUSY as f64;
    let mut rows = Vec::new();
    for (policy, hop, share) in [
        ("fifo", (n + 1.0) * s, n / (n + 1.0)),
        ("slot(0) > fifo", (n + 1.0) * s, n / (n + 1.0)),
        ("slot(3) > fifo", s + s / 3.0, 0.25),
        ("slot(4294967295) > fifo", s, 0.0),
    ] {
        let found = hops(lab, policy, SPAN, Time::Virtual);
        let real = lab.real.then(|| hops(lab, policy, 100 * MS, Time::Real));
        let what = |what: &str| format!("{policy}: {what}");
        rows.push(
            Row::within(what("mean hop"), "us", hop, found.mean, 1e-9)
                .real(real.as_ref().map(|hops| hops.mean)),
        );
        // Up to a round at the beginning and at the end: N polls of 250,000.
        rows.push(
            Row::within(what("share of the others"), "", share, found.share, 0.001)
                .real(real.map(|hops| hops.share)),
        );
        if share == 0.0 {
            rows.push(Row::at_least(
                what("tasks reported as passed over"),
                "",
                1.0,
                found.reports as f64,
            ));
        }
    }
    rows
}

/// Two tasks that wake each other among busy ones.
fn hops(lab: &Lab, policy: &str, span: u64, time: Time) -> Hops {
    let starts = Rc::<RefCell<Vec<Instant>>>::default();
    let others = Rc::new(Cell::new(0_u64));
    let program = players(span, Rc::clone(&starts), Rc::clone(&others));
    let setup = Setup::new(lab.policy(policy))
        .time(time)
        .pacing(Pacing::Every(61))
        .starves();
    let (_, facts) = lab.run(policy, setup, program);
    let starts = starts.take();
    // The beginning is not typical; whole rounds of cap 3 follow.
    let hops = starts.get(30..).unwrap_or_default();
    let whole = hops.len().saturating_sub(1) / 3 * 3;
    let total = hops
        .get(whole)
        .map_or(Duration::ZERO, |last| *last - hops[0]);
    Hops {
        mean: total.as_nanos() as f64 / 1e3 / whole as f64,
        share: others.get() as f64 / facts.busy.as_nanos().max(1) as f64,
        reports: facts.expected.len(),
    }
}

/// The pair writes when its polls begin, the busy ones how long they worked.
async fn players(span: u64, starts: Rc<RefCell<Vec<Instant>>>, others: Rc<Cell<u64>>) {
    let end = now() + Duration::from_nanos(span);
    let poll = Duration::from_nanos(POLL);
    for _ in 0..BUSY {
        let count = Rc::clone(&others);
        let each = move |began, ended: Instant| {
            count.set(count.get() + ended.duration_since(began).as_nanos() as u64);
        };
        drop(spawn_with(
            busy(poll, end, each),
            SpawnOptions::new().name("busy"),
        ));
    }
    let bells = Rc::new([Notify::new(), Notify::new()]);
    let player = |i: usize| {
        let (bells, write) = (Rc::clone(&bells), Rc::clone(&starts));
        spawn(async move {
            while now() < end {
                bells[i].notified().await;
                write.borrow_mut().push(now());
                work(poll);
                bells[1 - i].notify_one();
            }
        })
    };
    let pair = [player(0), player(1)];
    bells[0].notify_one();
    for player in pair {
        drop(player.await);
    }
}
