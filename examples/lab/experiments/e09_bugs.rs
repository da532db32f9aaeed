//! E9: who finds a bug that needs somebody to starve.

use super::Experiment;
use crate::bench::{Setup, Time};
use crate::lab::Lab;
use crate::row::{Certain, Row};
use crate::stats::Estimate;
use downbeat::{spawn, yield_now};
use std::cell::Cell;
use std::rc::Rc;

/// The experiment.
///
/// Task A has m steps, task B one. Random order picks A m times in a row with
/// probability 2^-m (and B right after step i with 2^-(i+1)). PCT gives B the lower
/// priority with probability 1/2; for "right after step i" it must also have its one
/// change point at that step, among k.
///
/// No step looks at a clock, so on the machine the same runs find the same.
pub(crate) const IT: Experiment = Experiment {
    number: "e9",
    name: "bugs",
    claim: "A fair order cannot find a bug that needs starvation; a deliberately unfair one finds it with a guarantee.",
    formula: "fifo: 0; random: 2^-m; pct: at least 1/(n k^(d-1)) for a bug of depth d",
    source: "Burckhardt, Kothari, Musuvathi, Nagarakatte 2010",
    moral: "Look for yours: lab find lost-update --policy 'pct(3)'",
    run,
};

/// Steps of A; B comes after this one in the bug of depth 2.
const STEPS: u32 = 8;
const MIDDLE: u32 = 5;
const RUNS: u64 = 4000;

fn run(lab: &Lab) -> Vec<Row> {
    let after_all = |order: u32| order == STEPS;
    let in_middle = |order: u32| order == MIDDLE;
    let seeded = |run: u64| lab.seed.wrapping_mul(0x10001) ^ run;
    let random = |run| format!("random({})", seeded(run));
    let pct = |depth| move |run| format!("pct({depth}, 9, {})", seeded(run));
    let two = 0.5_f64;
    let bound = 1.0 / (2.0 * f64::from(STEPS + 1));
    let fifo = rate(lab, 1, |_| "fifo".to_owned(), after_all);
    let (last, middle) = ("B after all of A", "B right after step 5");
    let found = rate(lab, RUNS, pct(2), in_middle);
    let least = "B right after step 5: pct(2), plus 4 sigma";
    vec![
        Row::exact(format!("{last}: fifo finds it"), "", 0.0, fifo.0).certain(
            fifo.1,
            Certain::Is,
            fifo.0,
        ),
        chance(
            format!("{last}: random"),
            two.powi(STEPS as i32),
            rate(lab, RUNS, random, after_all),
        ),
        chance(
            format!("{last}: pct"),
            two,
            rate(lab, RUNS, pct(1), after_all),
        ),
        chance(
            format!("{middle}: random"),
            two.powi(MIDDLE as i32 + 1),
            rate(lab, RUNS, random, in_middle),
        ),
        chance(format!("{middle}: pct(2)"), bound, found),
        Row::at_least(least, "", bound, found.0 + 4.0 * error(bound)),
    ]
}

/// How often a policy, seeded by the number of the run, shows the bug: in virtual time,
/// and on the machine.
fn rate(
    lab: &Lab,
    runs: u64,
    policy: impl Fn(u64) -> String,
    bug: impl Fn(u32) -> bool,
) -> (f64, Option<f64>) {
    let rate = |time| {
        let hits = (0..runs).filter(|run| bug(schedule(lab, &policy(*run), time)));
        hits.count() as f64 / runs as f64
    };
    (rate(Time::Virtual), lab.real.then(|| rate(Time::Real)))
}

/// A frequency that should be near a probability.
fn chance(what: String, theory: f64, (found, real): (f64, Option<f64>)) -> Row {
    let error = error(theory);
    let row = Row::near(what, "", theory, Estimate { mean: found, error });
    row.certain(real, Certain::Is, found)
}

/// The standard error of a frequency in all runs.
fn error(probability: f64) -> f64 {
    (probability * (1.0 - probability) / RUNS as f64).sqrt()
}

/// One schedule: after how many steps of A did B come?
fn schedule(lab: &Lab, policy: &str, time: Time) -> u32 {
    let setup = Setup::new(lab.policy(policy)).time(time);
    let program = async {
        let steps = Rc::new(Cell::new(0));
        let (count, seen) = (Rc::clone(&steps), Rc::clone(&steps));
        let a = spawn(async move {
            for _ in 0..STEPS {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let b = spawn(async move { seen.get() });
        drop(a.await);
        b.await.unwrap_or(0)
    };
    lab.run(policy, setup, program).0.unwrap_or(0)
}
