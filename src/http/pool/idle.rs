//! The shelf of idle connections: newest first out, oldest first closed.
//!
//! Owns: nothing; these are the methods of [`Ledger`] about idle connections.
//!
//! Laws: the one used last is used next (it is the least likely to have been
//! closed, and the others can grow old), the one idle longest makes room. The
//! order of all hosts together is a queue of numbers; entries of connections that
//! were taken are skipped when they come up.
//!
//! Read next: `keeper.rs`, who closes those that are too old.

use super::ledger::{Given, Host, Ledger};
use crate::slab::Key;

impl<C> Ledger<C> {
    /// Takes the idle connection that was used last.
    pub(crate) fn take_idle(&mut self, host: Key<Host<C>>) -> Option<C> {
        let (_, connection) = self.hosts.get_mut(host)?.idle.pop()?;
        self.idle -= 1;
        Some(connection)
    }

    /// An idle connection that has to be closed before `host` can have a place:
    /// one of its own if it is at its cap, the oldest of all otherwise.
    pub(crate) fn evict_for(&mut self, host: Key<Host<C>>) -> Option<C> {
        let entry = self.hosts.get_mut(host)?;
        if entry.open >= self.caps.per_host {
            if entry.idle.is_empty() {
                return None;
            }
            self.idle -= 1;
            return Some(entry.idle.remove(0).1);
        }
        self.evict_oldest()
    }

    /// Takes the connection that is idle for the longest time.
    pub(crate) fn evict_oldest(&mut self) -> Option<C> {
        while let Some((number, host)) = self.idle_order.pop_front() {
            let Some(entry) = self.hosts.get_mut(host) else {
                continue;
            };
            if entry.idle.first().is_some_and(|first| first.0 == number) {
                self.idle -= 1;
                return Some(entry.idle.remove(0).1);
            }
        }
        None
    }

    /// Makes a connection idle.
    pub(super) fn keep(&mut self, host: Key<Host<C>>, connection: C) -> Given<C> {
        let number = self.number();
        let Some(entry) = self.hosts.get_mut(host) else {
            return Given::Surplus(connection);
        };
        entry.idle.push((number, connection));
        self.idle += 1;
        self.idle_order.push_back((number, host));
        if self.idle_order.len() > 4 * self.idle + 64 {
            self.tidy_idle_order();
        }
        if self.line.is_empty() {
            return Given::Idle;
        }
        // Somebody waits for a place of the total: the oldest idle one goes.
        match self.evict_oldest() {
            Some(oldest) => Given::Surplus(oldest),
            None => Given::Idle,
        }
    }

    /// Takes all idle connections out, oldest first, to look at them.
    pub(crate) fn take_all_idle(&mut self) -> Vec<(Key<Host<C>>, u64, C)> {
        let order = std::mem::take(&mut self.idle_order);
        let mut all = Vec::with_capacity(self.idle);
        for (number, host) in order {
            let Some(entry) = self.hosts.get_mut(host) else {
                continue;
            };
            if entry.idle.first().is_some_and(|first| first.0 == number) {
                all.push((host, number, entry.idle.remove(0).1));
            }
        }
        self.idle -= all.len();
        all
    }

    /// Puts back one of [`take_all_idle`](Self::take_all_idle); they come in
    /// their order.
    pub(crate) fn put_back(&mut self, host: Key<Host<C>>, number: u64, connection: C) -> Option<C> {
        let Some(entry) = self.hosts.get_mut(host) else {
            return Some(connection);
        };
        entry.idle.push((number, connection));
        self.idle += 1;
        self.idle_order.push_back((number, host));
        None
    }

    fn tidy_idle_order(&mut self) {
        let hosts = &self.hosts;
        self.idle_order.retain(|(number, host)| {
            let idle = hosts.get(*host).map(|host| host.idle.as_slice());
            idle.unwrap_or_default().iter().any(|(n, _)| n == number)
        });
    }
}
