//! The meter: what a run adds up to, and the laws that every run is held to.
//!
//! Owns: `Facts`; the observer that fills them.
//!
//! Laws: see `bench.rs`. The integral of the number of jobs is taken from the loop's
//! events alone, so it can be held against what the jobs themselves say.
//!
//! Read next: `lab.rs`.

use crate::job::is_of_the_lab;
use downbeat::policy::{Cause, End, Sched, TaskId};
use downbeat::runtime::{Observer, ScheduleHash};
use downbeat::testing::{Recorder, Recording};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

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
    /// Picks at which the policy had a choice: two tickets or more.
    pub(crate) choices: u64,
    /// The integral over time of the number of jobs there, in nanoseconds.
    pub(crate) area: u128,
    /// The fingerprint of the schedule, under the virtual clock.
    pub(crate) hash: Option<ScheduleHash>,
    /// Broken laws, in words.
    pub(crate) broken: Vec<String>,
    /// In real time: how long this thread ran or could have run, and how much of that the
    /// machine gave to others. Where the system tells.
    pub(crate) taken: Option<[Duration; 2]>,
    /// Reports that were expected.
    pub(crate) expected: Vec<String>,
    /// All events, if they were asked for.
    pub(crate) recording: Recording,
}

/// Counts jobs and adds times up.
pub(crate) struct Meter {
    /// What it writes.
    sums: Rc<RefCell<Sums>>,
    /// Keeps all events too.
    recorder: Option<Recorder>,
}

/// What it writes.
#[derive(Default)]
pub(crate) struct Sums {
    began: Option<Instant>,
    wall: Duration,
    busy: Duration,
    idle: Duration,
    polls: u64,
    /// Tasks that ended otherwise than by their last poll.
    pub(crate) cancelled: i64,
    ended: Option<TaskId>,
    jobs: u128,
    since: Option<Instant>,
    area: u128,
    waits_from: Option<Instant>,
}

impl Meter {
    /// A meter that writes into `sums`, and keeps events if there is a recorder.
    pub(crate) fn new(sums: &Rc<RefCell<Sums>>, recorder: Option<Recorder>) -> Self {
        let sums = Rc::clone(sums);
        Self { sums, recorder }
    }
}

impl Facts {
    pub(crate) fn broken(law: String) -> Self {
        let broken = vec![law];
        Self {
            broken,
            ..Self::default()
        }
    }

    /// Time in polls and in waits is all there was.
    pub(crate) fn check_times(&mut self, exactly: bool) {
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
    /// that the jobs say they were there. Exact under the virtual clock; the
    /// real one is read a moment apart, which is long on a busy machine: there it only finds
    /// jobs that were forgotten.
    pub(crate) fn check_little(&mut self, sojourns: impl Iterator<Item = u64>) {
        let sum: u128 = sojourns.map(u128::from).sum();
        let apart = self.area.abs_diff(sum);
        if apart
            > if self.hash.is_some() {
                0
            } else {
                self.area / 2 + 50_000_000
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

impl Sums {
    /// Moves the integral on to `at`.
    fn advance(&mut self, at: Instant) {
        let since = self.since.replace(at).unwrap_or(at);
        self.area += self.jobs * at.saturating_duration_since(since).as_nanos();
    }

    /// The sums so far.
    pub(crate) fn facts(&self) -> Facts {
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
    !is_of_the_lab(task) && task.name().as_deref() != Some("root")
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
