//! E5: fair shares, on every interval.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::job::busy;
use crate::lab::Lab;
use crate::stats::independent;
use crate::table::Row;
use downbeat::SpawnOptions;
use downbeat::runtime::{Pacing, spawn_with};
use downbeat::time::now;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
pub(crate) const IT: Experiment = Experiment {
    number: "e5",
    name: "shares",
    claim: "Fair queueing gives every busy task its share over every interval; FIFO gives time to those with long polls.",
    formula: "|W_i/w_i - W_j/w_j| <= l_i/w_i + l_j/w_j over every interval; fifo: l_i / sum l; lottery: sd sqrt(n p q)",
    source: "Goyal, Vin, Cheng 1996 (theorem 1); Waldspurger and Weihl 1994",
    moral: "By polls (stride, lottery) the task with the long poll wins again. Next: lab run naps",
    run,
};

/// Length of a poll and weight of each of three busy tasks. Ten is divisible by all
/// weights, so tenths of a nanosecond per weight are integers.
const TASKS: [(u64, u32); 3] = [(1000 * US, 1), (3000 * US, 2), (500 * US, 5)];
const SPAN: u64 = 3000 * MS;
/// Polls of a lottery, and how many lotteries.
const DRAWS: u64 = 1000;
const LOTTERIES: u64 = 200;

/// Who had how much time when its poll ended: (task, length of the poll).
type Log = Vec<(usize, u64)>;

fn run(lab: &Lab) -> Vec<Row> {
    let polls = TASKS.map(|(poll, _)| poll as f64);
    let [fifo, fair, by_polls] = ["fifo", "fair", "fair(polls)"]
        .map(|policy| busy_tasks(lab, policy, TASKS, SPAN, Time::Virtual));
    let total: f64 = polls.iter().sum();
    let mut rows = shares(lab, "fifo", polls.map(|poll| poll / total), &fifo);
    rows.extend(shares(
        lab,
        "fair",
        TASKS.map(|(_, weight)| f64::from(weight) / 8.0),
        &fair,
    ));
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let per_weight = |(poll, weight): (u64, u32)| poll * 10 / u64::from(weight);
        let bound = per_weight(TASKS[i]) + per_weight(TASKS[j]);
        let what = format!("fair: worst interval, tasks {i} and {j}");
        let (bound, found) = (bound as f64 / 1e7, worst(&fair, i, j) as f64 / 1e7);
        rows.push(Row::at_most(what, "ms", bound, found));
    }
    // A turn of weights by polls, then each poll as long as it is.
    let weighed = TASKS.map(|(poll, weight)| poll as f64 * f64::from(weight));
    let share = weighed[1] / weighed.iter().sum::<f64>();
    let found = share_of(&by_polls, 1);
    rows.push(Row::within(
        "fair(polls): share of task 1",
        "",
        share,
        found,
        0.0025,
    ));
    rows.push(lotteries(lab));
    rows.push(groups(lab));
    rows
}

/// The share of each task. The span cuts the last round short: 4.5 ms of 3 s.
fn shares(lab: &Lab, policy: &str, theory: [f64; 3], log: &Log) -> Vec<Row> {
    let short = TASKS.map(|(poll, weight)| (poll / 10, weight));
    let real = lab
        .real
        .then(|| busy_tasks(lab, policy, short, 100 * MS, Time::Real));
    let row = |i: usize| {
        let what = format!("{policy}: share of task {i}");
        let real = real.as_ref().map(|log| share_of(log, i));
        Row::within(what, "", theory[i], share_of(log, i), 0.0015).real(real)
    };
    (0..3).map(row).collect()
}

/// Three tasks that are always ready.
fn busy_tasks(lab: &Lab, policy: &str, tasks: [(u64, u32); 3], span: u64, time: Time) -> Log {
    let log = Rc::<RefCell<Log>>::default();
    let setup = Setup::new(lab.policy(policy))
        .time(time)
        .pacing(Pacing::Every(61));
    let write = Rc::clone(&log);
    let program = async move {
        let end = now() + Duration::from_nanos(span);
        let mut handles = Vec::new();
        for (i, (poll, weight)) in tasks.into_iter().enumerate() {
            let log = Rc::clone(&write);
            let each = move |_| log.borrow_mut().push((i, poll));
            let task = busy(Duration::from_nanos(poll), end, each);
            handles.push(spawn_with(task, SpawnOptions::new().weight(weight)));
        }
        all_done(handles).await;
    };
    lab.run(policy, setup, program);
    log.take()
}

/// The share of a task in all time used.
fn share_of(log: &Log, task: usize) -> f64 {
    let all: u64 = log.iter().map(|(_, poll)| poll).sum();
    let own: u64 = log
        .iter()
        .filter(|(i, _)| *i == task)
        .map(|(_, poll)| poll)
        .sum();
    own as f64 / all as f64
}

/// The largest difference in service per weight over any interval, in tenths of a
/// nanosecond: the range of W_i/w_i - W_j/w_j as time goes by.
fn worst(log: &Log, i: usize, j: usize) -> i128 {
    let (mut now, mut low, mut high) = (0_i128, 0_i128, 0_i128);
    for (task, poll) in log {
        let served = i128::from(*poll) * 10 / i128::from(TASKS[*task].1);
        now += if *task == i { served } else { 0 };
        now -= if *task == j { served } else { 0 };
        (low, high) = (low.min(now), high.max(now));
    }
    high - low
}

/// How far a lottery strays from a share of 5 in 8 in a thousand draws.
fn lotteries(lab: &Lab) -> Row {
    let mut squares = Vec::new();
    for number in 0..LOTTERIES {
        let equal = TASKS.map(|(_, weight)| (10 * US, weight));
        let policy = format!("lottery({})", lab.seed ^ (number * 7 + 1));
        let log = busy_tasks(lab, &policy, equal, DRAWS * 10 * US, Time::Virtual);
        let wins = log.iter().filter(|(i, _)| *i == 2).count();
        squares.push((wins as f64 - DRAWS as f64 * 0.625).powi(2));
    }
    let variance = DRAWS as f64 * 0.625 * 0.375;
    Row::near(
        "lottery: variance of wins in 1000",
        "",
        variance,
        independent(&squares),
    )
}

/// Two groups 3 : 1, of one task and of thirty: the crowd gains nothing.
fn groups(lab: &Lab) -> Row {
    let alone = Rc::<RefCell<u64>>::default();
    let count = Rc::clone(&alone);
    let setup = Setup::new(lab.policy("groups(fair) > fifo"));
    let program = async move {
        let end = now() + Duration::from_millis(1000);
        let mut handles = Vec::new();
        for i in 0..31_u32 {
            let count = Rc::clone(&count);
            let each = move |_| *count.borrow_mut() += u64::from(i == 0);
            let task = busy(Duration::from_millis(1), end, each);
            let (weight, group) = if i == 0 { (3, 0) } else { (1, 1) };
            handles.push(spawn_with(
                task,
                SpawnOptions::new().weight(weight).group(group),
            ));
        }
        all_done(handles).await;
    };
    lab.run("groups(fair) > fifo", setup, program);
    let alone = *alone.borrow() as f64;
    // Theorem 1 for weights 3 and 1 and polls of 1: |A/3 - B| <= 4/3, A + B = 1000.
    Row::within(
        "groups 3:1, 1 task against 30: its polls of 1000",
        "",
        750.0,
        alone,
        1.0,
    )
}
