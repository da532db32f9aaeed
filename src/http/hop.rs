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
use super::payload::{Opened, Opening, Source};
use super::pool::{Acquired, Wish, checkout};
use super::proxy::Route;
use super::request::{BodyLength, RequestHead, TargetForm};
use super::retry::{self, Attempt, Retry};
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
            pass = Some(self.pass().await?);
            self.now = time::now();
        }
        let mut fresh = false;
        // Bounded by `retry::MOST`.
        for before in 0.. {
            self.account.attempts = self.account.attempts.saturating_add(1);
            let (length, source) = match self.request.body.open()? {
                Opened::Now(length, source) => (length, source),
                Opened::Later(opening) => self.opened(opening).await?,
            };
            let connection = self.connection(fresh, length).await?;
            let mut transfer = self.transfer(connection, length, source)?;
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
            let tally = &self.client.0.pool.tally;
            tally.count(|counters| counters.retries = counters.retries.saturating_add(1));
            self.tracer.tell(Event::Retry {
                attempt: self.account.attempts,
            });
            self.now = time::now();
        }
        Err(ErrorKind::Io.into())
    }

    /// The right to a connection, where policies say who gets one.
    fn pass(&mut self) -> Passing<'_> {
        // In a box: most clients have no doors, and all their futures would be so large.
        Box::pin(async {
            let Some(doors) = &self.client.0.doors else {
                return Err(ErrorKind::Runtime.into());
            };
            let (pass, queue) = doors.pass(&self.wish(false)).await?;
            self.account.timings.queue = self.account.timings.queue.saturating_add(queue);
            Ok(pass)
        })
    }

    /// Waits for a file.
    async fn opened(&mut self, opening: Opening) -> Result<(BodyLength, Source), Error> {
        let opened = opening.await;
        self.now = time::now();
        opened
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

    /// Writes the head, to memory.
    fn head(&self, length: BodyLength) -> Result<(Vec<u8>, Asked), Error> {
        let (client, request) = (&self.client.0, &self.request);
        let mut out = client.take_scratch();
        let head = RequestHead {
            method: &request.method,
            url: &request.url,
            origin: &self.origin,
            headers: &request.headers,
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
    fn prepare(&self, length: BodyLength, source: Source) -> Result<(Outbox, Asked), Error> {
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
        length: BodyLength,
        source: Source,
    ) -> Result<Box<Transfer>, Error> {
        match self.prepare(length, source) {
            Ok((outbox, asked)) => Ok(Transfer::begin(connection, outbox, asked, self)),
            Err(error) => {
                // Nothing was sent, so it is as good as before.
                self.client.0.pool.put_unused(connection);
                Err(error)
            }
        }
    }

    fn wish(&self, fresh: bool) -> Wish<'_> {
        let client = &self.client.0;
        Wish {
            origin: &self.origin,
            route: client.proxies.route(&self.origin),
            tls: client.tls_id(&self.origin),
            fresh,
            queue: self.request.options.deadlines.queue,
            total: self.total,
            tracer: &self.tracer,
        }
    }

    /// A connection: one that is kept, at once, or what the pool has for it later.
    async fn connection(
        &mut self,
        fresh: bool,
        length: BodyLength,
    ) -> Result<Box<Connection>, Error> {
        self.judge_host(self.client.0.proxies.route(&self.origin))?;
        let kept = self.client.0.pool.take_kept(&self.wish(fresh), self.now);
        let connection = match kept {
            Some(kept) => kept,
            None => {
                // What cannot be sent makes no connection. WHY NOT keep what is written:
                // a hundred thousand that wait would hold as many heads.
                self.head(length)
                    .map(|(head, _)| self.client.0.put_scratch(head))?;
                let acquired = self.checkout(fresh).await?;
                self.account.add(&acquired.timings);
                self.now = time::now();
                acquired.connection
            }
        };
        let (client, peer) = (&self.client.0, connection.peer());
        if connection.is_reused() {
            let tally = &client.pool.tally;
            tally.count(|counters| counters.reused = counters.reused.saturating_add(1));
            self.tracer.tell(Event::ConnectionReused { peer });
        }
        // LAW N05: a kept connection was allowed for another request.
        if let (Some(peer), Route::Direct) = (peer, client.proxies.route(&self.origin)) {
            client.dialer.guard.check(peer, self.was_public)?;
        }
        Ok(connection)
    }

    async fn checkout(&self, fresh: bool) -> Result<Acquired, Error> {
        let client = &self.client.0;
        let order = || Order {
            origin: self.origin.clone(),
            via: Via::from(client.proxies.route(&self.origin)),
            began_public: self.was_public,
            options: self.request.options.clone(),
            tracer: self.tracer.clone(),
            total: self.total,
        };
        let out_of_descriptors = |error: &Error| error.kind() == ErrorKind::DescriptorsExhausted;
        let mut again = true;
        loop {
            let waiting = checkout(&client.pool, &self.wish(fresh), |slot| {
                Box::pin(dial(client.dialer.clone(), order(), slot))
            });
            let acquired = waiting.await;
            let wanting = acquired.as_ref().is_err_and(out_of_descriptors);
            if !(wanting && std::mem::take(&mut again) && client.pool.counts().1 > 0) {
                return acquired;
            }
            client.pool.close_idle();
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

/// The future of a pass.
type Passing<'a> = Pin<Box<dyn Future<Output = Result<Box<Pass>, Error>> + 'a>>;
