//! The task table: the only owner of futures.
//!
//! Owns: every task of one loop behind its card, its waker, and its result until
//! somebody takes it. While a task waits, its ticket is at home: nobody has one.
//!
//! Laws: T1, a future is in the table, lent by `block_on`, or checked out by the
//! turn. T2, one valid ticket per slot. T4, names go stale. T5, no user code
//! under the borrow: what must be polled, dropped or woken is handed out first.
//!
//! Absent on purpose: any order among tasks. Who is next is the policy's affair.
//! What looks at all tasks at once is in `census.rs`.
//!
//! Read next: `ending.rs`.

use super::ending::Estate;
use super::info::{Sched, TaskId};
use super::job::BoxedJob;
use super::options::SpawnOptions;
use super::slot::{self, CheckedOut, Life, Running, Stage, shared};
use super::ticket::{Home, Runnable};
use super::waker::{Bell, Mail, WokeItself, Woken};
use crate::mailbox::Mailbox;
use crate::primitives::Arc;
use crate::slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;
use std::rc::Rc;
use std::time::Instant;

/// All tasks of one loop.
pub(crate) struct TaskTable {
    /// The tasks, each behind its card.
    pub(super) tasks: RefCell<Slab<Rc<Sched>>>,
    /// Cards, with their wakers, of finished tasks, for the next ones.
    pub(super) spares: RefCell<Vec<Rc<Sched>>>,
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
        Self {
            tasks: RefCell::new(Slab::new()),
            spares: RefCell::default(),
            aborts: RefCell::default(),
            estate: Estate::default(),
            home: Rc::default(),
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
    pub(crate) fn insert(
        &self,
        job: Option<BoxedJob>,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
    ) -> Result<TaskId, Option<BoxedJob>> {
        if self.closed.get() {
            return Err(job);
        }
        let spare = self.spares.borrow_mut().pop();
        let place = self.tasks.borrow_mut().insert_with(|place| {
            let id = slot::id(place);
            let card = match spare {
                Some(card) => {
                    card.relabel(id, options, site);
                    shared(&card).relabel(id.index);
                    card
                }
                None => self.new_card(id, options, site, now),
            };
            card.life.begin(job);
            shared(&card).wake_here();
            card
        });
        Ok(slot::id(place))
    }

    #[cold]
    fn new_card(
        &self,
        id: TaskId,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
    ) -> Rc<Sched> {
        let bell = Bell::new(id.index, self.loop_id, Arc::clone(&self.mailbox));
        let life = Life::new(Some(bell));
        Rc::new(Sched::new(
            id,
            options,
            site,
            now,
            Rc::clone(&self.home),
            life,
        ))
    }

    /// Takes the ticket of the first task of the list off it.
    #[inline(always)]
    pub(crate) fn take_woken(&self, woken: &mut Woken) -> Option<Runnable> {
        loop {
            let index = woken.first()?;
            let tasks = self.tasks.borrow();
            // LAW T2: a task on the list is never released.
            let card = tasks.at(index)?;
            *woken = Woken(shared(card).unlink());
            if card.life.stage.get() == Stage::Waiting {
                card.life.stage.set(Stage::Queued);
                card.life.ticket_is_out.set(true);
                return Some(Runnable::issue(Rc::clone(card)));
            }
            // It ended before its last wake was collected.
            let over = Rc::clone(card);
            drop(tasks);
            self.release_if_over(over);
        }
    }

    /// Turns the list of the woken round: it is made newest first.
    #[inline]
    pub(crate) fn oldest_first(&self, woken: Woken) -> Woken {
        let Some(newest) = woken.first() else {
            return woken;
        };
        let tasks = self.tasks.borrow();
        let (mut at, mut behind) = (newest, Woken::NOBODY);
        while let Some(card) = tasks.at(at) {
            let older = Woken(shared(card).relink(behind.0));
            behind = Woken(at);
            let Some(older) = older.first() else { break };
            at = older;
        }
        behind
    }

    /// Gives out the task of a ticket that the policy picked.
    #[inline(always)]
    pub(crate) fn check_out(&self, sched: Rc<Sched>) -> CheckedOut {
        if sched.life.stage.get() == Stage::Queued {
            sched.life.stage.set(Stage::Running);
            let job = sched.life.job.take();
            return CheckedOut::Poll(Running { sched, job });
        }
        if !sched.life.is_over() {
            return CheckedOut::Void(sched);
        }
        sched.life.ticket_is_out.set(false);
        self.release_if_over(sched);
        CheckedOut::Husk
    }

    /// Puts a task back that waits, or that has woken itself: then its ticket comes
    /// back at once.
    #[inline(always)]
    pub(crate) fn check_in(&self, running: Running, woken: WokeItself) -> Option<Runnable> {
        let Running { sched, job } = running;
        sched.life.put_back(job);
        if woken == WokeItself::Yes {
            sched.life.stage.set(Stage::Queued);
            return Some(Runnable::issue(sched));
        }
        sched.life.ticket_is_out.set(false);
        sched.life.stage.set(Stage::Waiting);
        None
    }

    /// Refuses new tasks from now on.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.home.close();
        self.spares.borrow_mut().clear();
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
