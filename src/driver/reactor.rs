//! The reactor: which sources of the operating system are ready, and who waits.
//!
//! Owns: mio's `Poll`, and for every registered source two readiness bits and at
//! most two wakers.
//!
//! Laws: R01, an event of a source that is gone misses (generations in tokens).
//! R02, readiness is lost only when an operation said `WouldBlock`, or when a short
//! read means as much (R03). R08, a reader
//! and a writer of one source do not share a waker. R11, an interrupted wait is a
//! wait without events. R17, whoever stops waiting is forgotten.
//!
//! Absent on purpose: ticks, lists of waiters, and locks. One thread polls and
//! waits, so two bits and two wakers per source are the whole state; this is the
//! best argument there is for a single-threaded design.
//!
//! Read next: `timers.rs`.

use crate::mailbox::Doorbell;
use crate::slab::{Key, Slab};
use mio::{Events, Interest, Poll, Registry, Token};
use std::io;
use std::task::Waker;
use std::time::Duration;

/// The readiness of all sources of a loop.
pub(crate) struct Reactor {
    /// The operating system's selector.
    poll: Poll,
    /// What the last wait brought.
    events: Events,
    /// The sources.
    sources: Slab<Source>,
    /// How many wakers wait for a source.
    waiting: usize,
    /// Set when the selector itself failed: every operation reports it.
    broken: Option<io::ErrorKind>,
}

/// One registered source.
pub(crate) struct Source {
    /// For [`Direction::Read`] and [`Direction::Write`].
    sides: [Side; 2],
    /// An event told of more than bytes (an end, an error, something urgent), so a
    /// short read does not mean an empty socket.
    told_more: bool,
}

/// One direction of a source.
#[derive(Default)]
struct Side {
    /// An event said that an operation may succeed.
    ready: bool,
    /// Who waits for that.
    waker: Option<Waker>,
}

/// The name of a registered source.
pub(crate) type SourceKey = Key<Source>;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Towards us.
    Read = 0,
    /// Away from us.
    Write = 1,
}

/// Whether an operation is worth trying.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Try it.
    Ready,
    /// Wait; the waker is registered.
    NotYet,
    /// Wait, once the waker is registered.
    Unwatched,
}

/// Not the token of any source: a slab never has so many places.
const DOORBELL: Token = Token(usize::MAX);

/// Events per wait. More sources than this just take another turn (law R10).
const EVENTS: usize = 256;

// A token carries a place and a generation of 32 bits each.
const _: () = assert!(usize::BITS == 64, "downbeat needs a 64-bit target");

/// The doorbell of a loop that sleeps in its selector.
struct SelectorBell(mio::Waker);

impl Doorbell for SelectorBell {
    fn ring(&self) {
        // The only failure is a full counter, and then the loop is awake anyway.
        drop(self.0.wake());
    }
}

impl Reactor {
    /// An empty reactor and the doorbell that ends its wait.
    ///
    /// # Errors
    /// When the system refuses a selector (out of descriptors).
    pub(crate) fn new() -> io::Result<(Self, Box<dyn Doorbell>)> {
        let poll = Poll::new()?;
        let bell = SelectorBell(mio::Waker::new(poll.registry(), DOORBELL)?);
        let events = Events::with_capacity(EVENTS);
        let reactor = Self {
            poll,
            events,
            sources: Slab::new(),
            waiting: 0,
            broken: None,
        };
        Ok((reactor, Box::new(bell)))
    }

