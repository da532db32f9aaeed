//! E1: the conservation law, exact on every run.

use super::{Experiment, MS, mixed, poisson};
use crate::bench::Setup;
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::{Certain, Row};
use downbeat::policy::{Chaos, Fifo, Policy, Sched, Size, by};
use downbeat::runtime::Report;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// Why it holds: two jobs that run next to each other and change places move their
/// starts by each other's size, so the sum of start times size stays; and every
/// order that never idles is reached from any other by such swaps inside a busy
/// period (Dijkstra, EWD 775). On the machine sizes are what they turn out to be, so
/// each run is held against FIFO for the sizes it had: more can only be time between
/// polls, and less is impossible.
pub(crate) const IT: Experiment = Experiment {
    number: "e1",
    name: "conservation",
    claim: "No order saves waiting time in sum: what one job gains, others pay, weighted by size.",
    formula: "sum of W_i S_i and the last end are the same for every order that never idles",
    source: "Kleinrock 1965; the swap of neighbours: Dijkstra, EWD 775",
    moral: "Choosing an order means choosing who waits. Next: lab run spread",
    run,
};

/// One poll per job, so nobody is interrupted.
const POLICIES: &[&str] = &[
    "lifo",
    "random",
    "priority",
    "ageing(2ms)",
    "fair",
    "fair(polls)",
    "eevdf",
    "drr",
    "lottery",
    "edf",
    "slack",
    "sjf",
    "srpt",
    "las",
    "mlfq",
    "boost",
    "skip",
    "pct(3, 20000)",
    "slot",
    "groups(fair) > edf",
    "groups(lottery) > lifo",
    "delay(100, 20000) > sjf",
    "check > fair",
];
/// Random orders that nobody thought of.
const STRANGERS: u64 = 24;
const JOBS: usize = 5_000;
/// On the machine: about a third of a second.
const REAL_JOBS: usize = 300;

fn run(lab: &Lab) -> Vec<Row> {
    let jobs = load(lab.seed);
    let fifo = lab.open("fifo", &jobs);
    let (sum, last) = (fifo.conserved(), makespan(&fifo));
    let mut rows = vec![
        Row::shown("fifo: sum of W S", "ms^2", sum as f64 / 1e12),
        Row::shown("fifo: last end", "ms", last as f64 / 1e6),
    ];
    let mut longest: f64 = 0.0;
    for policy in POLICIES {
        let ran = lab.open(policy, &jobs);
        rows.push(difference(policy, &ran, sum));
        longest = longest.max(makespan(&ran).abs_diff(last) as f64);
    }
    for guest in &lab.guests {
        let ran = lab.open_guest(guest, &jobs);
        rows.push(difference(guest, &ran, sum));
    }
    rows.push(Row::exact(
        "all: last end minus that of fifo",
        "ns",
        0.0,
        longest,
    ));
    let mut worst: f64 = 0.0;
    for number in 0..STRANGERS {
        let setup = Setup::new(stranger(lab.seed ^ number)).starves();
        let ran = lab.open_with("a random order", setup, &jobs);
        worst = worst.max((ran.conserved() - sum).unsigned_abs() as f64);
    }
    let what = format!("{STRANGERS} random orders: sum of W S minus that of fifo");
    rows.push(Row::exact(what, "ns^2", 0.0, worst));
    rows.extend(as_measured(lab, &jobs));
    rows.extend(breakers(lab, &jobs));
    rows
}

/// The same on the machine, with sizes as measured.
fn as_measured(lab: &Lab, jobs: &Rc<[Job]>) -> Vec<Row> {
    let few: Rc<[Job]> = jobs[..REAL_JOBS].into();
    let row = |policy: &&str| {
        let what = format!("{policy}: sum of W S over fifo's for sizes as measured");
        let pair = lab.pair(policy, &few);
        let found = pair.planned.conserved_over_fifo();
        let real = pair.real.as_ref().map(Ran::conserved_over_fifo);
        Row::exact(what, "", 1.0, found).certain(real, Certain::AtLeast, 1.0)
    };
    ["fifo", "lifo", "random", "sjf", "fair", "edf"]
        .iter()
        .map(row)
        .collect()
}

/// Load 0.9, very uneven sizes, every attribute that a policy may look at.
fn load(seed: u64) -> Rc<[Job]> {
    poisson(seed, JOBS, MS as f64 / 0.9, |chance, at| {
        let class = chance.below(4) as u32;
        let mut job = Job::new(at, mixed(chance));
        (job.priority, job.weight, job.group) = (class, 1 + class, class);
        job.deadline = Some(chance.below(1000 * 1000 * MS));
        job
    })
}

fn difference(policy: &str, ran: &Ran, sum: i128) -> Row {
    let what = format!("{policy}: sum of W S minus that of fifo");
    Row::exact(what, "ns^2", 0.0, (ran.conserved() - sum) as f64)
}

/// An order by a number drawn from everything on the card.
fn stranger(seed: u64) -> Box<dyn Policy> {
    Box::new(by(move |task: &Sched, _| {
        let size = match task.size() {
            Size::Of(size) => size,
            Size::Unknown => 0,
        };
        let mix = (seed ^ size.rotate_left(17) ^ u64::from(task.group())) | 1;
        mix.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
    }))
}

/// Breakers turn jobs away or pass them over.
fn expected(report: &Report) -> bool {
    matches!(
        report,
        Report::PolicyShed { .. } | Report::PassedOver { .. }
    )
}

/// Policies that idle with work in hand, or turn work away, must not keep the sum.
fn breakers(lab: &Lab, jobs: &Rc<[Job]>) -> Vec<Row> {
    let few: Rc<[Job]> = jobs[..2000].into();
    let sum = lab.open("fifo", &few).conserved();
    let victim = |task: &Sched| task.group() == 3;
    let policies: [(&str, Box<dyn Policy>); 3] = [
        ("codel", lab.policy("codel")),
        ("pace(3ms) > fifo", lab.policy("pace(3ms) > fifo")),
        (
            "chaos",
            Box::new(Chaos::new(Duration::from_millis(50), victim, Fifo::new())),
        ),
    ];
    let broken = policies.into_iter().map(|(name, policy)| {
        let setup = Setup::new(policy).expects(expected);
        let ran = lab.open_with(name, setup, &few);
        let kept = ran.outs.iter().all(|out| out.end > 0) && ran.conserved() == sum;
        Row::exact(
            format!("{name}: keeps the sum (0 is no)"),
            "",
            0.0,
            f64::from(u8::from(kept)),
        )
    });
    broken.collect()
}

fn makespan(ran: &Ran) -> u64 {
    ran.outs.iter().map(|out| out.end).max().unwrap_or(0)
}
