//! Random programs for `policy.rs`: all that tasks do to each other.
//!
//! Tasks yield, sleep, compute, wake each other, spawn, panic, change their cards and
//! are aborted; in half of the programs the policy is replaced while it runs.
//!
//! Law: all decisions come from one seed, in the order in which the tasks run, so the
//! same schedule is the same program.

use super::Rng;
use crate::policy::Policy;
use crate::runtime::{current_task, set_policy, spawn_with};
use crate::sync::Notify;
use crate::task::{JoinError, JoinHandle, SpawnOptions};
use crate::time::{now, sleep, timeout, work};
use crate::{spawn, yield_now};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// What the tasks of a program share.
struct Program {
    /// All decisions of the program.
    rng: RefCell<Rng>,
    /// How tasks wake each other.
    notify: Notify,
}

/// The panics of these programs.
struct OnPurpose;

/// Tasks that a program starts with.
const TASKS: usize = 24;
const MS: Duration = Duration::from_millis(1);

/// Spawns, aborts, swaps the policy, and awaits everybody; returns how many tasks
/// were cancelled though nobody aborted them.
pub(super) async fn main_task(
    mut rng: Rng,
    make: impl Fn() -> Box<dyn Policy>,
) -> Result<usize, String> {
    let (aborts, swaps) = (rng.below(6), rng.below(2));
    let program = Rc::new(Program {
        rng: RefCell::new(Rng::new(rng.next_u64())),
        notify: Notify::new(),
    });
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let options = random_options(&mut rng).name(format!("task {number}"));
            spawn_with(life(Rc::clone(&program), 0), options)
        })
        .collect();
    let mut aborted = vec![false; TASKS];
    for _ in 0..aborts {
        sleep(MS * rng.below(3) as u32).await;
        let victim = rng.below(TASKS);
        tasks[victim].abort();
        aborted[victim] = true;
    }
    for _ in 0..swaps {
        sleep(MS * rng.below(3) as u32).await;
        set_policy(make()).map_err(|error| error.to_string())?;
    }
    let mut cancelled = 0;
    for (task, aborted) in tasks.into_iter().zip(aborted) {
        match task.await {
            Ok(lost) => cancelled += lost,
            Err(JoinError::Cancelled) if aborted => {}
            Err(JoinError::Cancelled) => cancelled += 1,
            Err(JoinError::Panicked(payload)) if payload.is::<OnPurpose>() => {}
            Err(error) => return Err(format!("every task ends: {error}")),
        }
    }
    // What is still queued comes out before the loop can sleep.
    sleep(Duration::from_secs(1)).await;
    Ok(cancelled)
}

/// The life of a task; returns how many of its children were cancelled.
async fn life(program: Rc<Program>, depth: usize) -> usize {
    let below = |bound: usize| program.rng.borrow_mut().below(bound);
    let mut cancelled = 0;
    for _ in 0..below(8) {
        match below(8) {
            0 | 1 => yield_now().await,
            2 => sleep(MS * below(4) as u32).await,
            3 => work(Duration::from_micros(below(1500) as u64)),
            4 => program.notify.notify_one(),
            5 => {
                let patience = MS * (1 + below(3) as u32);
                let _ = timeout(patience, program.notify.notified()).await;
            }
            6 if depth < 2 => {
                let child: JoinHandle<usize> =
                    spawn(Box::pin(life(Rc::clone(&program), depth + 1)));
                match child.await {
                    Ok(lost) => cancelled += lost,
                    Err(error) => cancelled += usize::from(error.is_cancelled()),
                }
            }
            // No panic hook, no noise.
            7 if below(8) == 0 => std::panic::resume_unwind(Box::new(OnPurpose)),
            _ => set_options(&program),
        }
    }
    cancelled
}

/// A task changes what its card says.
fn set_options(program: &Program) {
    let mut rng = program.rng.borrow_mut();
    let (priority, weight, group) = (rng.below(4), rng.below(5), rng.below(4));
    drop(rng);
    current_task(|card| {
        card.set_priority(priority as u32);
        card.set_weight(weight as u32);
        card.set_group(group as u32);
    });
}

/// A card at random.
pub(super) fn random_options(rng: &mut Rng) -> SpawnOptions {
    let options = SpawnOptions::new()
        .priority(rng.below(4) as u32)
        .weight(rng.below(5) as u32)
        .group(rng.below(4) as u32);
    let options = match rng.below(3) {
        0 => options,
        _ => options.deadline(now() + MS * rng.below(20) as u32),
    };
    match rng.below(3) {
        0 => options,
        _ => options.size(rng.below(3_000_000) as u64),
    }
}
