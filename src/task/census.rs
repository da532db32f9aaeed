//! All tasks at once: who lives, who holds which ticket, who could be woken yet.
//!
//! Owns: the methods of `TaskTable` that cost O(tasks). None is on the path of a
//! poll; they serve snapshots, the deadlock report, a change of policy and the end.
//!
//! Laws: T2, a ticket that is replaced is void from then on. Order: that of the
//! slots, which is the same in every run.
//!
//! Absent on purpose: the names of tasks that have ended. Whoever has a handle
//! still reads the result; a census counts the living.
//!
//! Read next: `policy/mod.rs`.

use super::deck::Card;
use super::info::{Sched, TaskId};
use super::slot::{Stage, TaskState};
use super::table::TaskTable;
use super::ticket::Runnable;
use std::collections::HashMap;
use std::task::Waker;

impl TaskTable {
    /// Voids the tickets that are out and issues fresh ones; returns them.
    pub(crate) fn reissue_queued(&self) -> Vec<Runnable> {
        let mut fresh = Vec::new();
        for mut card in self.deck.all(|card| card.life.has_ticket_out()) {
            card.life.voids.set(card.life.voids.get() + 1);
            card.reissue();
            if card.life.is_over() {
                card.life.left_husk.set(false);
            } else {
                fresh.push(Runnable::issue(card));
            }
        }
        fresh
    }

    /// Whether this is a ticket that is out, and counts.
    pub(crate) fn is_valid(&self, card: &Card) -> bool {
        card.is_current() && card.life.has_ticket_out()
    }

    /// The names of all tasks that have not ended, in the order of their places.
    pub(crate) fn live(&self) -> Vec<TaskId> {
        let mut live = Vec::new();
        self.for_each_live(|card, _| live.push(card.id()));
        live
    }

    /// How many places are taken, husks and unread results included.
    pub(crate) fn len(&self) -> usize {
        self.deck.len()
    }

    /// The card of a task that is in the table.
    #[inline]
    pub(crate) fn card(&self, id: TaskId) -> Option<Card> {
        self.deck.get(id)
    }

    /// The card of the task at a place.
    pub(crate) fn card_at(&self, index: u32) -> Option<Card> {
        self.deck.at(index)
    }

    /// A clone of a task's waker; `None` when the task has ended.
    pub(super) fn waker(&self, id: TaskId) -> Option<Waker> {
        let card = self.deck.get(id).filter(|card| !card.life.is_over())?;
        // While the spare one is lent it is borrowed, and this task is the one that polls.
        let is_lent = self.spare.try_borrow_mut().is_err();
        if is_lent && card.life.bell.get().is_none() && card.life.stage.get() == Stage::Running {
            return Some(self.spare.borrow().waker.clone());
        }
        let bell = card.life.bell.get_or_init(|| {
            let bell = self.new_bell();
            bell.shared.relabel(id.index, card.life.next.get());
            bell
        });
        Some(bell.waker.clone())
    }

    /// Whether anybody could yet wake a live task: a clone of its waker is in other
    /// hands than ours.
    ///
    /// The clones of whoever waits for a task of this table are ours: they are woken
    /// by the end of that task, which would have to be woken first.
    pub(crate) fn is_wakeable(&self) -> bool {
        let mut watching: HashMap<*const (), usize> = HashMap::new();
        self.deck.each(|card| {
            let watcher = card.life.watcher.take();
            if let Some(waker) = &watcher {
                *watching.entry(waker.data()).or_default() += 1;
            }
            card.life.watcher.set(watcher);
        });
        let mut wakeable = false;
        self.for_each_live(|card, _| {
            let waker = card.life.bell.get().map(|bell| bell.waker.data());
            let ours = waker.and_then(|waker| watching.get(&waker)).copied();
            wakeable |= card.life.is_held_elsewhere(ours.unwrap_or(0));
        });
        wakeable
    }

    /// Calls `visit` with the card and the state of every task that has not ended.
    pub(crate) fn for_each_live(&self, mut visit: impl FnMut(&Sched, TaskState)) {
        self.deck.each(|card| {
            let state = match card.life.stage.get() {
                Stage::Waiting => TaskState::Waiting,
                Stage::Queued => TaskState::Runnable,
                Stage::Running => TaskState::Running,
                Stage::Done(_) | Stage::Taken | Stage::Vacant => return,
            };
            visit(card, state);
        });
    }
}
