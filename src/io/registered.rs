//! A source of the operating system, registered with this thread's loop.
//!
//! Owns: the source and its place in the reactor. All sockets are this, and any
//! other source that mio can register may be.
//!
//! Laws: R02, an operation is tried whenever the source may be ready, and
//! readiness is cleared only when it says `WouldBlock` (or by R03). R12, a source leaves the
//! selector before it is closed, wherever it is dropped (by closing, where nobody can
//! have a duplicate of it). S03, operations spend the
//! budget. R17, an `async` method that is dropped while it waits gives its interest up.
//!
//! Absent on purpose: a lock and a list of waiters. One reader and one writer wait
//! per source; the newest waker of each direction wins (law T07).
//!
//! Read next: `net/tcp.rs`.

use super::closing::source_closed;
use crate::budget;
use crate::driver::reactor::{Direction, Readiness, SourceKey};
use crate::runtime::{WrongLoop, current};
use mio::event::Source;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A source of the operating system whose readiness can be waited for.
///
/// # Errors
/// Operations on another loop than the one it was registered with return an error
/// that names both.
#[derive(Debug)]
pub struct Registered<S: Source> {
    /// The source. `None` only after [`Registered::into_source`].
    source: Option<S>,
    /// Its name in the reactor.
    key: SourceKey,
    /// The loop it is registered with.
    loop_id: u64,
    /// Nobody else can have a duplicate of its descriptor.
    alone: bool,
}

impl<S: Source> Registered<S> {
    /// Registers a source with this thread's loop, for both directions.
    ///
    /// # Errors
    /// When no loop runs here, or the selector refuses the source.
    pub fn new(source: S) -> io::Result<Self> {
        Self::register(source, true, false)
    }

    /// Registers a source whose first operation is known to block (a connection
    /// that is being made): it is not tried before the first event.
    ///
    /// # Errors
    /// As [`Registered::new`].
    pub fn new_not_ready(source: S) -> io::Result<Self> {
        Self::register(source, false, false)
    }

    /// Like [`Registered::new_not_ready`], for a source that was made just now and
    /// is shown to nobody.
    pub(crate) fn made_here(source: S) -> io::Result<Self> {
        Self::register(source, false, true)
    }

    fn register(mut source: S, ready: bool, alone: bool) -> io::Result<Self> {
        let state = current::state()?;
        let key = state.reactor.borrow_mut().register(&mut source, ready)?;
        Ok(Self {
            source: Some(source),
            key,
            loop_id: state.id,
            alone,
        })
    }

    /// Tries an operation that reads, and waits while it says `WouldBlock`.
    ///
    /// # Errors
    /// Those of the operation; interrupted ones are tried again.
    ///
    /// # Cancel safety
    /// Nothing is lost: a dropped wait did nothing, and nobody is woken for it.
    pub fn read_with<R>(
        &self,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.interest(Direction::Read, move |socket, cx| {
            socket.poll_read_with(cx, &mut operation)
        })
    }

    /// Tries an operation that writes, and waits while it says `WouldBlock`.
    ///
    /// # Errors
    /// Those of the operation; interrupted ones are tried again.
    ///
    /// # Cancel safety
    /// As [`Registered::read_with`].
    pub fn write_with<R>(
        &self,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.interest(Direction::Write, move |socket, cx| {
            socket.poll_write_with(cx, &mut operation)
        })
    }

