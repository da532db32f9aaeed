//! A response: its head, and its body as it comes.
//!
//! Owns: the transfer until the body is complete. Dropping a response before
//! that closes its connection.
//!
//! Laws: the body is never held twice. A piece is lent from the buffer it was
//! read to; a long body is read straight into the vector that `bytes` returns.
//! After an error there is nothing more to read.
//!
//! Absent on purpose: an error for status 404. A response is what was asked for.
//!
//! Read next: `transfer/mod.rs`.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use url::Url;

use super::charset;
use super::error::Error;
use super::fetch::Fetch;
use super::head::ResponseHead;
use super::headers::Headers;
use super::quirk::Quirks;
use super::syntax;
use super::timings::Timings;
use super::transfer::{Next, Transfer};
use super::version::Version;

/// The answer to a request.
pub struct Response {
    /// What was asked for, and what became of it.
    fetch: Box<Fetch>,
    /// The head, and the body as it comes.
    transfer: Box<Transfer>,
    /// The body is over, or broken.
    over: bool,
}

/// A request that was answered by a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The status of the answer.
    pub status: u16,
    /// The URL that was asked for, without user and password.
    pub url: Url,
}

/// Where the time and the tries of one call went.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// When the call began, once it did.
    pub(crate) started: Option<Instant>,
    /// The phases before the exchange at hand, if there were any: those of hops and tries
    /// before it, and of the wait for its connection. In a box, since many may wait.
    earlier: Option<Box<Timings>>,
    /// How often a request was sent, or tried.
    pub(crate) attempts: u32,
}

impl Account {
    /// Adds the phases of one connection.
    pub(crate) fn add(&mut self, timings: &Timings) {
        let mine = self.earlier.get_or_insert_default();
        mine.queue = mine.queue.saturating_add(timings.queue);
        mine.dns = mine.dns.saturating_add(timings.dns);
        mine.connect = mine.connect.saturating_add(timings.connect);
        mine.tls = mine.tls.saturating_add(timings.tls);
        mine.write = mine.write.saturating_add(timings.write);
        mine.first_byte = mine.first_byte.saturating_add(timings.first_byte);
    }

    /// An exchange is over; these are the phases up to its end.
    pub(crate) fn take_over(&mut self, timings: Timings) {
        self.earlier = Some(Box::new(timings));
    }

    /// The phases before the exchange at hand.
    fn earlier(&self) -> Timings {
        self.earlier.as_deref().copied().unwrap_or_default()
    }

    /// The phases before the exchange at hand, with the total up to `now`.
    pub(crate) fn until(&self, now: Instant) -> Timings {
        Timings {
            total: self.total(now),
            ..self.earlier()
        }
    }

    /// From the start to `now`.
    fn total(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started.unwrap_or(now))
    }
}

impl Response {
    pub(crate) fn new(fetch: Box<Fetch>, transfer: Box<Transfer>) -> Response {
        let mut response = Response {
            fetch,
            transfer,
            over: false,
        };
        response.note();
        response
    }

    /// The status code, 100 to 999.
    pub fn status(&self) -> u16 {
        self.transfer.head().status
    }

