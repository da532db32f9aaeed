//! E11: boost: better than FIFO in the tail.

use super::{Experiment, MS, exponential, poisson};
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::Row;
use crate::stats::{batch_means, independent, percentile, percentiles};
use crate::theory::Mixture;
use std::rc::Rc;

/// The experiment.
///
/// M/M/1 under FIFO: the time in system is exponential with mean 1/(1 - r), so its
/// percentiles are logarithms. For boost there is a tail constant but no percentile in
/// closed form, so the rows compare the same arrivals.
pub(crate) const IT: Experiment = Experiment {
    number: "e11",
    name: "tail",
    claim: "Small jobs may jump ahead by a head start without hurting the slowest: boost beats FIFO in the mean and in the tail, SJF only in the mean.",
    formula: "fifo: P(T > t) = e^-(1 - r)t; boost: rank arrival - b(size), better than fifo for all large t",
    source: "Yu and Scully 2024 (gamma-Boost)",
    moral: "FIFO is not the last word on tails. Next: lab run srpt",
    run,
};

const LOAD: f64 = 0.8;
const JOBS: usize = 500_000;
/// On the machine: few, and a fifth as long; told in virtual units. Of so few, one in a
/// thousand says nothing.
const REAL_JOBS: usize = 3_000;
const FASTER: u64 = 5;
/// Batches for percentiles: each must have a tail of its own.
const BATCHES: usize = 20;

fn run(lab: &Lab) -> Vec<Row> {
    let jobs = poisson(lab.seed, JOBS, MS as f64 / LOAD, |chance, at| {
        Job::new(at, exponential(chance))
    });
    let all = ["fifo", "sjf", "boost(5ms)"]
        .map(|policy| lab.open(policy, &jobs).stays().collect::<Vec<f64>>());
    let [fifo, sjf, boost] = all
        .each_ref()
        .map(|stays| batch_means(stays.iter().copied()));
    let short = |job: &Job| Job::new(job.at / FASTER, job.size / FASTER);
    let few: Rc<[Job]> = jobs[..REAL_JOBS].iter().map(short).collect();
    let pairs_of_runs = ["fifo", "sjf", "boost(1ms)"].map(|policy| lab.pair(policy, &few));
    let [on_fifo, on_sjf, on_boost] = &pairs_of_runs;
    let mean_of = |ran: &Ran| ran.mean_stay() * FASTER as f64;
    let tenth = -(0.1_f64).ln() / (1.0 - LOAD);
    let beyond_tenth = batch_means(all[0].iter().map(|stay| f64::from(u8::from(*stay > tenth))));
    let by_size = Mixture(&[(1.0, 1.0)]).sjf(LOAD);
    let mut rows = vec![
        Row::near("fifo: mean time", "ms", 1.0 / (1.0 - LOAD), fifo)
            .real(on_fifo.real(fifo.mean, mean_of)),
        Row::near("sjf: mean time", "ms", by_size, sjf).real(on_sjf.real(sjf.mean, mean_of)),
        // Far out in the tail a run has few excursions, too few for an honest error.
        Row::near("fifo: P(T > 11.51 ms)", "", 0.1, beyond_tenth),
        Row::at_most("boost: mean time", "ms", fifo.mean, boost.mean)
            .real(on_boost.real(boost.mean, mean_of)),
    ];
    // At 99.9 there are five hundred jobs beyond: enough for the sign.
    let mut first = beyond(&all, 99.0, 4.0);
    for (row, on) in first.iter_mut().zip(&pairs_of_runs) {
        let last_of_hundred = |ran: &Ran| percentile(ran.stays().collect(), 99.0) * FASTER as f64;
        row.real = on.real(row.found, last_of_hundred);
    }
    rows.extend(first);
    rows.extend(beyond(&all, 99.9, 0.0));
    rows.push(sjf_loses(&all));
    rows
}

/// Where size alone decides, the tail pays.
fn sjf_loses([fifo, sjf, _]: &[Vec<f64>; 3]) -> Row {
    let [fifo, sjf] = [fifo, sjf].map(|stays| percentiles(stays, 99.9, BATCHES));
    let loss = pairs(&sjf, &fifo);
    let what = "p99.9: sjf minus fifo, less 4 sigma";
    Row::at_least(what, "ms", 0.0, loss.mean - 4.0 * loss.error)
}

/// A percentile under the three orders. The arrivals are the same, so the difference
/// is known better than either.
fn beyond(all: &[Vec<f64>; 3], percent: f64, sigmas: f64) -> Vec<Row> {
    let [fifo, sjf, boost] = all
        .each_ref()
        .map(|stays| percentiles(stays, percent, BATCHES));
    let theory = -(1.0_f64 - percent / 100.0).ln() / (1.0 - LOAD);
    let gain = pairs(&fifo, &boost);
    let what = match sigmas > 0.0 {
        true => format!("p{percent}: fifo minus boost, less {sigmas} sigma"),
        false => format!("p{percent}: fifo minus boost"),
    };
    vec![
        Row::shown(format!("fifo: p{percent}"), "ms", independent(&fifo).mean).theory(theory),
        Row::shown(format!("sjf: p{percent}"), "ms", independent(&sjf).mean),
        Row::shown(format!("boost: p{percent}"), "ms", independent(&boost).mean),
        Row::at_least(what, "ms", 0.0, gain.mean - sigmas * gain.error),
    ]
}

/// The mean difference, pair by pair.
fn pairs(a: &[f64], b: &[f64]) -> crate::stats::Estimate {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    independent(&differences)
}
