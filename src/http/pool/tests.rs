//! The books against a model, and the pool's laws over connections in memory.

use std::collections::BTreeMap;
use std::task::Waker;

use url::Url;

use super::key::PoolKey;
use super::ledger::{Caps, Given, Grant, Ledger, Turn, Waiter, Wants};
use crate::http::origin::Origin;
use crate::http::proxy::{Proxy, Route};
use crate::slab::Key;
use crate::testing::Rng;

mod fairness;

fn origin(url: &str) -> Origin {
    Origin::of(&Url::parse(url).unwrap()).unwrap()
}

fn host(number: usize) -> Origin {
    origin(&format!("http://h{number}.test/"))
}

/// A driver of the books that knows what must hold after each step.
struct Model {
    books: Ledger<u32>,
    caps: Caps,
    /// Connections that are being made, by host.
    dialing: Vec<usize>,
    /// Connections that carry a request: number and host.
    busy: Vec<(u32, usize)>,
    /// Who waits: since which step, and for which host. `true`: a dial of its own.
    waiting: BTreeMap<u64, (Key<Waiter<u32>>, usize, bool)>,
    /// The host of every connection that is open.
    lives: BTreeMap<u32, usize>,
    next: u32,
    steps: u64,
}

impl Model {
    fn new(total: usize, per_host: usize) -> Model {
        let caps = Caps { total, per_host };
        Model {
            books: Ledger::new(caps),
            caps,
            dialing: Vec::new(),
            busy: Vec::new(),
            waiting: BTreeMap::new(),
            lives: BTreeMap::new(),
            next: 0,
            steps: 0,
        }
    }

    fn key(&mut self, number: usize) -> Key<super::ledger::Host<u32>> {
        let origin = host(number);
        match self.books.find(&origin, |_| true) {
            Some(key) => key,
            None => self.books.add(PoolKey::new(&origin, Route::Direct, None)),
        }
    }

    /// What `checkout` does.
    fn ask(&mut self, number: usize) {
        let key = self.key(number);
        self.books.pin(key);
        if let Some(connection) = self.books.take_idle(key) {
            assert_eq!(
                self.lives[&connection], number,
                "a connection to another host"
            );
            self.busy.push((connection, number));
        } else if self.open(key) {
            self.dialing.push(number);
            let waiter = self
                .books
                .wait(key, Wants::Connection, Waker::noop().clone());
            self.waiting.insert(self.steps, (waiter, number, true));
        } else {
            let waiter = self.books.wait(key, Wants::Either, Waker::noop().clone());
            self.waiting.insert(self.steps, (waiter, number, false));
        }
        self.books.unpin(key);
    }

    fn open(&mut self, key: Key<super::ledger::Host<u32>>) -> bool {
        if self.books.open(key).is_some() {
            return true;
        }
        match self.books.evict_for(key) {
            Some(evicted) => {
                self.close(evicted);
                self.books.open(key).is_some()
            }
            None => false,
        }
    }

    fn close(&mut self, connection: u32) {
        let number = self.lives.remove(&connection).unwrap();
        let key = self.key(number);
        let _ = self.books.close(key);
    }

    /// A dial ends well: its connection goes to whoever is first.
    fn connected(&mut self, at: usize) {
        let number = self.dialing.swap_remove(at);
        self.next += 1;
        self.lives.insert(self.next, number);
        self.give(self.next, number);
    }

    fn give(&mut self, connection: u32, number: usize) {
        let key = self.key(number);
        if let Given::Surplus(surplus) = self.books.give(key, connection) {
            self.close(surplus);
        }
    }

    fn failed(&mut self, at: usize) {
        let number = self.dialing.swap_remove(at);
        let key = self.key(number);
        let _ = self.books.close(key);
    }

