//! E7: overload, and clients who give up.

use super::{Experiment, MS, exponential, poisson};
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::Row;
use crate::stats::independent;

/// The experiment.
///
/// FIFO: the wait of who comes at t grows as (1 - 1/r) t, so after D / (1 - 1/r) all
/// answers are late. LIFO, from scratch: in overload a newcomer finds a poll in
/// progress, whose rest is exponential again; with all that comes meanwhile the wait
/// is a busy period B of M/M/1 with load r > 1. It ends at all with probability 1/r,
/// and given that it does, it is a busy period of the queue with the rates exchanged
/// (the walk conditioned not to drift away). Those are served at rate l/r = 1, the
/// whole capacity; the useful part is P(B + S <= D).
pub(crate) const IT: Experiment = Experiment {
    number: "e7",
    name: "overload",
    claim: "When clients give up, FIFO under overload does only work that nobody wants; LIFO keeps nearly all of it useful.",
    formula: "fifo: nothing in time after D/(1 - 1/r) = 60 ms; lifo: P(B + S <= D) of capacity, B a busy period with rates exchanged",
    source: "Maurer 2015 (adaptive LIFO); B's density: any text on M/M/1",
    moral: "See also codel, which is FIFO until it hurts. Next: lab duel fifo codel --load 'poisson(1.5) exp(1ms)'",
    run,
};

const LOAD: f64 = 1.5;
/// Patience, in milliseconds.
const PATIENCE: f64 = 20.0;
const SPAN_MS: u64 = 30_000;
/// Windows in which answers are counted.
const WINDOW_MS: u64 = 500;

fn run(lab: &Lab) -> Vec<Row> {
    let count = (SPAN_MS as f64 * LOAD) as usize;
    let jobs = poisson(lab.seed, count, MS as f64 / LOAD, |chance, at| {
        Job::new(at, exponential(chance))
    });
    let (fifo, lifo) = (
        in_time(&lab.open("fifo", &jobs)),
        in_time(&lab.open("lifo", &jobs)),
    );
    let share = |windows: &[f64]| {
        let shares: Vec<f64> = windows.iter().map(|n| n / WINDOW_MS as f64).collect();
        independent(&shares)
    };
    let few: std::rc::Rc<[Job]> = jobs[..450].to_vec().into();
    let real = |policy| lab.open_real(policy, &few).map(|ran| useful(&ran));
    vec![
        Row::shown("fifo: in time in the first 0.5 s, of 500", "", fifo[0]),
        Row::exact("fifo: in time after 1 s", "", 0.0, fifo[2..].iter().sum()).real(real("fifo")),
        Row::near(
            "lifo: useful part of capacity",
            "",
            theory(),
            share(&lifo[1..]),
        )
        .real(real("lifo")),
    ]
}

/// The answers in time, per window; what is late is done all the same.
fn in_time(ran: &Ran) -> Vec<f64> {
    let windows = (SPAN_MS / WINDOW_MS) as usize;
    let mut counts = vec![0.0; windows];
    for (stay, out) in ran.stays().zip(&ran.outs) {
        let window = (out.end / (WINDOW_MS * MS)) as usize;
        if stay <= PATIENCE && window < windows {
            counts[window] += 1.0;
        }
    }
    counts
}

/// The answers in time among those given in the second half of a short run.
fn useful(ran: &Ran) -> f64 {
    let end = ran.jobs.last().map_or(0, |job| job.at);
    let given = ran.stays().zip(&ran.outs);
    let given = given.filter(|(_, out)| (end / 2..end).contains(&out.end));
    let (good, late): (Vec<f64>, Vec<f64>) = given
        .map(|(stay, _)| stay)
        .partition(|stay| *stay <= PATIENCE);
    good.len() as f64 / (good.len() + late.len()).max(1) as f64
}

/// P(B + S <= D): B's density is e^-(a+b)t I1(2 t sqrt(ab)) / (t sqrt(a/b)) for
/// arrivals at rate a = 1 and service at b = 1.5; S is exponential with mean 1.
fn theory() -> f64 {
    let (a, b, steps) = (1.0_f64, LOAD, 20_000);
    let step = PATIENCE / f64::from(steps);
    let density = |t: f64| {
        let x = 2.0 * t * (a * b).sqrt();
        (x - (a + b) * t).exp() * bessel_scaled(x) / (t * (a / b).sqrt())
    };
    let at = |i: i32| (f64::from(i) + 0.5) * step;
    (0..steps)
        .map(|i| density(at(i)) * (1.0 - (at(i) - PATIENCE).exp()) * step)
        .sum()
}

/// I1(x) e^-x, by the integral over half a turn of e^(x (cos u - 1)) cos u / pi.
fn bessel_scaled(x: f64) -> f64 {
    let steps = 400;
    let step = std::f64::consts::PI / f64::from(steps);
    let at = |i: i32| (f64::from(i) + 0.5) * step;
    let sum: f64 = (0..steps)
        .map(|i| (x * (at(i).cos() - 1.0)).exp() * at(i).cos())
        .sum();
    sum * step / std::f64::consts::PI
}
