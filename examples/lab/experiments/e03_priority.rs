//! E3: Cobham's formula, and what the favoured pay for.

use super::{Experiment, MS, exponential, poisson};
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::stats::{Estimate, batch_means};
use crate::table::Row;
use crate::theory::Mixture;

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

fn run(lab: &Lab) -> Vec<Row> {
    let jobs = poisson(lab.seed, JOBS, MS as f64 / LOAD, |chance, at| {
        let mut job = Job::new(at, exponential(chance));
        job.priority = u32::from(chance.happens(HIGH / LOAD));
        job
    });
    // The residual of exponential polls of mean 1 ms: l E[S^2] / 2 = r.
    let residual = LOAD;
    let (fifo, priority, sjf) = (
        lab.open("fifo", &jobs),
        lab.open("priority", &jobs),
        lab.open("sjf", &jobs),
    );
    let sizes = [(1.0, 1.0)];
    vec![
        Row::near(
            "fifo: mean wait",
            "ms",
            residual / (1.0 - LOAD),
            batch_means(fifo.waits()),
        ),
        Row::near(
            "priority, high: mean wait",
            "ms",
            residual / (1.0 - HIGH),
            class(&priority, 1),
        ),
        Row::near(
            "priority, low: mean wait",
            "ms",
            residual / ((1.0 - HIGH) * (1.0 - LOAD)),
            class(&priority, 0),
        ),
        Row::near(
            "sjf: mean time in system",
            "ms",
            Mixture(&sizes).sjf(LOAD),
            batch_means(sjf.stays()),
        ),
    ]
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
