//! The end of a task: its value, a panic, a cancellation, and what follows.
//!
//! Owns: `Estate`, and the second half of `TaskTable`'s methods, from a task's last
//! poll to its empty slot.
//!
//! Laws: T16, a panic or a drop at the end of one task takes no other with it. T2,
//! a slot is free only after its ticket came home. T5, what must be dropped or
//! woken leaves as an [`Aftermath`], to be acted on with nothing borrowed.
//!
//! Absent on purpose: the drop of a cancelled future. `turn()`'s side does that
//! (`runtime/chores.rs`), between `take_for_cancel` and `end`.
//!
//! Read next: `join.rs`.

use super::deck::Card;
use super::info::{Sched, TaskId, TaskLabel};
use super::job::{BoxedJob, Job};
use super::slot::{Ending, Stage};
use super::table::TaskTable;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// What is left to do, outside the borrow, after a task has ended.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// An output nobody wants, and whose it was: the task is out of the table.
    pub(crate) output: Option<(BoxedJob, TaskLabel)>,
    /// Who waited for the result.
    pub(crate) watcher: Option<Waker>,
}

/// What tasks leave behind.
#[derive(Default)]
pub(super) struct Estate {
    /// Panics that nobody will read, for the report hook.
    unread: RefCell<Vec<Unread>>,
    /// Who gets such panics once the loop is gone.
    heir: Cell<Option<fn(Unread)>>,
}

/// A panic nobody will read.
pub(crate) struct Unread {
    /// Whose.
    pub(crate) task: TaskLabel,
    /// Its payload.
    pub(crate) payload: Box<dyn Any + Send>,
    /// Whether the task panicked, or its output in its own `Drop`.
    pub(crate) when: PanickedIn,
}

/// Where an unread panic came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanickedIn {
    /// A poll.
    Poll,
    /// The drop of an output.
    Drop,
}

impl TaskTable {
    /// Ends a task; says who is to be woken and what is to be dropped.
    #[inline(always)]
    pub(crate) fn settle(&self, card: &Sched, ending: Ending) -> Aftermath {
        let before = card.life.stage.replace(Stage::Done(ending));
        card.life.left_husk.set(before == Stage::Queued);
        let watcher = card.life.watcher.take();
        let output = match card.life.detached.get() {
            true => self.discard(card),
            false => None,
        };
        Aftermath { output, watcher }
    }

    /// What nobody will ask for: an output is handed out to be dropped, a panic goes
    /// to the report hook. Then the slot is free, if the ticket is home.
    #[inline(never)]
    fn discard(&self, card: &Sched) -> Option<(BoxedJob, TaskLabel)> {
        let mut job = card.life.job.take();
        if let Some(payload) = job.as_mut().and_then(|job| job.as_mut().take_panic()) {
            self.note_unread(TaskLabel::of(card), payload, PanickedIn::Poll);
        }
        card.life.stage.set(Stage::Taken);
        let output = job.map(|job| (job, TaskLabel::of(card)));
        self.release_if_over(card);
        output
    }

    /// Frees the slot of a task that has ended, whose result nobody wants any
    /// more, whose tickets are home and which is not on the list of the woken.
    #[inline]
    pub(super) fn release_if_over(&self, card: &Sched) {
        let life = &card.life;
        let over = life.stage.get() == Stage::Taken;
        let out = life.left_husk.get() || life.voids.get() > 0;
        if over && !out && !life.is_linked() {
            // The last wake by anybody else happens before the next tenant moves in:
            // `is_held_elsewhere` sees to that.
            match life.bell.get() {
                Some(bell) if life.is_held_elsewhere(0) => {
                    bell.shared.set_dead();
                    self.deck.close_off(card);
                }
                _ => self.deck.vacate(card),
            }
        }
    }

    /// A void ticket came back.
    pub(crate) fn strike_off(&self, card: &Card) {
        if !card.is_current() {
            card.life.voids.set(card.life.voids.get() - 1);
            self.release_if_over(card);
        }
    }

    /// Keeps a panic for the report hook, or for whoever is left.
    pub(super) fn note_unread(
        &self,
        task: TaskLabel,
        payload: Box<dyn Any + Send>,
        when: PanickedIn,
    ) {
        let unread = Unread {
            task,
            payload,
            when,
        };
        // LAW J06: handles outlive their loop.
        if let Some(heir) = self.estate.heir.get() {
            return heir(unread);
        }
        self.estate.unread.borrow_mut().push(unread);
        self.home.call_attention();
    }

    /// The loop is gone. Panics that nobody will read go to `heir` from now on.
    pub(crate) fn leave_to(&self, heir: fn(Unread)) {
        self.estate.heir.set(Some(heir));
    }

    /// The panics nobody will read, since the last call.
    pub(crate) fn take_unread(&self) -> Vec<Unread> {
        self.estate.unread.take()
    }

    /// Asks for the end of a task; the loop drops its future at the next collect.
    pub(crate) fn request_abort(&self, id: TaskId) {
        self.aborts.borrow_mut().push_back(id);
        self.home.call_attention();
    }

    /// How many tasks are to be cancelled.
    pub(crate) fn aborts(&self) -> usize {
        self.aborts.borrow().len()
    }

    /// The task to cancel next. One at a time: a policy that panics over what a
    /// cancellation wakes does not take the others along.
    pub(crate) fn next_abort(&self) -> Option<TaskId> {
        let mut aborts = self.aborts.borrow_mut();
        let next = aborts.pop_front();
        if aborts.is_empty() {
            // A flood of them is rare: it leaves no memory behind.
            *aborts = VecDeque::new();
        }
        next
    }

    /// Takes the future of a task that is to be cancelled; `None` when it has
    /// ended already. The caller drops it and then calls [`TaskTable::end`].
    pub(crate) fn take_for_cancel(&self, id: TaskId) -> Option<BoxedJob> {
        let card = self.card(id)?;
        match card.life.stage.get() {
            Stage::Waiting | Stage::Queued => card.life.job.take(),
            _ => None,
        }
    }

    /// Ends a task whose future was taken and dropped.
    pub(crate) fn end(&self, id: TaskId, ending: Ending) -> Aftermath {
        match self.card(id) {
            Some(card) if !card.life.is_over() => self.settle(&card, ending),
            _ => Aftermath::default(),
        }
    }

    /// Who waits for the end of a task, to be woken for another reason.
    pub(crate) fn take_watcher(&self, id: TaskId) -> Option<Waker> {
        self.card(id)?.life.watcher.take()
    }

    /// Detaches a task: nobody will ask for its result. Returns the output, if it is
    /// there, to be dropped.
    pub(crate) fn detach(&self, card: &Sched) -> Option<(BoxedJob, TaskLabel)> {
        card.life.detached.set(true);
        drop(card.life.watcher.take());
        if card.life.is_over() {
            return self.discard(card);
        }
        None
    }
}

/// What is left of a task that has panicked.
#[cold]
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> BoxedJob {
    Box::pin(Panicked(Some(payload)))
}

/// A panic in the place of a future.
struct Panicked(Option<Box<dyn Any + Send>>);

impl Job for Panicked {
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn is_finished(&self) -> bool {
        true
    }

    fn take_output(self: Pin<Box<Self>>, _: &mut dyn Any) {}

    fn take_panic(mut self: Pin<&mut Self>) -> Option<Box<dyn Any + Send>> {
        self.0.take()
    }
}
