//! The key of a connection: everything that makes it the one that was asked for.
//!
//! Owns: scheme, host and port (as one origin), the proxy with its credentials,
//! the TLS configuration.
//!
//! Law P05: two requests share a connection only if all of these are equal. The
//! certificate, ALPN and trusted roots are properties of the TLS configuration,
//! which has a number; the server name follows from the host. The address guard
//! is the client's, and a pool belongs to one client.
//!
//! Read next: `ledger.rs`.

use crate::http::origin::Origin;
use crate::http::proxy::{Proxy, Route};

/// What two requests must agree on to share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolKey {
    /// Scheme, host, port. For plain http through a proxy: the proxy's, so that
    /// one connection serves all hosts behind it.
    pub(crate) origin: Origin,
    /// The proxy that forwards or tunnels.
    pub(crate) proxy: Option<Proxy>,
    /// The TLS configuration, for https.
    pub(crate) tls: Option<u64>,
}

impl PoolKey {
    /// Where the counts of this key are kept.
    pub(crate) fn origin_of<'a>(origin: &'a Origin, route: Route<'a>) -> &'a Origin {
        match route {
            Route::Forward(proxy) => proxy.origin(),
            Route::Direct | Route::Tunnel(_) => origin,
        }
    }

    /// The key of a request to `origin` by this route.
    pub(crate) fn new(origin: &Origin, route: Route<'_>, tls: Option<u64>) -> PoolKey {
        PoolKey {
            origin: PoolKey::origin_of(origin, route).clone(),
            proxy: proxy_of(route).cloned(),
            tls,
        }
    }

    /// Is it the key [`new`](PoolKey::new) would make, given that the origins
    /// are the same?
    pub(crate) fn fits(&self, route: Route<'_>, tls: Option<u64>) -> bool {
        self.proxy.as_ref() == proxy_of(route) && self.tls == tls
    }
}

fn proxy_of(route: Route<'_>) -> Option<&Proxy> {
    match route {
        Route::Direct => None,
        Route::Forward(proxy) | Route::Tunnel(proxy) => Some(proxy),
    }
}
