//! E13: SRPT, ahead at every instant.

use super::{Experiment, MS, US, mixed, poisson};
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::Row;
use std::rc::Rc;

/// The experiment.
///
/// Arrivals and sizes are multiples of the poll, so that polls are the unit in which
/// Schrage's exchange argument works, and the claim is exact on every run. On the machine
/// no two runs have the same sizes, so the claim is nearly true there, and shown.
pub(crate) const IT: Experiment = Experiment {
    number: "e13",
    name: "srpt",
    claim: "Shortest remaining time first has at no instant finished fewer jobs than any other order.",
    formula: "the k-th completion under srpt is never later than the k-th under any order, for all k, on every run",
    source: "Schrage 1968",
    moral: "If you know the sizes. Next: lab play, where you are the scheduler",
    run,
};

const POLL: u64 = 100 * US;
const LOADS: u64 = 50;
const JOBS: usize = 150;
const OTHERS: &[&str] = &[
    "fifo", "lifo", "random", "priority", "las", "edf", "fair", "mlfq", "pct", "boost", "lottery",
    "slack",
];

fn run(lab: &Lab) -> Vec<Row> {
    let (mut later, mut earlier, mut compared) = (0.0, 0.0, 0.0);
    for number in 0..LOADS {
        let jobs = load(lab.seed ^ (number << 32));
        let best = ends(lab, "srpt", &jobs);
        let guests = lab.guests.iter().map(String::as_str);
        for policy in OTHERS.iter().copied().chain(guests) {
            for (srpt, other) in best.iter().zip(ends(lab, policy, &jobs)) {
                later += f64::from(u8::from(*srpt > other));
                earlier += f64::from(u8::from(*srpt < other));
                compared += 1.0;
            }
        }
    }
    vec![
        Row::exact("completions later than under another order", "", 0.0, later),
        Row::shown("completions earlier", "", earlier),
        Row::shown("completions compared", "", compared),
        on_both_clocks(lab),
    ]
}

/// One load under srpt and fifo.
fn on_both_clocks(lab: &Lab) -> Row {
    let jobs = load(lab.seed);
    let [srpt, fifo] = ["srpt", "fifo"].map(|policy| lab.pair(policy, &jobs));
    let later = |srpt: &Ran, fifo: &Ran| {
        let ends = sorted(srpt).into_iter().zip(sorted(fifo));
        ends.filter(|(srpt, fifo)| srpt > fifo).count() as f64
    };
    let real = srpt.real.as_ref().zip(fifo.real.as_ref());
    let what = format!("{JOBS} jobs: completions later than under fifo");
    Row::exact(what, "", 0.0, later(&srpt.planned, &fifo.planned))
        .real(real.map(|(srpt, fifo)| later(srpt, fifo)))
}

fn load(seed: u64) -> Rc<[Job]> {
    poisson(seed, JOBS, MS as f64 / 0.9, |chance, at| {
        let whole = |nanos: u64| nanos / POLL * POLL;
        let mut job = Job::new(whole(at), whole(mixed(chance)) + POLL).cut(POLL);
        let class = chance.below(4) as u32;
        (job.priority, job.weight) = (class, 1 + class);
        job.deadline = Some(chance.below(1000 * MS));
        job
    })
}

/// All ends, in order.
fn ends(lab: &Lab, policy: &str, jobs: &Rc<[Job]>) -> Vec<u64> {
    sorted(&lab.open_guest(policy, jobs))
}

fn sorted(ran: &Ran) -> Vec<u64> {
    let mut ends: Vec<u64> = ran.outs.iter().map(|out| out.end).collect();
    ends.sort_unstable();
    ends
}
