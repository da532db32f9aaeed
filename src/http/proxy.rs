//! Proxies: which one a request goes through, if any.
//!
//! Owns: the proxies of a client and the list of hosts they are not for.
//!
//! Laws: the choice depends on the origin alone, so it is made again on every
//! hop. P05, a proxy and its credentials are part of the pool's key. N04, the
//! credentials are never printed. `HTTP_PROXY` in capitals is not read where a
//! CGI request could have set it (CVE-2016-5385).
//!
//! http origins are asked for through the proxy, https origins through a tunnel
//! (CONNECT).
//!
//! Absent on purpose: SOCKS, TLS to the proxy itself, PAC files: a typed error
//! says so.
//!
//! Read next: `no_proxy.rs`, the exceptions.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use std::fmt;

use super::basic;
use super::error::Error;
use super::into_url::IntoUrl;
use super::kind::{ErrorKind, ProxyFault};
use super::no_proxy::NoProxy;
use super::origin::{Origin, Scheme};

/// An HTTP proxy and what it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    origin: Origin,
    /// The value of `Proxy-Authorization`.
    credentials: Option<Box<str>>,
    /// The scheme it is for; `None`: both.
    only: Option<Scheme>,
}

impl Proxy {
    /// For http and https.
    ///
    /// # Errors
    /// [`ProxyFault::Scheme`] for anything but an http proxy, and the errors of
    /// a URL.
    pub fn all(url: impl IntoUrl) -> Result<Proxy, Error> {
        let mut url = url.into_url()?;
        let credentials = basic::take_userinfo(&mut url);
        if url.scheme() != "http" {
            return Err(Error::new(ErrorKind::Proxy(ProxyFault::Scheme)).with_url(&url));
        }
        Ok(Proxy {
            origin: Origin::of(&url)?,
            credentials: credentials.map(Into::into),
            only: None,
        })
    }

    /// For http only.
    ///
    /// # Errors
    /// As [`all`](Proxy::all).
    pub fn http(url: impl IntoUrl) -> Result<Proxy, Error> {
        Ok(Proxy {
            only: Some(Scheme::Http),
            ..Proxy::all(url)?
        })
    }

    /// For https only.
    ///
    /// # Errors
    /// As [`all`](Proxy::all).
    pub fn https(url: impl IntoUrl) -> Result<Proxy, Error> {
        Ok(Proxy {
            only: Some(Scheme::Https),
            ..Proxy::all(url)?
        })
    }

    /// With these credentials, in place of those of the URL.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Proxy {
        self.credentials = Some(basic::credentials(user.as_bytes(), password.as_bytes()).into());
        self
    }

    /// Where it listens.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("origin", &self.origin)
            .field(
                "credentials",
                &self.credentials.as_ref().map(|_| "(secret)"),
            )
            .field("only", &self.only)
            .finish()
    }
}

/// The proxies of one client. The first that fits is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    /// In order.
    list: Vec<Proxy>,
    /// Hosts that are asked directly.
    except: NoProxy,
}

/// How a request travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route<'a> {
    /// To the origin.
    Direct,
    /// To the proxy, with the whole URL as target.
    Forward(&'a Proxy),
    /// To the origin, through a tunnel the proxy opens.
    Tunnel(&'a Proxy),
}

impl Proxies {
    /// Adds one at the end.
    pub(crate) fn push(&mut self, proxy: Proxy) {
        self.list.push(proxy);
    }

    /// Sets the exceptions.
    pub(crate) fn set_exceptions(&mut self, except: NoProxy) {
        self.except = except;
    }

    /// The way to this origin.
    pub(crate) fn route(&self, origin: &Origin) -> Route<'_> {
        let fits = |proxy: &&Proxy| proxy.only.is_none_or(|only| only == origin.scheme());
        match self.list.iter().find(fits) {
            Some(proxy) if !self.except.covers(origin) => match origin.scheme() {
                Scheme::Http => Route::Forward(proxy),
                Scheme::Https => Route::Tunnel(proxy),
            },
            _ => Route::Direct,
        }
    }

    /// Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in small
    /// or capital letters; small ones win.
    ///
    /// # Errors
    /// As [`Proxy::all`]: a proxy that is meant and cannot be used must not
    /// become no proxy.
    pub(crate) fn from_env(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Proxies, Error> {
        let vars: Vec<_> = vars.into_iter().collect();
        let exact = |name: &str| {
            let found = vars
                .iter()
                .find(|(key, value)| key == name && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        let in_cgi = vars.iter().any(|(key, _)| key == "REQUEST_METHOD");
        let either = |name: &str| exact(name).or_else(|| exact(&name.to_ascii_uppercase()));
        let http = match in_cgi {
            true => exact("http_proxy"),
            false => either("http_proxy"),
        };
        let mut proxies = Proxies::default();
        if let Some(url) = http {
            proxies.push(Proxy::http(with_scheme(url))?);
        }
        if let Some(url) = either("https_proxy") {
            proxies.push(Proxy::https(with_scheme(url))?);
        }
        if let Some(url) = either("all_proxy") {
            proxies.push(Proxy::all(with_scheme(url))?);
        }
        if let Some(list) = either("no_proxy") {
            proxies.set_exceptions(NoProxy::parse(list));
        }
        Ok(proxies)
    }
}

/// `proxy:3128` is what many write.
fn with_scheme(url: &str) -> String {
    match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    }
}

#[cfg(test)]
#[path = "tests/proxy.rs"]
mod tests;
