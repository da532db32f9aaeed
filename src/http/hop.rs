//! A hop: one request of a fetch, up to the head of its response, tried again
//! where that is safe.
//!
//! Owns: nothing beyond the transfer it makes; these are methods of [`Fetch`].
//!
//! ```text
//!   doors, if there are any
//!      -> body opened, head checked      (what cannot be sent makes no connection)
//!      -> connection -> transfer -> head
//!            ^             |
//!            +--- retry ---+   only as `retry.rs` says
//! ```
//!
//! Laws: P04. Descriptors that idle connections hold are given back before a
//! request fails for want of one.
//!
//! Read next: `pool/mod.rs`, `dial.rs`, `transfer/mod.rs`.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use super::address::is_public;
use super::connection::Connection;
use super::dial::{Order, Via, dial};
use super::doors::Pass;
use super::error::Error;
use super::event::Asked;
use super::fetch::Fetch;
use super::hooks::Event;
use super::kind::ErrorKind;
use super::outbox::Outbox;
use super::payload::{Opened, Opening, Sending, Source};
use super::pool::{Checkout, Dialing, Slot, Wish};
use super::proxy::Route;
use super::request::{BodyLength, RequestHead, TargetForm};
use super::retry::{self, Attempt, Retry};
use super::timings::Timings;
use super::transfer::Transfer;
use crate::time;

impl Fetch {
    /// A transfer that has its head.
    ///
    /// # Errors
    /// Whatever happened to the last try.
    pub(super) async fn hop(&mut self) -> Result<Box<Transfer>, Error> {
        let mut pass = None;
        if self.client.0.doors.is_some() {
            let (passed, queue) = self.pass().await?;
            pass = Some(passed);
            self.account.add(&Timings {
                queue,
                ..Timings::default()
            });
            self.now = time::now();
        }
        let mut fresh = false;
        // Bounded by `retry::MOST`.
        for before in 0.. {
            self.account.attempts = self.account.attempts.saturating_add(1);
            let sending = match self.request.body.open()? {
                Opened::Now(sending) => sending,
                Opened::Later(opening) => self.opened(opening).await?,
            };
            let connection = if let Some(kept) = self.kept(fresh)? {
                kept
            } else {
                self.get_ready(&sending)?;
                let acquired = Checkout::begin(self, fresh).await;
                self.now = time::now();
                let acquired = acquired?;
                self.account.add(&acquired.timings);
                acquired.connection
            };
            self.judge(&connection)?;
            let mut transfer = self.transfer(connection, sending)?;
            let done = poll_fn(|cx| transfer.poll_head(cx)).await;
            let Err(error) = done else {
                transfer.keep(pass);
                return Ok(transfer);
            };
            fresh = self.again(&transfer, error, before)?;
        }
        Err(ErrorKind::Io.into())
    }

