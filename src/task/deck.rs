//! Cards in pages: where scheduling cards live, and how one is pointed at.
//!
//! Owns: the pages of one issuer, and the list of the places nobody has.
//!
//! A page is one allocation of many cards, so a task costs none of its own for its
//! card, and a place's number says where it is. `Card`, the pointer to one of them,
//! keeps the whole page.
//!
//! Laws: T4, a place changes its generation whenever its tenant leaves, so an old name
//! misses; one whose generations are used up is never used again.
//!
//! Absent on purpose: giving pages back. A loop that once had a million tasks keeps a
//! million empty places.
//! WHY NOT a count per card: it would be an allocation per card.
//!
//! Read next: `ticket.rs`.

use super::info::{Sched, TaskId};
use super::letter::IDLE;
use super::slot::Stage;
use super::ticket::Home;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Instant;

/// Cards per page; a power of two.
const PAGE: usize = 32;

/// No place.
const NONE: u32 = u32::MAX;

/// Places are numbered below this: the numbers from here on are marks of the list of
/// the woken (`letter.rs`).
const PLACES: usize = u32::MAX as usize - 4;

/// Many cards in one allocation.
struct Page {
    /// The cards.
    cards: [Sched; PAGE],
    /// Where their tickets come home to.
    home: Rc<Home>,
}

/// A pointer to a card.
#[derive(Clone)]
pub(crate) struct Card {
    /// The page.
    page: Rc<Page>,
    /// The card's place on it.
    at: u32,
    /// Which ticket of the card this is, where it is a ticket.
    issue: u32,
}

/// The page of a task's card: with the task's name, a pointer to the card.
pub(super) struct Place(Rc<Page>);

/// The cards of a task table, by their numbers.
pub(crate) struct Deck {
    /// Place p is on page p / PAGE.
    pages: RefCell<Vec<Rc<Page>>>,
    /// The free place to use next, or [`NONE`].
    free: Cell<u32>,
    /// Vacant places that somebody still holds a waker of.
    closed_off: RefCell<VecDeque<u32>>,
    /// How many places are taken.
    taken: Cell<usize>,
    /// Where the tickets come home to.
    home: Rc<Home>,
}

/// Deals cards that are nobody's place: of waiters and of groups. A page goes with its
/// last card.
pub(crate) struct Dealer {
    /// The card dealt last.
    last: RefCell<Option<Card>>,
    /// Where the tickets come home to.
    home: Rc<Home>,
}

impl Card {
    /// The first card of a new page, whose places are numbered from `first` on.
    fn new_page(first: u32, home: &Rc<Home>, now: Instant) -> Self {
        let place = |at| TaskId {
            index: first + at as u32,
            generation: 0,
        };
        let page = Rc::new(Page {
            cards: std::array::from_fn(|at| Sched::blank(place(at), now)),
            home: Rc::clone(home),
        });
        Self::at(page, 0)
    }

    /// A card on a page.
    #[inline]
    fn at(page: Rc<Page>, at: u32) -> Self {
        let issue = page.cards[at as usize % PAGE].issue();
        Self { page, at, issue }
    }

    /// Whether both point at the same card.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.page, &other.page) && self.at == other.at
    }

    /// LAW T2: whether this is the one ticket that counts.
    #[inline]
    pub(crate) fn is_current(&self) -> bool {
        self.issue == Sched::issue(self)
    }

    /// Voids the ticket that is out; this is the one that counts from now on.
    pub(crate) fn reissue(&mut self) {
        self.issue = self.next_issue();
    }

    /// Points at the same card by its place's name alone: where it is not a ticket.
    #[inline]
    pub(super) fn named(self) -> (Place, TaskId) {
        let id = self.id();
        (Place(self.page), id)
    }

    /// Where the card's tickets come home to.
    #[inline]
    pub(crate) fn home(&self) -> &Rc<Home> {
        &self.page.home
    }
}

impl Deref for Card {
    type Target = Sched;

