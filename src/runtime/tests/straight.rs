//! What the trait and an absent observer cost: a queue that `Custody` reaches without
//! `Policy`, in the same `turn()` and the same build as every policy, but for the calls
//! of observers. For tests only.
//!
//! Owns: `Straight`, the queue of `Fifo` without its trait; the program that
//! `.ci/policy-cost` counts the instructions of.
//!
//! Laws: what is left out is the trait, the observer and nothing else; the count of
//! tickets and the look at whose they are belong to the loop, whoever keeps the queue.
//!
//! Read next: `custody.rs`, where the lines under `cfg(test)` are.

use crate::policy::{self, Cause, Fifo, Policy, Runnable};
use crate::runtime::{Builder, Runtime};
use crate::testing::Recorder;
use std::any::{Any, TypeId};
use std::time::{Duration, Instant};

/// A FIFO that is not asked through the trait. Its [`Policy`] methods exist only so
/// that it may stand where a policy does, and none that would queue is ever called.
#[derive(Default)]
pub(super) struct Straight(Fifo);

/// The queue, if that is what the loop has. One comparison of constants, which the
/// compiler does.
#[inline(always)]
fn past_the_trait<P: 'static>(policy: &mut P) -> Option<&mut Fifo> {
    let policy: &mut dyn Any = policy;
    let straight = policy.downcast_mut::<Straight>()?;
    Some(&mut straight.0)
}

/// Whether the loop is compiled without the calls of observers.
#[inline(always)]
pub(super) fn is_unobserved<P: 'static>() -> bool {
    TypeId::of::<P>() == TypeId::of::<Straight>()
}

/// Whether the loop has the queue.
#[inline(always)]
pub(super) fn is_straight<P: 'static>(policy: &mut P) -> bool {
    past_the_trait(policy).is_some()
}

/// Into the queue, or through the trait.
#[inline(always)]
pub(super) fn enqueue<P: Policy + 'static>(policy: &mut P, ticket: Runnable, cause: Cause) {
    match past_the_trait(policy) {
        Some(queue) => queue.push(ticket),
        None => policy.enqueue(ticket, cause),
    }
}

/// From the queue, or through the trait.
#[inline(always)]
pub(super) fn pick_next<P: Policy + 'static>(policy: &mut P, now: Instant) -> Option<Runnable> {
    match past_the_trait(policy) {
        Some(queue) => queue.pop(),
        None => policy.pick_next(now),
    }
}

impl Policy for Straight {
    fn enqueue(&mut self, _: Runnable, _: Cause) {
        unreachable!("the loop goes past the trait");
    }

    /// Asked only after a foreign ticket, and there is none here.
    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        unreachable!("the loop goes past the trait");
    }

    fn wants_clock(&self) -> bool {
        false
    }
}

/// A thousand tasks that do nothing but yield, `rounds` times each.
fn yields<P: Policy + 'static>(policy: P, rounds: u32) -> u64 {
    yields_on(Runtime::builder().policy(policy), rounds)
}

/// The same under FIFO, with every event written down.
fn yields_recorded(rounds: u32) -> u64 {
    let (recorder, recording) = Recorder::with_limit(usize::MAX);
    let builder = Runtime::builder().policy(policy::Fifo::new());
    let polls = yields_on(builder.observer(recorder), rounds);
    println!("{} events", recording.borrow().events.len());
    polls
}

fn yields_on<P: Policy + 'static>(builder: Builder<P>, rounds: u32) -> u64 {
    // The watchdog looks at all tasks once a second, and a policy may well pass some
    // over: neither is what a poll costs.
    let built = builder.passed_over_after(None).build();
    let mut runtime = built.expect("a loop");
    runtime.block_on(async move {
        let tasks: Vec<_> = (0..1000)
            .map(|number: u32| {
                let task = async move {
                    for _ in 0..rounds {
                        crate::yield_now().await;
                    }
                };
                let options = crate::SpawnOptions::new()
                    .priority(number % 4)
                    .weight(1 + number % 4)
                    .group(number % 4)
                    .size(u64::from(number) * 1000);
                crate::spawn_with(task, options)
            })
            .collect();
        for task in tasks {
            task.await.expect("it yields and ends");
        }
    });
    runtime.stats().polls
}

#[test]
fn past_the_trait_the_loop_is_the_same() {
    assert_eq!(
        yields(Straight::default(), 7),
        yields(policy::Fifo::new(), 7)
    );
}

#[test]
fn past_the_observer_nothing_is_seen() {
    let (recorder, recording) = Recorder::new();
    let builder = Runtime::builder().policy(Straight::default());
    yields_on(builder.observer(recorder), 7);
    assert!(recording.borrow().events.is_empty());
}

/// For `.ci/policy-cost`: `YIELDS='name rounds'`.
#[test]
#[ignore = "a program to count the instructions of"]
fn yields_under() {
    const MS: Duration = Duration::from_millis(1);
    let wish = std::env::var("YIELDS").expect("YIELDS='name rounds'");
    let (name, rounds) = wish.rsplit_once(' ').expect("a name and a number");
    let n: u32 = rounds.parse().expect("a number");
    let polls = match name {
        "straight" => yields(Straight::default(), n),
        "fifo" => yields(policy::Fifo::new(), n),
        "fifo, recorded" => yields_recorded(n),
        "lifo" => yields(policy::Lifo::new(), n),
        "random" => yields(policy::Random::new(7), n),
        "priority" => yields(policy::priority(), n),
        "ageing" => yields(policy::ageing(MS), n),
        "fair" => yields(policy::fair(), n),
        "fair(polls)" => yields(policy::fair_by_polls(), n),
        "eevdf" => yields(policy::Eevdf::new(MS), n),
        "drr" => yields(policy::Drr::new(MS), n),
        "lottery" => yields(policy::lottery(7), n),
        "edf" => yields(policy::edf(), n),
        "slack" => yields(policy::least_slack(), n),
        "sjf" => yields(policy::sjf(), n),
        "srpt" => yields(policy::srpt(), n),
        "las" => yields(policy::las(1000 * MS), n),
        "mlfq" => yields(policy::mlfq(&[MS / 10, MS / 2, 5 * MS], 1000 * MS), n),
        "boost" => yields(policy::boost(5 * MS), n),
        "skip" => yields(policy::Skip::new(8), n),
        "codel" => yields(policy::Codel::new(100_000 * MS, 100_000 * MS), n),
        "pct" => yields(policy::pct(3, 100_000, 7), n),
        "slot" => yields(policy::Slot::new(3, policy::Fifo::new()), n),
        "groups" => {
            let groups = policy::Groups::new(policy::fair(), |_| policy::Fifo::new());
            yields(groups, n)
        }
        "oracle" => yields(policy::oracle(|_, _| 0), n),
        "traced" => yields(policy::Traced::new(policy::Fifo::new(), |_| ()), n),
        "delay" => yields(policy::Delay::new(3, 100_000, 7, policy::Fifo::new()), n),
        "check" => yields(policy::Check::new(policy::Fifo::new()), n),
        text => yields(policy::parse(text).expect("a policy"), n),
    };
    println!("{polls} polls");
}
