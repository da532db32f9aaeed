//! One turn of the loop: the only place where tasks are polled.
//!
//! ```text
//! collect   wakes of this thread and mail of others become tickets
//! run       poll up to N tasks the policy picks, collecting as they go
//! wait      ask the system; do not sleep if anything is runnable
//! fire      wake the sources that are ready and the timers that are due
//! ```
//!
//! Laws: S02, the system is asked once per turn whatever the tasks do. T5, polls,
//! drops, wakes, observers and policies run with nothing of the loop borrowed.
//!
//! Absent on purpose: any knowledge of what a task waits for.
//!
//! Read next: `mod.rs` for the beginning and the end, then `time/sleep.rs` for a
//! whole leaf future.

use super::builder::POLLS_PER_TURN;
use super::report::{Report, Stuck};
use super::state::LoopState;
use super::{Pacing, Root, Runtime};
use crate::budget;
use crate::policy::{Cause, End, Policy};
use crate::task::Runnable;
use crate::task::job::BoxedJob;
use crate::task::join::{drop_caught, panic_message};
use crate::task::table::{
    Aftermath, CheckedOut, Ending, PanickedIn, Polled, Running, Unread, waker_of,
};
use crate::task::waker::{self, Mail, Woken};
use crate::task::{Sched, TaskId};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;

