//! The pool: connections that are kept, counted and waited for.
//!
//! Owns: the books (`ledger.rs`), the watch over idle connections
//! (`keeper.rs`), and the one way back in.
//!
//! ```text
//!              checkout                          give_back, if P01 holds
//!   request -------------> busy connection -----------------------------+
//!      |                        ^    |                                   |
//!      | no idle one:           |    | otherwise, or when its owner      v
//!      | dial, or wait in line  |    | is dropped: closed               idle
//!      +------------------------+    v                                   |
//!                                 Slot::drop -> the next in line <-------+
//!                                                     too old, or it stirs
//! ```
//!
//! Laws: P01, a connection comes back through [`Pool::give_back`] only, which
//! checks every condition. P06, whoever is dropped gives back what it holds: a
//! connection closes, a [`Slot`] frees its place, a place in line is left.
//!
//! Read next: `ledger.rs`, `checkout.rs`, `keeper.rs`.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "the pool counts its own connections: nothing here is a number of a peer, and \
              an underflow is a bug that a debug build has to show"
)]

mod checkout;
mod idle;
mod keeper;
mod key;
mod ledger;
mod line;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub(crate) use checkout::{Acquired, Checkout, Dialing, Wish};
pub(crate) use key::PoolKey;
pub(crate) use ledger::Caps;

use super::connection::Connection;
use super::counters::{Counters, Fate, Tally};
use super::reuse::{CloseReason, Reuse};
use crate::slab::Key;
use crate::time;
use keeper::Keeper;
use ledger::{Given, Host, Ledger};

/// The books, with real connections in them.
type Books = Ledger<Box<Connection>>;
/// A host of these books.
type HostKey = Key<Host<Box<Connection>>>;

/// The connections of one client.
pub(crate) struct Pool {
    books: RefCell<Books>,
    keeper: Keeper,
    /// How long a connection may be idle.
    idle_timeout: Duration,
    /// How old it may get.
    max_lifetime: Option<Duration>,
    /// The host that was asked for last.
    last: Cell<Option<HostKey>>,
    /// What was done so far.
    pub(crate) tally: Tally,
}

/// A place under the caps. Dropping it frees the place.
pub(crate) struct Slot {
    pool: Weak<Pool>,
    host: HostKey,
}

impl Pool {
    pub(crate) fn new(
        caps: Caps,
        idle_timeout: Duration,
        max_lifetime: Option<Duration>,
    ) -> Rc<Pool> {
        Rc::new(Pool {
            books: RefCell::new(Ledger::new(caps)),
            keeper: Keeper::default(),
            idle_timeout,
            max_lifetime,
            last: Cell::default(),
            tally: Tally::default(),
        })
    }

    /// LAW P01: the only way back into the pool. The connection is kept if all
    /// of this holds, and closed otherwise:
    ///
    /// * the exchange says so: message complete, request written, nobody said
    ///   `close`, no doubtful framing, no quirk, nothing behind the end;
    /// * nothing was read that nobody understood, TLS plaintext included;
    /// * it is not too old, and the server's own patience (`hint`) is not over;
    /// * it does not stir when looked at (law P02).
    ///
    /// An exchange that was cancelled or timed out owns its connection and
    /// never gets here. Timers belong to the exchange (law P08).
    ///
    /// # Errors
    /// Why it was closed.
    pub(crate) fn give_back(
        self: &Rc<Self>,
        mut connection: Box<Connection>,
        verdict: Reuse,
        hint: Option<Duration>,
        now: Instant,
    ) -> Result<(), CloseReason> {
        if let Err(reason) = self.judge(&mut connection, verdict, hint, now) {
            connection.ends(Fate::NotKept(reason));
            return Err(reason);
        }
        connection.count_use();
        self.put(connection)
    }

    fn judge(
        &self,
        connection: &mut Connection,
        verdict: Reuse,
        hint: Option<Duration>,
        now: Instant,
    ) -> Result<(), CloseReason> {
        if let Reuse::Close(reason) = verdict {
            return Err(reason);
        }
        if !connection.is_clean() {
            return Err(CloseReason::BytesAfterEnd);
        }
        let patience = hint.map_or(self.idle_timeout, |hint| hint.min(self.idle_timeout));
        let patience = match self.max_lifetime {
            None => patience,
            Some(lifetime) => {
                let age = now.saturating_duration_since(connection.born());
                patience.min(lifetime.saturating_sub(age))
            }
        };
        if patience.is_zero() {
            return Err(CloseReason::Expired);
        }
        connection.keep_for(now, patience);
        Ok(())
    }

