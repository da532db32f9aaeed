//! E3: Cobham's formula, and what the favoured pay for.

use super::{Experiment, MS, exponential, poisson};
use crate::job::Job;
use crate::lab::{Lab, Pair, Ran};
use crate::row::{Certain, Row};
use crate::stats::{Estimate, batch_means};
use crate::theory::Mixture;
use std::rc::Rc;

/// The experiment.
///
/// Cobham's formula in a line: a class-k job waits for the residual W0, for those of
/// class up to k already there (together r_k W_k of work by Little's law), and for
/// those of higher classes that come meanwhile; solve from the top.
pub(crate) const IT: Experiment = Experiment {
    number: "e3",
    name: "priority",
    claim: "Priority takes from the low exactly what it gives to the high, and sizes known make all better off.",
    formula: "W_k = W0 / ((1 - s_(k-1)) (1 - s_k)), s_k the load of the classes down to k; shortest first: W0 / (1 - r_x)^2",
    source: "Cobham 1954; Phipps 1956",
    moral: "The high class waits a quarter, the low class half as long again. Next: lab run variability",
    run,
};

const LOAD: f64 = 0.8;
const HIGH: f64 = 0.3;
const JOBS: usize = 300_000;
/// On the machine: a third of a second.
const REAL_JOBS: usize = 240;

fn run(lab: &Lab) -> Vec<Row> {
    let jobs = poisson(lab.seed, JOBS, MS as f64 / LOAD, |chance, at| {
        let mut job = Job::new(at, exponential(chance));
        job.priority = u32::from(chance.happens(HIGH / LOAD));
        job
    });
    let few: Rc<[Job]> = jobs[..REAL_JOBS].into();
    let [fifo, priority, sjf] = ["fifo", "priority", "sjf"].map(|policy| Both {
        long: lab.open(policy, &jobs),
        short: lab.pair(policy, &few),
    });
    // The residual of exponential polls of mean 1 ms: l E[S^2] / 2 = r.
    let residual = LOAD;
    let high = residual / (1.0 - HIGH);
    let low = high / (1.0 - LOAD);
    vec![
        fifo.row("fifo: mean wait", residual / (1.0 - LOAD), |ran| {
            batch_means(ran.waits())
        }),
        priority.row("priority, high: mean wait", high, |ran| class(ran, 1)),
        priority.row("priority, low: mean wait", low, |ran| class(ran, 0)),
        never_overtaken(&priority),
        sjf.row("sjf: mean time in system", SINGLE.sjf(LOAD), |ran| {
            batch_means(ran.stays())
        }),
    ]
}

/// Exponential sizes with a mean of a millisecond.
const SINGLE: Mixture<'_> = Mixture(&[(1.0, 1.0)]);

/// A policy on a long load, and on a short one on both clocks.
struct Both {
    long: Ran,
    short: Pair,
}

impl Both {
    fn row(&self, what: &str, theory: f64, measure: fn(&Ran) -> Estimate) -> Row {
        let found = measure(&self.long);
        let real = self.short.real(found.mean, |ran| measure(ran).mean);
        Row::near(what, "ms", theory, found).real(real)
    }
}

/// What no order by priority allows, on any clock.
fn never_overtaken(priority: &Both) -> Row {
    let what = "priority: low ones that began while a high one waited";
    let real = priority.short.real.as_ref().map(overtaken);
    Row::exact(what, "", 0.0, overtaken(&priority.long)).certain(real, Certain::Is, 0.0)
}

/// How many low jobs began while a high one was in the queue. High ones go in the order of
/// their arrivals, so the first that had not begun was there for longest.
fn overtaken(ran: &Ran) -> f64 {
    let of = |class| {
        let pairs = ran.jobs.iter().zip(&ran.outs);
        pairs
            .filter(move |(job, _)| job.priority == class)
            .map(|(_, out)| out)
    };
    let high: Vec<_> = of(1).collect();
    let waits = |start: u64| {
        let next = high.partition_point(|out| out.start < start);
        high.get(next).is_some_and(|out| out.spawned < start)
    };
    of(0).filter(|out| waits(out.start)).count() as f64
}

/// The mean wait of a class.
fn class(ran: &Ran, priority: u32) -> Estimate {
    let pairs = ran.waits().zip(ran.jobs.iter());
    batch_means(
        pairs
            .filter(|(_, job)| job.priority == priority)
            .map(|(wait, _)| wait),
    )
}
