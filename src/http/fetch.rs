//! A fetch: from a request to the head of the response that is delivered, over
//! retries and redirects.
//!
//! Owns: the account of one call: where the time went, how often it was tried,
//! which URLs it went through.
//!
//! ```text
//!   hop (hop.rs) --head of the response--> deliver --> Response
//!     ^                                       |
//!     +---- drain, change the request --------+ redirect
//! ```
//!
//! Laws: P04 and N01 to N09 are applied here and decided elsewhere (`retry.rs`,
//! `redirect.rs`). E03, every call has one outcome. D, the total deadline covers
//! all of it, since every wait below is given the same instant.
//!
//! Absent on purpose: tasks. A fetch is one future; dropping it drops whatever
//! it holds (law P06).
//!
//! Read next: `hop.rs`, one request of it; `response.rs`, what comes of it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use super::client::Client;
use super::deadlines::Deadlines;
use super::error::Error;
use super::head::ResponseHead;
use super::headers::Headers;
use super::hooks::{Event, Tracer};
use super::limits::Limits;
use super::method::Method;
use super::origin::Origin;
use super::payload::Body;
use super::quirk::Quirks;
use super::redirect::{self, NextRequest, RedirectPolicy, Step, Turn};
use super::response::{Account, Redirect, Response};
use super::target::Target;
use super::trail::Trail;
use super::transfer::{Next, Transfer};
use crate::clock::instant_after;
use crate::time;

/// What a caller asks for.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Target,
    /// In a box: most requests have no fields of their own.
    headers: Option<Box<Headers>>,
    pub(crate) body: Body,
    pub(crate) options: Rc<Options>,
}

impl Request {
    /// Its own fields.
    pub(crate) fn headers(&self) -> &Headers {
        static NONE: Headers = Headers::new();
        self.headers.as_deref().unwrap_or(&NONE)
    }

    /// Its own fields, to be changed.
    pub(crate) fn headers_mut(&mut self) -> &mut Headers {
        self.headers.get_or_insert_default()
    }
}

/// How it is to be done; shared by all requests that do not say otherwise.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) limits: Rc<Limits>,
    pub(crate) deadlines: Deadlines,
    pub(crate) redirects: RedirectPolicy,
    /// Undo content codings?
    pub(crate) decode: bool,
}

/// One call, from the builder to the drop of the response. It lives in one box, so
/// none of it is moved on the way.
pub(crate) struct Fetch {
    pub(super) client: Client,
    pub(super) request: Request,
    /// The origin of the request's URL.
    pub(super) origin: Origin,
    pub(super) tracer: Tracer,
    /// The clock, as it was looked at before each step; before `send`, when the client
    /// was made.
    pub(super) now: Instant,
    pub(super) account: Account,
    pub(super) trail: Trail,
    /// A hop went to a public address.
    pub(super) was_public: bool,
    /// A redirect led to another origin (law N01: for good).
    pub(super) left_home: bool,
    /// What was let pass, so far.
    pub(super) quirks: Quirks,
}

/// Makes the request and waits for the head of the response.
///
/// # Errors
/// Anything in `ErrorKind`.
pub(crate) async fn fetch(fetch: Result<Box<Fetch>, Error>) -> Result<Response, Error> {
    let mut fetch = fetch?;
    fetch.begin()?;
    match fetch.run().await {
        Ok(transfer) => {
            let tally = &fetch.client.0.pool.tally;
            tally.count(|counters| counters.responses = counters.responses.saturating_add(1));
            Ok(Response::new(fetch, transfer))
        }
        Err(error) => Err(fetch.blame(error)),
    }
}

impl Fetch {
    pub(super) fn new(client: Client, method: Method, url: Target) -> Result<Box<Fetch>, Error> {
        Ok(Box::new(Fetch {
            origin: client.0.origin_of(&url)?,
            request: Request {
                method,
                url,
                headers: None,
                body: Body::empty(),
                options: client.0.options.clone(),
            },
            now: client.0.born,
            client,
            tracer: Tracer::default(),
            account: Account::default(),
            trail: Trail::default(),
            was_public: false,
            left_home: false,
            quirks: Quirks::NONE,
        }))
    }

