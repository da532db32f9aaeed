//! The desk of a gate: takes permits back, hands tickets to the policy, grants.
//!
//! Owns: the policy in its safety net, what it is yet to be told, and the timer for
//! a policy that wants to be asked again.
//!
//! Laws: T5, policy and wakers are called with nothing borrowed. A policy that comes
//! back to its own gate leaves a note, and the call at work goes round once more.
//!
//! Read next: `line.rs`.

use super::line::{Line, Waiter};
use crate::policy::{Cause, End, Policy, Runnable, Sched};
use crate::runtime::custody::{Custody, Issuer};
use crate::runtime::report::Report;
use crate::runtime::{current_task, try_spawn};
use crate::slab::Key;
use crate::task::SpawnOptions;
use crate::task::deck::Card;
use crate::task::join::panic_message;
use crate::time::{now, sleep_until};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// Everything of a gate.
pub(super) struct Desk<P: Policy + 'static> {
    /// The waiters.
    pub(super) line: Rc<Line>,
    /// Orders them. `None` while it works.
    custody: RefCell<Option<Custody<P, Line>>>,
    /// Tickets for the policy, and why.
    arrivals: RefCell<Vec<(Runnable, Cause)>>,
    /// Permits that came back, and for how long they were out.
    returns: RefCell<Vec<(Card, Duration)>>,
    /// When a timer of ours fires, because the policy wants to be asked then.
    alarm: Cell<Option<Instant>>,
}

/// A gate without its policy's type.
pub(super) trait TakeBack {
    /// A permit is free again.
    fn take_back(self: Rc<Self>, card: Card, held: Duration);
}

impl<P: Policy + 'static> Desk<P> {
    /// The desk of a new gate.
    pub(super) fn new(permits: usize, policy: P) -> Self {
        let line = Rc::new(Line::new(permits));
        let custody = Custody::new(policy, Rc::clone(&line));
        Self {
            line,
            custody: RefCell::new(Some(custody)),
            arrivals: RefCell::default(),
            returns: RefCell::default(),
            alarm: Cell::new(None),
        }
    }

    /// Puts a new waiter into the line.
    pub(super) fn line_up(
        self: &Rc<Self>,
        options: SpawnOptions,
        site: &'static Location<'static>,
    ) -> Key<Waiter> {
        let (place, ticket) = self.line.join(options, site, now());
        let cause = Cause::Spawn(current_task(Sched::id));
        self.arrivals.borrow_mut().push((ticket, cause));
        self.serve();
        place
    }

    /// Does all there is to do: charges, enqueues, grants; then wakes.
    pub(super) fn serve(self: &Rc<Self>) {
        let taken = self.custody.borrow_mut().take();
        // Called by a policy at work: the call below goes round once more.
        let Some(mut custody) = taken else { return };
        let next_at = loop {
            match catch_unwind(AssertUnwindSafe(|| self.grant(&mut custody))) {
                Ok(next_at) if self.is_quiet() => break next_at,
                Ok(_) => {}
                Err(payload) => custody.fail_over(payload),
            }
        };
        if let Some(at) = next_at {
            self.set_alarm(at);
        }
        *self.custody.borrow_mut() = Some(custody);
        for waker in self.line.wakers.take() {
            // LAW T16: a foreign waker that panics takes no other wake with it.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                let message = panic_message(payload);
                self.line.report(&Report::WakerPanicked { message });
            }
        }
    }

    /// Whether nobody came or left meanwhile.
    fn is_quiet(&self) -> bool {
        self.arrivals.borrow().is_empty() && self.returns.borrow().is_empty()
    }

    /// Tells the policy what happened, and grants what is free. Returns when a
    /// policy that keeps free permits back wants to be asked again.
    fn grant(&self, custody: &mut Custody<P, Line>) -> Option<Instant> {
        for (card, held) in self.returns.take() {
            self.line.free.set(self.line.free.get() + 1);
            card.count_poll();
            card.charge(held);
            custody.ran(&card, held, End::Done);
        }
        for (ticket, cause) in self.arrivals.take() {
            custody.enqueue(ticket, cause);
        }
        let now = now();
        while self.line.free.get() > 0 {
            if self.line.home().take_attention() {
                custody.look_after_tickets();
                custody.look_after_shed();
            }
            match custody.pick_next(now) {
                Some(card) => self.line.admit(card, now, custody),
                None if self.line.home().has_attention() => {}
                None => return custody.next_at(),
            }
        }
        None
    }

    /// The policy wants to be asked again then, and no permit may come back before.
    fn set_alarm(self: &Rc<Self>, at: Instant) {
        if self.alarm.get().is_some_and(|earlier| earlier <= at) {
            return;
        }
        self.alarm.set(Some(at));
        let alarm = Alarm {
            desk: Rc::downgrade(self),
            at,
        };
        let timer = async move {
            sleep_until(at).await;
            alarm.ring();
        };
        // Outside any loop nobody can wait for it either.
        drop(try_spawn(timer, SpawnOptions::new().name("gate timer")));
    }
}

/// A timer of a gate, in a task of its own.
struct Alarm<P: Policy + 'static> {
    /// The gate, which may be gone.
    desk: Weak<Desk<P>>,
    /// When it fires.
    at: Instant,
}

impl<P: Policy + 'static> Alarm<P> {
    fn ring(self) {
        let desk = self.desk.upgrade();
        drop(self); // Lets a new alarm be set.
        if let Some(desk) = desk {
            desk.serve();
        }
    }
}

impl<P: Policy + 'static> Drop for Alarm<P> {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.upgrade()
            && desk.alarm.get() == Some(self.at)
        {
            desk.alarm.set(None);
        }
    }
}

impl<P: Policy + 'static> TakeBack for Desk<P> {
    fn take_back(self: Rc<Self>, card: Card, held: Duration) {
        self.returns.borrow_mut().push((card, held));
        self.serve();
    }
}

impl<P: Policy + 'static> Drop for Desk<P> {
    fn drop(&mut self) {
        self.line.home().close();
    }
}
