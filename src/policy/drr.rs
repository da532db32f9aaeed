//! Deficit round robin: fair shares among groups in constant time.
//!
//! Order: the groups take turns; a group goes on while it has credit, gets `quantum`
//! x weight of it per round and pays for what its polls took. Polls are paid for
//! afterwards (their length is not known before), so a long one leaves a debt.
//! Cost: O(log groups) for the look-up, and a clock. Starvation: none; a group waits
//! for one quantum and one poll of each other group per round. Source: Shreedhar
//! and Varghese, SIGCOMM 1995; paid afterwards: surplus round robin, Adiseshu 1996.

use super::las::nanos;
use super::{Cause, End, Policy, Runnable, Sched};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Round robin among groups, by time.
#[derive(Debug)]
pub struct Drr {
    /// Groups that have or just had tickets, the one whose turn it is first.
    ring: VecDeque<u32>,
    /// The groups on the ring, and those with debts.
    groups: BTreeMap<u32, Flow>,
    /// Nanoseconds per round and weight.
    quantum: i64,
}

/// One group.
#[derive(Debug, Default)]
struct Flow {
    /// Its tickets.
    ready: VecDeque<Runnable>,
    /// What it may still use, in nanoseconds; negative is a debt.
    credit: i64,
    /// What it gets per round.
    income: i64,
    /// Whether it is on the ring.
    on_ring: bool,
}

impl Drr {
    /// Each group gets `quantum` x the weight of its newest task per round.
    pub fn new(quantum: Duration) -> Self {
        Self {
            ring: VecDeque::new(),
            groups: BTreeMap::new(),
            quantum: i64::try_from(nanos(quantum)).unwrap_or(i64::MAX).max(1),
        }
    }

    /// Nobody has credit: all get the income of as many rounds as the first needs.
    fn pay_out(&mut self) {
        let flows = || self.ring.iter().filter_map(|group| self.groups.get(group));
        let rounds = flows()
            .map(|flow| 1 + flow.credit.saturating_neg() / flow.income.max(1))
            .min();
        for group in &self.ring {
            if let Some(flow) = self.groups.get_mut(group) {
                let income = flow.income.saturating_mul(rounds.unwrap_or(1));
                flow.credit = flow.credit.saturating_add(income);
            }
        }
    }

    /// The next ticket of the first group with credit. Groups before it lose their
    /// turn, empty ones leave the ring.
    fn take_turn(&mut self) -> Option<Runnable> {
        for _ in 0..self.ring.len() {
            let group = *self.ring.front()?;
            let flow = self.groups.get_mut(&group)?;
            if flow.ready.is_empty() {
                // Credit is for those who wait; a debt stays.
                self.ring.pop_front();
                flow.on_ring = false;
                if flow.credit >= 0 {
                    self.groups.remove(&group);
                }
            } else if flow.credit > 0 {
                return flow.ready.pop_front();
            } else {
                self.ring.rotate_left(1);
            }
        }
        None
    }
}

impl Policy for Drr {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        let group = task.group();
        let flow = self.groups.entry(group).or_default();
        flow.income = self.quantum.saturating_mul(i64::from(task.weight()));
        if !std::mem::replace(&mut flow.on_ring, true) {
            self.ring.push_back(group);
        }
        flow.ready.push_back(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.take_turn().or_else(|| {
            self.pay_out();
            self.take_turn()
        })
    }

    fn ran(&mut self, task: &Sched, took: Duration, _: End) {
        if let Some(flow) = self.groups.get_mut(&task.group()) {
            let cost = i64::try_from(nanos(took)).unwrap_or(i64::MAX);
            flow.credit = flow.credit.saturating_sub(cost);
        }
    }

    fn name(&self) -> String {
        "drr".into()
    }
}
