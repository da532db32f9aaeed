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

use super::ledger::{Grant, Waiter, Wants};
use super::{HostPin, Pool, Slot};
use crate::clock::instant_after;
use crate::http::alarm::{Alarm, earlier};
use crate::http::connection::Connection;
use crate::http::counters::Fate;
use crate::http::deadlines::Deadline;
use crate::http::error::Error;
use crate::http::hooks::{Event, Tracer};
use crate::http::kind::Phase;
use crate::http::origin::Origin;
use crate::http::proxy::Route;
use crate::http::timings::Timings;
use crate::runtime::try_spawn;
use crate::slab::Key;
use crate::task::SpawnOptions;
use crate::time;

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

/// A connection that was made.
pub(crate) struct Dialed {
    /// The connection.
    pub(crate) connection: Box<Connection>,
    /// Where the time went: dns, connect, tls.
    pub(crate) timings: Timings,
}

/// A connection being made.
pub(crate) type Dialing = pin::Pin<Box<dyn Future<Output = Result<Dialed, Error>>>>;

/// A connection, and how it was come by.
pub(crate) struct Acquired {
    /// The connection.
    pub(crate) connection: Box<Connection>,
    /// Where the time went: queue, dns, connect, tls.
    pub(crate) timings: Timings,
}

/// Gets a connection when [`Pool::take_kept`] had none. `dial` makes one.
///
/// # Errors
/// `Timeout` in the queue, or the error of making the connection.
///
/// WHY NOT an `async fn`: it would hold the whole wish while it waits, and many wait.
pub(crate) fn checkout<'a, D>(pool: &'a Rc<Pool>, wish: &Wish<'a>, dial: D) -> Checkout<'a, D>
where
    D: Fn(Slot) -> Dialing,
{
    let (host, since) = (pool.pin(wish), time::now());
    let own = (wish.queue).map(|queue| (instant_after(since, queue), Deadline::Queue));
    let dialing = pool.open(host.key).map(&dial);
    let queued = dialing.is_none();
    if queued {
        wish.tracer.tell(Event::QueueStart);
    }
    Checkout {
        dial,
        tracer: wish.tracer,
        queued,
        fresh: wish.fresh,
        turn: Turn {
            dialing,
            place: None,
            alarm: Alarm::default(),
            due: earlier(own, wish.total),
            since,
            dialed_at: None,
            host,
        },
    }
}

/// The future of [`checkout`].
pub(crate) struct Checkout<'a, D> {
    /// Makes a connection.
    dial: D,
    /// Who wants to know.
    tracer: &'a Tracer,
    /// It stands in line, and that was told.
    queued: bool,
    /// Only a connection that has carried nothing yet.
    fresh: bool,
    turn: Turn<'a>,
}

// The closure is called, never pinned.
impl<D> Unpin for Checkout<'_, D> {}

impl<D: Fn(Slot) -> Dialing> Future for Checkout<'_, D> {
    type Output = Result<Acquired, Error>;

    fn poll(self: pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let acquired = ready!(this.turn.poll(cx, this.fresh, &this.dial));
        if this.queued {
            this.tracer.tell(Event::QueueEnd);
        }
        Poll::Ready(acquired)
    }
}

/// One request's wait.
struct Turn<'a> {
    /// The connection being made for it.
    dialing: Option<Dialing>,
    /// Its place in line.
    place: Option<Place<'a>>,
    alarm: Alarm,
    /// How long it waits in line.
    due: (Option<Instant>, Deadline),
    /// When it began to wait.
    since: Instant,
    /// When its own connection began to be made, unless at once.
    dialed_at: Option<Instant>,
    /// The host it waits for; given up last.
    host: HostPin<'a>,
}