    /// Waits until something may be read.
    ///
    /// # Errors
    /// On a wrong loop, or when the selector has failed.
    ///
    /// # Cancel safety
    /// As [`Registered::read_with`].
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.interest(Direction::Read, Self::poll_readable)
    }

    /// Waits until something may be written.
    ///
    /// # Errors
    /// On a wrong loop, or when the selector has failed.
    ///
    /// # Cancel safety
    /// As [`Registered::read_with`].
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.interest(Direction::Write, Self::poll_writable)
    }

    /// The poll behind [`Registered::read_with`]. Its waker stays until it is woken,
    /// or until [`Registered::cancel_read`].
    ///
    /// # Errors
    /// Those of the operation; interrupted ones are tried again.
    ///
    /// # Cancel safety
    /// `Pending` means that the operation did nothing.
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Read, operation)
    }

    /// The poll behind [`Registered::write_with`]. Its waker stays until it is woken,
    /// or until [`Registered::cancel_write`].
    ///
    /// # Errors
    /// Those of the operation; interrupted ones are tried again.
    ///
    /// # Cancel safety
    /// `Pending` means that the operation did nothing.
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Write, operation)
    }

    /// Waits until something may be read.
    ///
    /// # Errors
    /// On a wrong loop, or when the selector has failed.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx.waker(), Direction::Read)
    }

    /// Waits until something may be written.
    ///
    /// # Errors
    /// On a wrong loop, or when the selector has failed.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx.waker(), Direction::Write)
    }

    /// Nobody waits for a read any more: the waker of the last poll is dropped.
    pub fn cancel_read(&self) {
        self.cancel(Direction::Read, drop);
    }

    /// Nobody waits for a write any more: the waker of the last poll is dropped.
    pub fn cancel_write(&self) {
        self.cancel(Direction::Write, drop);
    }

    /// Says that a read was tried by hand and would block.
    ///
    /// # Errors
    /// On a wrong loop.
    pub fn clear_readable(&self) -> io::Result<()> {
        Ok(self.set_ready(Direction::Read, false)?)
    }

    /// Says that a write was tried by hand and would block.
    ///
    /// # Errors
    /// On a wrong loop.
    pub fn clear_writable(&self) -> io::Result<()> {
        Ok(self.set_ready(Direction::Write, false)?)
    }

    /// LAW R03: a read of a TCP socket that we made took less than it could have, so
    /// there is nothing left to read.
    ///
    /// # Errors
    /// On a wrong loop.
    pub(crate) fn drained(&self) -> io::Result<()> {
        let drained = current::with_loop(self.loop_id, |state| {
            state.reactor.borrow_mut().drained(self.key);
        });
        Ok(drained?)
    }

    /// The next read is tried, although the last one would have blocked: to learn
    /// what happened since the system was last asked. On a wrong loop, nothing.
    pub(crate) fn doubt_readable(&self) {
        // The read itself reports a wrong loop.
        let _ = self.set_ready(Direction::Read, true);
    }

    /// The next write is tried, although no event has said that it would go through.
    pub(crate) fn doubt_writable(&self) {
        let _ = self.set_ready(Direction::Write, true);
    }

    /// The source.
    pub fn source(&self) -> &S {
        self
    }

    /// Takes the source out of the loop.
    ///
    /// # Errors
    /// On a wrong loop, or when the selector refuses to let it go.
    pub fn into_source(mut self) -> io::Result<S> {
        let Some(mut source) = self.source.take() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let key = self.key;
        let taken = current::with_loop(self.loop_id, |state| {
            let mut reactor = state.reactor.borrow_mut();
            reactor.registry().deregister(&mut source)?;
            Ok::<_, io::Error>(reactor.forget(key))
        });
        match taken.map_err(io::Error::from).and_then(|taken| taken) {
            Ok(_wakers) => Ok(source),
            Err(error) => {
                // LAW R13: the drop gives its place back.
                self.source = Some(source);
                Err(error)
            }
        }
    }

    fn interest<F, T>(&self, direction: Direction, poll: F) -> Interest<'_, S, F>
    where
        F: FnMut(&Self, &mut Context<'_>) -> Poll<T>,
    {
        Interest {
            socket: self,
            direction,
            poll,
            waits: false,
        }
    }

    /// Takes back the waker of one direction, from wherever we are.
    fn cancel(&self, direction: Direction, then: fn(Waker)) {
        let key = self.key;
        // LAW T5: the waker leaves the loop before it is used.
        current::give_back(
            self.loop_id,
            move |state| state.reactor.borrow_mut().unwatch(key, direction),
            move |waker| waker.into_iter().for_each(then),
        );
    }

    fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(budget::spend(cx));
        // Bounded: the second round comes after `clear`, so it registers the
        // waker, unless interruptions repeat, and those come from outside.
        budget::lend(|| {
            loop {
                ready!(self.poll_ready(cx.waker(), direction))?;
                match operation(self) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.set_ready(direction, false)?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => return Poll::Ready(result),
                }
            }
        })
    }

    fn poll_ready(&self, waker: &Waker, direction: Direction) -> Poll<io::Result<()>> {
        let ready = current::with_loop(self.loop_id, |state| {
            state.reactor.borrow_mut().ready(self.key, direction, waker)
        });
        match ready.map_err(io::Error::from).and_then(|ready| ready) {
            Ok(Readiness::Ready) => return Poll::Ready(Ok(())),
            Ok(Readiness::NotYet) => {}
            Ok(Readiness::Unwatched) => {
                // LAW T5: a foreign waker's clone and drop are user code.
                let waker = waker.clone();
                let old = current::with_loop(self.loop_id, |state| {
                    let mut reactor = state.reactor.borrow_mut();
                    reactor.watch(self.key, direction, waker)
                });
                drop(old);
            }
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Pending
    }

    fn set_ready(&self, direction: Direction, ready: bool) -> Result<(), WrongLoop> {
        current::with_loop(self.loop_id, |state| {
            let mut reactor = state.reactor.borrow_mut();
            reactor.set_ready(self.key, direction, ready);
        })
    }
}

/// A wait for one direction of a source that others may wait for too.
struct Interest<'a, S: Source, F> {
    /// The source.
    socket: &'a Registered<S>,
    /// Which way.
    direction: Direction,
    /// What to do with it.
    poll: F,
    /// The last poll may have left a waker.
    waits: bool,
}

// The closure is moved, never pinned.
impl<S: Source, F> Unpin for Interest<'_, S, F> {}

impl<S: Source, F, T> Future for Interest<'_, S, F>
where
    F: FnMut(&Registered<S>, &mut Context<'_>) -> Poll<T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        this.waits = true;
        let polled = (this.poll)(this.socket, cx);
        this.waits = polled.is_pending();
        polled
    }
}

impl<S: Source, F> Drop for Interest<'_, S, F> {
    fn drop(&mut self) {
        if self.waits {
            // LAW R17. WHY NOT just drop the waker: it may stand for another wait of
            // the same task on the same source, which then comes back and asks anew.
            self.socket.cancel(self.direction, Waker::wake);
        }
    }
}

impl<S: Source> Deref for Registered<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.source
            .as_ref()
            .expect("the source is there until `into_source` consumes self")
    }
}

impl<S: Source> Drop for Registered<S> {
    fn drop(&mut self) {
        let Some(mut source) = self.source.take() else {
            return;
        };
        let key = self.key;
        // LAW R12: closing the last descriptor is enough, but a duplicate of it may
        // live on and keep sending events to a name that is gone.
        let closing_is_enough = self.alone && cfg!(unix);
        let here = current::with_loop(self.loop_id, |state| {
            let mut reactor = state.reactor.borrow_mut();
            if !closing_is_enough {
                drop(reactor.registry().deregister(&mut source));
            }
            reactor.forget(key)
        });
        drop(source);
        if here.is_err() {
            // The descriptor has closed on this thread; the place goes back by letter.
            current::give_back(
                self.loop_id,
                move |state| state.reactor.borrow_mut().forget(key),
                |_wakers| source_closed(),
            );
        } else {
            source_closed();
        }
    }
}
