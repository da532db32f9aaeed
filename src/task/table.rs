//! The task table: the only owner of futures.
//!
//! Owns: every task of one loop behind its card, its waker, and its result until
//! somebody takes it. While a task waits, its ticket is at home: nobody has one.
//!
//! Laws: T1, a future is in the table, lent by `block_on`, or checked out by the
//! turn. T2, one valid ticket per task. T4, names go stale. T5, no user code
//! under the borrow: what must be polled, dropped or woken is handed out first.
//!
//! Absent on purpose: any order among tasks. Who is next is the policy's affair.
//! What looks at all tasks at once is in `census.rs`.
//!
//! Read next: `lent.rs`.

use super::deck::{Card, Deck};
use super::ending::Estate;
use super::info::{Sched, TaskId};
use super::job::BoxedJob;
use super::letter::{END, QUEUED};
use super::options::SpawnOptions;
use super::slot::{CheckedOut, Stage};
use super::ticket::{Home, Runnable};
use super::waker::{self, Bell, Mail, WokeItself};
use crate::mailbox::Mailbox;
use crate::primitives::Arc;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;
use std::time::Instant;

/// All tasks of one loop.
pub(crate) struct TaskTable {
    /// The tasks, each behind its card.
    pub(super) deck: Deck,
    /// Those of the woken that were collected and have no ticket yet: the oldest, with
    /// the others behind it.
    pub(super) line: Cell<u32>,
    /// The waker of tasks that are polled for the first time.
    pub(super) spare: RefCell<Bell>,
    /// Tasks to cancel at the next collect, in the order of the requests.
    pub(super) aborts: RefCell<VecDeque<TaskId>>,
    /// What tasks leave behind that is not theirs any more.
    pub(super) estate: Estate,
    /// Where dropped tickets come home to.
    pub(super) home: Rc<Home>,
    /// Set when the loop is gone: no task is taken any more.
    pub(super) closed: Cell<bool>,
    /// The loop's name.
    pub(super) loop_id: u64,
    /// The loop's mailbox, for wakers and abort handles.
    pub(super) mailbox: Arc<Mailbox<Mail>>,
}

impl TaskTable {
    /// An empty table.
    pub(crate) fn new(loop_id: u64, mailbox: Arc<Mailbox<Mail>>) -> Self {
        let home = Rc::<Home>::default();
        Self {
            deck: Deck::new(Rc::clone(&home)),
            line: Cell::new(END),
            spare: RefCell::new(Bell::new(Arc::clone(&mailbox))),
            aborts: RefCell::default(),
            estate: Estate::default(),
            home,
            closed: Cell::new(false),
            loop_id,
            mailbox,
        }
    }

    /// Takes a task in and puts it on the list of the woken. `job` is `None` for
    /// the root, whose future stays on the caller's stack.
    ///
    /// # Errors
    /// Gives the job back when the loop is gone.
    #[inline(always)]
    pub(crate) fn insert(
        &self,
        job: Option<BoxedJob>,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
    ) -> Result<Card, Option<BoxedJob>> {
        if self.closed.get() {
            return Err(job);
        }
        let card = self.deck.deal(now);
        card.label(options, site);
        card.life.begin(job);
        card.life.relink(waker::list(card.id().index));
        Ok(card)
    }

    /// Takes the list of the woken; returns the ticket of who was woken first. The others
    /// are next.
    #[inline(always)]
    pub(crate) fn collect(&self) -> Option<Runnable> {
        // LAW T2: a task on the list is never released. The mark of its end is no place.
        let newest = self.deck.point_at(waker::take_list())?;
        // WHY NOT `turn_over` always: most lists have one, which needs none.
        match newest.life.relink(QUEUED) {
            END => self.issue_to(newest),
            older => {
                newest.life.relink(END);
                self.line.set(self.deck.turn_over(older, newest.id().index));
                self.next_woken()
            }
        }
    }

    /// The ticket of who was woken first, of those that have none yet.
    #[inline(always)]
    pub(crate) fn next_woken(&self) -> Option<Runnable> {
        while self.line.get() != END {
            let card = self.deck.point_at(self.line.get())?;
            self.line.set(card.life.relink(QUEUED));
            let ticket = self.issue_to(card);
            if ticket.is_some() {
                return ticket;
            }
        }
        None
    }

    /// The ticket of a task that was woken; `None` if it has ended since then.
    #[inline(always)]
    fn issue_to(&self, card: Card) -> Option<Runnable> {
        if card.life.stage.get() == Stage::Waiting {
            card.life.stage.set(Stage::Queued);
            return Some(Runnable::issue(card));
        }
        self.release_if_over(&card);
        None
    }

    /// Says what to do about a ticket that the policy picked; `is_current` says whether it
    /// is the one that counts.
    #[inline(always)]
    pub(crate) fn check_out(&self, card: &Sched, is_current: bool) -> CheckedOut {
        let life = &card.life;
        if !is_current {
            return CheckedOut::Void;
        }
        if life.stage.get() == Stage::Queued {
            life.stage.set(Stage::Running);
            return CheckedOut::Poll;
        }
        life.left_husk.set(false);
        self.release_if_over(card);
        CheckedOut::Husk
    }

    /// After a poll: the task waits, or it has woken itself, and then its ticket stays out.
    #[inline(always)]
    pub(crate) fn check_in(&self, card: &Sched, woken: WokeItself) {
        card.life.stage.set(match woken {
            WokeItself::Yes => Stage::Queued,
            WokeItself::No => Stage::Waiting,
        });
    }

    /// Refuses new tasks from now on.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.home.close();
    }

    /// Whether the loop is gone, or about to be.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Where dropped tickets come home to.
    #[inline]
    pub(crate) fn home(&self) -> &Rc<Home> {
        &self.home
    }
}