impl<'a> Turn<'a> {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        fresh: bool,
        dial: &impl Fn(Slot) -> Dialing,
    ) -> Poll<Result<Acquired, Error>> {
        // Bounded: each round gives up a connection that turned out dead.
        while let Some(grant) = self.poll_place(cx, fresh) {
            if let Some(acquired) = self.on_grant(grant, dial) {
                return Poll::Ready(Ok(acquired));
            }
        }
        if let Some(dialing) = &mut self.dialing {
            // Making a connection has deadlines of its own.
            let done = ready!(dialing.as_mut().poll(cx));
            self.dialing = None;
            return Poll::Ready(match done {
                Ok(dialed) => Ok(self.acquired(dialed.connection, Some(dialed.timings))),
                Err(error) => Err(self.blame(error)),
            });
        }
        let (due, deadline) = self.due;
        self.alarm.poll(cx, due).map(|()| {
            let error = Error::timeout(deadline, Phase::Queue);
            Err(self.blame(error))
        })
    }

    /// A place to dial from, or a connection, which may have died meanwhile.
    fn on_grant(
        &mut self,
        grant: Grant<Box<Connection>>,
        dial: &impl Fn(Slot) -> Dialing,
    ) -> Option<Acquired> {
        let (pool, host) = (self.host.pool, self.host.key);
        let Grant::Connection(mut connection) = grant else {
            self.dialed_at = Some(time::now());
            self.dialing = Some(dial(pool.slot(host)));
            return None;
        };
        self.place = None;
        if !connection.has_stirred() {
            if let Some(dialing) = self.dialing.take() {
                finish_alone(pool, dialing);
            }
            return Some(self.acquired(connection, None));
        }
        connection.ends(Fate::Stirred);
        drop(connection);
        if self.dialing.is_none() {
            self.dialed_at = Some(time::now());
            self.dialing = pool.open(host).map(dial);
        }
        None
    }

    /// What was granted. Stands in line if it does not yet.
    fn poll_place(&mut self, cx: &mut Context<'_>, fresh: bool) -> Option<Grant<Box<Connection>>> {
        if let Some(place) = &self.place {
            return place.poll(cx);
        }
        let wants = match (fresh, self.dialing.is_some()) {
            (true, true) => return None,
            (true, false) => Wants::Place,
            (false, true) => Wants::Connection,
            (false, false) => Wants::Either,
        };
        self.place = Some(Place::enter(&self.host, wants, cx));
        None
    }

    fn acquired(&self, connection: Box<Connection>, dialed: Option<Timings>) -> Acquired {
        let mut timings = dialed.unwrap_or_default();
        timings.queue = self.queued(dialed.is_some());
        Acquired {
            connection,
            timings,
        }
    }

    /// Adds the time in line to an error.
    fn blame(&self, error: Error) -> Error {
        let mut timings = error.timings().copied().unwrap_or_default();
        timings.queue = self.queued(error.phase() != Phase::Queue);
        error.with_timings(timings)
    }

    /// How long it stood in line, a connection being made meanwhile or not.
    fn queued(&self, own_connection: bool) -> Duration {
        let until = match (own_connection, self.dialed_at) {
            (true, Some(dialed_at)) => dialed_at,
            (true, None) => self.since,
            (false, _) => time::now(),
        };
        until.saturating_duration_since(self.since)
    }
}

/// A place in line.
struct Place<'a> {
    pool: &'a Rc<Pool>,
    waiter: Key<Waiter<Box<Connection>>>,
}

impl<'a> Place<'a> {
    fn enter(host: &HostPin<'a>, wants: Wants, cx: &mut Context<'_>) -> Place<'a> {
        // LAW T5: wakers are anybody's code; cloned and dropped with nothing borrowed.
        let waker = cx.waker().clone();
        let waiter = host.pool.books.borrow_mut().wait(host.key, wants, waker);
        Place {
            pool: host.pool,
            waiter,
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Option<Grant<Box<Connection>>> {
        let books = &self.pool.books;
        let grant = books.borrow_mut().take_grant(self.waiter);
        if books.borrow().wants_waker(self.waiter, cx.waker()) {
            let waker = cx.waker().clone();
            let old = books.borrow_mut().set_waker(self.waiter, waker);
            drop(old);
        }
        grant
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let left = self.pool.books.borrow_mut().leave(self.waiter);
        let Some(left) = left else {
            return;
        };
        match left.grant {
            Some(Grant::Connection(connection)) => {
                let _ = self.pool.put(connection);
            }
            Some(Grant::Place) => drop(self.pool.slot(left.host)),
            None => {}
        }
    }
}

/// Lets a connection that is no longer needed come about and go to the next.
fn finish_alone(pool: &Rc<Pool>, dialing: Dialing) {
    let pool = Rc::downgrade(pool);
    let task = async move {
        if let Ok(Dialed { connection, .. }) = dialing.await
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
