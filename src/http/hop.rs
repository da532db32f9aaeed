//! A hop: one request of a fetch, up to the head of its response, tried again
//! where that is safe.
//!
//! Owns: nothing beyond the transfer it makes; these are methods of [`Fetch`].
//!
//! ```text
//!   doors, if there are any
//!      -> prepare: body opened, head written     (errors before any connection)
//!      -> connection -> transfer -> head
//!            ^             |
//!            +--- retry ---+   only as `retry.rs` says
//! ```
//!
//! Laws: P04. Descriptors that idle connections hold are given back before a
//! request fails for want of one.
//!
//! Read next: `pool/mod.rs`, `dial.rs`, `transfer/mod.rs`.

use std::future::poll_fn;
use std::net::SocketAddr;

use super::address::is_public;
use super::dial::{Order, Via, dial};
use super::doors::Pass;
use super::error::Error;
use super::event::Asked;
use super::exchange::Exchange;
use super::fetch::Fetch;
use super::hooks::Event;
use super::kind::ErrorKind;
use super::outbox::Outbox;
use super::payload::Source;
use super::pool::{Acquired, Wish, checkout};
use super::proxy::Route;
use super::request::{BodyLength, RequestHead, TargetForm, write_head};
use super::response;
use super::retry::{self, Attempt, Retry};
use super::transfer::Transfer;
use super::watch::Watch;
use crate::time;

