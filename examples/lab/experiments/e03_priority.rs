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
    // The residual of exponential polls of mean 1 ms: l E[S^2] / 2 = r.
    let residual = LOAD;
    let (fifo, priority, sjf) = (
        lab.open("fifo", &jobs),
        lab.open("priority", &jobs),
        lab.open("sjf", &jobs),
    );
    let low = residual / ((1.0 - HIGH) * (1.0 - LOAD));
    let few: Rc<[Job]> = jobs[..REAL_JOBS].into();
    let [on_fifo, on_priority, on_sjf] =
        ["fifo", "priority", "sjf"].map(|policy| lab.pair(policy, &few));
    let row = |what, theory, found: Estimate, on: &Pair, measure: fn(&Ran) -> f64| {
        Row::near(what, "ms", theory, found).real(on.real(found.mean, measure))
    };
    vec![
        row(
            "fifo: mean wait",
            residual / (1.0 - LOAD),
            batch_means(fifo.waits()),
            &on_fifo,
            Ran::mean_wait,
        ),
        row(
            "priority, high: mean wait",
            residual / (1.0 - HIGH),
            class(&priority, 1),
            &on_priority,
            |ran| class(ran, 1).mean,
        ),
        row(
            "priority, low: mean wait",
            low,
            class(&priority, 0),
            &on_priority,
            |ran| class(ran, 0).mean,
        ),
        Row::exact(
            "priority: low ones that began while a high one waited",
            "",
            0.0,
            overtaken(&priority),
        )
        .certain(on_priority.real.as_ref().map(overtaken), Certain::Is, 0.0),
        row(
            "sjf: mean time in system",
            Mixture(&[(1.0, 1.0)]).sjf(LOAD),
            batch_means(sjf.stays()),
            &on_sjf,
            Ran::mean_stay,
        ),
    ]
}

/// How many low jobs began while a high one was in the queue, which no policy by
/// priority allows on any clock. High ones go in the order of their arrivals, so the
/// first that had not begun was there for longest.
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
