//! What the loop does between two polls, besides handing out tickets.
//!
//! Owns: cancellations, letters from other threads, reports of unread panics, and
//! the calls of the observer.
//!
//! Laws: T16, a future, an output, a waker or an observer that panics takes nobody
//! with it. T5, all of them are called and dropped with nothing borrowed. T10, a
//! cancelled future is dropped here, on the loop's thread, never by its canceller.
//!
//! Absent on purpose: polls. The only ones are in `turn.rs`.
//!
//! Read next: `wait.rs`.

use super::Runtime;
use super::report::{Report, to_stderr};
use super::state::LoopState;
use crate::mailbox::Origin;
use crate::policy::{Cause, Policy};
use crate::task::ending::{self, Aftermath, PanickedIn, Unread};
use crate::task::job::BoxedJob;
use crate::task::join::{drop_caught, panic_message};
use crate::task::slot::{Ending, put_back, take_job};
use crate::task::waker::Mail;
use crate::task::{Sched, TaskId, TaskLabel};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

impl<P: Policy + 'static> Runtime<P> {
    /// Cancellations, tickets that came home, unread panics, a new policy.
    #[cold]
    pub(super) fn look_after_now(&mut self) {
        self.custody.look_after_tickets();
        // Before the cancellations: both ask for some, the second in the drop of the
        // old policy.
        self.custody.look_after_shed();
        let next = self.state.next_policy.borrow_mut().take();
        if let Some(policy) = next {
            self.replace_policy(policy);
        }
        // Those that are there now: a drop that asks for more gets its turn later.
        for _ in 0..self.state.table.aborts() {
            let Some(id) = self.state.table.next_abort() else {
                break;
            };
            self.cancel(id, Ending::Cancelled);
            // As after its last poll: whom its end woke, it woke.
            self.hand_over::<true>(Cause::Task(id));
        }
        self.report_unread();
        // Not the next task's time.
        self.now = self.state.clock.now();
        self.hand_over::<true>(Cause::Moved);
    }

    /// Panics of tasks whose results nobody will read.
    pub(super) fn report_unread(&self) {
        for unread in self.state.table.take_unread() {
            self.state.report(&report_of(unread));
        }
    }

    /// Drops the future of a task and settles its result.
    pub(super) fn cancel(&mut self, id: TaskId, ending: Ending) {
        let Some(job) = self.state.table.take_for_cancel(id) else {
            return;
        };
        if self.observer.is_some()
            && let Some(card) = self.state.table.card(id)
        {
            let now = self.now;
            self.observe(|observer| observer.task_done(&card, now));
        }
        drop_job(&self.state, id, job);
        let aftermath = self.state.table.end(id, ending);
        self.clear_up(aftermath);
    }

    /// What the end of a task leaves to do, outside every borrow.
    #[inline(always)]
    pub(super) fn clear_up(&mut self, aftermath: Aftermath) {
        self.tasks_done += 1;
        if let Some((output, task)) = aftermath.output {
            self.drop_output(output, &task);
        }
        if let Some(waker) = aftermath.watcher {
            self.wake(waker);
        }
    }

    /// Drops an output that nobody wants.
    #[inline(never)]
    fn drop_output(&mut self, output: BoxedJob, task: &TaskLabel) {
        if let Err(message) = drop_caught(output) {
            self.state.report(&report_of_output(task, message));
        }
        if self.watched {
            self.now = self.state.clock.now();
        }
    }

    /// Wakes; a foreign waker may panic, ours cannot.
    pub(super) fn wake(&self, waker: Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            let message = panic_message(payload);
            self.state.report(&Report::WakerPanicked { message });
        }
    }

    /// Carries out what was asked for by letter.
    #[cold]
    pub(super) fn open_mail(&mut self) {
        let mut mail = std::mem::take(&mut self.mail);
        if self.state.mailbox.take(&mut mail) == Origin::Afar {
            let mut schedule = self.state.schedule.get();
            schedule.repeatable = false;
            self.state.schedule.set(schedule);
        }
        for letter in mail.drain(..) {
            match letter {
                Mail::Wake(waker) => waker.open_letter(),
                Mail::Abort(id) => self.state.table.request_abort(id),
                Mail::Call(call) => {
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                        let what = "a call by a handle".into();
                        let message = panic_message(payload);
                        self.state.report(&Report::DropPanicked { what, message });
                    }
                }
            }
        }
        self.mail = mail;
        self.now = self.state.clock.now();
    }

    /// Tells the observer, if there is one.
    #[inline]
    pub(super) fn observe(&mut self, call: impl FnOnce(&mut dyn super::Observer)) {
        let observer = self.observer.as_mut();
        #[cfg(test)]
        let observer = observer.filter(|_| !super::straight::is_unobserved::<P>());
        let Some(observer) = observer else {
            return;
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| call(&mut **observer))) {
            // Its own drop may panic too.
            drop(drop_caught(self.observer.take()));
            let message = panic_message(payload);
            self.state.report(&Report::ObserverPanicked { message });
        }
    }

    pub(super) fn announce(&mut self, task: &Sched, cause: Cause, fresh: bool) {
        let now = self.now;
        self.observe(|observer| {
            if fresh {
                observer.task_spawned(task, now);
            }
            observer.task_runnable(task, cause, now);
        });
    }
}

/// What is said of a panic that nobody will read.
fn report_of(unread: Unread) -> Report {
    let (task, message) = (unread.task, panic_message(unread.payload));
    match unread.when {
        PanickedIn::Poll => Report::TaskPanicked { task, message },
        PanickedIn::Drop => report_of_output(&task, message),
    }
}

fn report_of_output(task: &TaskLabel, message: String) -> Report {
    let what = format!("the output of task {task}");
    Report::DropPanicked { what, message }
}

/// LAW J06: a panic that nobody will read, of a task whose loop is gone with its hook.
pub(super) fn report_to_stderr(unread: Unread) {
    to_stderr(format_args!("{}", report_of(unread)));
}

/// What a panic in a poll makes of the task.
#[cold]
pub(super) fn panicked(state: &LoopState, task: &Sched, payload: Box<dyn Any + Send>) -> Ending {
    let id = task.id();
    match take_job(task) {
        Some(job) if job.is_finished() => {
            // The future was done and panicked in its drop: the output stands.
            put_back(task, job);
            report_drop(state, id, panic_message(payload));
            return Ending::Value;
        }
        // LAW T15: whoever waits for what the future holds (the other end of a channel,
        // a permit) must not wait until somebody asks for the result.
        Some(job) => drop_job(state, id, job),
        None => {}
    }
    // The future is gone; its place keeps the payload.
    put_back(task, ending::panicked(payload));
    Ending::Panicked
}

/// Drops a future; a panic in there is reported.
fn drop_job(state: &LoopState, id: TaskId, job: BoxedJob) {
    if let Err(message) = drop_caught(job) {
        report_drop(state, id, message);
    }
}

fn report_drop(state: &LoopState, id: TaskId, message: String) {
    let what = format!("the future of task {}", state.label(id));
    state.report(&Report::DropPanicked { what, message });
}
