//! What code inside a loop may ask of it: spawn, look around, change the policy.
//!
//! Laws: S07, a task is taken from anywhere on the loop's thread, also from a
//! `Drop`; a loop that is going away refuses it by a handle that says so.
//!
//! Absent on purpose: a way to reach another loop of this thread. Use a `Handle`.
//!
//! Read next: `handle.rs`.

use super::current::{self, WrongLoop};
use super::state::LoopState;
use super::stats::Stats;
use crate::policy::Policy;
use crate::task::job::{self, BoxedJob};
use crate::task::waker;
use crate::task::{JoinHandle, Sched, SpawnOptions, TaskId, TaskState};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// What a snapshot says about one task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its name on the loop.
    pub id: TaskId,
    /// What its spawner called it.
    pub name: Option<String>,
    /// What it does.
    pub state: TaskState,
    /// Where it was spawned.
    pub site: &'static Location<'static>,
    /// How often it was polled.
    pub polls: u64,
    /// Time in its polls; `None` where no clock runs around polls.
    pub used: Option<Duration>,
}

/// Why a policy was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetPolicyError {
    /// The loop's policy is part of its type; build it with a `Box<dyn Policy>`.
    Fixed,
    /// No loop runs on this thread.
    NoLoop,
    /// The loop is gone.
    LoopGone,
}

/// Spawns a task on this thread's loop.
///
/// A panic of the task ends that task only, also one in a `Drop` of what it holds,
/// which is reported. A panic in a `Drop` while another panic unwinds ends the
/// process, by Rust's own rule.
///
/// # Panics
/// When no loop runs on this thread; see [`try_spawn`].
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_with(future, SpawnOptions::new())
}

/// [`spawn`] with a name, a priority and the rest of what policies look at.
///
/// # Panics
/// When no loop runs on this thread.
#[track_caller]
pub fn spawn_with<F>(future: F, options: SpawnOptions) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match try_spawn(future, options) {
        Ok(handle) => handle,
        Err(error) => panic!("spawn: {error}"),
    }
}

/// [`spawn_with`] that returns an error where no loop runs; the future is dropped.
///
/// # Errors
/// When no loop runs on this thread.
#[track_caller]
pub fn try_spawn<F>(future: F, options: SpawnOptions) -> Result<JoinHandle<F::Output>, WrongLoop>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let site = Location::caller();
    let mut job = Some(job::boxed(future));
    let handle = current::with(|state| start(state, &mut job, options, site));
    // A refused future is dropped with nothing borrowed.
    // WHY NOT at the closing brace: if it panics there, the result is left behind for ever.
    drop(job);
    handle
}

/// Puts a task into a loop that is the current one, and open.
pub(super) fn spawn_on<F>(
    state: &Rc<LoopState>,
    future: F,
    options: SpawnOptions,
    site: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let mut job = Some(job::boxed(future));
    start(state, &mut job, options, site)
}

/// Puts a job into a loop that is the current one; leaves it behind if it is refused.
#[inline]
fn start<T: 'static>(
    state: &Rc<LoopState>,
    job: &mut Option<BoxedJob>,
    options: SpawnOptions,
    site: &'static Location<'static>,
) -> JoinHandle<T> {
    let inserted = state.table.insert(job.take(), options, site, state.started);
    let task = inserted.map_err(|refused| *job = refused).ok();
    JoinHandle::new(Rc::clone(&state.table), task)
}

/// Calls `look` with the card of the task that runs now; `None` outside a poll.
///
/// The card's setters are how a task changes its own priority or deadline.
pub fn current_task<R>(look: impl FnOnce(&Sched) -> R) -> Option<R> {
    let state = current::state().ok()?;
    let card = state.table.card_at(waker::running()?)?;
    Some(look(&card))
}

/// A snapshot of all live tasks of this thread's loop; empty where none runs.
pub fn tasks() -> Vec<TaskInfo> {
    current::state()
        .map(|state| snapshot(&state))
        .unwrap_or_default()
}

/// What this thread's loop has done so far; zeros where none runs.
pub fn stats() -> Stats {
    current::with(|state| state.stats.get()).unwrap_or_default()
}

/// The next random number of this thread's loop (SplitMix64): for jitter, sampling and
/// simulated faults that come back with the same [`seed`](super::Builder::seed). Not
/// for secrets. 0 where no loop runs.
pub fn random() -> u64 {
    let next = current::with(|state| state.chance.borrow_mut().next());
    next.unwrap_or_default()
}

/// Changes the policy of this thread's loop, between two polls.
///
/// # Errors
/// When the loop's policy is part of its type, or no loop runs here.
pub fn set_policy(policy: Box<dyn Policy>) -> Result<(), SetPolicyError> {
    let state = current::state().map_err(|_| SetPolicyError::NoLoop)?;
    set_policy_of(&state, policy)
}

/// Leaves a policy for the loop to take over.
pub(super) fn set_policy_of(
    state: &Rc<LoopState>,
    policy: Box<dyn Policy>,
) -> Result<(), SetPolicyError> {
    if !state.swappable {
        return Err(SetPolicyError::Fixed);
    }
    let unused = state.next_policy.borrow_mut().replace(policy);
    drop(unused); // User code: outside the borrow.
    state.table.home().call_attention();
    Ok(())
}

/// All live tasks.
pub(super) fn snapshot(state: &LoopState) -> Vec<TaskInfo> {
    let mut tasks = Vec::new();
    let measured = state.measured.get();
    state.table.for_each_live(|sched, task_state| {
        tasks.push(TaskInfo {
            id: sched.id(),
            name: sched.name().map(std::borrow::Cow::into_owned),
            state: task_state,
            site: sched.site(),
            polls: sched.polls(),
            used: measured.then(|| sched.used()),
        });
    });
    tasks
}

impl fmt::Display for SetPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fixed => {
                "this loop's policy is part of its type; build it with a Box<dyn Policy>"
            }
            Self::NoLoop => "no loop runs on this thread",
            Self::LoopGone => "the loop is gone",
        })
    }
}

impl Error for SetPolicyError {}