impl<P: Policy + 'static> Runtime<P> {
    /// One turn. An error means that no turn will ever do anything again.
    ///
    /// Futures, drops, wakers, observers and hooks are caught where they are
    /// called; a panic that comes as far as this is the policy's.
    pub(super) fn turn(&mut self, root: &mut Root<'_>) -> Result<(), Stuck> {
        match catch_unwind(AssertUnwindSafe(|| self.phases(root))) {
            Ok(result) => result,
            Err(payload) => {
                self.custody.fail_over(payload);
                Ok(())
            }
        }
    }

    /// The four phases.
    fn phases(&mut self, root: &mut Root<'_>) -> Result<(), Stuck> {
        self.now = self.state.clock.now();
        self.collect();
        if self.observer.is_some() || self.watched || self.custody.is_timed() {
            self.run::<true>(root);
        } else {
            self.run::<false>(root);
        }
        self.count_turn();
        if root.is_over() {
            return Ok(());
        }
        self.wait()?;
        self.fire();
        Ok(())
    }

    /// Phase 1: mail, wakes and cancellations.
    fn collect(&mut self) {
        if !self.state.mailbox.is_empty() {
            self.open_mail();
        }
        self.hand_over(Cause::Thread, None);
        self.look_after();
    }

    /// Phase 2: polls. `WATCHED` compiles the clocks and the observer in or out.
    fn run<const WATCHED: bool>(&mut self, root: &mut Root<'_>) {
        let began = self.now;
        let mut left = match self.pacing {
            Pacing::Every(polls) => polls.max(1) as usize,
            Pacing::Batch => self.custody.held().max(1),
            // Its time stands still, so a slice would never end.
            Pacing::Slice(_) if self.state.clock.is_virtual() => POLLS_PER_TURN as usize,
            Pacing::Slice(_) | Pacing::Drain => usize::MAX,
        };
        while left > 0 && !root.is_over() {
            let Some(ticket) = self.custody.pick_next(self.now) else {
                break;
            };
            self.poll_task::<WATCHED>(ticket, root);
            self.look_after();
            left -= 1;
            if let Pacing::Slice(slice) = self.pacing
                && self.state.clock.now().saturating_duration_since(began) >= slice
            {
                break;
            }
        }
    }

    /// Redeems a ticket: one poll, then its charge, then its wakes.
    #[inline(always)]
    fn poll_task<const WATCHED: bool>(&mut self, ticket: Runnable, root: &mut Root<'_>) {
        let mut running = match self.state.table.check_out(ticket) {
            CheckedOut::Poll(running) => running,
            CheckedOut::Husk => return,
            CheckedOut::Void(sched) => return self.custody.wrong_ticket(&sched),
        };
        let id = running.sched.id();
        if WATCHED {
            self.before_poll(&running.sched);
        }
        self.state.running.set(Some(id));
        budget::set(self.budget);
        let polled = poll_future(&self.state, &mut running, root);
        self.state.running.set(None);
        running.sched.count_poll();
        self.polls += 1;
        let end = match &polled {
            Polled::Ended(_) => End::Done,
            Polled::Pending if running.is_woken() => End::Yield,
            Polled::Pending => End::Wait,
        };
        let took = if WATCHED {
            self.after_poll(&running.sched, end)
        } else {
            Duration::ZERO
        };
        self.custody.ran(&running.sched, took, end);
        match polled {
            Polled::Pending => {
                if let Some(ticket) = self.state.table.check_in(running) {
                    self.hand_over_ticket(ticket, Cause::Yield, false);
                }
            }
            Polled::Ended(ending) => {
                let aftermath = self.state.table.check_in_ended(running, ending);
                self.clear_up(id, aftermath);
            }
        }
        self.hand_over(Cause::Task(id), Some(id));
    }

    /// Phase 3: ask the system what happened, and sleep if nothing is runnable.
    fn wait(&mut self) -> Result<(), Stuck> {
        if self.is_runnable() {
            let mut reactor = self.state.reactor.borrow_mut();
            // Mail needs no look at the system: the mailbox has its own flag.
            if reactor.len() > 0 {
                reactor.wait(Some(Duration::ZERO));
            }
            return Ok(());
        }
        let timer = self.state.timers.borrow().next();
        let until = [timer, self.custody.next_at()].into_iter().flatten().min();
        self.sleep(until)
    }

    /// Phase 4: wake what the wait brought.
    fn fire(&mut self) {
        let mut wakers = std::mem::take(&mut self.wakers);
        self.state.reactor.borrow_mut().take_ready(&mut wakers);
        for waker in wakers.drain(..) {
            self.wake(waker);
        }
        self.wakers = wakers;
        self.hand_over(Cause::Io, None);
        loop {
            // LAW T5: a statement of its own, so the borrow ends before the wake.
            let due = self.state.timers.borrow_mut().pop_due(self.now);
            let Some(waker) = due else { break };
            self.wake(waker);
        }
        self.hand_over(Cause::Timer, None);
    }

    /// Gives the tickets of the tasks that were woken to the policy, in the order
    /// of the wakes.
    #[inline]
    fn hand_over(&mut self, cause: Cause, by: Option<TaskId>) {
        if waker::any_woken() {
            self.hand_over_woken(cause, by);
        }
    }

    fn hand_over_woken(&mut self, cause: Cause, by: Option<TaskId>) {
        let cause_of = |ticket: &Runnable, fresh: bool| match by {
            _ if fresh => Cause::Spawn(by),
            Some(by) if by == ticket.id() => Cause::Yield,
            _ => cause,
        };
        let mut woken = Woken::take();
        let Some((first, first_fresh)) = self.state.table.take_woken(&mut woken) else {
            return;
        };
        // The list is newest first: turn it round, unless it has one task only.
        if woken.newest().is_some() {
            let mut tickets = std::mem::take(&mut self.tickets);
            while let Some(ticket) = self.state.table.take_woken(&mut woken) {
                tickets.push(ticket);
            }
            while let Some((ticket, fresh)) = tickets.pop() {
                let cause = cause_of(&ticket, fresh);
                self.hand_over_ticket(ticket, cause, fresh);
            }
            self.tickets = tickets;
        }
        let cause = cause_of(&first, first_fresh);
        self.hand_over_ticket(first, cause, first_fresh);
    }

    /// Gives one ticket to the policy.
    #[inline(always)]
    fn hand_over_ticket(&mut self, ticket: Runnable, cause: Cause, fresh: bool) {
        ticket.set_ready_at(self.now);
        if self.observer.is_some() {
            self.announce(&ticket, cause, fresh);
        }
        self.custody.enqueue(ticket, cause);
    }

    /// Between two polls: cancellations, tickets that came home, a new policy.
    #[inline]
    fn look_after(&mut self) {
        if self.state.table.home().take_attention() {
            self.look_after_now();
        }
    }

    #[cold]
    fn look_after_now(&mut self) {
        for id in self.state.table.take_aborts() {
            self.cancel(id, Ending::Cancelled);
        }
        self.custody.look_after_tickets();
        self.report_unread();
        let next = self.state.next_policy.borrow_mut().take();
        if let Some(policy) = next {
            self.replace_policy(policy);
        }
        // Not the next task's time.
        self.now = self.state.clock.now();
        self.hand_over(Cause::Moved, None);
    }

    /// Panics of tasks whose results nobody will read.
    pub(super) fn report_unread(&self) {
        for Unread {
            task,
            payload,
            when,
        } in self.state.table.take_unread()
        {
            let message = panic_message(payload);
            self.state.report(&match when {
                PanickedIn::Poll => Report::TaskPanicked { task, message },
                PanickedIn::Drop => {
                    let what = format!("the output of task {task}");
                    Report::DropPanicked { what, message }
                }
            });
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
        self.drop_job(id, job);
        let aftermath = self.state.table.end(id, ending);
        self.clear_up(id, aftermath);
    }

    /// What the end of a task leaves to do, outside every borrow.
    fn clear_up(&mut self, id: TaskId, aftermath: Aftermath) {
        self.tasks_done += 1;
        if let Some(job) = aftermath.job {
            self.drop_job(id, job);
            if self.watched {
                self.now = self.state.clock.now();
            }
        }
        if let Some(waker) = aftermath.watcher {
            self.wake(waker);
        }
    }

    /// Drops a future or an output; a panic in there is reported.
    fn drop_job(&self, id: TaskId, job: BoxedJob) {
        drop_job(&self.state, id, job);
    }

    /// Wakes; a foreign waker may panic, ours cannot.
    fn wake(&self, waker: std::task::Waker) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            let message = panic_message(payload);
            self.state.report(&Report::WakerPanicked { message });
        }
    }

    /// Carries out what other threads asked for.
    #[cold]
    fn open_mail(&mut self) {
        let mut mail = std::mem::take(&mut self.mail);
        self.state.mailbox.take(&mut mail);
        let mut schedule = self.state.schedule.get();
        schedule.repeatable = false;
        self.state.schedule.set(schedule);
        for letter in mail.drain(..) {
            match letter {
                Mail::Wake(waker) => waker.open_letter(),
                Mail::Abort(id) => self.state.table.request_abort(id),
                Mail::Call(call) => {
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                        let what = "a call from another thread".into();
                        let message = panic_message(payload);
                        self.state.report(&Report::DropPanicked { what, message });
                    }
                }
            }
        }
        self.mail = mail;
        self.now = self.state.clock.now();
    }

    /// Whether the next turn has something to poll.
    fn is_runnable(&self) -> bool {
        self.custody.has_work()
            || waker::any_woken()
            || !self.state.mailbox.is_empty()
            || self.state.table.home().has_attention()
    }

    /// Tells the observer, if there is one.
    #[inline]
    pub(super) fn observe(&mut self, call: impl FnOnce(&mut dyn super::Observer)) {
        let Some(observer) = self.observer.as_mut() else {
            return;
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| call(&mut **observer))) {
            // Its own drop may panic too.
            drop(drop_caught(self.observer.take()));
            let message = panic_message(payload);
            self.state.report(&Report::ObserverPanicked { message });
        }
    }

    fn announce(&mut self, task: &Sched, cause: Cause, fresh: bool) {
        let now = self.now;
        self.observe(|observer| {
            if fresh {
                observer.task_spawned(task, now);
            }
            observer.task_runnable(task, cause, now);
        });
    }
}

