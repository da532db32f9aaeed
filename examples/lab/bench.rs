//! The bench: runs a program under a policy and a clock, and watches both.
//!
//! Owns: the wrapper that lets the laboratory's own tasks through, and the meter.
//!
//! Laws, checked on every run, virtual or real:
//! * custody: every ticket the policy got was picked or is still there;
//! * the time in polls and in waits is all the time there was (virtual: to the
//!   nanosecond; real: the rest is the loop's own and not negative);
//! * no report but those that the experiment expects.
//!
//! Read next: `lab.rs`.

use crate::job::{LAB, join_the_lab};
use downbeat::Runtime;
use downbeat::policy::{Cause, End, Policy, Runnable, Sched, TaskId};
use downbeat::runtime::{Observer, Pacing, Report, ScheduleHash};
use downbeat::testing::{Recorder, Recording};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Which time a program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// The loop's virtual clock: exact and repeatable.
    Virtual,
    /// The machine's: `work` spins.
    Real,
}

/// How a program is to be run.
pub(crate) struct Setup {
    /// Who goes next.
    policy: Box<dyn Policy>,
    /// Which time.
    time: Time,
    /// Polls per turn.
    pacing: Pacing,
    /// Leaf operations per poll.
    budget: Option<u32>,
    /// What each turn costs, as its first pick pays it.
    toll: Option<Toll>,
    /// Which reports are no surprise.
    expects: fn(&Report) -> bool,
    /// Whether to keep every event.
    record: bool,
}

/// What the meter and the ledger saw of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// From the beginning to the end.
    pub(crate) wall: Duration,
    /// Time in polls.
    pub(crate) busy: Duration,
    /// Time in waits.
    pub(crate) idle: Duration,
    /// Polls of all tasks.
    pub(crate) polls: u64,
    /// The integral over time of the number of jobs there, in nanoseconds.
    pub(crate) area: u128,
    /// The fingerprint of the schedule, under the virtual clock.
    pub(crate) hash: Option<ScheduleHash>,
    /// Broken laws, in words.
    pub(crate) broken: Vec<String>,
    /// Reports that were expected.
    pub(crate) expected: Vec<String>,
    /// All events, if they were asked for.
    pub(crate) recording: Recording,
}

/// The laboratory's tasks first, all others as the policy says.
struct Door {
    /// Tickets of the laboratory's own tasks.
    first: VecDeque<Runnable>,
    /// The policy under test.
    policy: Box<dyn Policy>,
    /// The very first ticket is the root's, which has no group yet.
    opened: bool,
    /// Tickets with the policy.
    held: Rc<Cell<i64>>,
    /// The price of a turn.
    toll: Option<Toll>,
}

/// A price per turn: virtual time that looking at the system takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Toll {
    /// Polls per turn.
    every: u32,
    /// Those left in this turn.
    left: u32,
    /// The price.
    price: Duration,
}

/// Counts jobs and adds times up.
#[derive(Default)]
struct Meter {
    /// What it writes.
    sums: Rc<RefCell<Sums>>,
    /// Keeps all events too.
    recorder: Option<Recorder>,
}

#[derive(Default)]
struct Sums {
    began: Option<Instant>,
    wall: Duration,
    busy: Duration,
    idle: Duration,
    polls: u64,
    /// Tasks that ended otherwise than by their last poll.
    cancelled: i64,
    ended: Option<TaskId>,
    jobs: u128,
    since: Option<Instant>,
    area: u128,
    waits_from: Option<Instant>,
}

impl Setup {
    /// One poll per turn, so that arrivals are seen after each; virtual time; no
    /// report is expected.
    pub(crate) fn new(policy: Box<dyn Policy>) -> Self {
        Self {
            policy,
            time: Time::Virtual,
            pacing: Pacing::Every(1),
            budget: None,
            toll: None,
            expects: |_| false,
            record: false,
        }
    }

    pub(crate) fn time(mut self, time: Time) -> Self {
        self.time = time;
        self
    }

    pub(crate) fn pacing(mut self, pacing: Pacing) -> Self {
        self.pacing = pacing;
        self
    }

    pub(crate) fn budget(mut self, operations: u32) -> Self {
        self.budget = Some(operations);
        self
    }

