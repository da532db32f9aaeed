//! The policy and its safety net: no ticket is lost, whatever a policy does.
//!
//! Owns: the policy, by value; a FIFO for tickets that it lost and for everything
//! once it has panicked; the count of tickets in its hands.
//!
//! Laws: S01, every ticket that goes in comes out: dropped ones come home,
//! hoarded and forgotten ones are replaced. A panic of the policy unwinds to
//! `turn()`, which calls `fail_over`; the tickets that were in flight come home by
//! their `Drop`. T5, the policy is called with nothing borrowed.
//!
//! Absent on purpose: any opinion about order.
//!
//! Read next: `rescue.rs`.

use super::report::Report;
use super::state::LoopState;
use crate::policy::{Cause, End, Fifo, Policy, Runnable};
use crate::task::deck::Card;
use crate::task::ticket::Home;
use crate::task::{Sched, TaskLabel};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A policy whose tickets are counted.
pub(crate) struct Custody<P, I = LoopState> {
    /// The policy, until it has panicked.
    pub(super) policy: Service<P>,
    /// What the policy was called that is no longer in service.
    pub(super) retired: Option<String>,
    /// What the policy lost, and everything once it is gone.
    pub(super) rescue: Fifo,
    /// Whether anything is in there: one look per pick.
    pub(super) has_rescued: bool,
    /// How many valid tickets the policy has.
    pub(super) held: usize,
    /// The count is only a mark that some may be missing.
    pub(super) is_suspect: bool,
    /// The policy's last answer was "nothing now".
    declined: bool,
    /// Whether the policy reads the clock.
    pub(super) timed: bool,
    /// Where our tickets come home to.
    pub(super) home: Rc<Home>,
    /// For fresh tickets and reports.
    pub(super) issuer: Rc<I>,
}

/// Whether a policy is in service.
///
/// WHY NOT an `Option`: it says "none" by a value that no field of the policy can have,
/// and looking for that one takes three times as long as looking at a byte.
#[repr(u8)]
pub(super) enum Service<P> {
    /// It is over.
    Ended,
    /// This one is.
    On(P),
}

/// Who issues the tickets: a loop to its tasks, a gate to its waiters.
pub(crate) trait Issuer {
    /// Where the tickets come home to.
    fn home(&self) -> &Rc<Home>;

    /// Whether this is the card of a ticket that is out.
    fn is_valid(&self, card: &Card) -> bool;

    /// A ticket that does not count any more came back.
    fn strike_off(&self, card: &Card);

    /// Voids the tickets that are out and issues fresh ones.
    fn reissue(&self) -> Vec<Runnable>;

    /// A policy turned this one away. Returns the ticket if it must still come up.
    fn refuse(&self, card: Card) -> Option<Runnable>;

    /// Delivers a report.
    fn report(&self, report: &Report);
}

impl Issuer for LoopState {
    fn home(&self) -> &Rc<Home> {
        self.table.home()
    }

    fn is_valid(&self, card: &Card) -> bool {
        self.table.is_valid(card)
    }

    fn strike_off(&self, card: &Card) {
        self.table.strike_off(card);
    }

    fn reissue(&self) -> Vec<Runnable> {
        self.table.reissue_queued()
    }

    fn refuse(&self, card: Card) -> Option<Runnable> {
        self.table.request_abort(card.id());
        // It comes up as a husk; the root, which cannot be cancelled, runs.
        Some(Runnable::issue(card))
    }

    fn report(&self, report: &Report) {
        self.report(report);
    }
}

impl<P> Service<P> {
    /// The policy.
    pub(super) fn as_ref(&self) -> Option<&P> {
        match self {
            Self::On(policy) => Some(policy),
            Self::Ended => None,
        }
    }

    /// The policy, to be asked.
    fn as_mut(&mut self) -> Option<&mut P> {
        match self {
            Self::On(policy) => Some(policy),
            Self::Ended => None,
        }
    }

    /// Ends the service; the policy, to be dropped.
    pub(super) fn end(&mut self) -> Option<P> {
        match std::mem::replace(self, Self::Ended) {
            Self::On(policy) => Some(policy),
            Self::Ended => None,
        }
    }
}

