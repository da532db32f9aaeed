//! The door: lets the laboratory's own tasks through, counts the others in and out.
//!
//! Owns: the wrapper around the policy under test, and the price of a turn.
//!
//! Laws: arrivals and stop watches are the world outside, which waits for no policy,
//! so they go first; the watchman (`job.rs`) goes when nobody else can. The policy under
//! test sees neither.
//!
//! Read next: `meter.rs`.

use crate::job::{is_last, is_of_the_lab};
use downbeat::policy::{Cause, End, Policy, Runnable, Sched};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The laboratory's tasks first, all others as the policy says.
pub(crate) struct Door {
    /// Tickets of the laboratory's own tasks.
    first: VecDeque<Runnable>,
    /// Those of its watchman.
    last: VecDeque<Runnable>,
    /// The policy under test.
    policy: Box<dyn Policy>,
    /// The very first ticket is the root's, which has no group yet.
    opened: bool,
    /// What it counts.
    counts: Counts,
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

/// What the door counts.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    /// Tickets with the policy.
    pub(crate) held: Rc<Cell<i64>>,
    /// Picks with two tickets or more.
    pub(crate) choices: Rc<Cell<u64>>,
}

impl Door {
    /// A door before `policy`.
    pub(crate) fn new(policy: Box<dyn Policy>, toll: Option<Toll>, counts: Counts) -> Self {
        Self {
            first: VecDeque::new(),
            last: VecDeque::new(),
            policy,
            opened: false,
            counts,
            toll,
        }
    }
}

impl Toll {
    /// `price` for each turn of `every` polls.
    pub(crate) fn new(every: u32, price: Duration) -> Self {
        let left = 0;
        Self { every, left, price }
    }
}

impl Policy for Door {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        if is_last(&task) {
            return self.last.push_back(task);
        }
        if is_of_the_lab(&task) || !std::mem::replace(&mut self.opened, true) {
            return self.first.push_back(task);
        }
        self.counts.held.set(self.counts.held.get() + 1);
        self.policy.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        if let Some(task) = self.first.pop_front() {
            return Some(task);
        }
        if let Some(toll) = &mut self.toll {
            toll.pay();
        }
        let choice = u64::from(self.counts.held.get() > 1);
        self.counts.choices.set(self.counts.choices.get() + choice);
        let task = self.policy.pick_next(now);
        match (&task, &mut self.toll) {
            (Some(_), _) => self.counts.held.set(self.counts.held.get() - 1),
            (None, Some(toll)) => toll.left = 0,
            _ => {}
        }
        task.or_else(|| self.last.pop_front())
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        if !is_of_the_lab(task) {
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