    /// The right to a connection, where policies say who gets one.
    fn pass(&mut self) -> Rare<'_, (Box<Pass>, Duration)> {
        Box::pin(async {
            let Some(doors) = &self.client.0.doors else {
                return Err(ErrorKind::Runtime.into());
            };
            let (pass, queue) = doors.pass(&self.wish(false)).await?;
            Ok((pass, queue))
        })
    }

    /// Waits for a file.
    fn opened(&mut self, opening: Opening) -> Rare<'_, Sending> {
        Box::pin(async {
            let opened = opening.await;
            self.now = time::now();
            opened
        })
    }

    /// May it be tried again, and only on a new connection?
    ///
    /// # Errors
    /// The one it failed with, if not.
    fn again(&mut self, transfer: &Transfer, error: Error, before: u32) -> Result<bool, Error> {
        self.account.take_over(transfer.measure(&self.account));
        let verdict = retry::decide(&Attempt {
            method: &self.request.method,
            kind: error.kind(),
            reused: transfer.reused(),
            heard: transfer.heard(),
            sent: transfer.sent_something(),
            replayable: self.request.body.is_replayable(),
            before,
        });
        if verdict == Retry::No {
            let error = error.with_carrier(transfer.carrier());
            return Err(error.with_peer(transfer.peer()));
        }
        let tally = &self.client.0.pool.tally;
        tally.count(|counters| counters.retries = counters.retries.saturating_add(1));
        self.tracer.tell(Event::Retry {
            attempt: self.account.attempts,
        });
        self.now = time::now();
        Ok(verdict == Retry::OnFresh)
    }

    /// Writes the head, to memory.
    fn head(&self, length: BodyLength) -> Result<(Vec<u8>, Asked), Error> {
        let (client, request) = (&self.client.0, &self.request);
        let mut out = client.take_scratch();
        let head = RequestHead {
            method: &request.method,
            url: &request.url,
            origin: &self.origin,
            headers: request.headers(),
            defaults: &client.defaults,
            left_home: self.left_home,
            form: match client.proxies.route(&self.origin) {
                Route::Forward(proxy) => TargetForm::Absolute(proxy.credentials()),
                Route::Direct | Route::Tunnel(_) => TargetForm::Origin,
            },
            body: length,
            user_agent: &client.dialer.user_agent,
            decode: request.options.decode,
        };
        let asked = client.stem.write_head(&mut out, &head)?;
        Ok((out, asked))
    }

    /// The request as it leaves: head and body.
    fn prepare(&self, sending: Sending) -> Result<(Outbox, Asked), Error> {
        let (length, source) = sending.into_parts();
        let (head, asked) = self.head(length)?;
        // What `write_head` announces: nothing may become a length of zero.
        let length = match (&source, length) {
            (Source::Empty, _) => BodyLength::None,
            (_, length) => length,
        };
        let outbox = Outbox::new(head, length, source, asked.expects_continue)?;
        Ok((outbox, asked))
    }

    /// Begins the exchange.
    fn transfer(
        &self,
        connection: Box<Connection>,
        sending: Sending,
    ) -> Result<Box<Transfer>, Error> {
        match self.prepare(sending) {
            Ok((outbox, asked)) => Ok(Transfer::begin(connection, outbox, asked, self)),
            Err(error) => {
                // Nothing was sent, so it is as good as before.
                self.client.0.pool.put_unused(connection);
                Err(error)
            }
        }
    }

    /// What it wants of the pool.
    pub(super) fn wish(&self, fresh: bool) -> Wish<'_> {
        let client = &self.client.0;
        Wish {
            origin: &self.origin,
            route: client.proxies.route(&self.origin),
            tls: client.tls_id(&self.origin),
            fresh,
            queue: self.request.options.deadlines.queue,
            total: self.total(),
            tracer: &self.tracer,
        }
    }

    /// A connection that is kept, if there is one.
    fn kept(&self, fresh: bool) -> Result<Option<Box<Connection>>, Error> {
        let client = &self.client.0;
        self.judge_host(client.proxies.route(&self.origin))?;
        Ok(client.pool.take_kept(&self.wish(fresh), self.now))
    }

    /// Before it waits for a connection: what cannot be sent makes none.
    fn get_ready(&mut self, sending: &Sending) -> Result<(), Error> {
        // WHY NOT keep what is written: a hundred thousand that wait would hold as many
        // heads.
        let (head, _) = self.head(sending.length())?;
        self.client.0.put_scratch(head);
        self.request.url.trim();
        Ok(())
    }

    /// Makes a connection of its own, after so much time in line.
    pub(super) fn dial(&self, slot: Slot, queued: Duration) -> Dialing {
        let client = &self.client.0;
        let order = Order {
            origin: self.origin.clone(),
            via: Via::from(client.proxies.route(&self.origin)),
            began_public: self.was_public,
            options: self.request.options.clone(),
            tracer: self.tracer.clone(),
            queued,
            total: self.total(),
        };
        Box::pin(dial(client.dialer.clone(), order, slot))
    }

    /// Counts a connection that is used again, and judges where it leads.
    fn judge(&self, connection: &Connection) -> Result<(), Error> {
        let (client, peer) = (&self.client.0, connection.peer());
        if connection.is_reused() {
            let tally = &client.pool.tally;
            tally.count(|counters| counters.reused = counters.reused.saturating_add(1));
            self.tracer.tell(Event::ConnectionReused { peer });
        }
        // LAW N05: a kept connection was allowed for another request.
        match (peer, client.proxies.route(&self.origin)) {
            (Some(peer), Route::Direct) => client.dialer.guard.check(peer, self.was_public),
            _ => Ok(()),
        }
    }

    /// LAW N05: behind a proxy the host is all there is to judge, and it is judged for
    /// every request, since one connection to a proxy serves many hosts.
    fn judge_host(&self, route: Route<'_>) -> Result<(), Error> {
        match (route, self.origin.ip()) {
            (Route::Direct, _) | (_, None) => Ok(()),
            (_, Some(ip)) => {
                let address = (ip, self.origin.port()).into();
                self.client.0.dialer.guard.check(address, self.was_public)
            }
        }
    }

    /// Did this hop go to a public address, as far as anybody can tell? Only a proxy
    /// knows where a name leads.
    pub(super) fn went_public(&self, peer: Option<SocketAddr>) -> bool {
        match self.client.0.proxies.route(&self.origin) {
            Route::Direct => peer.is_some_and(|peer| is_public(peer.ip())),
            Route::Forward(_) | Route::Tunnel(_) => self.origin.ip().is_none_or(is_public),
        }
    }
}

/// What most requests do not wait for. In a box, or the futures of all would be as large.
type Rare<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;
