//! A fetch: from a request to the head of the response that is delivered, over
//! retries and redirects.
//!
//! Owns: the account of one call: where the time went, how often it was tried,
//! which URLs it went through.
//!
//! ```text
//!   prepare: body opened, head written          (errors before any connection)
//!      -> checkout -> transfer -> head --deliver--> Response
//!            ^           |          |
//!            |  retry    |          | redirect: drain, change the request
//!            +-----------+          +--> prepare
//! ```
//!
//! Laws: P04 and N01 to N09 are applied here and decided elsewhere (`retry.rs`,
//! `redirect.rs`). E03, every call has one outcome. D, the total deadline covers
//! all of it, since every wait below is given the same instant.
//!
//! Absent on purpose: tasks. A fetch is one future; dropping it drops whatever
//! it holds (law P06).
//!
//! Read next: `response.rs`.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use url::Url;

use super::address::is_public;
use super::basic;
use super::client::Shared;
use super::deadlines::Deadlines;
use super::dial::{Order, Via, dial};
use super::error::Error;
use super::event::Asked;
use super::exchange::Exchange;
use super::headers::Headers;
use super::hooks::{Event, Tracer};
use super::kind::ErrorKind;
use super::limits::Limits;
use super::method::Method;
use super::origin::{self, Origin};
use super::outbox::Outbox;
use super::payload::{Body, Source};
use super::pool::{Acquired, Wish, checkout};
use super::proxy::Route;
use super::quirk::Quirks;
use super::redirect::{NextRequest, RedirectPolicy, Step, Trail, Turn};
use super::request::{BodyLength, RequestHead, TargetForm, write_head};
use super::response::{self, Account, Redirect, Response};
use super::retry::{self, Attempt, Retry};
use super::timings::Timings;
use super::transfer::{Next, Transfer};
use super::watch::Watch;
use crate::clock::instant_after;
use crate::time;

/// What a caller asks for.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) body: Body,
    pub(crate) options: Rc<Options>,
}

/// How it is to be done; shared by all requests that do not say otherwise.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) redirects: RedirectPolicy,
    /// Undo content codings?
    pub(crate) decode: bool,
}

/// One call under way.
struct Fetch<'a> {
    client: &'a Rc<Shared>,
    request: Request,
    /// The origin of the request's URL.
    origin: Origin,
    tracer: Tracer,
    /// When all has to be over.
    total: Option<Instant>,
    account: Account,
    trail: Trail,
    /// A hop went to a public address.
    was_public: bool,
    /// What was let pass in a `Location`.
    quirks: Quirks,
}

/// Makes the request and waits for the head of the response.
///
/// # Errors
/// Anything in `ErrorKind`.
pub(crate) async fn fetch(client: &Rc<Shared>, mut request: Request) -> Result<Response, Error> {
    let started = time::now();
    let options = request.options.clone();
    // The user and password become a header at once, and are seen by nobody.
    if let Some(value) = basic::take_userinfo(&mut request.url)
        && !request.headers.contains("authorization")
    {
        request.headers.append("Authorization", value)?;
    }
    let origin = Origin::of(&request.url)?;
    origin::check_length(&request.url, &options.limits)?;
    let mut fetch = Fetch {
        client,
        origin,
        tracer: client.tracer(),
        total: (options.deadlines.total).map(|total| instant_after(started, total)),
        account: Account::new(started),
        trail: Trail::default(),
        was_public: false,
        quirks: Quirks::NONE,
        request,
    };
    fetch.tracer.tell(Event::RequestStart {
        method: &fetch.request.method,
        url: &fetch.request.url,
    });
    let outcome = fetch.run().await;
    outcome.map_err(|error| fetch.blame(error))
}

