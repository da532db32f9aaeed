//! Groups: any order among groups, any policy inside each.
//!
//! Order: every group has a card and a ticket of its own, and the outer policy
//! orders those like any others; the picked group's policy then picks the task. A
//! group's card says what its newest task says (priority, weight, deadline, size).
//! Cost: that of both, and O(log groups) for the look-up. Starvation: if neither
//! starves, nobody does, and no group can by having many tasks. Source: PIFO trees
//! (Sivaraman et al. 2016); hierarchical SFQ (Goyal, Guo, Vin 1996).
//!
//! Absent on purpose: forgetting groups. A group seen once keeps its card, because
//! it may have a debt.

use super::{Cause, End, Policy, Runnable, Sched, TaskId};
use crate::task::SpawnOptions;
use crate::task::deck::{Card, Dealer};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Any order among groups, any policy inside each.
///
/// ```
/// use downbeat::policy::{Groups, edf, fair};
/// // Hosts share the loop evenly; inside a host, the earliest deadline goes first.
/// let policy = Groups::new(fair(), |_host| edf());
/// # let _ = downbeat::Runtime::builder().policy(policy);
/// ```
pub struct Groups<O, M, I> {
    /// Orders the groups.
    outer: O,
    /// Makes the policy inside a new group.
    make: M,
    /// All groups seen.
    groups: BTreeMap<u32, Group<I>>,
    /// How many of them are queued.
    queued: usize,
    /// The group of the last pick: it is queued again once it was charged.
    last: Option<u32>,
    /// Cards for new groups; where tickets that the outer policy drops go.
    cards: Dealer,
    /// Whether any policy here reads the clock.
    clock: bool,
    /// What the policies inside are called.
    inside_name: String,
}

/// One group.
struct Group<I> {
    /// Orders its tasks.
    inside: I,
    /// What the outer policy sees of it.
    card: Card,
    /// How many tickets are inside.
    held: usize,
    /// Whether the outer policy has its ticket.
    queued: bool,
}

impl<O: Policy, I: Policy, M: FnMut(u32) -> I> Groups<O, M, I> {
    /// Orders groups by `outer` and the tasks of each by what `make` makes for it.
    pub fn new(outer: O, mut make: M) -> Self {
        let sample = make(0);
        Self {
            groups: BTreeMap::new(),
            queued: 0,
            last: None,
            cards: Dealer::new(Rc::default()),
            clock: outer.wants_clock() || sample.wants_clock(),
            inside_name: sample.name(),
            outer,
            make,
        }
    }

    /// Gives a group's ticket to the outer policy.
    fn queue(&mut self, id: u32, cause: Cause) {
        if let Some(group) = self.groups.get_mut(&id)
            && group.held > 0
            && !std::mem::replace(&mut group.queued, true)
        {
            self.queued += 1;
            let ticket = Runnable::issue(group.card.clone());
            self.outer.enqueue(ticket, cause);
        }
    }

    /// The last picked group was charged, or never will be: a husk costs nothing.
    fn settle(&mut self) {
        if let Some(id) = self.last.take() {
            self.queue(id, Cause::Yield);
        }
    }

    /// The group whose turn it is.
    fn pick_group(&mut self, now: Instant) -> Option<u32> {
        while self.queued > 0 {
            let picked = self.outer.pick_next(now);
            if picked.is_none() && self.outer.next_at().is_some() {
                return None;
            }
            let id = match picked {
                Some(ticket) if ticket.belongs_to(self.cards.home()) => ticket.redeem().group(),
                // Not a group's: it goes back to its issuer.
                Some(foreign) => {
                    drop(foreign);
                    continue;
                }
                // The outer policy lost tickets: no group is lost for that.
                None => *self.groups.iter().find(|(_, group)| group.queued)?.0,
            };
            let group = self.groups.get_mut(&id)?;
            if std::mem::take(&mut group.queued) {
                self.queued -= 1;
                return Some(id);
            }
        }
        None
    }
}

impl<O: Policy, I: Policy, M: FnMut(u32) -> I> Policy for Groups<O, M, I> {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        let (id, make, cards) = (task.group(), &mut self.make, &self.cards);
        let group = self.groups.entry(id).or_insert_with(|| Group {
            inside: make(id),
            card: card_of(id, &task, cards),
            held: 0,
            queued: false,
        });
        describe(&group.card, &task);
        group.held += 1;
        group.inside.enqueue(task, cause);
        if self.last != Some(id) {
            self.queue(id, cause);
        }
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        self.settle();
        let mut declined = Vec::new();
        let mut picked = None;
        while picked.is_none()
            && let Some(id) = self.pick_group(now)
            && let Some(group) = self.groups.get_mut(&id)
        {
            picked = group.inside.pick_next(now);
            match &picked {
                Some(_) => {
                    group.held = group.held.saturating_sub(1);
                    self.last = Some(id);
                }
                None if group.inside.next_at().is_some() => declined.push(id),
                // It lost the rest, and whoever issued them will notice.
                None => group.held = 0,
            }
        }
        for id in declined {
            self.queue(id, Cause::Timer);
        }
        let home = self.cards.home();
        drop((home.take_returned(), home.take_shed()));
        picked
    }

    fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        if let Some(group) = self.groups.get_mut(&task.group()) {
            group.inside.ran(task, took, end);
            group.card.count_poll();
            group.card.charge(took);
            let end = if group.held > 0 {
                End::Yield
            } else {
                End::Wait
            };
            self.outer.ran(&group.card, took, end);
        }
        // A task that woke itself is still to come: wait for it.
        if end != End::Yield {
            self.settle();
        }
    }

    fn idle(&mut self, from: Instant, to: Instant) {
        self.outer.idle(from, to);
        for group in self.groups.values_mut() {
            group.inside.idle(from, to);
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let held = self.groups.values().filter(|group| group.held > 0);
        let inside = held.filter_map(|group| group.inside.next_at());
        inside.chain(self.outer.next_at()).min()
    }

    fn wants_clock(&self) -> bool {
        self.clock
    }

    fn name(&self) -> String {
        format!("groups({}) > {}", self.outer.name(), self.inside_name)
    }
}

/// A card for a group.
fn card_of(id: u32, task: &Sched, cards: &Dealer) -> Card {
    let name = TaskId {
        index: id,
        generation: 0,
    };
    let options = SpawnOptions::new().group(id).name(format!("group {id}"));
    let card = cards.deal(name, task.ready_at());
    card.label(options, Location::caller());
    card
}

/// Writes what the newest task says onto its group's card.
fn describe(card: &Sched, task: &Sched) {
    card.set_priority(task.priority());
    card.set_weight(task.weight());
    card.set_deadline(task.deadline());
    card.set_size(task.size());
    card.set_ready_at(task.ready_at());
}

impl<O, M, I> Drop for Groups<O, M, I> {
    fn drop(&mut self) {
        self.cards.home().close();
    }
}

impl<O: Policy, M, I> fmt::Debug for Groups<O, M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups")
            .field("outer", &self.outer.name())
            .field("seen", &self.groups.len())
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}
