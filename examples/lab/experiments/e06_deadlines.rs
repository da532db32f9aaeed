//! E6: deadlines: what long polls cost, what EDF guarantees, how it fails.

use super::{Experiment, MS};
use crate::job::Job;
use crate::lab::{Lab, Ran};
use crate::row::{Certain, Row};
use std::rc::Rc;

/// The experiment.
///
/// (a) Work (1 every 2) and (3 every 1000) loads the loop by half, and yet a poll of
/// length 3 costs a deadline each time: its predecessor in the queue ends at 1, so it
/// runs from 1 to 4, and the job that came at 2 ends at 5 instead of 4. Jeffay's
/// condition says so: L = 3 >= 3 + floor((L - 1) / 2) fails. Three polls of 1 meet
/// all.
/// Nothing can save those deadlines on the machine either. (b) is not run there: the loop's
/// own work is more than the thousandths that this load leaves.
/// (c) In overload EDF serves the oldest deadline; every task falls behind alike, and
/// each gets through as if its period were longer by the factor U.
pub(crate) const IT: Experiment = Experiment {
    number: "e6",
    name: "deadlines",
    claim: "Earliest deadline first meets all deadlines up to full load if polls are short, and in overload slows all down alike.",
    formula: "no miss iff U <= 1 (polls of one unit); long polls: L >= c_i + sum floor((L - 1)/p_j) c_j; U > 1: periods stretch by U",
    source: "Liu and Layland 1973; Jeffay, Stanat, Martel 1991; Cervin 2003",
    moral: "Yield in long work, or no order can help. Next: lab run overload",
    run,
};

/// Work per period, period, longest poll; in units of a millisecond, on the machine of a
/// tenth of that.
type Periodic = (u64, u64, u64);

const LONG: [Periodic; 2] = [(1, 2, u64::MAX), (3, 1000, u64::MAX)];
const SHORT: [Periodic; 2] = [(1, 2, u64::MAX), (3, 1000, 1)];
const FULL: [Periodic; 3] = [(20, 50, 1), (20, 75, 1), (33, 100, 1)];
const OVER: [Periodic; 3] = [(30, 50, 1), (30, 75, 1), (50, 100, 1)];
const HORIZON: u64 = 60_000;
/// The horizon on the machine: half a second.
const REAL_HORIZON: u64 = 5_000;

fn run(lab: &Lab) -> Vec<Row> {
    let missed = |policy: &str, tasks: &[Periodic], horizon: u64| {
        misses(&lab.open(policy, &periodic(tasks, horizon, MS)))
    };
    let on_the_machine = |tasks: &[Periodic]| {
        let jobs = periodic(tasks, REAL_HORIZON, MS / 10);
        lab.open_real("edf", &jobs).map(|ran| misses(&ran))
    };
    // The last long poll may begin after the last short job came.
    let sure = (REAL_HORIZON / LONG[1].1 - 1) as f64;
    let (long, short) = (
        missed("edf", &LONG, 100_000),
        missed("edf", &SHORT, 100_000),
    );
    let (edf, rate) = (
        missed("edf", &FULL, HORIZON),
        missed("priority", &FULL, HORIZON),
    );
    let mut rows = vec![
        Row::exact("edf, load 0.503, a poll of 3: misses", "", 100.0, long).certain(
            on_the_machine(&LONG),
            Certain::AtLeast,
            sure,
        ),
        Row::exact("edf, load 0.503, three polls of 1: misses", "", 0.0, short)
            .real(on_the_machine(&SHORT)),
        Row::exact("edf, load 0.997: misses", "", 0.0, edf),
        // Order by rate guarantees three tasks a load of 0.78 and no more.
        Row::at_least("priority by rate, load 0.997: misses", "", 1.0, rate),
    ];
    rows.extend(overload(lab));
    rows
}

/// Load 1.5. The window of 40,000 cuts a period of 150 at either end.
fn overload(lab: &Lab) -> Vec<Row> {
    let few = periodic(&OVER, REAL_HORIZON, MS / 10);
    let both = |policy| {
        let jobs = periodic(&OVER, HORIZON, MS);
        (lab.open(policy, &jobs), lab.open_real(policy, &few))
    };
    let (edf, priority) = (both("edf"), both("priority"));
    let row = |policy: &str, (ran, real): &(Ran, Option<Ran>), task: usize, theory: f64| {
        let what = format!("{policy}, load 1.5: stretch of task {task}");
        let real = real.as_ref().map(|ran| stretch(ran, task));
        Row::within(what, "", theory, stretch(ran, task), 0.01).real(real)
    };
    let starved = "priority, load 1.5: ends of task 2";
    vec![
        row("edf", &edf, 0, 1.5),
        row("edf", &edf, 1, 1.5),
        row("edf", &edf, 2, 1.5),
        row("priority", &priority, 0, 1.0),
        row("priority", &priority, 1, 1.0),
        Row::exact(starved, "", 0.0, ended(&priority.0, 2))
            .real(priority.1.as_ref().map(|ran| ended(ran, 2))),
    ]
}

/// All jobs of periodic tasks; each is due when the next one comes.
fn periodic(tasks: &[Periodic], horizon: u64, unit: u64) -> Rc<[Job]> {
    let mut jobs = Vec::new();
    for (number, (work, period, poll)) in tasks.iter().enumerate() {
        for at in (0..horizon).step_by(*period as usize) {
            let mut job = Job::new(at * unit, work * unit).cut(poll.saturating_mul(unit));
            job.deadline = Some((at + period) * unit);
            job.group = number as u32;
            job.priority = 10 - number as u32;
            jobs.push(job);
        }
    }
    jobs.sort_by_key(|job| job.at);
    jobs.into()
}

fn misses(ran: &Ran) -> f64 {
    let pairs = ran.jobs.iter().zip(&ran.outs);
    pairs
        .filter(|(job, out)| Some(out.end) > job.deadline)
        .count() as f64
}

/// The last two thirds of the time in which jobs came.
fn window(ran: &Ran) -> std::ops::RangeInclusive<u64> {
    let deadlines = ran.jobs.iter().filter_map(|job| job.deadline);
    let end = deadlines.max().unwrap_or(0);
    end / 3..=end
}

/// The jobs of a task that ended in it.
fn ended(ran: &Ran, task: usize) -> f64 {
    let window = window(ran);
    let pairs = ran.jobs.iter().zip(&ran.outs);
    let own = pairs.filter(|(job, _)| job.group as usize == task);
    own.filter(|(_, out)| window.contains(&out.end)).count() as f64
}

/// Time per job in that window, over the period.
fn stretch(ran: &Ran, task: usize) -> f64 {
    let (window, first) = (
        window(ran),
        ran.jobs.iter().find(|job| job.group as usize == task),
    );
    let period = first.and_then(|job| job.deadline).unwrap_or(0);
    (window.end() - window.start()) as f64 / ended(ran, task) / period as f64
}
