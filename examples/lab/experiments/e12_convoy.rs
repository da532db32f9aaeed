//! E12: the convoy.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::job::busy;
use crate::lab::Lab;
use crate::row::{Certain, Row};
use crate::stats::mean;
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

impl Convoy {
    fn longest(&self) -> f64 {
        self.gaps.iter().copied().fold(f64::NAN, f64::max)
    }

    fn shortest(&self) -> f64 {
        self.gaps.iter().copied().fold(f64::NAN, f64::min)
    }
}

fn run(lab: &Lab) -> Vec<Row> {
    let both = |policy| {
        let real = lab
            .real
            .then(|| convoy(lab, policy, 12 * ROUND, Time::Real));
        (convoy(lab, policy, SPAN, Time::Virtual), real)
    };
    let ((fifo, real_fifo), (fair, real_fair)) = (both("fifo"), both("fair"));
    let round = ROUND as f64 / MS as f64;
    let share = |real: &Option<Convoy>| real.as_ref().map(|convoy| convoy.share);
    let longest = |real: &Option<Convoy>| real.as_ref().map(Convoy::longest);
    let bound = 0.01 + 99.0 * (HOG + SMALL) as f64 / 100.0 / SPAN as f64;
    let own = HOG as f64 / ROUND as f64;
    let gap = "fifo: longest gap of a small task";
    let still = "fair: longest gap is still one poll of the hog";
    vec![
        Row::exact("fifo: share of the hog", "", own, fifo.share).real(share(&real_fifo)),
        Row::exact(gap, "ms", round, fifo.longest()).real(longest(&real_fifo)),
        Row::exact(
            "fifo: shortest gap of a small task",
            "ms",
            round,
            fifo.shortest(),
        )
        .certain(
            real_fifo.as_ref().map(Convoy::shortest),
            Certain::AtLeast,
            round,
        ),
        Row::at_most("fair: share of the hog", "", bound, fair.share).real(share(&real_fair)),
        Row::shown("fair: mean gap of a small task", "ms", mean(&fair.gaps))
            .theory(1.0)
            .real(real_fair.as_ref().map(|convoy| mean(&convoy.gaps))),
        Row::at_least(still, "ms", 10.0, fair.longest()).real(longest(&real_fair)),
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
            let each = move |began, ended: Instant| match i {
                0 => count.set(count.get() + ended.duration_since(began).as_nanos() as u64),
                5 => write.borrow_mut().push(began),
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
