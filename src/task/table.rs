//! The task table: the only owner of futures.
//!
//! Owns: every task of one loop, with its ticket while it waits, its card, its
//! waker, and its result until somebody takes it.
//!
//! Laws: T1, a future is in the table, lent by `block_on`, or checked out by the
//! turn. T2, one valid ticket per slot. T4, names go stale. T5, no user code
//! under the borrow: what must be polled, dropped or woken is handed out first.
//!
//! Absent on purpose: any order among tasks. Who is next is the policy's affair.
//! What looks at all tasks at once is in `census.rs`.
//!
//! Read next: `ending.rs`.

use super::info::{Sched, TaskId};
use super::job::BoxedJob;
use super::options::SpawnOptions;
use super::slot::{self, CheckedOut, Running, Spare, Stage, Task, Unread, key, shared};
use super::ticket::{Home, Runnable};
use super::waker::{Alone, Bell, Mail, Woken};
use crate::mailbox::Mailbox;
use crate::primitives::Arc;
use crate::slab::Slab;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::time::Instant;

/// All tasks of one loop.
pub(crate) struct TaskTable {
    /// The tasks.
    pub(super) tasks: RefCell<Slab<Task>>,
    /// Cards and wakers of finished tasks, for the next ones.
    pub(super) spares: RefCell<Vec<Spare>>,
    /// Tasks to cancel at the next collect, in the order of the requests.
    pub(super) aborts: RefCell<Vec<TaskId>>,
    /// Panics that nobody will read, for the report hook.
    pub(super) unread: RefCell<Vec<Unread>>,
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
            unread: RefCell::default(),
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
        let mut tasks = self.tasks.borrow_mut();
        let key = tasks.insert_with(|key| {
            let id = slot::id(key);
            let Spare { sched, ticket } = match spare {
                Some(spare) => {
                    spare.sched.relabel(id, options, site);
                    shared(&spare.sched).relabel(key.index);
                    spare
                }
                None => self.new_spare(id, options, site, now),
            };
            shared(&sched).wake_here();
            Task {
                stage: Stage::Waiting,
                fresh: true,
                detached: false,
                job,
                ticket: Some(ticket),
                sched,
                watcher: None,
            }
        });
        Ok(slot::id(key))
    }

    fn new_spare(
        &self,
        id: TaskId,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
    ) -> Spare {
        let bell = Bell::new(id.index, self.loop_id, Arc::clone(&self.mailbox));
        let home = Rc::clone(&self.home);
        let sched = Rc::new(Sched::new(id, options, site, now, home, Some(bell)));
        Spare {
            ticket: Runnable::issue(Rc::clone(&sched)),
            sched,
        }
    }

    /// Takes the ticket of a task on the list of the woken, off the list; the flag
    /// says whether the task is a new one. Returns the rest of the list too.
    #[inline]
    pub(crate) fn take_woken(&self, woken: &mut Woken) -> Option<(Runnable, bool)> {
        let mut tasks = self.tasks.borrow_mut();
        while let Some(index) = woken.newest() {
            let Some(task) = tasks.at_mut(index) else {
                // LAW T2: a task on the list is never released.
                debug_assert!(false, "a woken task has left the table");
                return None;
            };
            *woken = Woken::behind(shared(&task.sched).unlink());
            if let Some(ticket) = task.ticket.take() {
                if let Stage::Waiting = task.stage {
                    task.stage = Stage::Queued;
                    return Some((ticket, std::mem::take(&mut task.fresh)));
                }
                // It ended before its last wake was collected.
                task.ticket = Some(ticket);
                let key = key(task.sched.id());
                self.release_if_over(&mut tasks, key);
            }
        }
        None
    }

    /// Redeems a ticket that the policy picked.
    #[inline(always)]
    pub(crate) fn check_out(&self, ticket: Runnable) -> CheckedOut {
        let sched = ticket.redeem();
        let mut tasks = self.tasks.borrow_mut();
        let key = key(sched.id());
        let Some(task) = tasks
            .get_mut(key)
            .filter(|task| Rc::ptr_eq(&task.sched, &sched))
        else {
            return CheckedOut::Void(sched);
        };
        if let Stage::Queued = task.stage {
            task.stage = Stage::Running;
            shared(&sched).set_idle();
            return CheckedOut::Poll(Running {
                sched,
                job: task.job.take(),
            });
        }
        if task.ticket.is_some() {
            return CheckedOut::Void(sched);
        }
        task.ticket = Some(Runnable::issue(sched));
        self.release_if_over(&mut tasks, key);
        CheckedOut::Husk
    }

    /// Puts a task back that waits, or that has just woken itself: then its ticket
    /// comes back at once if nobody else was woken before it.
    #[inline(always)]
    pub(crate) fn check_in(&self, running: Running) -> Option<Runnable> {
        let Running { sched, job } = running;
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.get_mut(key(sched.id()))?;
        task.job = job;
        // WHY NOT always through the list of the woken: the list is for many
        // tasks; for the one in our hands it costs two more look-ups.
        if shared(&sched).unlink_if_alone() == Alone::Yes {
            task.stage = Stage::Queued;
            return Some(Runnable::issue(sched));
        }
        task.stage = Stage::Waiting;
        task.ticket = Some(Runnable::issue(sched));
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
