//! E12: the convoy.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::job::busy;
use crate::lab::Lab;
use crate::table::Row;
use downbeat::SpawnOptions;
use downbeat::runtime::{Pacing, spawn_with};
use downbeat::time::now;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The experiment.
///
/// FIFO: a round is one poll of everybody. Fair: theorem 1 with weight 1 says that the
/// hog is at most 10.01 ms ahead of every other task, so 100 W_hog - 99 x 10.01 is at
/// most the time that has passed.
pub(crate) const IT: Experiment = Experiment {
    number: "e12",
    name: "convoy",
    claim: "One task with long polls makes everyone wait for it; a fair order takes its share away, but not the length of its poll.",
    formula: "fifo: period = sum l, share l_i / sum l; fair: share of the hog <= 1/100 + 9.9 ms / T",
    source: "the convoy phenomenon: Blasgen et al. 1979; bound: Goyal, Vin, Cheng 1996",
    moral: "Only a shorter poll shortens the longest wait. Next: lab run budget",
    run,
};

const SMALL: u64 = 10 * US;
const HOG: u64 = 10 * MS;
const ROUND: u64 = 99 * SMALL + HOG;
const ROUNDS: u64 = 100;
const SPAN: u64 = ROUNDS * ROUND;

/// The share of the hog, and the gaps between polls of a small task, in ms.
struct Convoy {
    share: f64,
    gaps: Vec<f64>,
}

fn run(lab: &Lab) -> Vec<Row> {
    let fifo = convoy(lab, "fifo", SPAN, Time::Virtual);
    let fair = convoy(lab, "fair", SPAN, Time::Virtual);
    let real = |policy| lab.real.then(|| convoy(lab, policy, 8 * ROUND, Time::Real));
    let (real_fifo, real_fair) = (real("fifo"), real("fair"));
    let mean = |gaps: &[f64]| gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
    let longest = |convoy: &Convoy| convoy.gaps.iter().copied().fold(0.0, f64::max);
    let shortest = |convoy: &Convoy| convoy.gaps.iter().copied().fold(f64::MAX, f64::min);
    let round = ROUND as f64 / MS as f64;
    let bound = 0.01 + 99.0 * (HOG + SMALL) as f64 / 100.0 / SPAN as f64;
    let of = |convoy: &Option<Convoy>, what: fn(&Convoy) -> f64| convoy.as_ref().map(what);
    vec![
        Row::exact(
            "fifo: share of the hog",
            "",
            HOG as f64 / ROUND as f64,
            fifo.share,
        )
        .real(of(&real_fifo, |convoy| convoy.share)),
        Row::exact(
            "fifo: longest gap of a small task",
            "ms",
            round,
            longest(&fifo),
        )
        .real(real_fifo.as_ref().map(longest)),
        Row::exact(
            "fifo: shortest gap of a small task",
            "ms",
            round,
            shortest(&fifo),
        ),
        Row::at_most("fair: share of the hog", "", bound, fair.share)
            .real(of(&real_fair, |convoy| convoy.share)),
        Row::shown("fair: mean gap of a small task", "ms", mean(&fair.gaps))
            .theory(1.0)
            .real(real_fair.as_ref().map(|convoy| mean(&convoy.gaps))),
        Row::at_least(
            "fair: longest gap is still one poll of the hog",
            "ms",
            10.0,
            longest(&fair),
        )
        .real(real_fair.as_ref().map(longest)),
    ]
}

/// 99 small tasks and a hog, always ready.
fn convoy(lab: &Lab, policy: &str, span: u64, time: Time) -> Convoy {
    let (starts, hog) = (
        Rc::<RefCell<Vec<Instant>>>::default(),
        Rc::new(Cell::new(0_u64)),
    );
    let (write, count) = (Rc::clone(&starts), Rc::clone(&hog));
    let program = async move {
        let end = now() + Duration::from_nanos(span);
        let mut tasks = Vec::new();
        for i in 0..100 {
            let (write, count) = (Rc::clone(&write), Rc::clone(&count));
            let each = move |at| match i {
                0 => count.set(count.get() + HOG),
                5 => write.borrow_mut().push(at),
                _ => {}
            };
            let poll = Duration::from_nanos(if i == 0 { HOG } else { SMALL });
            let name = if i == 0 { "hog" } else { "small" };
            tasks.push(spawn_with(
                busy(poll, end, each),
                SpawnOptions::new().name(name),
            ));
        }
        all_done(tasks).await;
    };
    let setup = Setup::new(lab.policy(policy))
        .time(time)
        .pacing(Pacing::Every(61));
    let (_, facts) = lab.run(policy, setup, program);
    let starts = starts.take();
    let gap = |pair: &[Instant]| (pair[1] - pair[0]).as_nanos() as f64 / MS as f64;
    Convoy {
        share: hog.get() as f64 / facts.busy.as_nanos() as f64,
        gaps: starts.windows(2).map(gap).collect(),
    }
}
