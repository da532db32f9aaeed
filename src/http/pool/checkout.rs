//! How a request gets a connection: an idle one, one that is handed back, or a
//! new one, whichever comes first.
//!
//! Owns: a place in line, and the connection that is being made meanwhile.
//!
//! ```text
//!   idle one? --yes--> looked at, taken
//!      | no
//!   place free? --yes--> dial, and stand in line for one that is handed back
//!      | no                 whichever is first; the dial goes on by itself and
//!      v                    its connection goes to the next
//!   stand in line --a place--> dial, and keep the turn
//!                 --a connection--> looked at, taken
//! ```
//!
//! Laws: P03, a connection is looked at right before it is used. P06, dropping
//! the future leaves the line and passes on what was granted; the connection
//! being made is dropped with it, and its place goes to the next.
//!
//! Read next: `../dial.rs`, which makes connections.

use std::future::Future;
use std::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::ledger::{Grant, Turn, Waiter, Wants};
use super::{HostKey, Pool};
use crate::clock::instant_after;
use crate::http::alarm::{Alarm, earlier};
use crate::http::connection::Connection;
use crate::http::counters::Fate;
use crate::http::deadlines::Deadline;
use crate::http::error::Error;
use crate::http::fetch::Fetch;
use crate::http::hooks::{Event, Tracer};
use crate::http::kind::{ErrorKind, Phase};
use crate::http::origin::Origin;
use crate::http::proxy::Route;
use crate::http::timings::Timings;
use crate::runtime::try_spawn;
use crate::slab::Key;
use crate::task::SpawnOptions;
use crate::time;

/// A place in line.
type WaiterKey = Key<Waiter<Box<Connection>>>;

/// What a request wants of the pool.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// Where to.
    pub(crate) origin: &'a Origin,
    /// By which way.
    pub(crate) route: Route<'a>,
    /// With which TLS configuration.
    pub(crate) tls: Option<u64>,
    /// Only a connection that has carried nothing yet.
    pub(crate) fresh: bool,
    /// How long to wait in line.
    pub(crate) queue: Option<Duration>,
    /// When the request has to be over.
    pub(crate) total: Option<Instant>,
    /// Who wants to know.
    pub(crate) tracer: &'a Tracer,
}

/// A connection being made.
pub(crate) type Dialing = pin::Pin<Box<dyn Future<Output = Result<Acquired, Error>>>>;

/// A connection, and how it was come by.
pub(crate) struct Acquired {
    /// The connection.
    pub(crate) connection: Box<Connection>,
    /// Where the time went: queue, dns, connect, tls.
    pub(crate) timings: Timings,
}

/// Gets a connection when [`Pool::take_kept`] had none.
///
/// Fails with `Timeout` in the queue, or with the error of making the connection.
///
/// WHY NOT an `async fn` with the pieces in types of their own: a hundred thousand
/// requests may wait here, and each would hold the wish and the pool several times.
pub(crate) struct Checkout<'a> {
    /// Who asks, since its `now`.
    fetch: &'a Fetch,
    /// The connection being made for it.
    dialing: Option<Dialing>,
    /// Its place in line.
    place: Option<WaiterKey>,
    /// Ends the wait in line.
    alarm: Alarm,
    /// The host it waits for; kept until the end.
    host: HostKey,
    /// It stands in line, and that was told.
    queued: bool,
    /// Only a connection that has carried nothing yet.
    fresh: bool,
    /// What was idle was closed for it.
    made_room: bool,
}

impl<'a> Checkout<'a> {
    /// Dials if there is a place.
    pub(crate) fn begin(fetch: &'a Fetch, fresh: bool) -> Checkout<'a> {
        let pool = &fetch.client.0.pool;
        let host = pool.pin(&fetch.wish(fresh));
        let slot = pool.open(host);
        let dialing = slot.map(|slot| fetch.dial(slot, Duration::ZERO));
        let queued = dialing.is_none();
        if queued {
            fetch.tracer.tell(Event::QueueStart);
        }
        Checkout {
            fetch,
            dialing,
            place: None,
            alarm: Alarm::default(),
            host,
            queued,
            fresh,
            made_room: false,
        }
    }
}

impl Future for Checkout<'_> {
    type Output = Result<Acquired, Error>;

    fn poll(self: pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let acquired = ready!(this.poll_turn(cx));
        if this.queued {
            this.fetch.tracer.tell(Event::QueueEnd);
        }
        Poll::Ready(acquired)
    }
}

