//! E18: the plain truth about a hundred URLs.

use super::{Experiment, MS, US, all_done};
use crate::bench::Setup;
use crate::chance::Chance;
use crate::lab::Lab;
use crate::stats::mean;
use crate::table::Row;
use downbeat::SpawnOptions;
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep, work};
use downbeat::yield_now;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// 100 fetches at once; each is a few waits for the network, with tens of
/// microseconds of work after each (framing, headers). The load r of the processor is
/// a percent or two; what a queue adds to a wait is about r/(1 - r) half polls, so no
/// order can change more than that. With 20 ms of parsing per body the processor is
/// the bottleneck, and shortest first against FIFO changes the mean by as much as in
/// any other queue.
pub(crate) const IT: Experiment = Experiment {
    number: "e18",
    name: "fetch",
    claim: "For the plain fetch of 100 URLs the order of the run queue does not matter, and this is by how much it does not.",
    formula: "queueing per wake is about r/(1 - r) s/2, and an order matters only where two wait at once, a chance of about r^2",
    source: "Pollaczek-Khinchine as an estimate; exact bound: a task waits for work, and there is only so much",
    moral: "It matters with work per body, and at the gate: lab run gate",
    run,
};

const URLS: usize = 100;
/// Waits for the network per fetch: connect, first byte, and body in pieces.
const WAITS: usize = 8;
/// Work after each.
const WORK: u64 = 15 * US;

/// How long fetches took, in milliseconds, and the load.
struct Fetches {
    each: Vec<f64>,
    choices: f64,
    load: f64,
}

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = plain(lab);
    let (fifo, srpt) = (fetches(lab, "fifo", 20 * MS), fetches(lab, "srpt", 20 * MS));
    let what = |what: &str| format!("20 ms of parsing, {what}");
    rows.extend([
        Row::shown(what("fifo: load"), "%", fifo.load * 100.0),
        Row::shown(what("fifo: picks with a choice"), "", fifo.choices),
        Row::shown(what("fifo: mean fetch"), "ms", fifo.mean()),
        Row::at_most(what("srpt: mean fetch"), "ms", fifo.mean(), srpt.mean()),
    ]);
    rows
}

/// Nothing but fetching.
fn plain(lab: &Lab) -> Vec<Row> {
    let plain = fetches(lab, "fifo", 0);
    let load = plain.load;
    let predicted = load / (1.0 - load) * WORK as f64 / 2.0 * WAITS as f64 / 1e3;
    let picks = format!(
        "plain, fifo: picks with a choice, of {}",
        URLS * (WAITS + 1)
    );
    let mut rows = vec![
        Row::shown("plain, fifo: mean fetch", "ms", plain.mean()),
        Row::shown("plain, fifo: load of the processor", "%", load * 100.0),
        Row::shown(
            "plain: predicted effect of the order per fetch",
            "us",
            predicted,
        ),
        // All begin at once: those picks are not counted.
        Row::shown(picks, "", plain.choices - (URLS - 1) as f64),
    ];
    // Nobody can wait for more than all the work of the others.
    let all_work = (URLS * WAITS) as f64 * WORK as f64 / 1e3;
    for policy in ["lifo", "random", "srpt", "fair"] {
        let other = fetches(lab, policy, 0);
        let pairs = other.each.iter().zip(&plain.each);
        let changed = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let what = format!("plain, {policy}: largest change of any one fetch");
        rows.push(Row::at_most(what, "us", all_work, changed * 1e3));
    }
    rows
}

/// 100 fetches; the body of each takes work of this mean, in polls of a millisecond.
fn fetches(lab: &Lab, policy: &str, parsing: u64) -> Fetches {
    let ends = Rc::new(RefCell::new(vec![0.0; URLS]));
    let write = Rc::clone(&ends);
    let mut chance = Chance::new(lab.seed);
    let program = async move {
        let mut tasks = Vec::new();
        for number in 0..URLS {
            let waits: Vec<u64> = (0..WAITS)
                .map(|_| chance.exponential(60.0 * MS as f64) as u64)
                .collect();
            // Most pages are small: the body's work is as uneven as sizes are.
            let scale = if chance.happens(0.9) { 0.2 } else { 8.2 };
            let body = chance.exponential(parsing as f64 * scale) as u64;
            let (size, write) = (body + WAITS as u64 * WORK, Rc::clone(&write));
            let fetch = one_fetch(waits, body, number, write);
            tasks.push(spawn_with(fetch, SpawnOptions::new().size(size)));
        }
        all_done(tasks).await;
    };
    let setup = Setup::new(lab.policy(policy)).starves();
    let (_, facts) = lab.run(policy, setup, program);
    Fetches {
        each: ends.take(),
        choices: facts.choices as f64,
        load: facts.busy.as_secs_f64() / facts.wall.as_secs_f64(),
    }
}

impl Fetches {
    fn mean(&self) -> f64 {
        mean(&self.each)
    }
}

/// Waits and works, then takes the body apart, a millisecond at a time.
async fn one_fetch(waits: Vec<u64>, body: u64, number: usize, write: Rc<RefCell<Vec<f64>>>) {
    let zero = now();
    for wait in waits {
        sleep(Duration::from_nanos(wait)).await;
        work(Duration::from_nanos(WORK));
    }
    let mut left = body;
    while left > 0 {
        let step = left.min(MS);
        yield_now().await;
        work(Duration::from_nanos(step));
        left -= step;
    }
    write.borrow_mut()[number] = crate::lab::ms(crate::job::since(zero));
}
