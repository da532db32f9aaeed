//! E4: no order is best for all sizes.

use super::{Experiment, MIXED, MS, US, mixed, poisson};
use crate::chance::Chance;
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::Row;
use crate::stats::{Estimate, batch_means, controlled};
use crate::theory::Mixture;
use std::rc::Rc;

/// The experiment.
///
/// The formulas for round robin and shortest remaining are for polls of length zero.
/// Polls of q, 2 q and 4 q on the same arrivals, combined as (8 T(q) - 6 T(2q) + T(4q)) / 3,
/// cancel the first and second order of the difference (Richardson). Under this load a queue of uneven sizes
/// remembers for a hundred jobs and more, so the mean of one run is known badly; but the
/// same arrivals under FIFO are off by as much in proportion, and there theory knows the
/// mean (`stats::controlled`). Least attained service has a formula
/// for polls (Schrage 1967, derived in `theory.rs`), so it needs none of that. With
/// geometric sizes in whole polls every order that does not know them is the same:
/// at the end of a poll all jobs look alike.
pub(crate) const IT: Experiment = Experiment {
    number: "e4",
    name: "variability",
    claim: "There is no best order: even sizes want FIFO, uneven ones least attained service, and memoryless ones do not care.",
    formula: "fifo: P-K; round robin: E[S]/(1 - r), whatever the sizes; las: Schrage's sum; srpt: Schrage and Miller",
    source: "Pollaczek-Khinchine; Kleinrock 1967; Schrage 1967; Schrage, Miller 1966",
    moral: "Know your sizes before you choose an order. Next: lab duel fifo las --load 'poisson(.8) h2(.2ms,8.2ms,.9) polls(50us)'",
    run,
};

const LOAD: f64 = 0.8;
const POLL: u64 = 50 * US;
const JOBS: usize = 120_000;
/// Uneven sizes under FIFO have nobody to correct them: a mean of long queues that come
/// rarely, which a short run misses without knowing it.
const MANY: usize = 1_500_000;
/// On the machine: a quarter of a second.
const REAL_JOBS: usize = 200;
/// Without a floor.
const LAS: &str = "las(86400s)";
/// Mean and poll of the sizes, in milliseconds.
const MEAN: f64 = 1.0;
const Q: f64 = POLL as f64 / MS as f64;

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = geometric(lab);
    rows.extend(uneven(lab));
    rows.extend(constant(lab));
    rows
}

fn load(lab: &Lab, poll: u64, size: fn(&mut Chance) -> u64) -> Rc<[Job]> {
    jobs(lab, JOBS, poll, size)
}

fn jobs(lab: &Lab, count: usize, poll: u64, size: fn(&mut Chance) -> u64) -> Rc<[Job]> {
    poisson(lab.seed, count, MS as f64 / LOAD, |chance, at| {
        Job::new(at, size(chance)).cut(poll)
    })
}

/// What the machine makes of the mean.
fn real(lab: &Lab, policy: &str, jobs: &Rc<[Job]>, stays: Estimate) -> Option<f64> {
    let few = jobs[..REAL_JOBS].into();
    lab.pair(policy, &few).real(stays.mean, Ran::mean_stay)
}

/// Sizes of n polls with probability p (1 - p)^(n-1), p = q / mean.
fn geometric(lab: &Lab) -> Vec<Row> {
    let jobs = load(lab, POLL, |chance| {
        let mut polls = 1;
        while !chance.happens(Q / MEAN) {
            polls += 1;
        }
        polls * POLL
    });
    let p = Q / MEAN;
    let second = Q * Q * (2.0 - p) / (p * p);
    let theory = MEAN + LOAD / MEAN * second / (2.0 * (1.0 - LOAD));
    let whole: Rc<[Job]> = jobs.iter().map(|job| job.clone().cut(u64::MAX)).collect();
    let row = |name, policy, jobs| {
        let stays = batch_means(lab.open(policy, jobs).stays());
        Row::near(format!("geometric, {name}: mean time"), "ms", theory, stays)
            .real(real(lab, policy, jobs, stays))
    };
    vec![
        row("fifo", "fifo", &whole),
        row("round robin", "fifo", &jobs),
        row("las", LAS, &jobs),
    ]
}

