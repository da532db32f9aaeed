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

use super::report::Stuck;
use super::state::LoopState;
use super::{Root, Runtime, chores};
use crate::budget;
use crate::policy::{Cause, End, Policy};
use crate::task::Runnable;
use crate::task::ending::Ending;
use crate::task::slot::{CheckedOut, Polled, Running, shared, take_fresh, waker_of};
use crate::task::waker::{self, WokeItself, Woken};
use crate::task::{Sched, TaskId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
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
                self.hand_over_rest(Cause::Moved);
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
        if self.observer.is_some() || self.watched || self.custody.is_timed() {
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
        self.hand_over(Cause::Thread);
        self.look_after();
    }

    /// Phase 2: polls. `WATCHED` compiles the clocks and the observer in or out.
    fn run<const WATCHED: bool>(&mut self, root: &mut Root<'_>) {
        let began = self.now;
        let (mut left, open_ended) = self.polls_of_this_turn();
        while left > 0 && !root.is_over() {
            let Some(picked) = self.custody.pick_next(self.now) else {
                break;
            };
            self.poll_task::<WATCHED>(picked, root);
            self.look_after();
            left -= 1;
            if open_ended && self.is_slice_over(began) {
                break;
            }
        }
    }

    /// One poll of the task that was picked, then its charge, then its wakes.
    #[inline(always)]
    fn poll_task<const WATCHED: bool>(&mut self, picked: Rc<Sched>, root: &mut Root<'_>) {
        let mut running = match self.state.table.check_out(picked) {
            CheckedOut::Poll(running) => running,
            CheckedOut::Husk => return,
            CheckedOut::Void(sched) => return self.custody.void_ticket(&sched),
        };
        let id = running.sched.id();
        if WATCHED {
            self.before_poll(&running.sched);
        }
        budget::set(self.budget);
        waker::start_poll(id.index);
        let polled = poll_future(&self.state, &mut running, root);
        let woken = waker::end_poll(shared(&running.sched));
        running.sched.count_poll();
        self.polls += 1;
        let end = match &polled {
            Polled::Ended(_) => End::Done,
            Polled::Pending if woken == WokeItself::Yes => End::Yield,
            Polled::Pending => End::Wait,
        };
        let took = match WATCHED {
            true => self.after_poll(&running.sched, end),
            false => Duration::ZERO,
        };
        self.custody.ran(&running.sched, took, end);
        let yielded = match polled {
            Polled::Pending => self.state.table.check_in(running, woken),
            Polled::Ended(ending) => {
                let aftermath = self.state.table.check_in_ended(running, ending);
                self.clear_up(aftermath);
                None
            }
        };
        self.hand_over_others(id);
        if let Some(ticket) = yielded {
            self.hand_over_ticket(ticket, Cause::Yield, false);
        }
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
        self.hand_over(Cause::Io);
        loop {
            // LAW T5: a statement of its own, so the borrow ends before the wake.
            let due = self.state.timers.borrow_mut().pop_due(self.now);
            let Some(waker) = due else { break };
            self.wake(waker);
        }
        self.hand_over(Cause::Timer);
    }

    /// Gives the tickets of the tasks that were woken to the policy, in the order
    /// of the wakes.
    #[inline(never)]
    pub(super) fn hand_over(&mut self, cause: Cause) {
        self.woken = self.state.table.oldest_first(Woken::take());
        self.hand_over_rest(cause);
    }

    /// The same, for what task `id` has woken and spawned.
    #[inline]
    fn hand_over_others(&mut self, id: TaskId) {
        if waker::any_woken() {
            self.hand_over(Cause::Task(id));
        }
    }

    #[inline(always)]
    fn hand_over_rest(&mut self, cause: Cause) {
        let by = match cause {
            Cause::Task(id) => Some(id),
            _ => None,
        };
        while let Some(ticket) = self.state.table.take_woken(&mut self.woken) {
            let fresh = take_fresh(&ticket);
            let cause = if fresh { Cause::Spawn(by) } else { cause };
            self.hand_over_ticket(ticket, cause, fresh);
        }
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
        if self.custody.home().take_attention() {
            self.look_after_now();
        }
    }

    /// Whether the next turn has something to poll.
    fn is_runnable(&self) -> bool {
        self.custody.has_work()
            || waker::any_woken()
            || !self.state.mailbox.is_empty()
            || self.state.table.home().has_attention()
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
        Err(payload) => Polled::Ended(chores::panicked(state, sched.id(), job, payload)),
    }
}
