//! E17: the budget.

use super::{Experiment, MS, US};
use crate::bench::{Setup, Time};
use crate::lab::Lab;
use crate::row::{Certain, Row};
use downbeat::runtime::Pacing;
use downbeat::spawn;
use downbeat::sync::Semaphore;
use downbeat::time::{now, work};
use downbeat::yield_now;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The experiment.
pub(crate) const IT: Experiment = Experiment {
    number: "e17",
    name: "budget",
    claim: "A task that always finds something ready never waits; the budget makes it yield, and bounds what others wait.",
    formula: "a poll of the drainer is B s, so the others' gap is B s + c, and their share c/(B s + c)",
    source: "tokio's cooperative budget; elementary",
    moral: "Order, pacing, budget: three knobs. Next: lab run fetch",
    run,
};

/// One operation of the drainer, and a poll of the other task.
const OPERATION: u64 = US;
const OTHER: u64 = US;
const SPAN: u64 = 200 * MS;

fn run(lab: &Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    for budget in [1, 8, 64, 128, 1024] {
        let gap = u64::from(budget) * OPERATION + OTHER;
        let (shortest, longest) = gaps(lab, budget, SPAN, Time::Virtual);
        let real = lab.real.then(|| gaps(lab, budget, 30 * MS, Time::Real));
        let what = |what: &str| format!("budget {budget}: {what}");
        let us = |nanos: Option<u64>| nanos.map_or(f64::NAN, |nanos| nanos as f64 / 1e3);
        rows.push(
            Row::exact(what("longest gap"), "us", us(Some(gap)), us(longest))
                .real(real.map(|(_, longest)| us(longest))),
        );
        rows.push(
            Row::exact(what("shortest gap"), "us", us(Some(gap)), us(shortest)).certain(
                real.map(|(shortest, _)| us(shortest)),
                Certain::AtLeast,
                us(Some(gap)),
            ),
        );
    }
    rows
}

/// The shortest and longest time between polls of a task beside a drainer.
fn gaps(lab: &Lab, budget: u32, span: u64, time: Time) -> (Option<u64>, Option<u64>) {
    let starts = Rc::<RefCell<Vec<Instant>>>::default();
    let write = Rc::clone(&starts);
    let program = async move {
        let end = now() + Duration::from_nanos(span);
        let drainer = spawn(async move {
            let always = Semaphore::new(1);
            while now() < end {
                drop(always.acquire().await);
                work(Duration::from_nanos(OPERATION));
            }
        });
        let other = spawn(async move {
            while now() < end {
                write.borrow_mut().push(now());
                work(Duration::from_nanos(OTHER));
                yield_now().await;
            }
        });
        drop(drainer.await);
        drop(other.await);
    };
    let setup = Setup::new(lab.policy("fifo"));
    let setup = setup.time(time).pacing(Pacing::Every(61)).budget(budget);
    lab.run("fifo", setup, program);
    let starts = starts.take();
    // The first poll of the drainer begins, and its last one ends, in the middle.
    let inside = starts
        .get(2..starts.len().saturating_sub(2))
        .unwrap_or_default();
    let gaps = inside
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_nanos() as u64);
    (gaps.clone().min(), gaps.max())
}