    /// Sets `every` polls per turn and charges `price` for each turn.
    pub(crate) fn toll(mut self, every: u32, price: Duration) -> Self {
        self.pacing = Pacing::Every(every);
        let left = 0;
        self.toll = Some(Toll { every, left, price });
        self
    }

    pub(crate) fn expects(mut self, expects: fn(&Report) -> bool) -> Self {
        self.expects = expects;
        self
    }

    /// Starvation is the point: a task that is passed over is no surprise.
    pub(crate) fn starves(self) -> Self {
        self.expects(|report| matches!(report, Report::PassedOver { .. }))
    }

    pub(crate) fn record(mut self, record: bool) -> Self {
        self.record = record;
        self
    }
}

/// Events of a run that a picture shows.
const PICTURED: usize = 200_000;

/// Runs `program`. `None` and a broken law when the loop got stuck.
pub(crate) fn run<T>(setup: Setup, program: impl Future<Output = T>) -> (Option<T>, Facts) {
    let sums = Rc::<RefCell<Sums>>::default();
    let (recorder, recording) = match setup.record {
        true => Recorder::with_limit(PICTURED),
        false => Recorder::with_limit(0),
    };
    let meter = Meter {
        sums: Rc::clone(&sums),
        recorder: setup.record.then_some(recorder),
    };
    let held = Rc::new(Cell::new(0));
    let door = Door {
        first: VecDeque::new(),
        policy: setup.policy,
        opened: false,
        held: Rc::clone(&held),
        toll: setup.toll,
    };
    let reports = Rc::<RefCell<[Vec<String>; 2]>>::default();
    let (sink, expects) = (Rc::clone(&reports), setup.expects);
    let mut builder = Runtime::builder()
        .policy(door)
        .pacing(setup.pacing)
        .measure(true)
        .slow_poll(None)
        .observer(meter)
        .on_report(move |report| {
            sink.borrow_mut()[usize::from(expects(report))].push(report.to_string());
        });
    if let Some(budget) = setup.budget {
        builder = builder.budget(budget);
    }
    if setup.time == Time::Virtual {
        builder = builder.virtual_clock();
    }
    let mut runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => return (None, Facts::broken(format!("no loop: {error}"))),
    };
    let output = runtime.try_block_on(async {
        join_the_lab();
        program.await
    });
    // A cancelled task leaves a husk with the policy.
    let still_there = runtime.tasks().len() as i64 + sums.borrow().cancelled;
    let is_virtual = setup.time == Time::Virtual;
    let mut facts = sums.borrow().facts();
    facts.hash = is_virtual.then(|| runtime.schedule_hash());
    if held.get() < 0 || held.get() > still_there {
        let (held, live) = (held.get(), still_there);
        let law = format!("custody: the policy holds {held} tickets of {live} tasks");
        facts.broken.push(law);
    }
    facts.check_times(is_virtual);
    drop(runtime);
    let [surprises, expected] = reports.take();
    facts.broken.extend(surprises);
    facts.expected = expected;
    facts.recording = recording.take();
    match output {
        Ok(output) => (Some(output), facts),
        Err(stuck) => {
            facts.broken.push(stuck.to_string());
            (None, facts)
        }
    }
}

impl Facts {
    fn broken(law: String) -> Self {
        let broken = vec![law];
        Self {
            broken,
            ..Self::default()
        }
    }

    fn check_times(&mut self, exactly: bool) {
        let (sum, wall) = (self.busy + self.idle, self.wall);
        if sum > wall || (exactly && sum != wall) {
            let law = format!(
                "busy {:?} + idle {:?} is not all of {wall:?}",
                self.busy, self.idle
            );
            self.broken.push(law);
        }
    }

    /// Little's law: the integral of the number present is the sum of the times
    /// that the jobs say they were there. Exact under the virtual clock; real
    /// clocks are read a moment apart.
    pub(crate) fn check_little(&mut self, sojourns: impl Iterator<Item = u64>) {
        let sum: u128 = sojourns.map(u128::from).sum();
        let apart = self.area.abs_diff(sum);
        if apart
            > if self.hash.is_some() {
                0
            } else {
                self.area / 20 + 1_000_000
            }
        {
            let law = format!(
                "Little: the integral of N is {}, the sum of T {sum}",
                self.area
            );
            self.broken.push(law);
        }
    }
}