    #[inline]
    fn deref(&self) -> &Sched {
        &self.page.cards[self.at as usize % PAGE]
    }
}

impl Place {
    /// The card of the task at `index`, which is on this page.
    #[inline]
    pub(super) fn card(&self, index: u32) -> &Sched {
        &self.0.cards[index as usize % PAGE]
    }
}

impl Deck {
    /// No cards yet.
    pub(super) fn new(home: Rc<Home>) -> Self {
        Self {
            pages: RefCell::default(),
            free: Cell::new(NONE),
            closed_off: RefCell::default(),
            taken: Cell::new(0),
            home,
        }
    }

    /// A card for a new tenant.
    #[inline]
    pub(super) fn deal(&self, now: Instant) -> Card {
        if self.free.get() == NONE && !self.reopen() {
            self.add_page(now);
        }
        let card = self.point_at(self.free.get()).expect("a free place exists");
        self.free.set(card.life.next.get());
        self.taken.set(self.taken.get() + 1);
        card
    }

    #[cold]
    fn add_page(&self, now: Instant) {
        let mut pages = self.pages.borrow_mut();
        let first = pages.len() * PAGE;
        assert!(first + PAGE <= PLACES, "too many tasks");
        let card = Card::new_page(first as u32, &self.home, now);
        for place in 0..PAGE as u32 {
            let next = first as u32 + place + 1;
            card.page.cards[place as usize].life.next.set(next);
        }
        card.page.cards[PAGE - 1].life.next.set(NONE);
        self.free.set(first as u32);
        pages.push(card.page);
    }

    /// The tenant of a place is gone.
    #[inline]
    pub(super) fn vacate(&self, card: &Sched) {
        self.taken.set(self.taken.get() - 1);
        card.life.stage.set(Stage::Vacant);
        let index = card.id().index;
        // A place on its last generation stays out of the list of the free for ever.
        if card.next_generation() {
            card.life.next.set(self.free.replace(index));
        }
    }

    /// The tenant is gone, but somebody still holds his waker: LAW T4, it must not
    /// wake the next one.
    pub(super) fn close_off(&self, card: &Sched) {
        self.taken.set(self.taken.get() - 1);
        card.life.stage.set(Stage::Vacant);
        if card.next_generation() {
            self.closed_off.borrow_mut().push_back(card.id().index);
        }
    }

    /// Looks whether the place that was closed off first can be used again.
    #[cold]
    fn reopen(&self) -> bool {
        let mut closed_off = self.closed_off.borrow_mut();
        let Some(index) = closed_off.pop_front() else {
            return false;
        };
        let card = self.point_at(index).expect("it was closed off");
        if card.life.is_held_elsewhere(0) {
            closed_off.push_back(index);
            return false;
        }
        if let Some(bell) = card.life.bell.get() {
            bell.shared.relabel(index, IDLE);
        }
        card.life.next.set(self.free.replace(index));
        true
    }

    /// A place, taken or not.
    #[inline]
    pub(super) fn point_at(&self, index: u32) -> Option<Card> {
        let pages = self.pages.borrow();
        let page = pages.get(index as usize / PAGE)?;
        Some(Card::at(Rc::clone(page), index % PAGE as u32))
    }

    /// The card at a place that is taken.
    #[inline]
    pub(super) fn at(&self, index: u32) -> Option<Card> {
        self.point_at(index).filter(|card| card.life.is_taken())
    }

    /// Turns a list of places over: those from `next` on, the newest first, go before
    /// `younger`. Returns the oldest. The mark of a list's end is no place.
    #[inline]
    pub(super) fn turn_over(&self, mut next: u32, mut younger: u32) -> u32 {
        let pages = self.pages.borrow();
        while let Some(page) = pages.get(next as usize / PAGE) {
            let older = page.cards[next as usize % PAGE].life.relink(younger);
            younger = std::mem::replace(&mut next, older);
        }
        younger
    }

