//! The line: who waits for what, and who is next.
//!
//! Owns: nothing; these are the methods of [`Ledger`] about waiting.
//!
//! Each host has two queues. Seekers would take a connection to this host; the
//! placeless need a place to make one. Most stand in both. The pool's line holds,
//! for each host that is below its own cap, the first of its placeless; the place
//! that gets free goes to the lowest number in it.
//!
//! Laws: see `ledger.rs`. Entries of those who left stay in the queues until they
//! come to the front or outnumber the living, so leaving costs nothing.
//!
//! Read next: `checkout.rs`, who waits.

use std::task::Waker;

use super::ledger::{Grant, Host, Ledger, Turn, Waiter, Wants};
use crate::slab::Key;

impl<C> Waiter<C> {
    /// Is its turn still to come?
    fn is_ahead(&self) -> bool {
        matches!(self.turn, Turn::Ahead(_))
    }
}

impl<C> Ledger<C> {
    /// Enters somebody at the end of the host's queue.
    pub(crate) fn wait(
        &mut self,
        host: Key<Host<C>>,
        wants: Wants,
        waker: Waker,
    ) -> Key<Waiter<C>> {
        let number = self.number();
        let waiter = self.waiters.insert_with(|_| Waiter {
            number,
            wants,
            turn: Turn::Ahead(waker),
        });
        if let Some(entry) = self.hosts.get_mut(host) {
            if wants != Wants::Place {
                entry.seekers.push_back(waiter);
            }
            if wants != Wants::Connection {
                entry.placeless.push_back(waiter);
            }
        }
        self.line_up(host);
        waiter
    }

    /// What the waiter got, if anything. It is over with a connection; with a
    /// place it still waits for a connection, in its old turn.
    pub(crate) fn take_grant(&mut self, waiter: Key<Waiter<C>>) -> Option<Grant<C>> {
        let entry = self.waiters.get_mut(waiter)?;
        match &entry.turn {
            Turn::Ahead(_) => return None,
            Turn::Granted(Grant::Place) => {
                entry.wants = Wants::Connection;
                // Nobody, until it says whom.
                entry.turn = Turn::Ahead(Waker::noop().clone());
                return Some(Grant::Place);
            }
            Turn::Granted(Grant::Connection(_)) => {}
        }
        match self.waiters.remove(waiter)?.turn {
            Turn::Granted(grant) => Some(grant),
            Turn::Ahead(_) => None,
        }
    }

    /// Does the waiter have to be given this waker?
    pub(crate) fn wants_waker(&self, waiter: Key<Waiter<C>>, waker: &Waker) -> bool {
        let entry = self.waiters.get(waiter);
        entry.is_some_and(|entry| match &entry.turn {
            Turn::Ahead(old) => !old.will_wake(waker),
            Turn::Granted(_) => false,
        })
    }

    /// Keeps the waker for the waiter; the old one has to be dropped elsewhere.
    pub(crate) fn set_waker(&mut self, waiter: Key<Waiter<C>>, waker: Waker) -> Option<Waker> {
        let entry = self.waiters.get_mut(waiter);
        match entry.map(|entry| &mut entry.turn) {
            Some(Turn::Ahead(old)) => Some(std::mem::replace(old, waker)),
            _ => Some(waker),
        }
    }

    /// The waiter goes away. What it got in the meantime has to be handed on; a waker has
    /// to be dropped elsewhere.
    pub(crate) fn leave(&mut self, host: Key<Host<C>>, waiter: Key<Waiter<C>>) -> Option<Turn<C>> {
        let turn = self.waiters.remove(waiter)?.turn;
        if let Turn::Granted(_) = turn {
            return Some(turn);
        }
        if let Some(of) = self.hosts.get_mut(host) {
            let waiters = &self.waiters;
            for queue in [&mut of.seekers, &mut of.placeless] {
                // The one that leaves is often the last; else it is found later.
                while queue.back().is_some_and(|key| waiters.get(*key).is_none()) {
                    queue.pop_back();
                }
                if queue.len() > 2 * waiters.len() + 64 {
                    queue.retain(|key| waiters.get(*key).is_some());
                }
            }
        }
        self.line_up(host);
        self.forget_if_empty(host);
        Some(turn)
    }

    /// Gives a free place to the first who may have it.
    pub(super) fn settle(&mut self) -> Option<Waker> {
        if self.open >= self.caps.total {
            return None;
        }
        let (_, host) = self.line.first_key_value()?;
        let host = *host;
        let (waiter, _) = self.first_placeless(host)?;
        let entry = self.hosts.get_mut(host)?;
        entry.open += 1;
        self.open += 1;
        self.passed_over = 0;
        self.grant(host, waiter, Grant::Place).ok().flatten()
    }

    /// The first who would take a connection.
    pub(super) fn first_seeker(&mut self, host: Key<Host<C>>) -> Option<(Key<Waiter<C>>, u64)> {
        let (entry, waiters) = (self.hosts.get_mut(host)?, &self.waiters);
        let served = |key: &Key<Waiter<C>>| match waiters.get(*key) {
            Some(waiter) => matches!(waiter.turn, Turn::Granted(Grant::Connection(_))),
            None => true,
        };
        while entry.seekers.front().is_some_and(served) {
            entry.seekers.pop_front();
        }
        let mut queue = entry.seekers.iter();
        queue.find_map(|key| {
            let waiter = waiters.get(*key)?;
            waiter.is_ahead().then_some((*key, waiter.number))
        })
    }

    /// The first who needs a place.
    pub(super) fn first_placeless(&mut self, host: Key<Host<C>>) -> Option<(Key<Waiter<C>>, u64)> {
        let (entry, waiters) = (self.hosts.get_mut(host)?, &self.waiters);
        let waiting = |key: &Key<Waiter<C>>| {
            let waiter = waiters.get(*key)?;
            (waiter.is_ahead() && waiter.wants != Wants::Connection)
                .then_some((*key, waiter.number))
        };
        while entry
            .placeless
            .front()
            .is_some_and(|key| waiting(key).is_none())
        {
            entry.placeless.pop_front();
        }
        entry.placeless.front().and_then(waiting)
    }

    /// Grants; the waker has to be woken.
    pub(super) fn grant(
        &mut self,
        host: Key<Host<C>>,
        waiter: Key<Waiter<C>>,
        grant: Grant<C>,
    ) -> Result<Option<Waker>, Grant<C>> {
        let Some(entry) = self.waiters.get_mut(waiter) else {
            return Err(grant);
        };
        let before = std::mem::replace(&mut entry.turn, Turn::Granted(grant));
        self.line_up(host);
        Ok(match before {
            Turn::Ahead(waker) => Some(waker),
            Turn::Granted(_) => None,
        })
    }

    /// Corrects the host's entry in `line`.
    pub(super) fn line_up(&mut self, host: Key<Host<C>>) {
        let first = self.first_placeless(host);
        let Some(entry) = self.hosts.get_mut(host) else {
            return;
        };
        let number = first
            .filter(|_| entry.open < self.caps.per_host)
            .map(|(_, number)| number);
        if entry.lined_up == number {
            return;
        }
        if let Some(old) = std::mem::replace(&mut entry.lined_up, number) {
            self.line.remove(&old);
        }
        if let Some(number) = number {
            self.line.insert(number, host);
        }
    }
}