/// Nine in ten small, C^2 = 12.5.
fn uneven(lab: &Lab) -> Vec<Row> {
    let sizes = Mixture(&MIXED);
    let twin = Twin::new(lab, mixed, sizes.fifo(LOAD));
    let las = lab.open(LAS, &load(lab, POLL, mixed));
    let long = lab.open("fifo", &jobs(lab, MANY, u64::MAX, mixed));
    let row = |name, theory, stays, policy| {
        let jobs = if name == "fifo" {
            &twin.ran.jobs
        } else {
            &las.jobs
        };
        Row::near(format!("uneven, {name}: mean time"), "ms", theory, stays)
            .real(real(lab, policy, jobs, stays))
    };
    vec![
        row("fifo", twin.known, batch_means(long.stays()), "fifo"),
        row(
            "round robin",
            MEAN / (1.0 - LOAD),
            twin.at_the_limit(lab, "fifo", mixed),
            "fifo",
        ),
        row(
            "las",
            sizes.las(LOAD, Q),
            controlled(las.stays(), twin.stays(), twin.known),
            LAS,
        ),
        row(
            "srpt",
            sizes.srpt(LOAD),
            twin.at_the_limit(lab, "srpt", mixed),
            "srpt",
        ),
    ]
}

/// All of a millisecond: those who came first should go first. Least attained service ends
/// nothing before the last poll of a busy period, so FIFO is no control for it.
fn constant(lab: &Lab) -> Vec<Row> {
    let size: fn(&mut Chance) -> u64 = |_| MS;
    let fifo = MEAN + LOAD * MEAN / (2.0 * (1.0 - LOAD));
    let twin = Twin::new(lab, size, fifo);
    let las = lab.open(LAS, &load(lab, POLL, size));
    let row = |name, theory, stays, policy| {
        let jobs = if name == "fifo" {
            &twin.ran.jobs
        } else {
            &las.jobs
        };
        Row::near(format!("constant, {name}: mean time"), "ms", theory, stays)
            .real(real(lab, policy, jobs, stays))
    };
    vec![
        row("fifo", fifo, batch_means(twin.stays()), "fifo"),
        row(
            "round robin",
            MEAN / (1.0 - LOAD),
            twin.at_the_limit(lab, "fifo", size),
            "fifo",
        ),
        row("las", las_constant(), batch_means(las.stays()), LAS),
    ]
}

/// FIFO on the same arrivals, and its mean by theory.
struct Twin {
    ran: Ran,
    known: f64,
}

impl Twin {
    fn new(lab: &Lab, size: fn(&mut Chance) -> u64, known: f64) -> Self {
        let ran = lab.open("fifo", &load(lab, u64::MAX, size));
        Self { ran, known }
    }

    fn stays(&self) -> impl Iterator<Item = f64> + '_ {
        self.ran.stays()
    }

    /// (8 T(q) - 6 T(2q) + T(4q)) / 3, job by job.
    fn at_the_limit(&self, lab: &Lab, policy: &str, size: fn(&mut Chance) -> u64) -> Estimate {
        let [short, middle, long] = [POLL / 2, POLL, 2 * POLL].map(|poll| {
            lab.open(policy, &load(lab, poll, size))
                .stays()
                .collect::<Vec<f64>>()
        });
        let three = short.iter().zip(middle).zip(long);
        let limit = three.map(|((short, middle), long)| (8.0 * short - 6.0 * middle + long) / 3.0);
        controlled(limit, self.stays(), self.known)
    }
}

/// Schrage's formula (see `theory.rs`) for sizes of exactly N = mean / q polls: the
/// last poll waits for the work of all, and is overtaken by the first N - 1 polls of
/// newcomers.
fn las_constant() -> f64 {
    let residual = LOAD * MEAN / 2.0;
    let before = MEAN - Q;
    (residual / (1.0 - LOAD) + before) / (1.0 - LOAD / MEAN * before) + Q
}
