//! The waker of a first poll: lent, and kept by the task only if it needs one.
//!
//! Owns: the part of `TaskTable` that makes wakers.
//!
//! The obvious form makes a waker for every task. Most tasks that end in their first poll
//! never show theirs to anybody, so they all get the same one, one after the other.
//!
//! Laws: T4, a waker that somebody has kept is never lent to the next task.
//!
//! Absent on purpose: the poll (`runtime/turn.rs`).
//!
//! Read next: `ending.rs`.

use super::info::Sched;
use super::letter::IDLE;
use super::table::TaskTable;
use super::waker::{Bell, WokeItself};
use crate::primitives::Arc;
use std::cell::Ref;

impl TaskTable {
    /// Lends the spare waker to a task that has none: it is about to be polled for the
    /// first time, and most tasks that need no second poll need no waker either.
    #[inline]
    pub(crate) fn lend_waker(&self, card: &Sched) -> Ref<'_, Bell> {
        let bell = self.spare.borrow();
        bell.shared.relabel(card.id().index, card.life.next.get());
        bell
    }

    /// After the poll. A task that `stays` keeps the waker, unless it waits and nobody has
    /// a clone: then nobody will ever wake it. One that has ended leaves it to whoever has.
    #[inline]
    pub(crate) fn take_waker_back(
        &self,
        card: &Sched,
        lent: Ref<'_, Bell>,
        stays: Option<WokeItself>,
    ) {
        card.life.next.set(IDLE);
        let is_held = lent.is_held_beyond(0);
        drop(lent);
        if is_held || stays == Some(WokeItself::Yes) {
            let bell = self.spare.replace(self.new_bell());
            match stays {
                Some(_) => assert!(card.life.bell.set(bell).is_ok(), "it had none"),
                None => bell.shared.set_dead(),
            }
        }
    }

    /// A waker that is no task's yet.
    pub(super) fn new_bell(&self) -> Bell {
        Bell::new(Arc::clone(&self.mailbox))
    }
}
