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
//! Read next: `checkout.rs`, who waits.

use std::collections::{BTreeMap, HashMap, VecDeque};
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
    caps: Caps,
    /// Hosts with a connection or somebody who waits.
    hosts: Slab<Host<C>>,
    /// Where to find them.
    by_origin: HashMap<Origin, Vec<Key<Host<C>>>>,
    waiters: Slab<Waiter<C>>,
    /// The first of each host that waits for a place and lacks only one of the
    /// total, by number.
    line: BTreeMap<u64, Key<Host<C>>>,
    /// Idle connections, oldest first; entries may be out of date.
    idle_order: VecDeque<(u64, Key<Host<C>>)>,
    /// Places taken.
    open: usize,
    /// Connections that are idle.
    idle: usize,
    /// The next number of a waiter or an idle connection.
    next_number: u64,
    /// How often the first in `line` was passed over.
    passed_over: u32,
}

/// Everything about one pool key.
pub(crate) struct Host<C> {
    key: PoolKey,
    /// Requests that are looking at it.
    pins: usize,
    /// Places taken.
    open: usize,
    /// Idle connections, newest last.
    idle: Vec<(u64, C)>,
    /// Who would take a connection, first come first; entries may be out of date.
    seekers: VecDeque<Key<Waiter<C>>>,
    /// Who needs a place to make one; entries may be out of date.
    placeless: VecDeque<Key<Waiter<C>>>,
    /// Its entry in `line`.
    lined_up: Option<u64>,
}

/// Somebody who waits.
pub(crate) struct Waiter<C> {
    host: Key<Host<C>>,
    number: u64,
    wants: Wants,
    grant: Option<Grant<C>>,
    waker: Waker,
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
    /// To somebody who waited.
    Granted(Waker),
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
            by_origin: HashMap::new(),
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

    /// Takes the idle connection that was used last.
    pub(crate) fn take_idle(&mut self, host: Key<Host<C>>) -> Option<C> {
        let (_, connection) = self.hosts.get_mut(host)?.idle.pop()?;
        self.idle -= 1;
        Some(connection)
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
        match self.grant(waiter, Grant::Connection(connection)) {
            Ok(waker) => Given::Granted(waker),
            Err(Grant::Connection(connection)) => Given::Surplus(connection),
            Err(Grant::Place) => Given::Idle,
        }
    }

    fn keep(&mut self, host: Key<Host<C>>, connection: C) -> Given<C> {
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

    /// Gives a free place to the first who may have it.
    fn settle(&mut self) -> Option<Waker> {
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
        self.grant(waiter, Grant::Place).ok()
    }

    /// Enters somebody at the end of the host's queue.
    pub(crate) fn wait(
        &mut self,
        host: Key<Host<C>>,
        wants: Wants,
        waker: &Waker,
    ) -> Key<Waiter<C>> {
        let number = self.number();
        let waiter = self.waiters.insert_with(|_| Waiter {
            host,
            number,
            wants,
            grant: None,
            waker: waker.clone(),
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

    /// What the waiter got, if anything; otherwise this waker is kept for it. It
    /// is over with a connection; with a place it still waits for a connection,
    /// in its old turn.
    pub(crate) fn poll_grant(&mut self, waiter: Key<Waiter<C>>, waker: &Waker) -> Option<Grant<C>> {
        let entry = self.waiters.get_mut(waiter)?;
        match entry.grant.take() {
            Some(Grant::Place) => {
                entry.wants = Wants::Connection;
                entry.waker.clone_from(waker);
                Some(Grant::Place)
            }
            Some(grant) => {
                self.waiters.remove(waiter);
                Some(grant)
            }
            None => {
                entry.waker.clone_from(waker);
                None
            }
        }
    }

    /// The waiter goes away. What it got in the meantime is returned and has to
    /// be handed on.
    pub(crate) fn leave(&mut self, waiter: Key<Waiter<C>>) -> Option<(Key<Host<C>>, Grant<C>)> {
        let entry = self.waiters.remove(waiter)?;
        let host = entry.host;
        if let Some(grant) = entry.grant {
            return Some((host, grant));
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
        None
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

    /// Connections open, idle ones included, and idle ones.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.open, self.idle)
    }

    /// How many hosts have an entry.
    #[cfg(test)]
    pub(crate) fn hosts_known(&self) -> usize {
        self.hosts.len()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// The first who would take a connection.
    fn first_seeker(&mut self, host: Key<Host<C>>) -> Option<(Key<Waiter<C>>, u64)> {
        let (entry, waiters) = (self.hosts.get_mut(host)?, &self.waiters);
        let served = |key: &Key<Waiter<C>>| match waiters.get(*key) {
            Some(waiter) => matches!(waiter.grant, Some(Grant::Connection(_))),
            None => true,
        };
        while entry.seekers.front().is_some_and(served) {
            entry.seekers.pop_front();
        }
        let mut queue = entry.seekers.iter();
        queue.find_map(|key| {
            let waiter = waiters.get(*key).filter(|waiter| waiter.grant.is_none())?;
            Some((*key, waiter.number))
        })
    }

    /// The first who needs a place.
    fn first_placeless(&mut self, host: Key<Host<C>>) -> Option<(Key<Waiter<C>>, u64)> {
        let (entry, waiters) = (self.hosts.get_mut(host)?, &self.waiters);
        let waiting = |key: &Key<Waiter<C>>| {
            let waiter = waiters.get(*key)?;
            (waiter.grant.is_none() && waiter.wants != Wants::Connection)
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

    fn grant(&mut self, waiter: Key<Waiter<C>>, grant: Grant<C>) -> Result<Waker, Grant<C>> {
        let Some(entry) = self.waiters.get_mut(waiter) else {
            return Err(grant);
        };
        entry.grant = Some(grant);
        let (host, waker) = (entry.host, entry.waker.clone());
        self.line_up(host);
        Ok(waker)
    }

    /// Corrects the host's entry in `line`.
    fn line_up(&mut self, host: Key<Host<C>>) {
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

    fn tidy_idle_order(&mut self) {
        let hosts = &self.hosts;
        self.idle_order.retain(|(number, host)| {
            let idle = hosts.get(*host).map(|host| host.idle.as_slice());
            idle.unwrap_or_default().iter().any(|(n, _)| n == number)
        });
    }

    /// A host without connections and without waiters is forgotten, so that a
    /// walk over a million hosts needs no more memory than one over ten.
    fn forget_if_empty(&mut self, host: Key<Host<C>>) {
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