    /// The clock starts, and what only the whole request shows is checked.
    fn begin(&mut self) -> Result<(), Error> {
        self.now = time::now();
        let (client, request) = (&self.client.0, &mut self.request);
        // The user and password become a header at once, and are seen by nobody.
        if let Some(value) = request.url.take_credentials()
            && !request.headers().contains("authorization")
        {
            request.headers_mut().append("Authorization", value)?;
        }
        request.url.check_length(&request.options.limits)?;
        let tally = &client.pool.tally;
        tally.count(|counters| counters.requests = counters.requests.saturating_add(1));
        self.account.started = Some(self.now);
        self.tracer = client.tracer();
        if self.tracer.listens() {
            self.tracer.tell(Event::RequestStart {
                method: &request.method,
                url: request.url.url(),
            });
        }
        Ok(())
    }

    /// When all has to be over. WHY NOT kept: a hundred thousand may wait.
    pub(super) fn total(&self) -> Option<Instant> {
        let total = self.request.options.deadlines.total?;
        Some(instant_after(self.account.started?, total))
    }

    /// A transfer whose response is for the caller.
    async fn run(&mut self) -> Result<Box<Transfer>, Error> {
        // Bounded by the redirect limit.
        loop {
            let mut transfer = self.hop().await?;
            let head = transfer.head();
            self.tracer.tell(Event::ResponseStart {
                status: head.status,
                headers: &head.headers,
            });
            let status = head.status;
            let step = match self.step(transfer.head()) {
                Ok(Step::Deliver) => transfer.finish_if_empty().map(|()| Step::Deliver),
                step => step,
            };
            if let Ok(Step::Deliver) = step {
                return Ok(transfer);
            }
            self.account.take_over(transfer.measure(&self.account));
            if let Step::Follow(next) = step? {
                self.drain(&mut transfer).await;
                self.follow(status, *next, transfer.peer());
                self.now = time::now();
            }
        }
    }

    /// Where this response leads.
    fn step(&mut self, head: &ResponseHead) -> Result<Step, Error> {
        if !redirect::leads_on(head.status) {
            return Ok(Step::Deliver);
        }
        let turn = Turn {
            method: &self.request.method,
            url: self.request.url.url(),
            replayable: self.request.body.is_replayable(),
            status: head.status,
            headers: &head.headers,
        };
        let options = &self.request.options;
        self.trail
            .follow(&turn, &options.redirects, &options.limits)
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
        self.was_public |= self.went_public(peer);
        next.apply(self.request.headers_mut());
        self.left_home |= next.crosses_origin;
        let tally = &self.client.0.pool.tally;
        tally.count(|counters| counters.redirects = counters.redirects.saturating_add(1));
        let from = std::mem::replace(&mut self.request.url, next.url.into());
        self.request.method = next.method;
        self.origin = next.origin;
        if next.drop_body {
            self.request.body = Body::empty();
        }
        self.quirks.merge(next.quirks);
        self.tracer.tell(Event::Redirect {
            status,
            to: self.request.url.url(),
        });
        self.trail.note(Redirect {
            status,
            url: from.into_url(),
        });
    }

    /// Adds what the call knows to an error.
    fn blame(&mut self, error: Error) -> Error {
        let tally = &self.client.0.pool.tally;
        tally.count(|counters| counters.failed = counters.failed.saturating_add(1));
        if let Some(timings) = error.timings() {
            self.account.add(&timings.clone());
        }
        let error = error
            .with_url(self.request.url.url())
            .with_timings(self.account.until(time::now()))
            .with_history(self.trail.history())
            .with_attempts(self.account.attempts);
        self.tracer.tell(Event::RequestFailed { error: &error });
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::kind::ErrorKind;

    /// A hundred thousand may wait for a connection at once.
    #[test]
    fn what_waits_is_small() {
        assert!(size_of::<Fetch>() <= 184);
        let waiting = fetch(Err(ErrorKind::Io.into()));
        assert!(size_of_val(&waiting) <= 184);
    }
}
