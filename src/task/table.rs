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
//!
//! Read next: `join.rs`, then `policy/mod.rs`.

use super::info::{Sched, SpawnOptions, TaskId, TaskLabel};
use super::job::BoxedJob;
use super::ticket::{Home, Runnable};
use super::waker::{Alone, Bell, Mail, TaskWaker, Woken};
use crate::mailbox::Mailbox;
use crate::primitives::{Arc, Ordering, fence};
use crate::slab::{Key, Slab};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

/// All tasks of one loop.
pub(crate) struct TaskTable {
    /// The tasks.
    pub(super) tasks: RefCell<Slab<Task>>,
    /// Cards and wakers of finished tasks, for the next ones.
    spares: RefCell<Vec<Spare>>,
    /// Tasks to cancel at the next collect, in the order of the requests.
    aborts: RefCell<Vec<TaskId>>,
    /// Panics that nobody will read, for the report hook.
    unread: RefCell<Vec<Unread>>,
    /// Where dropped tickets come home to.
    home: Rc<Home>,
    /// Set when the loop is gone: no task is taken any more.
    closed: Cell<bool>,
    /// The loop's name.
    pub(super) loop_id: u64,
    /// The loop's mailbox, for wakers and abort handles.
    pub(super) mailbox: Arc<Mailbox<Mail>>,
}

/// One task.
pub(super) struct Task {
    /// Where it is in its life.
    pub(super) stage: Stage,
    /// Not yet handed to the policy for the first time.
    fresh: bool,
    /// Nobody will ask for the result.
    pub(super) detached: bool,
    /// The future or its output. `None` for the root (it is lent), while the turn
    /// polls it, and after the end.
    pub(super) job: Option<BoxedJob>,
    /// The ticket, while it is at home.
    ticket: Option<Runnable>,
    /// The card; the ticket points to the same.
    sched: Rc<Sched>,
    /// Who waits for the result.
    pub(super) watcher: Option<Waker>,
}

/// Where a task is in its life; the picture is in `task/mod.rs`.
pub(super) enum Stage {
    /// Waits for a wake; the ticket is at home.
    Waiting,
    /// The policy has the ticket.
    Queued,
    /// The turn polls it.
    Running,
    /// It has ended; the ticket may still be with the policy (a husk).
    Done(Ending),
}

/// How a task ended.
pub(crate) enum Ending {
    /// The output is in the job.
    Value,
    /// It was aborted.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// Its loop went away first.
    RuntimeGone,
    /// The result was taken.
    Taken,
}

/// The card, with its waker, and the ticket of a finished task.
struct Spare {
    /// With two counts: this one and the ticket's.
    sched: Rc<Sched>,
    /// The ticket.
    ticket: Runnable,
}

/// What [`TaskTable::check_out`] found behind a ticket.
pub(crate) enum CheckedOut {
    /// A task to poll.
    Poll(Running),
    /// A task that ended while its ticket was queued: nothing to poll.
    Husk,
    /// A ticket that is not the valid one of its slot.
    Void(Rc<Sched>),
}

/// A task in the hands of the turn.
pub(crate) struct Running {
    /// Its card, with its waker.
    pub(crate) sched: Rc<Sched>,
    /// Its future; `None` for the root.
    pub(crate) job: Option<BoxedJob>,
}

/// What a poll said.
pub(crate) enum Polled {
    /// The future waits.
    Pending,
    /// The task has ended.
    Ended(Ending),
}

/// What is left to do, outside the borrow, after a task has ended.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// A future or an output nobody wants.
    pub(crate) job: Option<BoxedJob>,
    /// Who waited for the result.
    pub(crate) watcher: Option<Waker>,
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
            let id = TaskId {
                index: key.index,
                generation: key.generation,
            };
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
        Ok(TaskId {
            index: key.index,
            generation: key.generation,
        })
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
            // ORDER: Acquire fence, pairs with the Release of the last foreign
            // clone's drop: its last wake happened before the next tenant moves in.
            fence(Ordering::Acquire);
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

    /// Where dropped tickets come home to.
    #[inline]
    pub(crate) fn home(&self) -> &Rc<Home> {
        &self.home
    }
}

impl Running {
    /// Whether the task woke itself while it was polled.
    #[inline]
    pub(crate) fn is_woken(&self) -> bool {
        shared(&self.sched).is_linked()
    }
}

/// The waker that a poll of this task gets.
#[inline]
pub(crate) fn waker_of(sched: &Sched) -> &Waker {
    &bell(sched).waker
}

/// What a task does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for something.
    Waiting,
    /// It wants to run; the policy has its ticket.
    Runnable,
    /// It is being polled.
    Running,
}

/// The waker on a task's card.
#[inline]
fn bell(sched: &Sched) -> &Bell {
    sched
        .bell
        .as_ref()
        .expect("the cards of tasks have a waker")
}

/// The flags of that waker.
#[inline]
fn shared(sched: &Sched) -> &TaskWaker {
    &bell(sched).shared
}

/// The key of a task's slot.
#[inline]
pub(super) fn key(id: TaskId) -> Key<Task> {
    Key::new(id.index, id.generation)
}
