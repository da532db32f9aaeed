//! E15: Erlang's eight to one.

use super::{Experiment, US, all_done};
use crate::bench::{Setup, Time};
use crate::lab::Lab;
use crate::row::{Certain, Row};
use downbeat::runtime::{Pacing, spawn_with};
use downbeat::time::work;
use downbeat::{SpawnOptions, yield_now};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// Nine picks are eight of the N normal tasks and one of the n low ones, so in N n
/// such rounds each low task runs N times and each normal one 8 n times. It counts picks,
/// not time, so the machine must count the same.
pub(crate) const IT: Experiment = Experiment {
    number: "e15",
    name: "skip",
    claim: "A ratio between classes is not a ratio between tasks: among enough normal tasks, a low one runs more often.",
    formula: "polls of a low task over those of a normal one = N/(8 n): above 1 exactly when N > 8 n",
    source: "Erlang's scheduler; Wiger 2001 noted it",
    moral: "Fair shares by weight do not turn over: lab run shares",
    run,
};

const POLL: u64 = 10 * US;

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    for (normal, low) in [(8, 2), (15, 2), (16, 2), (17, 2), (80, 1)] {
        let theory = f64::from(normal) / f64::from(8 * low);
        let what = format!("{normal} normal, {low} low: low over normal");
        let found = ratio(lab, normal, low, Time::Virtual);
        let real = lab.real.then(|| ratio(lab, normal, low, Time::Real));
        rows.push(Row::exact(what, "", theory, found).certain(real, Certain::Is, theory));
    }
    rows
}

/// The ratio over whole rounds.
fn ratio(lab: &Lab, normal: u32, low: u32, time: Time) -> f64 {
    let polls = [Rc::new(Cell::new(0_u32)), Rc::new(Cell::new(0))];
    let counts = polls.clone();
    let picks = 9 * normal * low * 8;
    let program = async move {
        let left = Rc::new(Cell::new(picks));
        let mut tasks = Vec::new();
        for i in 0..normal + low {
            let priority = u32::from(i < normal);
            let (left, count) = (Rc::clone(&left), Rc::clone(&counts[priority as usize]));
            let task = async move {
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    count.set(count.get() + 1);
                    work(Duration::from_nanos(POLL));
                    yield_now().await;
                }
            };
            tasks.push(spawn_with(task, SpawnOptions::new().priority(priority)));
        }
        all_done(tasks).await;
    };
    let setup = Setup::new(lab.policy("skip(8)"));
    let setup = setup.time(time).pacing(Pacing::Every(61));
    lab.run("skip(8)", setup, program);
    let [low_polls, normal_polls] = polls.map(|count| f64::from(count.get()));
    (low_polls * f64::from(normal)) / (normal_polls * f64::from(low))
}
