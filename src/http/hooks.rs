//! Hooks: what a client tells about its requests while they happen.
//!
//! Owns: the events and the thin sender ([`Tracer`]) that every stage carries.
//!
//! Laws: nothing is built or counted when nobody listens. N04: URLs in events
//! have lost their user and password; header values are the listener's to keep
//! to itself. T5: a hook runs with nothing of the client borrowed, so it may use
//! the client.
//!
//! The vocabulary is that of aiohttp's `TraceConfig`.
//!
//! Absent on purpose: changing anything. A hook looks on.
//!
//! Read next: `fetch.rs`, which sends most events.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

use url::Url;

use super::error::Error;
use super::headers::Headers;
use super::method::Method;

/// Listens to the requests of a client.
pub trait Hooks {
    /// Something happened to the request with this number.
    fn on_event(&self, request: u64, event: &Event<'_>);
}

impl<F: Fn(u64, &Event<'_>)> Hooks for F {
    fn on_event(&self, request: u64, event: &Event<'_>) {
        self(request, event);
    }
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `send` was polled for the first time.
    RequestStart {
        /// The method of the request.
        method: &'a Method,
        /// Its URL.
        url: &'a Url,
    },
    /// The caps leave no connection: the request waits for one.
    QueueStart,
    /// It has one, or may make one.
    QueueEnd,
    /// A kept connection is used.
    ConnectionReused {
        /// The address at the other end, if it is one.
        peer: Option<SocketAddr>,
    },
    /// The host is looked up.
    DnsStart {
        /// The name.
        host: &'a str,
    },
    /// The answer was still known.
    DnsCacheHit {
        /// The name.
        host: &'a str,
    },
    /// The host was looked up.
    DnsEnd {
        /// The name.
        host: &'a str,
        /// What it stands for.
        addresses: &'a [SocketAddr],
    },
    /// A connection is being made.
    ConnectStart {
        /// The name.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// It is there, TLS not included.
    ConnectEnd {
        /// The address at the other end, if it is one.
        peer: Option<SocketAddr>,
    },
    /// The TLS handshake begins.
    TlsStart,
    /// The TLS handshake is over.
    TlsEnd {
        /// `TLSv1.3` or `TLSv1.2`.
        version: &'a str,
        /// An earlier session was resumed.
        resumed: bool,
    },
    /// The request, body included, was written: so many bytes.
    RequestSent {
        /// How many.
        bytes: u64,
    },
    /// An informational response (1xx).
    Informational {
        /// The status code.
        status: u16,
        /// The fields.
        headers: &'a Headers,
    },
    /// The head of the final response of this hop.
    ResponseStart {
        /// The status code.
        status: u16,
        /// The fields.
        headers: &'a Headers,
    },
    /// Bytes of a body, as delivered: its codings are undone.
    ResponseChunk {
        /// How many.
        bytes: usize,
    },
    /// The response of this hop is complete.
    ResponseEnd,
    /// The response is a redirect that is followed.
    Redirect {
        /// The status code.
        status: u16,
        /// The next URL.
        to: &'a Url,
    },
    /// The connection died before it answered; the request is made again.
    Retry {
        /// How often it was tried before.
        attempt: u32,
    },
    /// The request failed.
    RequestFailed {
        /// Why.
        error: &'a Error,
    },
}

/// Sends the events of one request, if anybody listens.
#[derive(Clone, Default)]
pub(crate) struct Tracer {
    /// Who listens.
    hooks: Option<Rc<dyn Hooks>>,
    /// The number of the request.
    request: u64,
}

impl Tracer {
    /// The sender for the next request of a client.
    pub(crate) fn next(hooks: &Option<Rc<dyn Hooks>>, counter: &Cell<u64>) -> Tracer {
        let request = counter.get();
        counter.set(request.wrapping_add(1));
        Tracer {
            hooks: hooks.clone(),
            request,
        }
    }

    /// Does anybody listen?
    pub(crate) fn listens(&self) -> bool {
        self.hooks.is_some()
    }

    /// Tells.
    #[inline]
    pub(crate) fn tell(&self, event: Event<'_>) {
        if let Some(hooks) = &self.hooks {
            self.tell_them(&**hooks, event);
        }
    }

    /// Most clients have no hooks: this is not in the way of those.
    #[cold]
    fn tell_them(&self, hooks: &dyn Hooks, event: Event<'_>) {
        hooks.on_event(self.request, &event);
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tracer({})", self.request)
    }
}