    /// Is the status 200 to 299?
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.transfer.head().status)
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.transfer.head().version
    }

    /// The fields, in order, duplicates and all.
    pub fn headers(&self) -> &Headers {
        &self.transfer.head().headers
    }

    /// The URL that answered, after redirects, without user and password.
    pub fn url(&self) -> &Url {
        self.fetch.request.url.url()
    }

    /// What the server did wrong and was let pass, up to here.
    pub fn quirks(&self) -> &Quirks {
        &self.fetch.quirks
    }

    /// Where the time went: up to the head, or to the last bytes of the body that were
    /// waited for; once the body was read, to its end.
    pub fn timings(&self) -> &Timings {
        self.transfer.timings(&self.fetch.account)
    }

    /// The requests that were answered by redirects, in order.
    pub fn history(&self) -> &[Redirect] {
        self.fetch.trail.history()
    }

    /// How many requests were sent or tried for this response, redirects and
    /// retries included.
    pub fn attempts(&self) -> u32 {
        self.fetch.account.attempts
    }

    /// Did the connection carry another request before?
    pub fn reused(&self) -> bool {
        self.transfer.reused()
    }

    /// The address of the server, or of the proxy.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.transfer.peer()
    }

    /// Bytes written and read for the last hop, up to here; under TLS, those
    /// inside it.
    pub fn wire_bytes(&self) -> (u64, u64) {
        self.transfer.wire()
    }

    /// The length that the server declared; of coded content, the coded length.
    pub fn content_length(&self) -> Option<u64> {
        syntax::decimal(self.headers().get("content-length")?)
    }

    /// The fields behind a chunked body. Empty until the body was read.
    pub fn trailers(&self) -> &Headers {
        self.transfer.trailers()
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Whatever ends the body early. There is no more of it then.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.over {
            return Ok(None);
        }
        let next = poll_fn(|cx| self.transfer.poll_step(cx)).await;
        self.note();
        match next {
            // Lent last: the borrow is the caller's.
            Ok(Next::Bytes(piece)) => Ok(Some(self.transfer.lend(piece))),
            Ok(Next::End) => {
                self.over = true;
                Ok(None)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The whole body. Its size is bounded by `Limits::body_bytes`.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    ///
    /// # Cancel safety
    /// Dropping the future drops the response.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        self.read_all().await
    }

    /// The whole body as text, by the byte order mark or the charset that
    /// `Content-Type` names; what is not valid becomes U+FFFD.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    ///
    /// # Cancel safety
    /// Dropping the future drops the response.
    pub async fn text(mut self) -> Result<String, Error> {
        let bytes = self.read_all().await?;
        let content_type = self.headers().get("content-type");
        Ok(charset::decode(bytes, content_type))
    }

    /// [`bytes`](Self::bytes) for those who look at the response afterwards.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    ///
    /// # Cancel safety
    /// What was read is lost when the future is dropped.
    pub async fn read_all(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while !self.over {
            // WHY NOT always: only where the framing does not have to look at the
            // bytes, and only behind what came with the head.
            match self.transfer.direct().filter(|_| !body.is_empty()) {
                Some(left) => self.read_direct(&mut body, left).await?,
                None => match self.chunk().await? {
                    // Most bodies are one chunk: no larger than it is.
                    Some(chunk) if body.is_empty() => body = chunk.to_vec(),
                    Some(chunk) => body.extend_from_slice(chunk),
                    None => break,
                },
            }
        }
        Ok(body)
    }

    /// Reads once, straight to the end of `body`; up to `left` bytes are missing.
    async fn read_direct(&mut self, body: &mut Vec<u8>, left: u64) -> Result<(), Error> {
        let filled = body.len();
        let step = filled.clamp(STEP, MOST);
        let step = usize::try_from(left).map_or(step, |left| left.min(step));
        // Never more space than the body may still have, and growth by doubling:
        // the cost of zeroing stays linear.
        body.resize(filled.saturating_add(step), 0);
        let space = body.get_mut(filled..).unwrap_or_default();
        let read = poll_fn(|cx| self.transfer.poll_direct(cx, space)).await;
        body.truncate(filled.saturating_add(*read.as_ref().unwrap_or(&0)));
        self.note();
        read.map(drop).map_err(|error| self.fail(error))
    }

    /// Takes over what the transfer knows now.
    fn note(&mut self) {
        self.transfer.forget_timings();
        self.fetch.quirks.merge(self.transfer.quirks());
    }

    /// The body is broken: its connection is closed.
    fn fail(&mut self, error: Error) -> Error {
        self.over = true;
        self.transfer.give_up();
        let Fetch {
            request,
            account,
            trail,
            ..
        } = &*self.fetch;
        let error = error
            .with_url(request.url.url())
            .with_peer(self.transfer.peer())
            .with_timings(self.transfer.measure(account))
            .with_history(trail.history())
            .with_attempts(account.attempts)
            .with_carrier(self.transfer.carrier());
        self.transfer.tell_broken(&error);
        error
    }
}

thread_local! {
    /// The last head that was dropped, for the next one.
    static SPARE: Cell<ResponseHead> = Cell::default();
}

/// More memory than this is given back to the system.
const SPARE_BYTES: usize = 8 * 1024;

/// An old head, or an empty one.
pub(crate) fn spare_head() -> ResponseHead {
    // On a thread that is going away nothing is spare.
    SPARE.try_with(Cell::take).unwrap_or_default()
}

impl Drop for Response {
    fn drop(&mut self) {
        let head = self.transfer.take_head();
        if head.headers.footprint() <= SPARE_BYTES {
            let _ = SPARE.try_with(|spare| spare.set(head));
        }
    }
}

/// Space for a long body grows by at least this, and at most so much at a time.
const STEP: usize = 16 * 1024;
const MOST: usize = 1024 * 1024;

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.transfer.head().status)
            .field("url", &self.url().as_str())
            .field("headers", &self.transfer.head().headers)
            .finish_non_exhaustive()
    }
}
