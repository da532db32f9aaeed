//! The end of a task: its value, a panic, a cancellation, and what follows.
//!
//! Owns: the second half of `TaskTable`'s methods, from a task's last poll to its
//! empty slot.
//!
//! Laws: T16, a panic or a drop at the end of one task takes no other with it. T2,
//! a slot is free only after its ticket came home. T5, what must be dropped or
//! woken leaves as an [`Aftermath`], to be acted on with nothing borrowed.
//!
//! Absent on purpose: the drop of a cancelled future. `turn()`'s side does that
//! (`runtime/chores.rs`), between `take_for_cancel` and `end`.
//!
//! Read next: `join.rs`.

use super::info::{TaskId, TaskLabel};
use super::job::BoxedJob;
use super::slot::{
    Aftermath, Ending, PanickedIn, Running, Spare, Stage, Task, Unread, key, shared,
};
use super::table::TaskTable;
use super::ticket::Runnable;
use super::waker::Bell;
use crate::slab::{Key, Slab};
use std::any::Any;
use std::rc::Rc;
use std::task::Waker;

impl TaskTable {
    /// Puts a task back that has ended.
    pub(crate) fn check_in_ended(&self, running: Running, ending: Ending) -> Aftermath {
        let Running { sched, job } = running;
        let key = key(sched.id());
        let mut tasks = self.tasks.borrow_mut();
        if let Some(task) = tasks.get_mut(key) {
            task.job = job;
            task.ticket = Some(Runnable::issue(sched));
            task.stage = Stage::Done(ending);
        }
        self.settle(&mut tasks, key)
    }

    /// What follows from the end of a task: who is woken, what is dropped.
    fn settle(&self, tasks: &mut Slab<Task>, key: Key<Task>) -> Aftermath {
        let Some(task) = tasks.get_mut(key) else {
            return Aftermath::default();
        };
        let mut aftermath = Aftermath {
            watcher: task.watcher.take(),
            ..Aftermath::default()
        };
        if task.detached {
            aftermath.job = task.job.take();
            if let Stage::Done(ending) = &mut task.stage
                && let Ending::Panicked(payload) = std::mem::replace(ending, Ending::Taken)
            {
                let label = TaskLabel::of(&task.sched);
                self.note_unread(label, payload, PanickedIn::Poll);
            }
            self.release_if_over(tasks, key);
        }
        aftermath
    }

    /// Frees the slot of a task that has ended, whose result nobody wants any
    /// more, whose ticket is home and which is not on the list of the woken.
    pub(super) fn release_if_over(&self, tasks: &mut Slab<Task>, key: Key<Task>) {
        let Some(task) = tasks.get_mut(key) else {
            return;
        };
        let settled = task.detached || matches!(task.stage, Stage::Done(Ending::Taken));
        let over = matches!(task.stage, Stage::Done(_)) && settled && task.job.is_none();
        if !over || task.ticket.is_none() || shared(&task.sched).is_linked() {
            return;
        }
        let Some(Task {
            sched,
            ticket: Some(ticket),
            ..
        }) = tasks.remove(key)
        else {
            return;
        };
        let ours = sched.bell.as_ref().is_some_and(Bell::is_ours_alone);
        if ours && Rc::strong_count(&sched) == 2 && !self.closed.get() {
            // The last wake by anybody else happened before the next tenant moves
            // in: `is_ours_alone` has seen to that.
            self.spares.borrow_mut().push(Spare { sched, ticket });
        } else {
            shared(&sched).set_dead();
            drop(ticket.redeem());
        }
    }

    /// Keeps a panic for the report hook.
    pub(super) fn note_unread(
        &self,
        task: TaskLabel,
        payload: Box<dyn Any + Send>,
        when: PanickedIn,
    ) {
        self.unread.borrow_mut().push(Unread {
            task,
            payload,
            when,
        });
        self.home.call_attention();
    }

    /// The panics nobody will read, since the last call.
    pub(crate) fn take_unread(&self) -> Vec<Unread> {
        self.unread.take()
    }

    /// Asks for the end of a task; the loop drops its future at the next collect.
    pub(crate) fn request_abort(&self, id: TaskId) {
        self.aborts.borrow_mut().push(id);
        self.home.call_attention();
    }

    /// The tasks to cancel now.
    #[inline]
    pub(crate) fn take_aborts(&self) -> Vec<TaskId> {
        self.aborts.take()
    }

    /// Takes the future of a task that is to be cancelled; `None` when it has
    /// ended already. The caller drops it and then calls [`TaskTable::end`].
    pub(crate) fn take_for_cancel(&self, id: TaskId) -> Option<BoxedJob> {
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.get_mut(key(id))?;
        match task.stage {
            Stage::Waiting | Stage::Queued => task.job.take(),
            Stage::Running | Stage::Done(_) => None,
        }
    }

    /// Ends a task whose future was taken and dropped.
    pub(crate) fn end(&self, id: TaskId, ending: Ending) -> Aftermath {
        let mut tasks = self.tasks.borrow_mut();
        match tasks.get_mut(key(id)) {
            Some(task) if !matches!(task.stage, Stage::Done(_)) => {
                task.stage = Stage::Done(ending);
                self.settle(&mut tasks, key(id))
            }
            _ => Aftermath::default(),
        }
    }

    /// Detaches a task: nobody will ask for its result.
    pub(crate) fn detach(&self, id: TaskId) -> Aftermath {
        let mut tasks = self.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(key(id)) else {
            return Aftermath::default();
        };
        task.detached = true;
        let watcher = task.watcher.take();
        let over = matches!(task.stage, Stage::Done(_));
        let mut aftermath = if over {
            self.settle(&mut tasks, key(id))
        } else {
            Aftermath::default()
        };
        aftermath.watcher = None;
        drop(tasks);
        drop(watcher); // A foreign waker's drop is user code: outside the borrow.
        aftermath
    }

    /// Makes `waker` the one to wake at the end of a task; returns the one before.
    pub(super) fn watch(&self, id: TaskId, waker: Waker) -> Option<Waker> {
        let mut tasks = self.tasks.borrow_mut();
        tasks.get_mut(key(id))?.watcher.replace(waker)
    }
}
