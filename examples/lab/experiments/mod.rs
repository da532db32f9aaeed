//! The experiments: a claim, its formula, and what two clocks say to it.
//!
//! Owns: the list. A new experiment is a file with a `pub(crate) const` and a line
//! here.
//!
//! Laws: an experiment's rows carry their own verdicts; exact claims are asserted
//! to the last digit, expectations within four standard errors.
//!
//! Read next: `e01_conservation.rs`.

mod e01_conservation;
mod e02_spread;
mod e03_priority;
mod e04_variability;
mod e05_shares;
mod e06_deadlines;
mod e07_overload;
mod e08_pacing;
mod e09_bugs;
mod e10_naps;
mod e11_tail;
mod e12_convoy;
mod e13_srpt;
mod e14_slot;
mod e15_skip;
mod e16_gate;
mod e17_budget;
mod e18_fetch;

use crate::chance::Chance;
use crate::job::Job;
use crate::lab::Lab;
use crate::row::Row;
use downbeat::JoinHandle;
use std::rc::Rc;

/// One experiment.
pub(crate) struct Experiment {
    /// `e1` and so on.
    pub(crate) number: &'static str,
    /// What one types.
    pub(crate) name: &'static str,
    /// What it shows, in a sentence.
    pub(crate) claim: &'static str,
    /// What theory says.
    pub(crate) formula: &'static str,
    /// Who said it first.
    pub(crate) source: &'static str,
    /// What to take home, and what to try next.
    pub(crate) moral: &'static str,
    /// Does it.
    pub(crate) run: fn(&Lab) -> Vec<Row>,
}

/// All experiments.
pub(crate) const ALL: &[&Experiment] = &[
    &e01_conservation::IT,
    &e02_spread::IT,
    &e03_priority::IT,
    &e04_variability::IT,
    &e05_shares::IT,
    &e06_deadlines::IT,
    &e07_overload::IT,
    &e08_pacing::IT,
    &e09_bugs::IT,
    &e10_naps::IT,
    &e11_tail::IT,
    &e12_convoy::IT,
    &e13_srpt::IT,
    &e14_slot::IT,
    &e15_skip::IT,
    &e16_gate::IT,
    &e17_budget::IT,
    &e18_fetch::IT,
];

/// The experiments that a word means.
pub(crate) fn called(word: &str) -> Vec<&'static Experiment> {
    let named = |it: &&&Experiment| word == "all" || it.name == word || it.number == word;
    ALL.iter().copied().filter(|it| named(&it)).collect()
}

/// A millisecond and a microsecond, in nanoseconds.
const MS: u64 = 1_000_000;
const US: u64 = 1_000;

/// Arrivals at random (a Poisson process) with this mean gap.
fn poisson(
    seed: u64,
    count: usize,
    gap: f64,
    mut job: impl FnMut(&mut Chance, u64) -> Job,
) -> Rc<[Job]> {
    let mut chance = Chance::new(seed);
    let mut at = 0.0;
    let mut next = |_| {
        at += chance.exponential(gap);
        job(&mut chance, at as u64)
    };
    (0..count).map(&mut next).collect()
}

/// An exponential size with a mean of a millisecond.
fn exponential(chance: &mut Chance) -> u64 {
    chance.exponential(MS as f64) as u64 + 1
}

/// A hyperexponential size: nine in ten are small. Mean 1 ms, C^2 = 12.5.
fn mixed(chance: &mut Chance) -> u64 {
    let mean = if chance.happens(0.9) { 0.2 } else { 8.2 };
    chance.exponential(mean * MS as f64) as u64 + 1
}

/// `mixed` as theory has it.
const MIXED: [(f64, f64); 2] = [(0.9, 0.2), (0.1, 8.2)];

/// Waits for all tasks.
async fn all_done(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        // A panic was reported by the loop, and a report breaks the run.
        drop(task.await);
    }
}