    /// Registers a source for both directions. It counts as ready until an
    /// operation says otherwise, so the first one is tried at once.
    ///
    /// # Errors
    /// When the selector refuses it; nothing is kept then (law R13).
    pub(crate) fn register(
        &mut self,
        source: &mut impl mio::event::Source,
        ready: bool,
    ) -> io::Result<SourceKey> {
        let side = || Side { ready, waker: None };
        let key = self.sources.insert_with(|_| Source {
            sides: [side(), side()],
            told_more: false,
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Urgent bytes make a read short (law R03).
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = interest | Interest::PRIORITY;
        match self.poll.registry().register(source, token(key), interest) {
            Ok(()) => Ok(key),
            Err(error) => {
                self.sources.remove(key);
                Err(error)
            }
        }
    }

    /// Forgets a source; its wakers are returned to be dropped outside the borrow.
    pub(crate) fn forget(&mut self, key: SourceKey) -> [Option<Waker>; 2] {
        let Some(source) = self.sources.remove(key) else {
            return [None, None];
        };
        let wakers = source.sides.map(|side| side.waker);
        self.waiting -= wakers.iter().flatten().count();
        wakers
    }

    /// Whether an operation is worth trying; otherwise, whether `waker` waits for it.
    ///
    /// # Errors
    /// When the selector has failed, or the source is not registered.
    pub(crate) fn ready(
        &mut self,
        key: SourceKey,
        direction: Direction,
        waker: &Waker,
    ) -> io::Result<Readiness> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        let side = self
            .side(key, direction)
            .ok_or(io::ErrorKind::NotConnected)?;
        let waits = side.waker.as_ref().is_some_and(|old| old.will_wake(waker));
        Ok(match (side.ready, waits) {
            (true, _) => Readiness::Ready,
            (false, true) => Readiness::NotYet,
            (false, false) => Readiness::Unwatched,
        })
    }

    /// Makes `waker` the one that waits; returns the one before, to be dropped
    /// outside the borrow.
    pub(crate) fn watch(
        &mut self,
        key: SourceKey,
        direction: Direction,
        waker: Waker,
    ) -> Option<Waker> {
        let side = self.side(key, direction)?;
        let old = side.waker.replace(waker);
        self.waiting += usize::from(old.is_none());
        old
    }

    /// LAW R17: nobody waits for this direction any more; returns who did, to be
    /// dropped outside the borrow.
    pub(crate) fn unwatch(&mut self, key: SourceKey, direction: Direction) -> Option<Waker> {
        let waker = self.side(key, direction)?.waker.take()?;
        self.waiting -= 1;
        Some(waker)
    }

    /// Whether the next operation is to be tried. LAW R02: no, only if the last one
    /// said `WouldBlock`.
    pub(crate) fn set_ready(&mut self, key: SourceKey, direction: Direction, ready: bool) {
        if let Some(side) = self.side(key, direction) {
            side.ready = ready;
        }
    }

    /// LAW R03: a read took less than it could have. The socket is empty then, unless
    /// an event told of something that makes a read short.
    pub(crate) fn drained(&mut self, key: SourceKey) {
        if let Some(source) = self.sources.get_mut(key) {
            source.sides[Direction::Read as usize].ready &= source.told_more;
        }
    }

    /// Waits for events for at most `timeout` (for ever without one).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            // LAW R11: the loop computes its timeout anew.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            Err(error) => {
                self.events.clear();
                self.broken = Some(error.kind());
            }
        }
    }

    /// Notes what the last wait brought and moves out whom to wake.
    pub(crate) fn take_ready(&mut self, wakers: &mut Vec<Waker>) {
        for event in &self.events {
            let Some(source) = self.sources.get_mut(key(event.token())) else {
                continue;
            };
            // A closed or failed direction is ready: the operation will say why.
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            let writable = event.is_writable() || event.is_write_closed() || event.is_error();
            source.told_more |= event.is_read_closed() || event.is_error() || event.is_priority();
            for (side, ready) in source.sides.iter_mut().zip([readable, writable]) {
                if ready {
                    side.ready = true;
                    self.waiting -= usize::from(side.waker.is_some());
                    wakers.extend(side.waker.take());
                }
            }
        }
        self.events.clear();
        if self.broken.is_some() {
            self.take_all(wakers);
        }
    }

    /// Everybody who waits, to be woken or dropped outside the borrow. LAW R15: a selector
    /// that fails wakes them all, to be told so.
    pub(crate) fn take_all(&mut self, wakers: &mut Vec<Waker>) {
        let keys: Vec<_> = self.sources.iter().map(|(key, _)| key).collect();
        for key in keys {
            let sides = self.sources.get_mut(key).map(|source| &mut source.sides);
            for side in sides.into_iter().flatten() {
                wakers.extend(side.waker.take());
            }
        }
        self.waiting = 0;
    }

    /// How many wakers wait for a source.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many sources are registered.
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    /// For deregistering a source by hand.
    pub(crate) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    fn side(&mut self, key: SourceKey, direction: Direction) -> Option<&mut Side> {
        Some(&mut self.sources.get_mut(key)?.sides[direction as usize])
    }
}

/// A source's name as the selector carries it.
fn token(key: SourceKey) -> Token {
    Token((key.generation as usize) << 32 | key.index as usize)
}

/// The name that a token carries. The doorbell's misses every source.
fn key(token: Token) -> SourceKey {
    Key::new(token.0 as u32, (token.0 >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    #[cfg(target_os = "linux")]
    fn r13_failed_registration_leaks_nothing() {
        let (mut reactor, _bell) = Reactor::new().unwrap();
        // A selector takes no regular files.
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        for _ in 0..10 {
            let file = file.as_raw_fd();
            let mut source = mio::unix::SourceFd(&file);
            let refused = reactor.register(&mut source, true);
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
        assert_eq!((reactor.len(), reactor.waiting()), (0, 0));
    }

    #[test]
    fn r01_r20_the_event_of_a_source_that_is_gone_misses() {
        let (mut reactor, _bell) = Reactor::new().unwrap();
        let (one, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        let mut one = mio::net::UnixStream::from_std(one);
        let old = reactor.register(&mut one, false).unwrap();
        // The kernel has an event for it already.
        reactor.wait(Some(Duration::ZERO));
        reactor.registry().deregister(&mut one).unwrap();
        assert!(reactor.forget(old).iter().all(Option::is_none));
        let new = reactor.sources.insert_with(|_| Source {
            sides: Default::default(),
            told_more: false,
        });
        assert_eq!((new.index, new.generation), (old.index, 1));
        // A clone of a clone: those of one vtable are equal for sure.
        let noop = &Waker::noop().clone();
        assert!(reactor.watch(new, Direction::Write, noop.clone()).is_none());
        let mut wakers = Vec::new();
        reactor.take_ready(&mut wakers);
        assert!(wakers.is_empty());
        let ready = reactor.ready(new, Direction::Write, noop).unwrap();
        assert_eq!((ready, reactor.waiting()), (Readiness::NotYet, 1));
        assert_eq!(
            key(token(SourceKey::new(7, u32::MAX))),
            SourceKey::new(7, u32::MAX)
        );
    }

    #[test]
    fn r15_a_selector_that_fails_wakes_everybody() {
        let (mut reactor, _bell) = Reactor::new().unwrap();
        let key = reactor.sources.insert_with(|_| Source {
            sides: Default::default(),
            told_more: false,
        });
        let waker = &Waker::noop().clone();
        for direction in [Direction::Read, Direction::Write] {
            let ready = reactor.ready(key, direction, waker).unwrap();
            assert_eq!(ready, Readiness::Unwatched);
            reactor.watch(key, direction, waker.clone());
        }
        reactor.broken = Some(io::ErrorKind::Other);
        let mut wakers = Vec::new();
        reactor.take_ready(&mut wakers);
        assert_eq!((wakers.len(), reactor.waiting()), (2, 0));
        let told = reactor.ready(key, Direction::Read, waker);
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::Other);
    }
}
