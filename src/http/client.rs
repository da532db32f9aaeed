//! The client: what all requests share, and the methods that begin one.
//!
//! Owns: the pool, the dialer, the settings.
//!
//! Laws: a client is cheap to clone and belongs to one thread. Its clones share
//! everything, so one client is one set of caps.
//!
//! Absent on purpose: a global client. The one who makes it decides its caps.
//!
//! Read next: `builder.rs`, `call.rs`, `fetch.rs`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use super::builder::ClientBuilder;
use super::call::RequestBuilder;
use super::counters::Counters;
use super::dial::Dialer;
use super::doors::Doors;
use super::error::Error;
use super::fetch::Options;
use super::headers::Headers;
use super::hooks::{Hooks, Tracer};
use super::into_url::IntoUrl;
use super::method::Method;
use super::origin::Origin;
use super::pool::Pool;
use super::proxy::Proxies;
use super::stem::Stem;
use super::target::Target;

/// An HTTP/1.1 client with a pool of connections.
///
/// ```no_run
/// # async fn f() -> Result<(), downbeat::http::Error> {
/// let client = downbeat::http::Client::new()?;
/// let page = client.get("https://example.com/").send().await?.text().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(pub(crate) Rc<Shared>);

/// What the clones of a client share.
pub(crate) struct Shared {
    pub(crate) pool: Rc<Pool>,
    /// Before the pool, if somebody chose the order.
    pub(crate) doors: Option<Rc<Doors>>,
    pub(crate) dialer: Rc<Dialer>,
    pub(crate) proxies: Proxies,
    /// Fields of every request, unless it has its own.
    pub(crate) defaults: Headers,
    pub(crate) options: Rc<Options>,
    pub(crate) hooks: Option<Rc<dyn Hooks>>,
    /// The number of the next request, for hooks.
    pub(crate) counter: Cell<u64>,
    /// Memory for the head of the next request.
    pub(crate) scratch: Cell<Vec<u8>>,
    /// What the last heads had in common.
    pub(crate) stem: Stem,
    /// When it was made.
    pub(crate) born: Instant,
    /// Where the last request went.
    pub(crate) last_origin: RefCell<Option<Origin>>,
}

/// Larger memory is not kept for the next request.
const SCRATCH: usize = 64 * 1024;

impl Client {
    /// A client with the default settings.
    ///
    /// # Errors
    /// See [`ClientBuilder::build`].
    pub fn new() -> Result<Client, Error> {
        Client::builder().build()
    }

    /// Starts with the default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Begins a GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Begins a HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Begins a POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Begins a request with any method. An error in the URL comes out of
    /// [`RequestBuilder::send`].
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.into_target())
    }

    /// Connections that are open at the moment, idle ones included, and idle ones.
    pub fn connections(&self) -> (usize, usize) {
        self.0.pool.counts()
    }

    /// What the client and its clones have done so far.
    pub fn counters(&self) -> Counters {
        self.0.pool.tally.counters()
    }

    /// Closes all idle connections.
    pub fn close_idle(&self) {
        self.0.pool.close_idle();
    }
}

impl Shared {
    pub(crate) fn tracer(&self) -> Tracer {
        Tracer::next(&self.hooks, &self.counter)
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls_id(&self, origin: &Origin) -> Option<u64> {
        let tls = origin.is_secure().then(|| self.dialer.tls());
        tls?.ok().map(|tls| tls.id())
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn tls_id(&self, _: &Origin) -> Option<u64> {
        None
    }

    /// The origin of a target. Most requests go where the last one went, and share its
    /// memory.
    ///
    /// # Errors
    /// As [`Origin::of`].
    pub(crate) fn origin_of(&self, target: &Target) -> Result<Origin, Error> {
        if let Some(origin) = target.origin() {
            return Ok(origin.clone());
        }
        let url = target.url();
        let mut last = self.last_origin.borrow_mut();
        if let Some(origin) = last.as_ref().filter(|last| last.is_of(url)) {
            return Ok(origin.clone());
        }
        let origin = Origin::of(url)?;
        *last = Some(origin.clone());
        Ok(origin)
    }

    pub(crate) fn take_scratch(&self) -> Vec<u8> {
        let mut scratch = self.scratch.take();
        scratch.clear();
        scratch
    }

    pub(crate) fn put_scratch(&self, scratch: Vec<u8>) {
        if scratch.capacity() <= SCRATCH {
            self.scratch.set(scratch);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, idle) = self.connections();
        f.debug_struct("Client")
            .field("open", &open)
            .field("idle", &idle)
            .finish_non_exhaustive()
    }
}
