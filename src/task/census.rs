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

use super::info::{Sched, TaskId};
use super::slot::{Life, Stage, TaskState, place, shared, waker_of};
use super::table::TaskTable;
use super::ticket::Runnable;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

impl TaskTable {
    /// Voids the tickets that are out and issues fresh ones; returns them.
    pub(crate) fn reissue_queued(&self) -> Vec<Runnable> {
        let mut voided = self.estate.voided.borrow_mut();
        voided.retain(|card| card.strong_count() > 0);
        let mut husks = Vec::new();
        let mut fresh = Vec::new();
        for slot in self.tasks.borrow_mut().iter_mut() {
            if !slot.life.ticket_is_out.get() || slot.life.stage.get() == Stage::Running {
                continue;
            }
            let life = Life::new(slot.life.bell.clone());
            slot.life.move_to(&life);
            voided.push(Rc::downgrade(slot));
            *slot = Rc::new(slot.copy(Rc::clone(&self.home), life));
            if slot.life.is_over() {
                slot.life.ticket_is_out.set(false);
                husks.push(Rc::clone(slot));
            } else {
                shared(slot).set_queued();
                fresh.push(Runnable::issue(Rc::clone(slot)));
            }
        }
        for husk in husks {
            self.release_if_over(husk);
        }
        fresh
    }

    /// Whether this is the card of a ticket that is out.
    pub(crate) fn is_valid(&self, card: &Sched) -> bool {
        card.life.ticket_is_out.get()
            && matches!(card.life.stage.get(), Stage::Queued | Stage::Done)
    }

    /// The names of all tasks that have not ended, in the order of their slots.
    pub(crate) fn live(&self) -> Vec<TaskId> {
        let tasks = self.tasks.borrow();
        let live = tasks.iter().filter(|(_, card)| !card.life.is_over());
        live.map(|(_, card)| card.id()).collect()
    }

    /// How many slots are taken, husks and unread results included.
    pub(crate) fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// The card of a task that is in the table.
    pub(crate) fn card(&self, id: TaskId) -> Option<Rc<Sched>> {
        self.tasks.borrow().get(place(id)).cloned()
    }

    /// The card of the task at a place.
    pub(crate) fn card_at(&self, index: u32) -> Option<Rc<Sched>> {
        self.tasks.borrow().at(index).cloned()
    }

    /// Whether anybody could yet wake a live task: a clone of its waker is in other
    /// hands than ours.
    ///
    /// The clones of whoever waits for a task of this table are ours: they are woken
    /// by the end of that task, which would have to be woken first. So are those on
    /// cards whose tickets are void: a policy that hides one cannot wake by it.
    pub(crate) fn is_wakeable(&self) -> bool {
        let tasks = self.tasks.borrow();
        let mut ours: HashMap<*const (), usize> = HashMap::new();
        for (_, card) in tasks.iter() {
            let watcher = card.life.watcher.take();
            if let Some(waker) = &watcher {
                *ours.entry(waker.data()).or_default() += 1;
            }
            card.life.watcher.set(watcher);
        }
        for card in self.estate.voided.borrow().iter().filter_map(Weak::upgrade) {
            // A card has its task's waker twice.
            *ours.entry(waker_of(&card).data()).or_default() += 2;
        }
        tasks.iter().any(|(_, card)| {
            let ours = ours.get(&waker_of(card).data()).copied();
            !card.life.is_over() && card.life.is_held_elsewhere(ours.unwrap_or(0))
        })
    }

    /// Calls `visit` with the card and the state of every task that has not ended.
    pub(crate) fn for_each_live(&self, mut visit: impl FnMut(&Sched, TaskState)) {
        for (_, card) in self.tasks.borrow().iter() {
            let state = match card.life.stage.get() {
                Stage::Waiting => TaskState::Waiting,
                Stage::Queued => TaskState::Runnable,
                Stage::Running => TaskState::Running,
                Stage::Done | Stage::Void => continue,
            };
            visit(card, state);
        }
    }
}
