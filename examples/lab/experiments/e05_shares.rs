//! E5: fair shares, on every interval.

use super::{Experiment, MS, US, all_done};
use crate::bench::{Setup, Time};
use crate::job::busy;
use crate::lab::Lab;
use crate::row::{Certain, Row};
use crate::stats::independent;
use downbeat::SpawnOptions;
use downbeat::runtime::{Pacing, current_task, spawn_with};
use downbeat::time::now;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The experiment.
///
/// The bound holds for whatever polls turn out to take, so it holds on the machine too,
/// with the longest polls that there were: what a task is charged for is what the bound
/// speaks of.
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

/// The polls, in order.
type Log = Vec<Poll>;

/// A poll.
#[derive(Clone, Copy, Debug)]
struct Poll {
    task: usize,
    /// What it was to take, until the next poll of the task tells what it was charged.
    took: u64,
    /// What the task had been charged before.
    used: u64,
    /// Whether it has told.
    charged: bool,
}

fn run(lab: &Lab) -> Vec<Row> {
    let polls = TASKS.map(|(poll, _)| poll as f64);
    let [fifo, fair, by_polls] = ["fifo", "fair", "fair(polls)"]
        .map(|policy| busy_tasks(lab, policy, TASKS, SPAN, Time::Virtual));
    let total: f64 = polls.iter().sum();
    let fifo_real = real(lab, "fifo");
    let mut rows = shares("fifo", polls.map(|poll| poll / total), &fifo, &fifo_real);
    let (real, weights) = (
        real(lab, "fair"),
        TASKS.map(|(_, weight)| f64::from(weight)),
    );
    rows.extend(shares(
        "fair",
        weights.map(|weight| weight / 8.0),
        &fair,
        &real,
    ));
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let what = format!("fair: worst interval, tasks {i} and {j}");
        let row = Row::at_most(what, "ms", bound(&fair, i, j), worst(&fair, i, j));
        rows.push(match &real {
            Some(log) => row.certain(Some(worst(log, i, j)), Certain::AtMost, bound(log, i, j)),
            None => row,
        });
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
fn shares(policy: &str, theory: [f64; 3], log: &Log, real: &Option<Log>) -> Vec<Row> {
    let row = |i: usize| {
        let what = format!("{policy}: share of task {i}");
        let real = real.as_ref().map(|log| share_of(log, i));
        Row::within(what, "", theory[i], share_of(log, i), 0.0015).real(real)
    };
    (0..3).map(row).collect()
}

/// The same on the machine, with polls of a tenth.
fn real(lab: &Lab, policy: &str) -> Option<Log> {
    let short = TASKS.map(|(poll, weight)| (poll / 10, weight));
    lab.real
        .then(|| busy_tasks(lab, policy, short, 200 * MS, Time::Real))
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
            let each = move |_, _| note(&mut log.borrow_mut(), i, poll);
            let task = busy(Duration::from_nanos(poll), end, each);
            handles.push(spawn_with(task, SpawnOptions::new().weight(weight)));
        }
        all_done(handles).await;
    };
    lab.run(policy, setup, program);
    log.take()
}

/// Notes a poll, and what the one before of the same task was charged.
fn note(log: &mut Log, task: usize, took: u64) {
    let used = current_task(|card| card.used().as_nanos() as u64).unwrap_or(0);
    if let Some(last) = log.iter_mut().rfind(|poll| poll.task == task) {
        (last.took, last.charged) = (used - last.used, true);
    }
    let charged = false;
    log.push(Poll {
        task,
        took,
        used,
        charged,
    });
}

fn polls_of(log: &Log, task: usize) -> impl Iterator<Item = &Poll> {
    log.iter().filter(move |poll| poll.task == task)
}

/// The share of a task in all time used.
fn share_of(log: &Log, task: usize) -> f64 {
    let sum = |polls: &mut dyn Iterator<Item = &Poll>| polls.map(|poll| poll.took).sum::<u64>();
    sum(&mut polls_of(log, task)) as f64 / sum(&mut log.iter()) as f64
}

/// The largest difference in service per weight over any interval, in milliseconds: the
/// range of W_i/w_i - W_j/w_j as time goes by. Tenths of a nanosecond are integers.
fn worst(log: &Log, i: usize, j: usize) -> f64 {
    let (mut now, mut low, mut high) = (0_i128, 0_i128, 0_i128);
    for poll in log.iter().take_while(|poll| poll.charged) {
        let served = i128::from(poll.took) * 10 / i128::from(TASKS[poll.task].1);
        now += if poll.task == i { served } else { 0 };
        now -= if poll.task == j { served } else { 0 };
        (low, high) = (low.min(now), high.max(now));
    }
    (high - low) as f64 / 1e7
}

/// Theorem 1 for the longest polls that there were. A tag in the policy is an integer, so a
/// poll whose time is no multiple of its weight may be charged less by a nanosecond.
fn bound(log: &Log, i: usize, j: usize) -> f64 {
    let longest = |task| {
        let took = polls_of(log, task).map(|poll| poll.took).max().unwrap_or(0);
        took as f64 / f64::from(TASKS[task].1)
    };
    let cut = log.iter().filter(|poll| poll.took % 10 != 0).count() as f64;
    (longest(i) + longest(j) + cut) / 1e6
}

/// How far a lottery strays from a share of 5 in 8 in a thousand draws.
fn lotteries(lab: &Lab) -> Row {
    let mut squares = Vec::new();
    for number in 0..LOTTERIES {
        let equal = TASKS.map(|(_, weight)| (10 * US, weight));
        let policy = format!("lottery({})", lab.seed ^ (number * 7 + 1));
        let log = busy_tasks(lab, &policy, equal, DRAWS * 10 * US, Time::Virtual);
        let wins = polls_of(&log, 2).count();
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
            let each = move |_, _| *count.borrow_mut() += u64::from(i == 0);
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