    /// The card of this name, if its tenant still lives.
    #[inline]
    pub(super) fn get(&self, id: TaskId) -> Option<Card> {
        self.at(id.index).filter(|card| card.id() == id)
    }

    /// Looks at all cards that are taken, in the order of their places.
    pub(super) fn each(&self, mut look: impl FnMut(&Sched)) {
        let pages = self.pages.borrow();
        let cards = pages.iter().flat_map(|page| &page.cards);
        let taken = cards.filter(|card| card.life.is_taken());
        // Not beyond the last one: where one task waits, that is soon.
        taken.take(self.taken.get()).for_each(&mut look);
    }

    /// The cards that are taken and `wanted`, in the order of their places.
    pub(super) fn all(&self, wanted: impl Fn(&Sched) -> bool) -> Vec<Card> {
        let mut names = Vec::new();
        self.each(|card| names.extend(wanted(card).then(|| card.id())));
        names.into_iter().filter_map(|id| self.get(id)).collect()
    }

    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.taken.get()
    }
}

impl Dealer {
    /// A dealer of cards whose tickets come home to `home`.
    pub(crate) fn new(home: Rc<Home>) -> Self {
        Self {
            last: RefCell::default(),
            home,
        }
    }

    /// Where the tickets come home to.
    pub(crate) fn home(&self) -> &Rc<Home> {
        &self.home
    }

    /// The next card, blank but for its name.
    pub(crate) fn deal(&self, name: TaskId, now: Instant) -> Card {
        let mut last = self.last.borrow_mut();
        let next = match last.take() {
            Some(Card { page, at, .. }) if at as usize + 1 < PAGE => Card::at(page, at + 1),
            _ => Card::new_page(0, &self.home, now),
        };
        *last = Some(next.clone());
        next.rename(name);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A card that is taken, as the table makes it.
    fn tenant(deck: &Deck) -> Card {
        let card = deck.deal(crate::clock::system_now());
        card.life.begin(None);
        card
    }

    #[test]
    fn a_stale_name_misses() {
        let deck = Deck::new(Rc::default());
        let old = tenant(&deck).id();
        let card = deck.get(old).expect("it lives");
        deck.vacate(&card);
        assert!(deck.get(old).is_none() && deck.at(old.index).is_none());
        let new = tenant(&deck).id();
        assert_eq!((new.index, new.generation), (old.index, 1));
        assert!(deck.get(old).is_none());
        assert_eq!(
            (deck.get(new).map(|card| card.id()), deck.len()),
            (Some(new), 1)
        );
    }

    #[test]
    fn a_place_retires_when_its_generations_are_used_up() {
        let deck = Deck::new(Rc::default());
        let card = tenant(&deck);
        card.rename(TaskId {
            index: 0,
            generation: u32::MAX,
        });
        deck.vacate(&card);
        for _ in 0..2 * PAGE {
            assert_ne!(
                tenant(&deck).id().index,
                0,
                "place 0 must never be used again"
            );
        }
    }

    #[test]
    fn places_are_numbered_across_pages() {
        let deck = Deck::new(Rc::default());
        let names: Vec<_> = (0..3 * PAGE).map(|_| tenant(&deck).id()).collect();
        let all: Vec<_> = deck.all(|_| true).iter().map(|card| card.id()).collect();
        assert_eq!(names, all);
        assert_eq!(names.last().map(|id| id.index), Some(3 * PAGE as u32 - 1));
    }

    #[test]
    fn a_dealt_page_goes_with_its_last_card() {
        let dealer = Dealer::new(Rc::default());
        let name = TaskId {
            index: 7,
            generation: 0,
        };
        let now = crate::clock::system_now();
        let first = dealer.deal(name, now);
        let cards: Vec<_> = (0..PAGE).map(|_| dealer.deal(name, now)).collect();
        let page = Rc::downgrade(&first.page);
        assert!(!first.is(&cards[0]) && first.is(&first.clone()));
        drop(cards);
        assert!(page.upgrade().is_some());
        drop(first);
        assert!(page.upgrade().is_none());
    }
}