    /// Everybody who waits looks what came.
    fn poll_all(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for (since, (waiter, number, mut dialing)) in waiting {
            let grant = self.books.take_grant(waiter);
            match grant {
                Some(Grant::Connection(connection)) => {
                    assert_eq!(
                        self.lives[&connection], number,
                        "a connection to another host"
                    );
                    self.busy.push((connection, number));
                    continue;
                }
                Some(Grant::Place) => {
                    assert!(!dialing, "two places for one");
                    dialing = true;
                    self.dialing.push(number);
                }
                None => {}
            }
            self.waiting.insert(since, (waiter, number, dialing));
        }
    }

    fn cancel(&mut self, at: usize) {
        let since = *self.waiting.keys().nth(at).unwrap();
        let (waiter, number, _) = self.waiting.remove(&since).unwrap();
        let key = self.key(number);
        match self.books.leave(key, waiter).unwrap() {
            Turn::Granted(Grant::Place) => drop(self.books.close(key)),
            Turn::Granted(Grant::Connection(connection)) => {
                let number = self.lives[&connection];
                self.give(connection, number);
            }
            Turn::Ahead(_) => {}
        }
    }

    /// P07 and P09.
    fn check(&self) {
        let (open, idle) = self.books.counts();
        let granted = open - self.dialing.len() - self.lives.len();
        assert!(granted <= self.waiting.len(), "a place nobody has");
        assert!(open <= self.caps.total, "{open} above the cap");
        assert!(idle <= self.lives.len());
        for number in self.lives.values() {
            let same = self.lives.values().filter(|other| *other == number);
            assert!(same.count() <= self.caps.per_host);
        }
        if open < self.caps.total && granted == 0 {
            // A place is free, and nobody who may have it is left without.
            for (_, number, dialing) in self.waiting.values() {
                let of_host = self.lives.values().filter(|n| *n == number).count()
                    + self.dialing.iter().filter(|n| *n == number).count();
                let full = of_host >= self.caps.per_host;
                assert!(*dialing || full, "host {number} waits for nothing");
            }
        }
    }

    fn step(&mut self, rng: &mut Rng, hosts: usize) {
        self.steps += 1;
        match rng.below(10) {
            0..4 => self.ask(rng.below(hosts)),
            4 | 5 if !self.dialing.is_empty() => self.connected(rng.below(self.dialing.len())),
            6 if !self.dialing.is_empty() => self.failed(rng.below(self.dialing.len())),
            7 if !self.busy.is_empty() => {
                let (connection, number) = self.busy.swap_remove(rng.below(self.busy.len()));
                self.give(connection, number);
            }
            8 if !self.busy.is_empty() => {
                let (connection, _) = self.busy.swap_remove(rng.below(self.busy.len()));
                self.close(connection);
            }
            9 if !self.waiting.is_empty() => self.cancel(rng.below(self.waiting.len())),
            _ => self.poll_all(),
        }
        self.check();
        if rng.one_in(2) {
            self.poll_all();
            self.check();
        }
    }

    /// Lets everything come to its end: every wait must be over.
    fn drain(&mut self) {
        for _ in 0..100_000 {
            self.poll_all();
            while !self.dialing.is_empty() {
                self.connected(0);
            }
            self.poll_all();
            while let Some((connection, number)) = self.busy.pop() {
                self.give(connection, number);
            }
            if self.waiting.is_empty() {
                break;
            }
        }
        assert!(
            self.waiting.is_empty(),
            "{} wait for ever",
            self.waiting.len()
        );
        while let Some(connection) = self.books.evict_oldest() {
            self.close(connection);
        }
        assert_eq!(self.books.counts(), (0, 0), "P09: nothing is left");
        assert!(self.lives.is_empty());
    }
}

#[test]
fn p09_the_books_agree_with_a_model() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let (total, per_host) = (1 + rng.below(6), 1 + rng.below(4));
        let mut model = Model::new(total, per_host);
        for _ in 0..600 {
            model.step(&mut rng, 4);
        }
        model.drain();
    }
}

/// A hundred thousand may stand in line.
#[test]
fn who_waits_is_small() {
    assert!(size_of::<Waiter<Box<u32>>>() <= 32);
}
