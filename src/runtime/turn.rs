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
//! Read next: `chores.rs` for what happens between two polls, `mod.rs` for the
//! beginning and the end, then `time/sleep.rs` for a whole leaf future.

use super::pacing::LOOK_EVERY;
use super::report::Stuck;
use super::{Root, Runtime, chores};
use crate::budget;
use crate::policy::{Cause, End, Policy};
use crate::task::Runnable;
use crate::task::Sched;
use crate::task::deck::Card;
use crate::task::slot::{CheckedOut, Ending, bell_of, put_back, take_job};
use crate::task::waker::{self, Bell, WokeItself};
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
                // What was being handed over when it panicked, and what is to be
                // cancelled yet.
                let next = self.state.table.next_woken();
                self.hand_over_each::<true>(next, Cause::Moved);
                self.custody.home().call_attention();
                Ok(())
            }
        }
    }

    /// The four phases.
    fn phases(&mut self, root: &mut Root<'_>) -> Result<(), Stuck> {
        self.now = self.state.clock.now();
        self.collect();
        self.custody.ask_again();
        if self.is_watched() {
            self.run::<true>(root);
        } else {
            self.run::<false>(root);
        }
        self.count_turn();
        self.watch();
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
        self.hand_over::<true>(Cause::Thread);
        if self.custody.home().take_attention() {
            self.look_after_now();
        }
    }

    /// Phase 2: polls. `WATCHED` compiles the clocks and the observer in or out. Each form
    /// is a function of its own, so that the registers of one are not short for the other.
    #[inline(never)]
    fn run<const WATCHED: bool>(&mut self, root: &mut Root<'_>) {
        let began = self.now;
        let mut left = self.polls_of_this_turn();
        while left > 0 {
            let Some(picked) = self.custody.pick_next(self.now) else {
                break;
            };
            self.poll_task::<WATCHED>(picked, root);
            if self.custody.home().take_attention() {
                self.look_after_now();
                // The end of the root calls for attention too.
                if root.is_over() {
                    break;
                }
            }
            left -= 1;
            if left.is_multiple_of(LOOK_EVERY) {
                left = self.further_polls(left, began);
            }
        }
    }

    /// One poll of the task that was picked, then its charge, then its wakes.
    #[inline(always)]
    fn poll_task<const WATCHED: bool>(&mut self, picked: Card, root: &mut Root<'_>) {
        let task: &Sched = &picked;
        match self.state.table.check_out(task, picked.is_current()) {
            CheckedOut::Poll => {}
            CheckedOut::Husk => return,
            CheckedOut::Void => return self.custody.void_ticket(picked),
        }
        if WATCHED {
            self.before_poll(task);
        }
        let (polled, woken) = match bell_of(task) {
            Some(bell) => self.poll_with(bell, task, root),
            None => self.first_poll(task, root),
        };
        task.count_poll();
        self.polls += 1;
        if !matches!(polled, Ok(Poll::Pending)) {
            return self.end_task::<WATCHED>(task, polled);
        }
        let end = match woken {
            WokeItself::Yes => End::Yield,
            WokeItself::No => End::Wait,
        };
        self.charge::<WATCHED>(task, end);
        self.state.table.check_in(task, woken);
        let id = task.id();
        if woken == WokeItself::No {
            return self.hand_over::<WATCHED>(Cause::Task(id));
        }
        task.set_ready_at(self.now);
        // LAW S01: a ticket by now, so that it comes home if the policy panics over the
        // others.
        let ticket = Runnable::issue(picked);
        self.hand_over::<WATCHED>(Cause::Task(id));
        self.hand_over_ticket::<WATCHED>(ticket, Cause::Yield, false);
    }

    /// Polls a task that has no waker yet: it gets the spare one, and keeps it if it can be
    /// polled again.
    #[inline(never)]
    fn first_poll(&self, task: &Sched, root: &mut Root<'_>) -> Polled {
        // LAW T5: the future runs while the spare is borrowed, but shared: who asks for
        // this task's waker meanwhile looks at it too, and only another first poll, which
        // is never inside this one, would want it whole.
        let bell = self.state.table.lend_waker(task);
        let polled = self.poll_with(&bell, task, root);
        let stays = matches!(polled.0, Ok(Poll::Pending)).then_some(polled.1);
        self.state.table.take_waker_back(task, bell, stays);
        polled
    }

    /// Polls a task's future, or the root's, which `block_on` lent.
    #[inline(always)]
    fn poll_with(&self, bell: &Bell, task: &Sched, root: &mut Root<'_>) -> Polled {
        let mut cx = Context::from_waker(&bell.waker);
        budget::set(self.budget);
        waker::start_poll(task.id().index);
        let polled = match take_job(task) {
            None => {
                let polled = root.poll(&mut cx);
                if polled.is_ready() {
                    self.custody.home().call_attention();
                }
                Ok(polled)
            }
            Some(mut job) => {
                let polled = catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(&mut cx)));
                put_back(task, job);
                polled
            }
        };
        (polled, waker::end_poll(&bell.shared))
    }

    /// The task has returned its output, or panicked.
    #[inline(never)]
    fn end_task<const WATCHED: bool>(&mut self, task: &Sched, polled: PollResult) {
        let id = task.id();
        let ending = match polled {
            Ok(_) => Ending::Value,
            Err(payload) => chores::panicked(&self.state, task, payload),
        };
        self.charge::<WATCHED>(task, End::Done);
        let aftermath = self.state.table.settle(task, ending);
        self.clear_up(aftermath);
        self.hand_over::<WATCHED>(Cause::Task(id));
    }

    /// Tells the policy what a poll cost.
    #[inline(always)]
    fn charge<const WATCHED: bool>(&mut self, task: &Sched, end: End) {
        let took = match WATCHED {
            true => self.after_poll(task, end),
            false => Duration::ZERO,
        };
        self.custody.ran(task, took, end);
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
        let timer = self.state.timers.borrow_mut().next();
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
        self.hand_over::<true>(Cause::Io);
        let now = self.state.timers.borrow().nanos(self.now);
        loop {
            // LAW T5: a statement of its own, so the borrow ends before the wake.
            let due = self.state.timers.borrow_mut().pop_due(now);
            let Some(waker) = due else { break };
            self.wake(waker);
        }
        self.hand_over::<true>(Cause::Timer);
    }

    /// Gives the tickets of the tasks that were woken to the policy, in the order
    /// of the wakes.
    #[inline]
    pub(super) fn hand_over<const WATCHED: bool>(&mut self, cause: Cause) {
        if waker::any_woken() {
            self.hand_over_now::<WATCHED>(cause);
        }
    }

    #[inline(never)]
    fn hand_over_now<const WATCHED: bool>(&mut self, cause: Cause) {
        let first = self.state.table.collect();
        self.hand_over_each::<WATCHED>(first, cause);
    }

    /// Gives the policy a ticket, and those of all who were collected behind it.
    #[inline(always)]
    fn hand_over_each<const WATCHED: bool>(&mut self, mut next: Option<Runnable>, cause: Cause) {
        while let Some(ticket) = next {
            let fresh = ticket.polls() == 0;
            let cause = if fresh { cause.of_spawn() } else { cause };
            ticket.set_ready_at(self.now);
            self.hand_over_ticket::<WATCHED>(ticket, cause, fresh);
            next = self.state.table.next_woken();
        }
    }

    /// Gives one ticket to the policy.
    #[inline(always)]
    fn hand_over_ticket<const WATCHED: bool>(
        &mut self,
        ticket: Runnable,
        cause: Cause,
        fresh: bool,
    ) {
        if WATCHED && self.observer.is_some() {
            self.announce(&ticket, cause, fresh);
        }
        self.custody.enqueue(ticket, cause);
    }

    /// Whether the next turn has something to poll.
    fn is_runnable(&self) -> bool {
        self.custody.has_work()
            || waker::any_woken()
            || !self.state.mailbox.is_empty()
            || self.state.table.home().has_attention()
    }
}

/// What a poll said, or the payload of its panic.
type PollResult = std::thread::Result<Poll<()>>;

/// The same, and whether the task has woken itself.
type Polled = (PollResult, WokeItself);
