//! The ticket: the right to go next, which exists once and cannot be lost.
//!
//! Owns: `Runnable`, the ticket; `Home`, where a dropped one goes.
//!
//! Laws: T2, a slot has one valid ticket: at home, with the policy, or with the
//! turn. A ticket is not `Clone`, is `!Send`, and only its issuer makes one, so
//! the compiler proves that a policy can neither copy nor forge a task; `Drop`
//! proves that it cannot lose one unnoticed.
//!
//! Absent on purpose: the future (the table owns it) and a way back from a
//! forgotten ticket. Its slot gets a fresh one, and the old one is void.
//!
//! Read next: `waker.rs`.

use super::deck::Card;
use super::info::Sched;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

/// The right of one task to be polled once (or of one waiter of a gate to get a
/// permit).
///
/// A policy takes custody of tickets in `enqueue` and gives them back in
/// `pick_next`. It reads the task's card through `Deref`. A ticket that is
/// dropped instead goes back to its issuer, which re-queues and reports it.
///
/// ```compile_fail
/// fn twice(ticket: downbeat::policy::Runnable) -> [downbeat::policy::Runnable; 2] {
///     [ticket.clone(), ticket] // a ticket is not `Clone`
/// }
/// ```
#[must_use = "a dropped ticket goes back to its issuer and is reported"]
pub struct Runnable {
    /// The card. `None` only while the ticket is taken apart.
    card: Option<Card>,
}

/// Where the tickets of one issuer come home to.
#[derive(Default)]
pub(crate) struct Home {
    /// Cards of tickets that were dropped, oldest first.
    returned: RefCell<Vec<Card>>,
    /// Cards of tickets whose tasks a policy turned away, oldest first.
    shed: RefCell<Vec<Card>>,
    /// Set when the issuer has something to look after: a ticket came home, or
    /// a task is to be cancelled. One load on the hot path.
    attention: Cell<bool>,
    /// Set when the issuer is gone: nothing is kept any more.
    closed: Cell<bool>,
}

impl Runnable {
    /// Makes the ticket of a card. Only issuers do this.
    #[inline]
    pub(crate) fn issue(card: Card) -> Self {
        Self { card: Some(card) }
    }

    /// Turns the task away (load shedding): the loop cancels it, a gate refuses
    /// the waiter, and both report it.
    #[doc(alias = "drop")]
    #[doc(alias = "reject")]
    pub fn shed(self) {
        let card = self.redeem();
        let home = Rc::clone(card.home());
        if !home.closed.get() {
            home.shed.borrow_mut().push(card);
            home.call_attention();
        }
    }

    /// Takes the ticket apart: it no longer comes home when dropped.
    #[inline]
    pub(crate) fn redeem(mut self) -> Card {
        self.card
            .take()
            .expect("a ticket has its card until it is redeemed")
    }

    /// Whether `home` issued this ticket.
    #[inline]
    pub(crate) fn belongs_to(&self, home: &Rc<Home>) -> bool {
        let card = self.card.as_ref();
        card.is_some_and(|card| Rc::ptr_eq(card.home(), home))
    }
}

impl Deref for Runnable {
    type Target = Sched;

    #[inline]
    fn deref(&self) -> &Sched {
        self.card
            .as_deref()
            .expect("a ticket has its card until it is redeemed")
    }
}

impl Drop for Runnable {
    #[inline]
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            Home::take_back(card);
        }
    }
}

impl fmt::Debug for Runnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runnable")
            .field(&self.card.as_deref())
            .finish()
    }
}

impl Home {
    /// Keeps the card of a dropped ticket for the issuer.
    #[cold]
    fn take_back(card: Card) {
        let home = Rc::clone(card.home());
        if !home.closed.get() {
            home.returned.borrow_mut().push(card);
            home.call_attention();
        }
    }

    /// Asks the issuer to look after its affairs at the next collect.
    pub(crate) fn call_attention(&self) {
        self.attention.set(true);
    }

    /// Whether there is something to look after; asks once.
    #[inline]
    pub(crate) fn take_attention(&self) -> bool {
        self.attention.get() && self.attention.replace(false)
    }

    /// Whether there is something to look after.
    #[inline]
    pub(crate) fn has_attention(&self) -> bool {
        self.attention.get()
    }

    /// The cards of the tickets dropped since the last call.
    pub(crate) fn take_returned(&self) -> Vec<Card> {
        self.returned.take()
    }

    /// The cards of the tickets shed since the last call.
    pub(crate) fn take_shed(&self) -> Vec<Card> {
        self.shed.take()
    }

    /// The issuer is gone: tickets dropped from now on just vanish.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        drop((self.returned.take(), self.shed.take()));
    }
}
