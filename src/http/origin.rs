//! An origin: scheme, host and port of a URL, and everything made from them.
//!
//! Owns: one immutable value. `Host`, SNI, the pool's key, the look-up and the
//! address check are all read from it.
//!
//! Laws: N07, the host is spelled once, by `url` (IDNA, numbers as IPv4, IPv6
//! in canonical form), so no two parts of the client can disagree about it.
//! Equal origins are the same scheme, host and port, with the default port
//! filled in. Zone ids are refused, as WHATWG has it.
//!
//! Absent on purpose: the path, and the user and password of the URL.
//!
//! Read next: `address.rs`, which judges what the host resolves to.

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
use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Position, Url};

use super::error::Error;
use super::kind::{ErrorKind, RequestFault};

/// The two schemes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Under TLS.
    Https,
}

impl Scheme {
    /// Lower case, as in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// Scheme, host and port; a copy costs no memory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Arc<Parts>);

/// What the copies share.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    /// http or https.
    scheme: Scheme,
    /// The port, default filled in.
    port: u16,
    /// The text of the `Host` field, as `url` normalised it. The host is its
    /// beginning.
    authority: Box<str>,
    /// The address, if the host is one.
    ip: Option<IpAddr>,
    /// Where the host ends in `authority`, brackets included.
    host_end: usize,
}

impl Origin {
    /// The origin of a URL.
    ///
    /// # Errors
    /// [`RequestFault::Scheme`] for other schemes, [`RequestFault::Url`] when
    /// there is no host.
    pub fn of(url: &Url) -> Result<Origin, Error> {
        let refuse = |fault| Error::new(ErrorKind::Request(fault)).with_url(url);
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(refuse(RequestFault::Scheme)),
        };
        let ip = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => None,
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => return Err(refuse(RequestFault::Url)),
        };
        // `url` keeps exactly this: brackets around IPv6, no default port.
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let host = &url[Position::BeforeHost..Position::AfterHost];
        Ok(Origin(Arc::new(Parts {
            scheme,
            port: url.port().unwrap_or(scheme.default_port()),
            authority: authority.into(),
            ip,
            host_end: host.len(),
        })))
    }

    /// Is it what [`of`](Origin::of) would make of this URL?
    pub(crate) fn is_of(&self, url: &Url) -> bool {
        url[Position::BeforeHost..Position::AfterPort] == *self.0.authority
            && url.scheme() == self.0.scheme.as_str()
    }

    /// http or https.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// Is it https?
    pub fn is_secure(&self) -> bool {
        self.0.scheme == Scheme::Https
    }

    /// The name or address to look up, without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.authority.get(..self.0.host_end).unwrap_or_default();
        let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        inside.unwrap_or(host)
    }

    /// The address, if the host is one and nothing has to be looked up.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.ip
    }

    /// The port, default filled in.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The text of the `Host` field: brackets around IPv6, the port unless it
    /// is the default (RFC 9110 section 7.2).
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// The target of CONNECT: like [`authority`](Origin::authority), always
    /// with the port (RFC 9110 section 9.3.6).
    pub fn authority_with_port(&self) -> String {
        match self.0.ip {
            Some(IpAddr::V6(_)) => format!("[{}]:{}", self.host(), self.0.port),
            _ => format!("{}:{}", self.host(), self.0.port),
        }
    }

    /// The name for SNI and the certificate: without a trailing dot; none for
    /// an address (RFC 6066 section 3).
    pub fn sni(&self) -> Option<&str> {
        match self.0.ip {
            Some(_) => None,
            None => Some(self.host().strip_suffix('.').unwrap_or(self.host())),
        }
    }
}

/// A name as the host of a URL has it: lower case, in ASCII.
pub(crate) fn host_text(name: &str) -> String {
    match Host::parse(name) {
        Ok(Host::Domain(name)) => name,
        _ => name.to_ascii_lowercase(),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme.as_str(), self.0.authority)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[path = "tests/origin.rs"]
mod tests;