impl Checkout<'_> {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Acquired, Error>> {
        // Bounded: each round gives up a connection that turned out dead.
        while let Some(grant) = self.poll_place(cx) {
            if let Some(acquired) = self.on_grant(grant) {
                return Poll::Ready(Ok(acquired));
            }
        }
        if let Some(dialing) = &mut self.dialing {
            // Making a connection has deadlines of its own.
            let dialed = ready!(dialing.as_mut().poll(cx));
            self.dialing = None;
            if let Err(error) = &dialed
                && self.makes_room(error)
            {
                return self.poll_turn(cx);
            }
            return Poll::Ready(dialed);
        }
        let fetch = self.fetch;
        let own = fetch.request.options.deadlines.queue;
        let own = own.map(|queue| (instant_after(fetch.now, queue), Deadline::Queue));
        let (due, deadline) = earlier(own, fetch.total());
        self.alarm.poll(cx, due).map(|()| {
            let error = Error::timeout(deadline, Phase::Queue);
            Err(error.with_timings(self.in_line()))
        })
    }

    /// Descriptors that idle connections hold are given back once, and it is dialed again.
    fn makes_room(&mut self, error: &Error) -> bool {
        let pool = &self.fetch.client.0.pool;
        let exhausted = error.kind() == ErrorKind::DescriptorsExhausted;
        if !exhausted || pool.counts().1 == 0 || self.made_room {
            return false;
        }
        self.made_room = true;
        self.leave();
        pool.close_idle();
        let slot = pool.open(self.host);
        self.dialing = slot.map(|slot| self.fetch.dial(slot, Duration::ZERO));
        if self.dialing.is_none() && !std::mem::replace(&mut self.queued, true) {
            self.fetch.tracer.tell(Event::QueueStart);
        }
        true
    }

    /// A place to dial from, or a connection, which may have died meanwhile.
    fn on_grant(&mut self, grant: Grant<Box<Connection>>) -> Option<Acquired> {
        let (fetch, host) = (self.fetch, self.host);
        let pool = &fetch.client.0.pool;
        let timings = self.in_line();
        let Grant::Connection(mut connection) = grant else {
            self.dialing = Some(fetch.dial(pool.slot(host), timings.queue));
            return None;
        };
        self.leave();
        if !connection.has_stirred() {
            if let Some(dialing) = self.dialing.take() {
                finish_alone(pool, dialing);
            }
            return Some(Acquired {
                connection,
                timings,
            });
        }
        connection.ends(Fate::Stirred);
        drop(connection);
        if self.dialing.is_none() {
            let slot = pool.open(host);
            self.dialing = slot.map(|slot| fetch.dial(slot, timings.queue));
        }
        None
    }

    /// How long it stood in line, a connection being made meanwhile or not.
    fn in_line(&self) -> Timings {
        Timings {
            queue: time::now().saturating_duration_since(self.fetch.now),
            ..Timings::default()
        }
    }

    /// What was granted. Stands in line if it does not yet.
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Option<Grant<Box<Connection>>> {
        let books = &self.fetch.client.0.pool.books;
        if let Some(place) = self.place {
            let grant = books.borrow_mut().take_grant(place);
            if books.borrow().wants_waker(place, cx.waker()) {
                let waker = cx.waker().clone();
                let old = books.borrow_mut().set_waker(place, waker);
                drop(old);
            }
            return grant;
        }
        let wants = match (self.fresh, self.dialing.is_some()) {
            (true, true) => return None,
            (true, false) => Wants::Place,
            (false, true) => Wants::Connection,
            (false, false) => Wants::Either,
        };
        // LAW T5: wakers are anybody's code; cloned and dropped with nothing borrowed.
        let waker = cx.waker().clone();
        self.place = Some(books.borrow_mut().wait(self.host, wants, waker));
        None
    }

    /// Leaves the line, and hands on what was granted and not taken.
    fn leave(&mut self) {
        let pool = &self.fetch.client.0.pool;
        let Some(place) = self.place.take() else {
            return;
        };
        let left = pool.books.borrow_mut().leave(self.host, place);
        match left {
            Some(Turn::Granted(Grant::Connection(connection))) => {
                let _ = pool.put(connection);
            }
            Some(Turn::Granted(Grant::Place)) => drop(pool.slot(self.host)),
            // LAW T5: its waker goes here.
            Some(Turn::Ahead(_)) | None => {}
        }
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        // LAW P06: what is being made gives its place back before the line is left, and
        // the host's entry stays until both are done.
        self.dialing = None;
        self.leave();
        let mut books = self.fetch.client.0.pool.books.borrow_mut();
        books.unpin(self.host);
    }
}

/// Lets a connection that is no longer needed come about and go to the next.
fn finish_alone(pool: &Rc<Pool>, dialing: Dialing) {
    let pool = Rc::downgrade(pool);
    let task = async move {
        if let Ok(Acquired { connection, .. }) = dialing.await
            && let Some(pool) = pool.upgrade()
        {
            pool.put_new(connection);
        }
    };
    // Without a loop it is dropped, and its place goes to the next.
    if let Ok(handle) = try_spawn(task, SpawnOptions::new().name("http connect")) {
        handle.detach();
    }
}
