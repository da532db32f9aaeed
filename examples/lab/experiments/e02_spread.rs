//! E2: same mean, different spread.

use super::{Experiment, MS, exponential, poisson};
use crate::chance::Chance;
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::Row;
use crate::stats::batch_means;

/// The experiment.
///
/// E[W] from Pollaczek and Khinchine; FIFO's E[W^2] = 2 E[W]^2 + l E[S^3] / (3 (1 -
/// r)) from the transform of W. LIFO: a wait is the residual of the poll in progress
/// and all that comes meanwhile, a busy period begun by work of that length; its
/// second moment works out as FIFO's over 1 - r. Random order: Takacs.
pub(crate) const IT: Experiment = Experiment {
    number: "e2",
    name: "spread",
    claim: "Orders that do not look at sizes have the same mean wait and very different long waits.",
    formula: "E[W] = l E[S^2] / (2 (1 - r)) for all; E[W^2] as 1 : 1/(1 - r/2) : 1/(1 - r) for fifo, random, lifo",
    source: "Pollaczek 1930, Khinchine 1932; Takacs 1963",
    moral: "A mean says nothing about an order. Next: lab run priority",
    run,
};

const LOAD: f64 = 0.7;
const JOBS: usize = 300_000;
/// On the machine: sizes of a millisecond, for a third of a second.
const REAL_JOBS: usize = 240;

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    let fixed: fn(&mut Chance) -> u64 = |_| MS;
    for (name, size, second, third) in [
        (
            "exponential",
            exponential as fn(&mut Chance) -> u64,
            2.0,
            6.0,
        ),
        ("constant", fixed, 1.0, 1.0),
    ] {
        let first = LOAD * second / 2.0 / (1.0 - LOAD);
        let square = 2.0 * first * first + LOAD * third / 3.0 / (1.0 - LOAD);
        let gap = MS as f64 / LOAD;
        let jobs = poisson(lab.seed, JOBS, gap, |chance, at| Job::new(at, size(chance)));
        let few = jobs[..REAL_JOBS].to_vec().into();
        for (policy, factor) in [
            ("fifo", 1.0),
            ("random", 1.0 / (1.0 - LOAD / 2.0)),
            ("lifo", 1.0 / (1.0 - LOAD)),
        ] {
            let ran = lab.open(policy, &jobs);
            let what = format!("{name}, {policy}: mean wait");
            let waits = batch_means(ran.waits());
            let real = lab.pair(policy, &few).real(waits.mean, Ran::mean_wait);
            rows.push(Row::near(what, "ms", first, waits).real(real));
            let squares = batch_means(ran.waits().map(|wait| wait * wait));
            let what = format!("{name}, {policy}: mean square");
            rows.push(Row::near(what, "ms^2", square * factor, squares));
        }
    }
    rows
}