impl Fetch<'_> {
    /// A transfer that has its head.
    ///
    /// # Errors
    /// Whatever happened to the last try.
    pub(super) async fn hop(&mut self) -> Result<Box<Transfer>, Error> {
        let pass = self.pass().await?;
        let mut fresh = false;
        // Bounded by `retry::MOST`.
        for before in 0.. {
            self.account.attempts = self.account.attempts.saturating_add(1);
            let (outbox, asked) = self.prepare().await?;
            let mut transfer = self.transfer(outbox, asked, fresh).await?;
            let done = poll_fn(|cx| transfer.poll_head(cx)).await;
            transfer.add_times(&mut self.account.timings);
            let Err(error) = done else {
                transfer.keep(pass);
                return Ok(transfer);
            };
            fresh = match self.verdict(&transfer, error.kind(), before) {
                Retry::No => {
                    let error = error.with_carrier(transfer.carrier());
                    return Err(error.with_peer(transfer.peer()));
                }
                Retry::Yes => false,
                Retry::OnFresh => true,
            };
            let tally = &self.client.pool.tally;
            tally.count(|counters| counters.retries = counters.retries.saturating_add(1));
            self.tracer.tell(Event::Retry {
                attempt: self.account.attempts,
            });
        }
        Err(ErrorKind::Io.into())
    }

    /// The right to a connection, where policies say who gets one.
    async fn pass(&mut self) -> Result<Option<Pass>, Error> {
        let Some(doors) = &self.client.doors else {
            return Ok(None);
        };
        let (pass, queue) = doors.pass(&self.wish(false)).await?;
        self.account.timings.queue = self.account.timings.queue.saturating_add(queue);
        Ok(Some(pass))
    }

    fn verdict(&self, transfer: &Transfer, kind: ErrorKind, before: u32) -> Retry {
        retry::decide(&Attempt {
            method: &self.request.method,
            kind,
            reused: transfer.reused(),
            heard: transfer.heard(),
            sent: transfer.sent_something(),
            replayable: self.request.body.is_replayable(),
            before,
        })
    }

    /// Opens the body and writes the head, to memory.
    async fn prepare(&mut self) -> Result<(Outbox, Asked), Error> {
        let (length, source) = self.request.body.open().await?;
        let request = &self.request;
        let mut out = self.client.take_scratch();
        let head = RequestHead {
            method: &request.method,
            url: &request.url,
            origin: &self.origin,
            headers: &request.headers,
            defaults: &self.client.defaults,
            left_home: self.left_home,
            form: match self.client.proxies.route(&self.origin) {
                Route::Forward(proxy) => TargetForm::Absolute(proxy.credentials()),
                Route::Direct | Route::Tunnel(_) => TargetForm::Origin,
            },
            body: length,
            user_agent: &self.client.dialer.user_agent,
            decode: request.options.decode,
        };
        let asked = write_head(&mut out, &head)?;
        // What `write_head` announces: nothing may become a length of zero.
        let length = match (&source, length) {
            (Source::Empty, _) => BodyLength::None,
            (_, length) => length,
        };
        let outbox = Outbox::new(out, length, source, asked.expects_continue)?;
        Ok((outbox, asked))
    }

    /// Gets a connection and begins the exchange on it.
    async fn transfer(
        &mut self,
        outbox: Outbox,
        asked: Asked,
        fresh: bool,
    ) -> Result<Box<Transfer>, Error> {
        let mut acquired = self.connection(fresh).await;
        let out_of_descriptors = |error: &Error| error.kind() == ErrorKind::DescriptorsExhausted;
        if acquired.as_ref().is_err_and(out_of_descriptors) && self.client.pool.counts().1 > 0 {
            self.client.pool.close_idle();
            acquired = self.connection(fresh).await;
        }
        let Acquired {
            connection,
            timings,
        } = acquired?;
        self.account.add(&timings);
        let options = &self.request.options;
        let mut exchange = Exchange::begin(asked, &options.limits);
        exchange.reuse_memory(response::spare_headers());
        // Boxed: it lives on in the response, and is moved more than once.
        Ok(Box::new(Transfer::begin(
            connection,
            exchange,
            outbox,
            Watch::new(options.clone(), self.total, time::now()),
            self.client.clone(),
            self.tracer.clone(),
        )))
    }

    fn wish(&self, fresh: bool) -> Wish<'_> {
        Wish {
            origin: &self.origin,
            route: self.client.proxies.route(&self.origin),
            tls: self.client.tls_id(&self.origin),
            fresh,
            queue: self.request.options.deadlines.queue,
            total: self.total,
            tracer: &self.tracer,
        }
    }

    async fn connection(&self, fresh: bool) -> Result<Acquired, Error> {
        let client = self.client;
        let options = &self.request.options;
        let wish = self.wish(fresh);
        let route = wish.route;
        self.judge_host(route)?;
        let order = || Order {
            origin: self.origin.clone(),
            via: Via::from(route),
            began_public: self.was_public,
            deadlines: options.deadlines.clone(),
            limits: options.limits.clone(),
            tracer: self.tracer.clone(),
            total: self.total,
        };
        let acquired = checkout(&client.pool, wish, |slot| {
            Box::pin(dial(client.dialer.clone(), order(), slot))
        })
        .await?;
        let peer = acquired.connection.peer();
        if acquired.connection.is_reused() {
            let tally = &client.pool.tally;
            tally.count(|counters| counters.reused = counters.reused.saturating_add(1));
            self.tracer.tell(Event::ConnectionReused { peer });
        }
        // LAW N05: a kept connection was allowed for another request.
        if let (Some(peer), Route::Direct) = (peer, route) {
            client.dialer.guard.check(peer, self.was_public)?;
        }
        Ok(acquired)
    }

    /// LAW N05: behind a proxy the host is all there is to judge, and it is judged for
    /// every request, since one connection to a proxy serves many hosts.
    fn judge_host(&self, route: Route<'_>) -> Result<(), Error> {
        match (route, self.origin.ip()) {
            (Route::Direct, _) | (_, None) => Ok(()),
            (_, Some(ip)) => {
                let address = (ip, self.origin.port()).into();
                self.client.dialer.guard.check(address, self.was_public)
            }
        }
    }

    /// Did this hop go to a public address, as far as anybody can tell? Only a proxy
    /// knows where a name leads.
    pub(super) fn went_public(&self, peer: Option<SocketAddr>) -> bool {
        match self.client.proxies.route(&self.origin) {
            Route::Direct => peer.is_some_and(|peer| is_public(peer.ip())),
            Route::Forward(_) | Route::Tunnel(_) => self.origin.ip().is_none_or(is_public),
        }
    }
}