impl Fetch<'_> {
    async fn run(&mut self) -> Result<Response, Error> {
        // Bounded by the redirect limit.
        loop {
            let mut transfer = self.exchange().await?;
            let head = transfer.head();
            self.tracer.tell(Event::ResponseStart {
                status: head.status,
                headers: &head.headers,
            });
            let turn = Turn {
                method: &self.request.method,
                url: &self.request.url,
                replayable: self.request.body.is_replayable(),
                status: head.status,
                headers: &head.headers,
            };
            let options = &self.request.options;
            match self
                .trail
                .follow(&turn, &options.redirects, &options.limits)?
            {
                Step::Deliver => return self.deliver(transfer),
                Step::Follow(next) => {
                    let status = turn.status;
                    self.drain(&mut transfer).await;
                    self.follow(status, *next, transfer.peer());
                }
            }
        }
    }

    /// One hop: a transfer that has its head. Tries again where that is allowed.
    async fn exchange(&mut self) -> Result<Transfer, Error> {
        let (mut fresh, mut made_room) = (false, false);
        // Bounded by `retry::MOST`.
        for before in 0.. {
            self.account.attempts += 1;
            let (outbox, asked) = self.prepare().await?;
            let Acquired {
                connection,
                timings,
            } = match self.connection(fresh).await {
                Err(error)
                    if error.kind() == ErrorKind::DescriptorsExhausted
                        && !made_room
                        && self.client.pool.counts().1 > 0 =>
                {
                    // Idle connections hold what is missing.
                    made_room = true;
                    self.client.pool.close_idle();
                    continue;
                }
                acquired => acquired?,
            };
            self.account.add(&timings);
            let options = &self.request.options;
            let mut exchange = Exchange::begin(asked, &options.limits);
            exchange.reuse_memory(response::spare_headers());
            let mut transfer = Transfer::begin(
                connection,
                exchange,
                outbox,
                Watch::new(options.deadlines.clone(), self.total, time::now()),
                self.client.pool.clone(),
                self.tracer.clone(),
            );
            let done = poll_fn(|cx| transfer.poll_head(cx)).await;
            transfer.add_times(&mut self.account.timings);
            if let Some(memory) = transfer.take_memory() {
                self.client.put_scratch(memory);
            }
            let Err(error) = done else {
                return Ok(transfer);
            };
            let verdict = retry::decide(&Attempt {
                method: &self.request.method,
                kind: error.kind(),
                reused: transfer.reused(),
                heard: transfer.heard(),
                sent: transfer.sent_something(),
                replayable: self.request.body.is_replayable(),
                before,
            });
            fresh = match verdict {
                Retry::No => return Err(error.with_peer(transfer.peer())),
                Retry::Yes => false,
                Retry::OnFresh => true,
            };
            self.tracer.tell(Event::Retry {
                attempt: self.account.attempts,
            });
        }
        Err(ErrorKind::Io.into())
    }

    /// Opens the body and writes the head, to memory.
    async fn prepare(&mut self) -> Result<(Outbox, Asked), Error> {
        let (length, source) = self.request.body.open().await?;
        let request = &self.request;
        let route = self.client.proxies.route(&self.origin);
        let mut out = self.client.take_scratch();
        let head = RequestHead {
            method: &request.method,
            url: &request.url,
            origin: &self.origin,
            headers: &request.headers,
            defaults: &self.client.defaults,
            form: match route {
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

    async fn connection(&self, fresh: bool) -> Result<Acquired, Error> {
        let client = self.client;
        let options = &self.request.options;
        let route = client.proxies.route(&self.origin);
        let wish = Wish {
            origin: &self.origin,
            route,
            tls: client.tls_id(&self.origin),
            fresh,
            queue: options.deadlines.queue,
            total: self.total,
            tracer: &self.tracer,
        };
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
            self.tracer.tell(Event::ConnectionReused { peer });
        }
        // LAW N05: a kept connection was allowed for another request.
        if let (Some(peer), Route::Direct) = (peer, route) {
            client.dialer.guard.check(peer, self.was_public)?;
        }
        Ok(acquired)
    }

    fn deliver(&mut self, mut transfer: Transfer) -> Result<Response, Error> {
        let head = transfer.take_head();
        transfer.finish_if_empty()?;
        let started = self.account.started;
        let account = std::mem::replace(&mut self.account, Account::new(started));
        let url = self.request.url.clone();
        Ok(Response::new(transfer, head, url, account, self.quirks))
    }

    /// Reads the body of a redirect, if it is short, to save the connection.
    async fn drain(&self, transfer: &mut Transfer) {
        let options = &self.request.options;
        transfer.discard(instant_after(time::now(), options.deadlines.drain));
        let mut left = options.limits.drain_bytes;
        loop {
            // An error here is the connection's, not the request's.
            let Ok(Next::Bytes(piece)) = poll_fn(|cx| transfer.poll_step(cx)).await else {
                return;
            };
            let length = transfer.lend(piece).len() as u64;
            let Some(less) = left.checked_sub(length) else {
                return;
            };
            left = less;
        }
    }

    /// Turns the request into the one that the redirect asks for.
    fn follow(&mut self, status: u16, next: NextRequest, peer: Option<SocketAddr>) {
        self.was_public |= peer.is_some_and(|peer| is_public(peer.ip()));
        next.apply(&mut self.request.headers);
        let from = std::mem::replace(&mut self.request.url, next.url);
        self.request.method = next.method;
        self.origin = next.origin;
        if next.drop_body {
            self.request.body = Body::empty();
        }
        self.quirks.merge(next.quirks);
        self.tracer.tell(Event::Redirect {
            status,
            to: &self.request.url,
        });
        self.account.history.push(Redirect { status, url: from });
    }

    /// Adds what the call knows to an error.
    fn blame(&mut self, error: Error) -> Error {
        if let Some(timings) = error.timings() {
            self.account.add(&timings.clone());
        }
        let error = error
            .with_url(&self.request.url)
            .with_timings(self.account.so_far())
            .with_attempts(self.account.attempts);
        self.tracer.tell(Event::RequestFailed { error: &error });
        error
    }
}

/// Adds the phases of `more` to `timings`.
pub(crate) fn add(timings: &mut Timings, more: &Timings) {
    timings.queue += more.queue;
    timings.dns += more.dns;
    timings.connect += more.connect;
    timings.tls += more.tls;
    timings.write += more.write;
    timings.first_byte += more.first_byte;
}