    /// Makes a connection idle, or hands it to the next in line.
    fn put(self: &Rc<Self>, mut connection: Box<Connection>) -> Result<(), CloseReason> {
        connection.recv.release();
        // LAW P02: watched from here on, by the keeper's waker.
        let waker = self.keeper.waker();
        let mut cx = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        if let Poll::Ready(reason) = connection.poll_stir(&mut cx) {
            connection.ends(Fate::NotKept(reason));
            return Err(reason);
        }
        connection.found_silent();
        let (host, until) = (connection.slot().host, connection.keep_until());
        let given = self.books.borrow_mut().give(host, connection);
        match given {
            Given::Granted(waker) => waker.into_iter().for_each(Waker::wake),
            Given::Idle => Keeper::notice(self, until),
            // Dropped here, with nothing borrowed: its slot goes to who waits.
            Given::Surplus(mut surplus) => surplus.ends(Fate::Evicted),
        }
        Ok(())
    }

    /// Connections open, idle ones included, and idle ones.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.books.borrow().counts()
    }

    /// Closes all idle connections.
    pub(crate) fn close_idle(&self) {
        let idle = self.books.borrow_mut().take_all_idle();
        for (_, _, mut connection) in idle {
            connection.ends(Fate::ByCaller);
        }
    }
}

impl Pool {
    /// An idle connection for this request, at once.
    pub(crate) fn take_kept(&self, wish: &Wish<'_>, now: Instant) -> Option<Box<Connection>> {
        if wish.fresh {
            return None;
        }
        let origin = PoolKey::origin_of(wish.origin, wish.route);
        let fits = |key: &PoolKey| key.fits(wish.route, wish.tls);
        let books = self.books.borrow();
        // Most requests go where the last one went. A host that is gone is no host.
        let last = self.last.get().filter(|last| books.is(*last, origin, fits));
        let host = last.or_else(|| books.find(origin, fits))?;
        drop(books);
        self.last.set(Some(host));
        self.take_idle(host, now)
    }

    /// Finds the entry of a host and keeps it until the request looks elsewhere.
    fn pin(&self, wish: &Wish<'_>) -> HostKey {
        let origin = PoolKey::origin_of(wish.origin, wish.route);
        let mut books = self.books.borrow_mut();
        let key = match books.find(origin, |key| key.fits(wish.route, wish.tls)) {
            Some(key) => key,
            None => books.add(PoolKey::new(wish.origin, wish.route, wish.tls)),
        };
        books.pin(key);
        key
    }

    /// The idle connection that was used last, if one is good.
    fn take_idle(&self, host: HostKey, now: Instant) -> Option<Box<Connection>> {
        loop {
            let idle = self.books.borrow_mut().take_idle(host);
            let mut connection = idle?;
            let fate = match connection.keep_until() <= now {
                true => Fate::NotKept(CloseReason::Expired),
                false if connection.has_stirred() => Fate::Stirred,
                false => return Some(connection),
            };
            connection.ends(fate);
        }
    }

    /// A place for a new connection, if the caps leave one or something idle can
    /// make room.
    fn open(self: &Rc<Self>, host: HostKey) -> Option<Slot> {
        if self.books.borrow_mut().open(host).is_some() {
            return Some(self.slot(host));
        }
        let mut evicted = self.books.borrow_mut().evict_for(host)?;
        evicted.ends(Fate::Evicted);
        drop(evicted);
        let opened = self.books.borrow_mut().open(host);
        opened.map(|()| self.slot(host))
    }

    /// The owner of a place that is counted already.
    fn slot(self: &Rc<Self>, host: HostKey) -> Slot {
        Slot {
            pool: Rc::downgrade(self),
            host,
        }
    }

    /// A connection that was taken and not used.
    pub(crate) fn put_unused(self: &Rc<Self>, connection: Box<Connection>) {
        let _ = self.put(connection);
    }

    /// A connection that was made for nobody any more.
    fn put_new(self: &Rc<Self>, mut connection: Box<Connection>) {
        connection.keep_for(time::now(), self.idle_timeout);
        let _ = self.put(connection);
    }
}

impl Slot {
    /// Counts, while there is a pool to count for.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Counters)) {
        if let Some(pool) = self.pool.upgrade() {
            pool.tally.count(add);
        }
    }

    /// Its connection is gone.
    pub(crate) fn count_end(&self, fate: Fate) {
        if let Some(pool) = self.pool.upgrade() {
            pool.tally.count_end(fate);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let woken = pool.books.borrow_mut().close(self.host);
        if let Some(waker) = woken {
            waker.wake();
        }
    }
}

/// The keeper looks once more and sees that the pool is gone.
impl Drop for Pool {
    fn drop(&mut self) {
        self.keeper.wake();
    }
}

#[cfg(test)]
mod tests;
