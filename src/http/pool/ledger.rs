//! The pool's books: how many connections are open, which are idle, who waits.
//!
//! Owns: the counts, the idle connections and the queues. It is generic in what
//! a connection is, so the model test runs it on numbers. Nothing in here wakes,
//! drops or polls anything of others: what has to be woken or closed is returned
//! (law T5).
//!
//! Laws: P09, open = connecting + busy + idle, never above the caps. P07, who
//! waits is served in order: a connection that is handed back goes to the first
//! who waits for its host, a place that gets free to the first who may use one.
//! Nobody is idle while somebody waits for the same host, and nothing is idle
//! while somebody waits for its place. A place is not taken from whoever waits
//! longest more than [`PATIENCE`] times in a row by hosts that are busier.
//!
//! Absent on purpose: time. `keeper.rs` knows when idle ones have to go.
//!
//! Read next: `line.rs`, the queues; `idle.rs`, the shelf.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use super::key::PoolKey;
use crate::http::origin::Origin;
use crate::slab::{Key, Slab};

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    /// In all.
    pub(crate) total: usize,
    /// To one host.
    pub(crate) per_host: usize,
}

/// How often in a row somebody younger may be served first, because a
/// connection to the right host was handed back.
const PATIENCE: u32 = 16;

/// The books of one pool.
pub(crate) struct Ledger<C> {
    pub(super) caps: Caps,
    /// Hosts with a connection or somebody who waits.
    pub(super) hosts: Slab<Host<C>>,
    /// Where to find them. WHY NOT a hash map: the names are chosen by others, and
    /// comparing a few short ones costs less than hashing one.
    pub(super) by_origin: BTreeMap<Origin, Vec<Key<Host<C>>>>,
    pub(super) waiters: Slab<Waiter<C>>,
    /// The first of each host that waits for a place and lacks only one of the
    /// total, by number.
    pub(super) line: BTreeMap<u64, Key<Host<C>>>,
    /// Idle connections, oldest first; entries may be out of date.
    pub(super) idle_order: VecDeque<(u64, Key<Host<C>>)>,
    /// Places taken.
    pub(super) open: usize,
    /// Connections that are idle.
    pub(super) idle: usize,
    /// The next number of a waiter or an idle connection.
    pub(super) next_number: u64,
    /// How often the first in `line` was passed over.
    pub(super) passed_over: u32,
}

/// Everything about one pool key.
pub(crate) struct Host<C> {
    pub(super) key: PoolKey,
    /// Requests that are looking at it.
    pub(super) pins: usize,
    /// Places taken.
    pub(super) open: usize,
    /// Idle connections, newest last.
    pub(super) idle: Vec<(u64, C)>,
    /// Who would take a connection, first come first; entries may be out of date.
    pub(super) seekers: VecDeque<Key<Waiter<C>>>,
    /// Who needs a place to make one; entries may be out of date.
    pub(super) placeless: VecDeque<Key<Waiter<C>>>,
    /// Its entry in `line`.
    pub(super) lined_up: Option<u64>,
}

/// Somebody who waits. A hundred thousand may: which host it waits for, each knows itself.
pub(crate) struct Waiter<C> {
    pub(super) number: u64,
    pub(super) wants: Wants,
    pub(super) turn: Turn<C>,
}

/// How far somebody who waits has come.
pub(crate) enum Turn<C> {
    /// It is still to come; who to wake.
    Ahead(Waker),
    /// It was granted this, and woken.
    Granted(Grant<C>),
}

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wants {
    /// A connection, or a place to make one.
    Either,
    /// A connection; one of its own is being made.
    Connection,
    /// A place to make one: no used connection will do.
    Place,
}

/// What somebody got.
#[derive(Debug)]
pub(crate) enum Grant<C> {
    /// A connection.
    Connection(C),
    /// A place, already counted.
    Place,
}

/// Where a connection went that was handed back.
pub(crate) enum Given<C> {
    /// To somebody who waited, and has to be woken.
    Granted(Option<Waker>),
    /// It is idle now.
    Idle,
    /// This one has to be closed: somebody waits for its place.
    Surplus(C),
}

impl<C> Ledger<C> {
    pub(crate) fn new(caps: Caps) -> Self {
        Ledger {
            caps: Caps {
                total: caps.total.max(1),
                per_host: caps.per_host.max(1),
            },
            hosts: Slab::new(),
            by_origin: BTreeMap::new(),
            waiters: Slab::new(),
            line: BTreeMap::new(),
            idle_order: VecDeque::new(),
            open: 0,
            idle: 0,
            next_number: 0,
            passed_over: 0,
        }
    }

