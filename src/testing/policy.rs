//! Holds a policy to its laws: seeded random programs on the virtual clock.
//!
//! Owns: what is seen of a program from outside, and the verdict. The programs are
//! in `program.rs`.
//!
//! Laws held: S01, every ticket comes out once, and `None` means empty or
//! `next_at`; every task ends as it should; nothing is reported; same seed, same
//! schedule.
//!
//! Absent on purpose: thresholds. A law holds or it does not; what a policy is good
//! at is measured elsewhere.
//!
//! Read next: `program.rs`; `policy/check.rs`, which watches the calls.

use super::Rng;
use super::program::{main_task, random_options};
use crate::policy::{Check, Policy, Step, TaskId, Traced};
use crate::runtime::{Pacing, Report, Runtime, ScheduleHash, spawn_with};
use crate::time::{now, sleep_until, work};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A policy broke a law.
#[derive(Clone, Debug)]
pub struct BrokenLaw {
    /// What the policy calls itself.
    pub policy: String,
    /// The law and how it was broken.
    pub law: String,
    /// The program: the same seed breaks it again.
    pub seed: u64,
}

/// A policy kept the laws.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// How many programs ran.
    pub programs: u64,
    /// How many picks they needed.
    pub picks: u64,
    /// The largest number of picks that passed over one ticket. A policy that
    /// starves shows it here; that breaks no law.
    pub longest_wait: u64,
    /// See [`conserves_work`].
    pub conserves_work: bool,
}

/// What is seen of one program.
#[derive(Default)]
struct Seen {
    /// The first complaint.
    broken: Option<String>,
    /// Tasks that the policy turned away.
    shed: usize,
    /// Picks so far.
    picks: u64,
    /// At which pick a queued ticket came.
    came: BTreeMap<TaskId, u64>,
    /// See [`Checked`].
    longest_wait: u64,
}

/// How many programs a check runs; each runs twice.
const PROGRAMS: u64 = 16;

/// Runs random programs under the policies that `make` makes.
///
/// ```
/// downbeat::testing::check_policy(|| downbeat::policy::by(|task, _| task.size()));
/// ```
///
/// # Panics
/// At the first broken law, with the seed of the program that showed it.
pub fn check_policy<P: Policy + 'static>(make: impl Fn() -> P + Clone + 'static) -> Checked {
    try_check_policy(make).unwrap_or_else(|broken| panic!("{broken}"))
}

/// [`check_policy`] that returns the broken law.
///
/// # Errors
/// The first broken law, with the seed of the program that showed it.
pub fn try_check_policy<P: Policy + 'static>(
    make: impl Fn() -> P + Clone + 'static,
) -> Result<Checked, BrokenLaw> {
    let mut checked = Checked {
        programs: PROGRAMS,
        picks: 0,
        longest_wait: 0,
        conserves_work: false,
    };
    for seed in 0..PROGRAMS {
        let broken = |law: String| BrokenLaw {
            policy: make().name(),
            law,
            seed,
        };
        let (first, seen) = run_program(make.clone(), seed).map_err(broken)?;
        let (second, _) = run_program(make.clone(), seed).map_err(broken)?;
        if first != second {
            let law = format!("same seed, same schedule: {first} and then {second}");
            return Err(broken(law));
        }
        checked.picks += seen.picks;
        checked.longest_wait = checked.longest_wait.max(seen.longest_wait);
    }
    checked.conserves_work = conserves_work(make, 0);
    Ok(checked)
}

/// Whether the policy neither idles with work in hand nor drops work: then the sum
/// of (waiting time x work) over all jobs is the same as under FIFO, to the
/// nanosecond, whatever the order (Kleinrock 1965; swap two neighbours to see it).
pub fn conserves_work<P: Policy + 'static>(make: impl FnOnce() -> P, seed: u64) -> bool {
    let mut rng = Rng::new(seed);
    let mut at = Duration::ZERO;
    let jobs: Vec<(Duration, Duration)> = (0..200)
        .map(|_| {
            at += Duration::from_micros(rng.below(2000) as u64);
            let long = if rng.one_in(10) { 10 } else { 1 };
            (at, Duration::from_micros(rng.below(900 * long) as u64))
        })
        .collect();
    let mut free_at = Duration::ZERO;
    let mut fifo = 0;
    for (at, work) in &jobs {
        fifo += free_at.saturating_sub(*at).as_nanos() * work.as_nanos();
        free_at = free_at.max(*at) + *work;
    }
    waits_times_work(make(), jobs, rng) == Some(fifo)
}

