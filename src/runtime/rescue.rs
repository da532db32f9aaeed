//! The net under a policy: tickets that came home, and the end of its service.
//!
//! Owns: the second half of `Custody`'s methods. None is on the path of a poll.
//!
//! Laws: S01, whatever a policy does with a ticket (drops it, turns it away, takes it
//! along into its own end), the task is queued again or refused by name. A panic in
//! a policy's own drop is caught.
//!
//! Absent on purpose: a second chance. A policy that has panicked does not come back.
//!
//! Read next: `watchdog.rs`.

use super::custody::{Custody, Issuer};
use super::report::Report;
use crate::policy::{Cause, Policy, Runnable};
use crate::task::TaskLabel;
use crate::task::deck::Card;
use crate::task::join::{drop_caught, panic_message};
use std::any::Any;
use std::collections::BTreeMap;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

impl<P: Policy + 'static, I: Issuer> Custody<P, I> {
    /// Puts the tickets that came home into the rescue queue and names the
    /// policy that dropped them.
    pub(crate) fn look_after_tickets(&mut self) {
        let lost = self.rescue_returned();
        if !lost.is_empty() {
            let policy = self.name();
            self.issuer.report(&Report::PolicyDropped {
                policy,
                tasks: lost,
            });
        }
    }

    /// Cancels what the policy turned away; once its service has ended, replaces what it
    /// hid. Between two polls.
    pub(crate) fn look_after_shed(&mut self) {
        let mut tasks = Vec::new();
        for card in self.home.take_shed() {
            if !self.issuer.is_valid(&card) {
                self.issuer.strike_off(&card);
            } else {
                self.uncount();
                tasks.push(TaskLabel::of(&card));
                if let Some(ticket) = self.issuer.refuse(card) {
                    self.rescue(ticket);
                }
            }
        }
        if !tasks.is_empty() {
            let policy = self.name();
            self.issuer.report(&Report::PolicyShed { policy, tasks });
        }
        if self.is_suspect {
            self.replace_hidden();
        }
    }

    /// A policy's service has ended: what it hid is replaced at once, and not only when
    /// nothing else is left, for under the FIFO nobody starves. The others keep their order.
    #[cold]
    fn replace_hidden(&mut self) {
        let void: Vec<_> = iter::from_fn(|| self.rescue.pop()).collect();
        let known: BTreeMap<_, _> = void.iter().map(|ticket| ticket.id()).zip(0..).collect();
        let mut fresh = self.reissue();
        fresh.sort_by_key(|ticket| known.get(&ticket.id()).copied().unwrap_or(usize::MAX));
        let hidden = fresh
            .iter()
            .skip_while(|ticket| known.contains_key(&ticket.id()));
        self.report_hidden(hidden);
        self.has_rescued = false;
        for ticket in fresh {
            self.rescue(ticket);
        }
    }

    /// Names the policy that hid tickets.
    pub(super) fn report_hidden<'a>(&self, hidden: impl Iterator<Item = &'a Runnable>) {
        let tasks: Vec<_> = hidden.map(|ticket| TaskLabel::of(ticket)).collect();
        if !tasks.is_empty() {
            let policy = self.name();
            self.issuer.report(&Report::PolicyHoards { policy, tasks });
        }
    }

    /// Moves returned tickets to the rescue queue; void ones vanish.
    fn rescue_returned(&mut self) -> Vec<TaskLabel> {
        let mut labels = Vec::new();
        for card in self.home.take_returned() {
            if !self.issuer.is_valid(&card) {
                self.issuer.strike_off(&card);
                continue;
            }
            labels.push(TaskLabel::of(&card));
            self.uncount();
            self.rescue(Runnable::issue(card));
        }
        labels
    }

    /// One ticket less is with the policy, if that count is to be trusted.
    fn uncount(&mut self) {
        if !self.is_suspect {
            self.held = self.held.saturating_sub(1);
        }
    }

    /// A ticket that was picked, but is not the one its slot knows: it was
    /// replaced while the policy hid it, and is not counted since.
    #[cold]
    pub(crate) fn void_ticket(&mut self, card: Card) {
        self.held = self.held.wrapping_add(1);
        // Its label first: the place may be free after that. The name of the policy, which
        // is its own affair and may panic, last.
        let task = TaskLabel::of(&card);
        self.issuer.strike_off(&card);
        self.wrong_ticket(task);
    }

    /// A ticket that is void, or that came from elsewhere.
    #[cold]
    pub(super) fn wrong_ticket(&mut self, task: TaskLabel) {
        let policy = self.name();
        self.issuer.report(&Report::WrongTicket { policy, task });
    }

    /// Replaces the policy between two polls; all tickets move over.
    pub(crate) fn replace(&mut self, policy: P) {
        if let Some(policy) = self.policy.as_ref() {
            self.retired = Some(name_of(policy));
        }
        self.retire_policy();
        self.rescue_returned();
        // What it turned away in its own drop, while those tickets are still valid.
        self.look_after_shed();
        let mut moved = std::mem::take(&mut self.rescue);
        self.has_rescued = false;
        // What the old policy forgot or hid.
        if self.held > 0 {
            // The old ones are void then, and come home as such.
            let void = std::mem::take(&mut moved);
            for ticket in self.reissue() {
                moved.enqueue(ticket, Cause::Moved);
            }
            drop(void);
        }
        self.install(policy);
        while let Some(ticket) = moved.pop() {
            ticket.set_key(0);
            ticket.set_tag(0);
            self.enqueue(ticket, Cause::Moved);
        }
    }

    /// Drops the policy; its tickets come home.
    pub(crate) fn retire_policy(&mut self) {
        if let Err(message) = drop_caught(self.policy.end()) {
            self.issuer.report(&Report::DropPanicked {
                what: "a policy".into(),
                message,
            });
        }
    }

    /// A panic reached the turn: the policy's service ends, a FIFO takes over.
    ///
    /// # Panics
    /// Goes on with the panic when no policy is in service: then it is our own.
    #[cold]
    pub(crate) fn fail_over(&mut self, payload: Box<dyn Any + Send>) {
        let Some(policy) = self.policy.as_ref() else {
            resume_unwind(payload);
        };
        let (policy, message) = (name_of(policy), panic_message(payload));
        self.dismiss(policy.clone());
        self.issuer
            .report(&Report::PolicyPanicked { policy, message });
    }

    /// Ends the policy's service: a FIFO takes over.
    #[cold]
    pub(crate) fn dismiss(&mut self, name: String) {
        self.retired = Some(name);
        self.timed = false;
        self.retire_policy();
        self.rescue_returned();
        // Tickets that were in flight came home uncounted, so the count is not to be
        // trusted. What the policy forgot or hid is replaced between two polls: now a
        // ticket may be in the loop's hands.
        self.held = self.held.max(1);
        self.is_suspect = true;
        self.home.call_attention();
    }
}

/// What a policy is called that is about to go.
fn name_of<P: Policy>(policy: &P) -> String {
    catch_unwind(AssertUnwindSafe(|| policy.name())).unwrap_or_else(|_| "(unnamed)".into())
}
