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
use super::slot::{Stage, TaskState, key, shared};
use super::table::TaskTable;
use super::ticket::Runnable;
use std::rc::Rc;

impl TaskTable {
    /// Voids the tickets that are out and issues fresh ones; returns them.
    pub(crate) fn reissue_queued(&self) -> Vec<Runnable> {
        let mut tasks = self.tasks.borrow_mut();
        let queued: Vec<_> = tasks
            .iter()
            .filter(|(_, task)| task.ticket.is_none() && !matches!(task.stage, Stage::Running))
            .map(|(key, _)| key)
            .collect();
        let mut fresh = Vec::with_capacity(queued.len());
        for key in queued {
            let Some(task) = tasks.get_mut(key) else {
                continue;
            };
            let bell = task.sched.bell.clone();
            task.sched = Rc::new(task.sched.copy(Rc::clone(&self.home), bell));
            let ticket = Runnable::issue(Rc::clone(&task.sched));
            match task.stage {
                Stage::Done(_) => {
                    task.ticket = Some(ticket);
                    self.release_if_over(&mut tasks, key);
                }
                _ => {
                    shared(&task.sched).set_queued();
                    fresh.push(ticket);
                }
            }
        }
        fresh
    }

    /// Whether this ticket is the valid one of its slot.
    pub(crate) fn is_valid(&self, sched: &Rc<Sched>) -> bool {
        let tasks = self.tasks.borrow();
        tasks
            .get(key(sched.id()))
            .is_some_and(|task| task.ticket.is_none() && Rc::ptr_eq(&task.sched, sched))
    }

    /// The names of all tasks that have not ended, in the order of their slots.
    pub(crate) fn live(&self) -> Vec<TaskId> {
        let tasks = self.tasks.borrow();
        let live = tasks
            .iter()
            .filter(|(_, task)| !matches!(task.stage, Stage::Done(_)));
        live.map(|(_, task)| task.sched.id()).collect()
    }

    /// How many slots are taken, husks and unread results included.
    pub(crate) fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// The card of a task that is in the table.
    pub(crate) fn card(&self, id: TaskId) -> Option<Rc<Sched>> {
        self.tasks
            .borrow()
            .get(key(id))
            .map(|task| Rc::clone(&task.sched))
    }

    /// Calls `visit` with the card and the state of every task that has not ended.
    pub(crate) fn for_each_live(&self, mut visit: impl FnMut(&Sched, TaskState, bool)) {
        for (_, task) in self.tasks.borrow().iter() {
            let state = match task.stage {
                Stage::Waiting => TaskState::Waiting,
                Stage::Queued => TaskState::Runnable,
                Stage::Running => TaskState::Running,
                Stage::Done(_) => continue,
            };
            // Somebody besides us holds the waker: the task may be woken yet.
            let held = task
                .sched
                .bell
                .as_ref()
                .is_some_and(|bell| !bell.is_ours_alone());
            visit(&task.sched, state, held);
        }
    }
}