impl<P: Policy + 'static, I: Issuer> Custody<P, I> {
    /// Takes a policy into service.
    pub(crate) fn new(policy: P, issuer: Rc<I>) -> Self {
        let mut custody = Self {
            policy: Service::Ended,
            retired: None,
            rescue: Fifo::new(),
            has_rescued: false,
            held: 0,
            is_suspect: false,
            declined: false,
            timed: false,
            home: Rc::clone(issuer.home()),
            issuer,
        };
        custody.install(policy);
        custody
    }

    /// Begins the service of a policy.
    pub(super) fn install(&mut self, policy: P) {
        let timed = catch_unwind(AssertUnwindSafe(|| policy.wants_clock()));
        self.policy = Service::On(policy);
        self.retired = None;
        self.held = 0;
        self.is_suspect = false;
        self.declined = false;
        match timed {
            Ok(timed) => self.timed = timed,
            Err(payload) => self.fail_over(payload),
        }
    }

    /// A turn begins: what the policy declined in the last one is no longer news.
    ///
    /// WHY NOT only at `enqueue`: a shaping policy lets several tickets go when its
    /// time comes, and the turn may end after the first.
    #[inline]
    pub(crate) fn ask_again(&mut self) {
        self.declined = false;
    }

    /// Hands a ticket to the policy.
    #[inline(always)]
    pub(crate) fn enqueue(&mut self, ticket: Runnable, cause: Cause) {
        self.declined = false;
        match &mut self.policy {
            Service::On(policy) => {
                self.held += 1;
                #[cfg(test)]
                super::straight::enqueue(policy, ticket, cause);
                #[cfg(not(test))]
                policy.enqueue(ticket, cause);
            }
            Service::Ended => self.rescue(ticket),
        }
    }

    /// Redeems the next ticket, one of the rescue queue first: it holds what would
    /// otherwise be lost.
    #[inline(always)]
    pub(crate) fn pick_next(&mut self, now: Instant) -> Option<Card> {
        if self.has_rescued {
            return self.pick_rescued(now).map(Runnable::redeem);
        }
        let Service::On(policy) = &mut self.policy else {
            return self.pick_another(None, now).map(Runnable::redeem);
        };
        #[cfg(test)]
        let picked = super::straight::pick_next(policy, now);
        #[cfg(not(test))]
        let picked = policy.pick_next(now);
        match picked {
            Some(ticket) if ticket.belongs_to(&self.home) => {
                self.held = self.held.wrapping_sub(1);
                Some(ticket.redeem())
            }
            other => self.pick_another(other, now).map(Runnable::redeem),
        }
    }

    /// Keeps a ticket that would otherwise be lost; it goes before all others.
    pub(super) fn rescue(&mut self, ticket: Runnable) {
        self.rescue.enqueue(ticket, Cause::Moved);
        self.has_rescued = true;
    }

    /// The oldest rescued ticket.
    fn pop_rescued(&mut self) -> Option<Runnable> {
        let ticket = self.rescue.pop();
        self.has_rescued = self.rescue.len() > 0;
        ticket
    }

    /// The same, or whatever else there is.
    #[cold]
    fn pick_rescued(&mut self, now: Instant) -> Option<Runnable> {
        self.pop_rescued().or_else(|| self.pick_another(None, now))
    }

    /// The policy picked nothing, or a ticket that is not ours.
    #[cold]
    fn pick_another(&mut self, mut picked: Option<Runnable>, now: Instant) -> Option<Runnable> {
        // Bounded: every round takes one foreign ticket away from the policy. The
        // foreign ticket goes home when it is dropped.
        while let Some(foreign) = picked {
            let task = TaskLabel::of(&foreign);
            drop(foreign);
            self.wrong_ticket(task);
            picked = self
                .policy
                .as_mut()
                .and_then(|policy| policy.pick_next(now));
            if picked
                .as_ref()
                .is_some_and(|ticket| ticket.belongs_to(&self.home))
            {
                self.held = self.held.wrapping_sub(1);
                return picked;
            }
        }
        self.look_after_tickets();
        self.pop_rescued().or_else(|| self.declined(now))
    }

    /// The policy says "nothing now": is it empty, shaping, or hoarding?
    fn declined(&mut self, now: Instant) -> Option<Runnable> {
        self.declined = true;
        // Tickets on their way home or turned away are counted at the next
        // collect, and there is one: attention keeps the loop awake.
        if self.held == 0 || self.home.has_attention() {
            return None;
        }
        // WHY NOT any answer of `next_at`: "ask again at once" never ends.
        if self.next_at().is_some_and(|at| at > now) {
            return None;
        }
        let fresh = self.reissue();
        self.report_hidden(fresh.iter());
        for ticket in fresh {
            self.rescue(ticket);
        }
        self.pop_rescued()
    }

    /// Voids all tickets that are out and issues fresh ones. Only between two
    /// polls, when no ticket is in the loop's own hands.
    pub(super) fn reissue(&mut self) -> Vec<Runnable> {
        self.held = 0;
        self.is_suspect = false;
        self.issuer.reissue()
    }

    /// Charges a poll.
    #[inline]
    pub(crate) fn ran(&mut self, task: &Sched, took: Duration, end: End) {
        #[cfg(test)]
        if self
            .policy
            .as_mut()
            .is_some_and(super::straight::is_straight)
        {
            return;
        }
        let Service::On(policy) = &mut self.policy else {
            return;
        };
        // A catch of its own: the caller still has the task in its hands. For a
        // policy that charges nothing it compiles to nothing.
        let ran = catch_unwind(AssertUnwindSafe(|| policy.ran(task, took, end)));
        if let Err(payload) = ran {
            self.fail_over(payload);
        }
    }

    /// Tells the policy that the loop slept.
    pub(crate) fn idle(&mut self, from: Instant, to: Instant) {
        let Service::On(policy) = &mut self.policy else {
            return;
        };
        // A catch of its own: nobody has looked yet at what the wait brought.
        let idle = catch_unwind(AssertUnwindSafe(|| policy.idle(from, to)));
        if let Err(payload) = idle {
            self.fail_over(payload);
        }
    }

    /// When a shaping policy wants to be asked again.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let policy = self.policy.as_ref().filter(|_| self.held > 0)?;
        policy.next_at()
    }

    /// Where our tickets come home to.
    #[inline]
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Whether the policy reads the clock.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.timed
    }

    /// Whether somebody can run now, as far as the policy has said.
    pub(crate) fn has_work(&self) -> bool {
        self.has_rescued || (self.held > 0 && !self.declined)
    }

    /// How many tickets are queued here.
    pub(crate) fn len(&self) -> usize {
        self.held.saturating_add(self.rescue.len())
    }

    /// What reports call the policy.
    pub(crate) fn name(&self) -> String {
        self.policy
            .as_ref()
            .map(Policy::name)
            .or_else(|| Some(format!("{} (retired)", self.retired.as_ref()?)))
            .unwrap_or_default()
    }
}