/// The sum of waiting time x work of jobs that arrive at these times; `None` when a
/// job was not done.
fn waits_times_work<P: Policy + 'static>(
    policy: P,
    jobs: Vec<(Duration, Duration)>,
    mut rng: Rng,
) -> Option<u128> {
    let builder = Runtime::builder().virtual_clock().policy(policy);
    // Arrivals are noticed after every poll, and nothing is printed.
    let builder = builder.pacing(Pacing::Every(1)).on_report(|_| ());
    let mut runtime = builder.build().ok()?;
    let result = runtime.try_block_on(async {
        let start = now();
        let mut handles = Vec::new();
        for (at, length) in jobs {
            sleep_until(start + at).await;
            let job = async move {
                let waited = (now() - start).saturating_sub(at);
                work(length);
                waited.as_nanos() * length.as_nanos()
            };
            let size = length.as_nanos() as u64;
            handles.push(spawn_with(job, random_options(&mut rng).size(size)));
        }
        let mut sum = 0;
        for handle in handles {
            sum += handle.await.ok()?;
        }
        Some(sum)
    });
    result.ok().flatten()
}

/// Runs one program; an error is a broken law.
fn run_program<P: Policy + 'static>(
    make: impl Fn() -> P + 'static,
    seed: u64,
) -> Result<(ScheduleHash, Seen), String> {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let watched = {
        let seen = Rc::clone(&seen);
        move || watch(make(), &seen)
    };
    let hook = Rc::clone(&seen);
    let mut rng = Rng::new(seed);
    let pacing = [Pacing::Every(1), Pacing::Every(61), Pacing::Batch][rng.below(3)];
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .pacing(pacing)
        .passed_over_after(None)
        .policy(watched())
        .on_report(move |report| hook.borrow_mut().note(report))
        .build()
        .map_err(|error| error.to_string())?;
    let result = runtime.try_block_on(main_task(rng, watched));
    let hash = runtime.schedule_hash();
    drop(runtime);
    let seen = seen.take();
    if let Some(law) = seen.broken {
        return Err(law);
    }
    let cancelled = result.map_err(|stuck| format!("no task is lost: {stuck}"))??;
    if cancelled != seen.shed {
        let (shed, law) = (seen.shed, "only what was aborted or shed is cancelled");
        return Err(format!("{law}: {shed} shed, {cancelled} more cancelled"));
    }
    Ok((hash, seen))
}

/// The policy, watched from outside.
fn watch<P: Policy + 'static>(policy: P, seen: &Rc<RefCell<Seen>>) -> Box<dyn Policy> {
    let (steps, complaints) = (Rc::clone(seen), Rc::clone(seen));
    // A new policy gets all tickets afresh.
    seen.borrow_mut().came.clear();
    let traced = Traced::new(policy, move |step| steps.borrow_mut().count(step));
    Box::new(Check::with(traced, move |law| {
        complaints.borrow_mut().complain(law);
    }))
}

impl Seen {
    fn complain(&mut self, law: String) {
        self.broken.get_or_insert(law);
    }

    /// A well-behaved policy causes no reports, but it may turn tasks away.
    fn note(&mut self, report: &Report) {
        match report {
            Report::PolicyShed { tasks, .. } => self.shed += tasks.len(),
            Report::TaskPanicked { .. } | Report::SlowPoll { .. } => {}
            other => self.complain(other.to_string()),
        }
    }

    fn count(&mut self, step: Step<'_>) {
        match step {
            Step::Enqueued(task, _) => {
                self.came.insert(task.id(), self.picks);
            }
            Step::Picked(task, _) => {
                let came = self.came.remove(&task.id()).unwrap_or(self.picks);
                self.longest_wait = self.longest_wait.max(self.picks - came);
                self.picks += 1;
            }
            _ => {}
        }
    }
}

impl fmt::Display for BrokenLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, law, seed } = self;
        write!(f, "policy {policy} breaks a law (seed {seed}): {law}")
    }
}

impl Error for BrokenLaw {}