    /// The host with this key, if it has a connection or somebody waits.
    pub(crate) fn find(
        &self,
        origin: &Origin,
        same: impl Fn(&PoolKey) -> bool,
    ) -> Option<Key<Host<C>>> {
        let found = self.by_origin.get(origin)?;
        let mut found = found.iter().copied();
        found.find(|host| self.hosts.get(*host).is_some_and(|host| same(&host.key)))
    }

    /// Is it what [`find`](Self::find) would find?
    pub(crate) fn is(
        &self,
        host: Key<Host<C>>,
        origin: &Origin,
        same: impl Fn(&PoolKey) -> bool,
    ) -> bool {
        let host = self.hosts.get(host);
        host.is_some_and(|host| host.key.origin == *origin && same(&host.key))
    }

    /// Adds a host that [`find`](Self::find) has not found.
    pub(crate) fn add(&mut self, key: PoolKey) -> Key<Host<C>> {
        let origin = key.origin.clone();
        let host = self.hosts.insert_with(|_| Host {
            key,
            pins: 0,
            open: 0,
            idle: Vec::new(),
            seekers: VecDeque::new(),
            placeless: VecDeque::new(),
            lined_up: None,
        });
        self.by_origin.entry(origin).or_default().push(host);
        host
    }

    /// Keeps the entry of a host until [`unpin`](Self::unpin).
    pub(crate) fn pin(&mut self, host: Key<Host<C>>) {
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.pins += 1;
        }
    }

    /// A request looks elsewhere.
    pub(crate) fn unpin(&mut self, host: Key<Host<C>>) {
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.pins = entry.pins.saturating_sub(1);
        }
        self.forget_if_empty(host);
    }

    /// Takes a place for a new connection, if the caps leave one.
    pub(crate) fn open(&mut self, host: Key<Host<C>>) -> Option<()> {
        let entry = self.hosts.get_mut(host)?;
        if entry.open >= self.caps.per_host || self.open >= self.caps.total {
            return None;
        }
        entry.open += 1;
        self.open += 1;
        self.line_up(host);
        Some(())
    }

    /// Hands a connection back that may carry another request.
    pub(crate) fn give(&mut self, host: Key<Host<C>>, connection: C) -> Given<C> {
        let Some((waiter, number)) = self.first_seeker(host) else {
            return match self.first_placeless(host) {
                // Who wants a new connection only gets the place of this one.
                Some(_) => Given::Surplus(connection),
                None => self.keep(host, connection),
            };
        };
        let passed_over = self.line.first_key_value();
        if passed_over.is_some_and(|(first, other)| *other != host && *first < number) {
            self.passed_over += 1;
            if self.passed_over > PATIENCE {
                self.passed_over = 0;
                return Given::Surplus(connection);
            }
        }
        match self.grant(host, waiter, Grant::Connection(connection)) {
            Ok(waker) => Given::Granted(waker),
            Err(Grant::Connection(connection)) => Given::Surplus(connection),
            Err(Grant::Place) => Given::Idle,
        }
    }

    /// A connection is gone, or an attempt to make one: its place is free.
    /// Whoever it goes to has to be woken.
    pub(crate) fn close(&mut self, host: Key<Host<C>>) -> Option<Waker> {
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.open = entry.open.saturating_sub(1);
            self.open = self.open.saturating_sub(1);
        }
        self.line_up(host);
        let woken = self.settle();
        self.forget_if_empty(host);
        woken
    }

    /// Connections open, idle ones included, and idle ones.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.open, self.idle)
    }

    /// How many hosts have an entry.
    #[cfg(test)]
    pub(crate) fn hosts_known(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// A host without connections and without waiters is forgotten, so that a
    /// walk over a million hosts needs no more memory than one over ten.
    pub(super) fn forget_if_empty(&mut self, host: Key<Host<C>>) {
        let Some(entry) = self.hosts.get_mut(host) else {
            return;
        };
        let waiters = &self.waiters;
        let mut queues = entry.seekers.iter().chain(&entry.placeless);
        let wanted = queues.any(|key| waiters.get(*key).is_some());
        if wanted || entry.pins > 0 || entry.open > 0 || !entry.idle.is_empty() {
            return;
        }
        let Some(gone) = self.hosts.remove(host) else {
            return;
        };
        if let Some(number) = gone.lined_up {
            self.line.remove(&number);
        }
        if let Some(same_origin) = self.by_origin.get_mut(&gone.key.origin) {
            same_origin.retain(|other| *other != host);
            if same_origin.is_empty() {
                self.by_origin.remove(&gone.key.origin);
            }
        }
    }
}
