//! The line of a gate: its waiters, and the issuer of their tickets.
//!
//! Laws: T2, one valid ticket per waiter that waits or has left, none for the
//! others; T4, a ticket names a place in the line and goes stale, never wrong.
//! Permits are conserved: each is free, or its waiter or `Permit` has it.
//!
//! Read next: `runtime/custody.rs`.

use super::Shed;
use crate::policy::{Policy, Runnable, Sched};
use crate::runtime::current;
use crate::runtime::custody::{Custody, Issuer};
use crate::runtime::report::{Report, to_stderr};
use crate::slab::{Key, Slab};
use crate::task::deck::{Card, Dealer};
use crate::task::ticket::Home;
use crate::task::{SpawnOptions, TaskId};
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

/// The waiters of a gate: the issuer of its tickets.
pub(super) struct Line {
    /// In no order; the policy has that.
    waiters: RefCell<Slab<Waiter>>,
    /// What the policy sees of them.
    cards: Dealer,
    /// Free permits.
    pub(super) free: Cell<usize>,
    /// Whom to wake.
    pub(super) wakers: RefCell<Vec<Waker>>,
}

/// One waiter.
pub(super) struct Waiter {
    /// What the policy sees.
    card: Card,
    /// Where it stands.
    stage: Stage,
    /// Its task.
    waker: Option<Waker>,
}

/// Where a waiter stands. The policy has the ticket in the first two.
#[derive(Clone, Copy)]
enum Stage {
    /// It waits.
    Waiting,
    /// It has given up; the ticket is a husk.
    Left,
    /// It has a permit, since then, and was woken.
    Granted(Instant),
    /// It was turned away, and was woken.
    Refused,
}

impl Line {
    /// An empty line.
    pub(super) fn new(permits: usize) -> Self {
        Self {
            waiters: RefCell::new(Slab::new()),
            cards: Dealer::new(Rc::default()),
            free: Cell::new(permits),
            wakers: RefCell::default(),
        }
    }

    /// Takes a new waiter in; returns its place and its ticket.
    pub(super) fn join(
        &self,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
    ) -> (Key<Waiter>, Runnable) {
        let mut waiters = self.waiters.borrow_mut();
        let mut ticket = None;
        let place = waiters.insert_with(
            |Key {
                 index, generation, ..
             }| {
                let card = self.cards.deal(TaskId { index, generation }, now);
                card.label(options, site);
                card.set_ready_at(now);
                ticket = Some(Runnable::issue(card.clone()));
                Waiter {
                    card,
                    stage: Stage::Waiting,
                    waker: None,
                }
            },
        );
        (place, ticket.expect("the slab has called us"))
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        let waiters = self.waiters.borrow();
        let waiting = waiters
            .iter()
            .filter(|(_, waiter)| matches!(waiter.stage, Stage::Waiting));
        waiting.count()
    }

    /// Whether a waiter has this waker, or needs none.
    fn is_watched_by(&self, place: Key<Waiter>, waker: &Waker) -> bool {
        match self.waiters.borrow().get(place) {
            Some(Waiter {
                stage: Stage::Waiting,
                waker: held,
                ..
            }) => held.as_ref().is_some_and(|held| held.will_wake(waker)),
            _ => true,
        }
    }

    /// What became of a waiter: its card and since when it has a permit.
    pub(super) fn outcome(
        &self,
        place: Key<Waiter>,
        waker: &Waker,
    ) -> Poll<Result<(Card, Instant), Shed>> {
        if !self.is_watched_by(place, waker) {
            // LAW T5: a foreign waker's clone and drop are user code.
            let waker = waker.clone();
            let old = match self.waiters.borrow_mut().get_mut(place) {
                Some(waiter) => waiter.waker.replace(waker),
                None => None,
            };
            drop(old);
        }
        let mut waiters = self.waiters.borrow_mut();
        let stage = waiters.get(place).map(|waiter| waiter.stage);
        if let Some(Stage::Waiting) = stage {
            return Poll::Pending;
        }
        let waiter = waiters.remove(place);
        drop(waiters);
        Poll::Ready(match (stage, waiter) {
            (Some(Stage::Granted(since)), Some(waiter)) => Ok((waiter.card, since)),
            _ => Err(Shed),
        })
    }

    /// A waiter gives up. Returns the permit it had been granted.
    pub(super) fn leave(&self, place: Key<Waiter>) -> Option<(Card, Instant)> {
        let mut waiters = self.waiters.borrow_mut();
        let waiter = waiters.get_mut(place)?;
        let waker = waiter.waker.take();
        let granted = match waiter.stage {
            Stage::Waiting | Stage::Left => {
                waiter.stage = Stage::Left;
                None
            }
            Stage::Granted(since) => waiters.remove(place).map(|waiter| (waiter.card, since)),
            Stage::Refused => waiters.remove(place).and(None),
        };
        drop(waiters);
        drop(waker);
        granted
    }

    /// The policy picked a ticket: a permit for its waiter, if it still waits.
    pub(super) fn admit<P: Policy + 'static>(
        &self,
        card: Card,
        now: Instant,
        custody: &mut Custody<P, Self>,
    ) {
        if !self.is_valid(&card) {
            return custody.void_ticket(card);
        }
        let mut waiters = self.waiters.borrow_mut();
        let Some(waiter) = waiters.get_mut(place_of(&card)) else {
            return;
        };
        if let Stage::Left = waiter.stage {
            waiters.remove(place_of(&card));
            return;
        }
        waiter.stage = Stage::Granted(now);
        self.wakers.borrow_mut().extend(waiter.waker.take());
        self.free.set(self.free.get() - 1);
    }
}

impl Issuer for Line {
    fn home(&self) -> &Rc<Home> {
        self.cards.home()
    }

    fn is_valid(&self, card: &Card) -> bool {
        let waiters = self.waiters.borrow();
        waiters.get(place_of(card)).is_some_and(|waiter| {
            matches!(waiter.stage, Stage::Waiting | Stage::Left)
                && waiter.card.is(card)
                && card.is_current()
        })
    }

    // A void ticket keeps its card; a card of a gate is never dealt again.
    fn strike_off(&self, _: &Card) {}

    fn reissue(&self) -> Vec<Runnable> {
        let mut waiters = self.waiters.borrow_mut();
        let keys: Vec<_> = waiters.iter().map(|(key, _)| key).collect();
        let mut tickets = Vec::new();
        for key in keys {
            match waiters.get_mut(key) {
                Some(waiter) if matches!(waiter.stage, Stage::Waiting) => {
                    waiter.card.reissue();
                    tickets.push(Runnable::issue(waiter.card.clone()));
                }
                Some(waiter) if matches!(waiter.stage, Stage::Left) => {
                    waiters.remove(key);
                }
                _ => {}
            }
        }
        tickets
    }

    fn refuse(&self, card: Card) -> Option<Runnable> {
        let mut waiters = self.waiters.borrow_mut();
        match waiters.get_mut(place_of(&card)) {
            Some(waiter) if matches!(waiter.stage, Stage::Waiting) => {
                waiter.stage = Stage::Refused;
                self.wakers.borrow_mut().extend(waiter.waker.take());
            }
            _ => drop(waiters.remove(place_of(&card))),
        }
        None
    }

    fn report(&self, report: &Report) {
        match current::state() {
            Ok(state) => state.report(report),
            Err(_) => to_stderr(format_args!("{report}")),
        }
    }
}

/// A waiter's card is named after its place in the line.
fn place_of(card: &Sched) -> Key<Waiter> {
    Key::new(card.id().index, card.id().generation)
}