/// Polls a task's future, or the root's, which `block_on` lent.
#[inline(always)]
fn poll_future(state: &LoopState, running: &mut Running, root: &mut Root<'_>) -> Polled {
    let Running { sched, job } = running;
    let mut cx = Context::from_waker(waker_of(sched));
    let Some(future) = job.as_mut() else {
        return root.poll(&mut cx);
    };
    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
        Ok(Poll::Pending) => Polled::Pending,
        Ok(Poll::Ready(())) => Polled::Ended(Ending::Value),
        Err(payload) => Polled::Ended(panicked(state, sched.id(), job, payload)),
    }
}

/// What a panic in a poll makes of the task.
#[cold]
fn panicked(
    state: &LoopState,
    id: TaskId,
    job: &mut Option<BoxedJob>,
    payload: Box<dyn Any + Send>,
) -> Ending {
    if job.as_ref().is_some_and(|job| job.is_finished()) {
        // The future was done and panicked in its drop: the output stands.
        report_drop(state, id, panic_message(payload));
        return Ending::Value;
    }
    // LAW T15: whoever waits for what the future holds (the other end of a channel,
    // a permit) must not wait until somebody asks for the result.
    if let Some(job) = job.take() {
        drop_job(state, id, job);
    }
    Ending::Panicked(payload)
}

/// Drops a future or an output; a panic in there is reported.
fn drop_job(state: &LoopState, id: TaskId, job: BoxedJob) {
    if let Err(message) = drop_caught(job) {
        report_drop(state, id, message);
    }
}

fn report_drop(state: &LoopState, id: TaskId, message: String) {
    let what = format!("the future of task {}", state.label(id));
    state.report(&Report::DropPanicked { what, message });
}
