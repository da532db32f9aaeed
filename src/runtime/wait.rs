//! How a loop sleeps, and how it notices that it would sleep for ever.
//!
//! Laws: C11, virtual time jumps only when nothing is runnable, no mail waits, no
//! blocking job is out and no source has a waiter. The deadlock report is certain
//! under the virtual clock, and when nobody holds a waker or a `Handle` any more;
//! otherwise some thread may yet wake a task, and the loop only says so once.
//!
//! Absent on purpose: any polling in short intervals. One wait is one system call.
//!
//! Read next: `mod.rs`.

use super::Runtime;
use super::report::{Report, Stuck};
use crate::clock;
use crate::mailbox;
use crate::policy::Policy;
use std::time::Instant;

impl<P: Policy + 'static> Runtime<P> {
    /// Nothing is runnable: sleeps until `until`, an event or mail.
    pub(super) fn sleep(&mut self, until: Option<Instant>) -> Result<(), Stuck> {
        let is_virtual = self.state.clock.is_virtual();
        if until.is_some() && !is_virtual {
            return self.block(until);
        }
        // The order matters: a job posts its wake before it stops counting, so
        // whoever sees no job out sees the letter too.
        if self.state.reactor.borrow().waiting() > 0 || self.state.waits_for_jobs() {
            return self.block(None);
        }
        if is_virtual {
            self.jump(until)
        } else {
            self.wait_for_threads()
        }
    }

    /// Virtual time: the next deadline is now.
    fn jump(&mut self, until: Option<Instant>) -> Result<(), Stuck> {
        if !self.state.mailbox.is_empty() {
            return Ok(());
        }
        match until {
            Some(until) if until < self.state.never => {
                let from = self.now;
                self.observe(|observer| observer.before_wait(Some(until), from));
                self.state.clock.jump_to(until);
                self.woke_up(from);
                Ok(())
            }
            _ => Err(Stuck::of(&self.state)),
        }
    }

    /// No timer, no source, no job: only another thread can help, if one exists.
    fn wait_for_threads(&mut self) -> Result<(), Stuck> {
        // The fences in here make what their threads posted visible to our next look.
        let handles = mailbox::is_held_elsewhere(&self.state.handles, 1);
        let wakeable = handles || self.state.table.is_wakeable();
        if !self.state.mailbox.is_empty() {
            return Ok(());
        }
        if !wakeable {
            return Err(Stuck::of(&self.state));
        }
        let Some(patience) = self.stuck_after.filter(|_| !self.stuck_reported) else {
            return self.block(None);
        };
        let until = clock::instant_after(self.state.clock.now(), patience);
        self.block(Some(until))?;
        if self.now < until || !self.state.mailbox.is_empty() {
            return Ok(());
        }
        let stuck = Stuck::of(&self.state);
        if self.stuck_ends {
            return Err(stuck);
        }
        self.stuck_reported = true;
        self.state.report(&Report::Stuck(stuck));
        Ok(())
    }

    /// Sleeps in the operating system.
    fn block(&mut self, until: Option<Instant>) -> Result<(), Stuck> {
        let from = self.state.clock.now();
        self.now = from;
        self.observe(|observer| observer.before_wait(until, from));
        let timeout = until.map(|until| until.saturating_duration_since(from));
        self.state.reactor.borrow_mut().wait(timeout);
        self.woke_up(from);
        Ok(())
    }

    /// Books a sleep that began at `from`.
    fn woke_up(&mut self, from: Instant) {
        let now = self.state.clock.now();
        self.now = now;
        let mut stats = self.state.stats.get();
        stats.waits += 1;
        stats.waited += now.saturating_duration_since(from);
        self.state.stats.set(stats);
        self.custody.idle(from, now);
        self.observe(|observer| observer.after_wait(now));
    }

    /// Books a turn.
    pub(super) fn count_turn(&mut self) {
        let mut stats = self.state.stats.get();
        stats.turns += 1;
        stats.polls = self.polls;
        stats.tasks_done = self.tasks_done;
        self.state.stats.set(stats);
        // A policy that read the clock may have panicked since.
        self.state
            .measured
            .set(self.watched || self.custody.is_timed());
    }
}
