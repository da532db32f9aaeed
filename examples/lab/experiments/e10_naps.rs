//! E10: the sleeper's cheat.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::job::since;
use crate::lab::Lab;
use crate::row::Row;
use downbeat::policy::{Cause, End, Policy, Rank, Sched, ranked};
use downbeat::runtime::spawn_with;
use downbeat::time::{now, sleep, work};
use downbeat::{SpawnOptions, yield_now};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
pub(crate) const IT: Experiment = Experiment {
    number: "e10",
    name: "naps",
    claim: "A fair policy that forgives debts on a wake can be cheated: naps of an instant double a small share, and more.",
    formula: "with debts kept: w/(sum w) = 1/11 at most; debts forgiven on wake: 1/2, whatever the weights",
    source: "Goyal, Vin, Cheng 1996 (max rule); the cheat: a classic of kernel schedulers",
    moral: "The rule is one `max`: src/policy/fair.rs. Next: lab run convoy",
    run,
};

const POLL: u64 = 100 * US;
const SPAN: u64 = 3000 * MS;

/// Fair queueing that forgives: who wakes from a sleep starts at V.
struct Forgiving {
    virtual_time: u64,
}

impl Rank for Forgiving {
    type Key = u64;

    fn rank(&mut self, task: &Sched, cause: Cause) -> u64 {
        let start = match cause {
            Cause::Yield => task.key().max(self.virtual_time),
            _ => self.virtual_time,
        };
        task.set_tag(start);
        start
    }

    fn picked(&mut self, key: u64) {
        self.virtual_time = self.virtual_time.max(key);
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        let cost = took.as_nanos() as u64 * 64 / u64::from(task.weight());
        task.set_key(task.tag() + cost);
    }
}

fn run(lab: &Lab) -> Vec<Row> {
    let forgiving = || Box::new(ranked(Forgiving { virtual_time: 0 }).named("forgiving"));
    let real = |policy| lab.real.then(|| cheat(lab, policy, 60 * MS, Time::Real));
    vec![
        // The cheater's polls alternate with the honest task's: one poll of the span.
        Row::within(
            "debts forgiven: share of the cheater",
            "",
            0.5,
            cheat(lab, forgiving(), SPAN, Time::Virtual),
            POLL as f64 / SPAN as f64 * 2.0,
        )
        .real(real(forgiving())),
        // Theorem 1: one poll over its weight each way.
        Row::within(
            "debts kept (fair): share of the cheater",
            "",
            1.0 / 11.0,
            cheat(lab, lab.policy("fair"), SPAN, Time::Virtual),
            POLL as f64 / SPAN as f64 * 2.0,
        )
        .real(real(lab.policy("fair"))),
    ]
}

/// The share of a task of weight 1 that naps after every poll, against an honest one
/// of weight 10.
fn cheat(lab: &Lab, policy: Box<dyn Policy>, span: u64, time: Time) -> f64 {
    let used = Rc::new([Cell::new(0_u64), Cell::new(0)]);
    let sums = Rc::clone(&used);
    let program = async move {
        let end = now() + Duration::from_nanos(span);
        let mut tasks = Vec::new();
        for (i, weight) in [(0, 10), (1, 1)] {
            let sums = Rc::clone(&sums);
            let task = async move {
                while now() < end {
                    let began = now();
                    work(Duration::from_nanos(POLL));
                    sums[i].set(sums[i].get() + since(began));
                    match i {
                        0 => yield_now().await,
                        _ => sleep(Duration::from_micros(1)).await,
                    }
                }
            };
            let name = ["honest", "cheater"][i];
            let options = SpawnOptions::new().name(name).weight(weight);
            tasks.push(spawn_with(task, options));
        }
        all_done(tasks).await;
    };
    let name = policy.name();
    lab.run(&name, Setup::new(policy).time(time), program);
    used[1].get() as f64 / (used[0].get() + used[1].get()) as f64
}
