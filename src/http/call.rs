//! `RequestBuilder`: a request being put together.
//!
//! Owns: the request, or the first error in it. Errors wait for `send`, so calls
//! can be chained.
//!
//! Read next: `fetch.rs`.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::basic;
use super::client::Client;
use super::deadlines::Deadlines;
use super::error::Error;
use super::fetch::{Fetch, Options, Request, fetch};
use super::headers::Headers;
use super::limits::Limits;
use super::method::Method;
use super::payload::Body;
use super::redirect::RedirectPolicy;
use super::response::Response;
use super::target::Target;

/// A request being put together; [`send`](Self::send) makes it.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    fetch: Result<Box<Fetch>, Error>,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: Method, url: Result<Target, Error>) -> Self {
        let fetch = url.and_then(|url| Fetch::new(client, method, url));
        RequestBuilder { fetch }
    }

    /// Adds a field. The client itself writes `Host`, `Content-Length` and
    /// `Transfer-Encoding`; a `Host` given here replaces its own.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.change(|request| request.headers_mut().append(name, value))
    }

    /// Adds all these fields.
    pub fn headers(self, headers: &Headers) -> Self {
        self.change(|request| {
            let mut all = headers.iter();
            all.try_for_each(|(name, value)| request.headers_mut().append(name, value))
        })
    }

    /// Sets `Authorization: Basic` with this user and password.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let value = basic::credentials(user.as_bytes(), password.as_bytes());
        self.change(|request| request.headers_mut().set("Authorization", value))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.change(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    /// Gives the whole request, redirects and body included, so much time.
    pub fn timeout(self, total: Duration) -> Self {
        self.options(|options| options.deadlines.total = Some(total))
    }

    /// Sets all deadlines of this request.
    pub fn deadlines(self, deadlines: Deadlines) -> Self {
        self.options(|options| options.deadlines = deadlines)
    }

    /// Sets all limits of this request.
    pub fn limits(self, limits: Limits) -> Self {
        self.options(|options| options.limits = limits.into())
    }

    /// Sets which redirects this request follows.
    pub fn redirects(self, policy: RedirectPolicy) -> Self {
        self.options(|options| options.redirects = policy)
    }

    /// Undo content codings, and ask for them? On by default.
    pub fn decompress(self, on: bool) -> Self {
        self.options(|options| options.decode = on)
    }

    /// Sends the request and waits for the head of the response.
    ///
    /// # Errors
    /// The first error in the request, or whatever happens to it.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection it uses, and leaves the queue.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> {
        fetch(self.fetch)
    }

    fn options(self, change: impl FnOnce(&mut Options)) -> Self {
        self.change(|request| {
            change(Rc::make_mut(&mut request.options));
            Ok(())
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<(), Error>) -> Self {
        if let Ok(fetch) = &mut self.fetch
            && let Err(error) = change(&mut fetch.request)
        {
            self.fetch = Err(error.with_url(fetch.request.url.url()));
        }
        self
    }
}