impl Policy for Door {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        if task.group() == LAB || !std::mem::replace(&mut self.opened, true) {
            return self.first.push_back(task);
        }
        self.held.set(self.held.get() + 1);
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        if let Some(task) = self.first.pop_front() {
            return Some(task);
        }
        if let Some(toll) = &mut self.toll {
            toll.pay();
        }
        let task = self.policy.pick_next(now);
        match (&task, &mut self.toll) {
            (Some(_), _) => self.held.set(self.held.get() - 1),
            (None, Some(toll)) => toll.left = 0,
            _ => {}
        }
        task
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        if task.group() != LAB {
            self.policy.ran(task, took, end);
        }
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.policy.idle(from, to);
    }

    fn next_at(&self) -> Option<Instant> {
        self.policy.next_at()
    }

    fn name(&self) -> String {
        self.policy.name()
    }
}

impl Toll {
    fn pay(&mut self) {
        if self.left == 0 {
            self.left = self.every;
            downbeat::time::work(self.price);
        }
        self.left -= 1;
    }
}

impl Sums {
    /// Moves the integral on to `at`.
    fn advance(&mut self, at: Instant) {
        let since = self.since.replace(at).unwrap_or(at);
        self.area += self.jobs * at.saturating_duration_since(since).as_nanos();
    }

    fn facts(&self) -> Facts {
        Facts {
            wall: self.wall,
            busy: self.busy,
            idle: self.idle,
            polls: self.polls,
            area: self.area,
            ..Facts::default()
        }
    }
}

/// Whether a task is a job: the root is not, before it joins the laboratory.
fn is_job(task: &Sched) -> bool {
    task.group() != LAB && task.name().as_deref() != Some("root")
}

impl Observer for Meter {
    fn loop_started(&mut self, at: Instant) {
        self.sums.borrow_mut().began = Some(at);
        self.recorder.iter_mut().for_each(|r| r.loop_started(at));
    }

    fn task_spawned(&mut self, task: &Sched, at: Instant) {
        if is_job(task) {
            let mut sums = self.sums.borrow_mut();
            sums.advance(at);
            sums.jobs += 1;
        }
        self.recorder
            .iter_mut()
            .for_each(|r| r.task_spawned(task, at));
    }

    fn task_runnable(&mut self, task: &Sched, cause: Cause, at: Instant) {
        self.recorder
            .iter_mut()
            .for_each(|r| r.task_runnable(task, cause, at));
    }

    fn poll_started(&mut self, task: &Sched, at: Instant) {
        self.recorder
            .iter_mut()
            .for_each(|r| r.poll_started(task, at));
    }

    fn poll_ended(&mut self, task: &Sched, took: Duration, end: End, at: Instant) {
        let mut sums = self.sums.borrow_mut();
        sums.busy += took;
        sums.polls += 1;
        sums.ended = (end == End::Done).then(|| task.id());
        self.recorder
            .iter_mut()
            .for_each(|r| r.poll_ended(task, took, end, at));
    }

    fn task_done(&mut self, task: &Sched, at: Instant) {
        if self.sums.borrow_mut().ended.take() != Some(task.id()) {
            self.sums.borrow_mut().cancelled += 1;
        }
        if is_job(task) {
            let mut sums = self.sums.borrow_mut();
            sums.advance(at);
            sums.jobs = sums.jobs.saturating_sub(1);
        }
        self.recorder.iter_mut().for_each(|r| r.task_done(task, at));
    }

    fn before_wait(&mut self, until: Option<Instant>, at: Instant) {
        self.sums.borrow_mut().waits_from = Some(at);
        self.recorder
            .iter_mut()
            .for_each(|r| r.before_wait(until, at));
    }

    fn after_wait(&mut self, at: Instant) {
        let mut sums = self.sums.borrow_mut();
        if let Some(from) = sums.waits_from.take() {
            sums.idle += at.saturating_duration_since(from);
        }
        self.recorder.iter_mut().for_each(|r| r.after_wait(at));
    }

    fn loop_ended(&mut self, at: Instant) {
        let mut sums = self.sums.borrow_mut();
        sums.advance(at);
        if let Some(began) = sums.began {
            sums.wall = at.saturating_duration_since(began);
        }
        self.recorder.iter_mut().for_each(|r| r.loop_ended(at));
    }
}
