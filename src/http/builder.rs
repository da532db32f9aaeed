//! `ClientBuilder`: the settings of a client, each with a default that is safe.
//!
//! Owns: what was said so far.
//!
//! Read next: `client.rs`.

#[cfg(feature = "tls")]
use std::cell::OnceCell;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::address::AddressGuard;
use super::client::{Client, Shared};
use super::connect::Connect;
use super::deadlines::Deadlines;
use super::dial::Dialer;
use super::dns::Names;
use super::doors::{Doors, Order};
use super::error::Error;
use super::fetch::Options;
use super::headers::Headers;
use super::hooks::Hooks;
use super::limits::Limits;
use super::origin::host_text;
use super::pool::{Caps, Pool};
use super::proxy::{Proxies, Proxy};
use super::redirect::RedirectPolicy;
use super::stem::Stem;
use super::tcp::TcpConnector;
use crate::net::{Resolve, SystemResolver};
use crate::policy::Policy;
use crate::time;
#[cfg(feature = "tls")]
use crate::tls;

/// The settings of a client.
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    caps: Caps,
    order: Option<Order>,
    idle_timeout: Duration,
    max_lifetime: Option<Duration>,
    options: Options,
    user_agent: Box<str>,
    defaults: Headers,
    connector: Option<Box<dyn Connect>>,
    resolver: Box<dyn Resolve>,
    dns_ttl: Duration,
    overrides: BTreeMap<String, Vec<SocketAddr>>,
    guard: AddressGuard,
    proxies: Proxies,
    hooks: Option<Rc<dyn Hooks>>,
    #[cfg(feature = "tls")]
    tls: TlsSettings,
    /// The first error in what was said.
    error: Option<Error>,
}

/// Where the TLS configuration comes from.
#[cfg(feature = "tls")]
enum TlsSettings {
    /// Nothing was said.
    Default,
    Collected(tls::ClientConfigBuilder),
    Given(tls::ClientConfig),
}

impl ClientBuilder {
    pub(crate) fn new() -> ClientBuilder {
        ClientBuilder {
            caps: Caps {
                total: 100,
                per_host: 100,
            },
            order: None,
            idle_timeout: Duration::from_secs(15),
            max_lifetime: Some(Duration::from_secs(3600)),
            options: Options {
                limits: Rc::default(),
                deadlines: Deadlines::default(),
                redirects: RedirectPolicy::default(),
                decode: true,
            },
            user_agent: concat!("downbeat/", env!("CARGO_PKG_VERSION")).into(),
            defaults: Headers::new(),
            connector: None,
            resolver: Box::new(SystemResolver),
            dns_ttl: Duration::from_secs(30),
            overrides: BTreeMap::new(),
            guard: AddressGuard::allow_all(),
            proxies: Proxies::default(),
            hooks: None,
            #[cfg(feature = "tls")]
            tls: TlsSettings::Default,
            error: None,
        }
    }

    /// Connections at most, to all hosts together. Default 100; at least 1.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.caps.total = connections;
        self
    }

    /// Connections at most to one host. Default 100; at least 1.
    pub fn max_per_host(mut self, connections: usize) -> Self {
        self.caps.per_host = connections;
        self
    }

    /// Lets policies order the requests that wait for a connection, instead of
    /// first come, first served. `order` makes one for
    /// [`max_connections`](Self::max_connections), and one for each busy host if
    /// [`max_per_host`](Self::max_per_host) is lower. They see cards copied from
    /// the requests' tasks: size, deadline, priority, group.
    ///
    /// ```
    /// use downbeat::{http::Client, policy::sjf};
    /// let client = Client::builder().max_connections(10).gate(sjf).build()?;
    /// # Ok::<(), downbeat::http::Error>(())
    /// ```
    pub fn gate<P: Policy + 'static>(mut self, order: impl Fn() -> P + 'static) -> Self {
        self.order = Some(Box::new(move || Box::new(order())));
        self
    }

    /// How long a connection is kept without use. Default 15 s; zero keeps none.
    /// A server that says less gets less.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a connection is used at all. Default 1 h.
    pub fn max_lifetime(mut self, lifetime: impl Into<Option<Duration>>) -> Self {
        self.max_lifetime = lifetime.into();
        self
    }

    /// What a server may cost.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits.into();
        self
    }

    /// How long each phase may take.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.options.deadlines = deadlines;
        self
    }

    /// Which redirects are followed. Default: up to 10.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.options.redirects = policy;
        self
    }

    /// Undo content codings, and ask for them? On by default.
    pub fn decompress(mut self, on: bool) -> Self {
        self.options.decode = on;
        self
    }

    /// The text of `User-Agent`; empty sends none.
    pub fn user_agent(mut self, text: &str) -> Self {
        self.user_agent = text.into();
        self
    }

    /// Adds a field to every request that has none of this name.
    pub fn default_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.defaults.append(name, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Makes connections by this instead of TCP. TLS and proxies are put on top.
    pub fn connector(mut self, connector: impl Connect + 'static) -> Self {
        self.connector = Some(Box::new(connector));
        self
    }

    /// Looks names up by this instead of the system.
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.resolver = Box::new(resolver);
        self
    }

    /// How long an answer of the resolver is believed. Default 30 s.
    pub fn dns_ttl(mut self, ttl: Duration) -> Self {
        self.dns_ttl = ttl;
        self
    }

    /// Uses these addresses for `host`, in any script, and asks no resolver. Port 0
    /// stands for the URL's port.
    pub fn host_override(mut self, host: &str, addresses: Vec<SocketAddr>) -> Self {
        self.overrides.insert(host_text(host), addresses);
        self
    }

    /// Which addresses may be connected to. Default: all.
    pub fn address_guard(mut self, guard: AddressGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Adds a proxy; the first that fits a request is used.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxies.push(proxy);
        self
    }

    /// Uses the proxies that the environment names (`http_proxy`,
    /// `https_proxy`, `all_proxy`, `no_proxy`) instead of all added before.
    pub fn proxy_from_env(mut self) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            name.into_string().ok().zip(value.into_string().ok())
        };
        match Proxies::from_env(std::env::vars_os().filter_map(text)) {
            Ok(proxies) => self.proxies = proxies,
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// Tells `hooks` what happens to each request.
    pub fn hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Some(Rc::new(hooks));
        self
    }

    /// Finishes the client.
    ///
    /// # Errors
    /// The first error in what was said before.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let connector = self.connector.unwrap_or_else(|| {
            Box::new(TcpConnector {
                names: Rc::new(Names::new(self.resolver, self.dns_ttl)),
                overrides: self.overrides,
            })
        });
        let dialer = Dialer {
            connector,
            #[cfg(feature = "tls")]
            tls: match self.tls {
                // Made for the first https, since many programs never have one.
                TlsSettings::Default => OnceCell::new(),
                TlsSettings::Given(config) => OnceCell::from(config),
                TlsSettings::Collected(builder) => {
                    OnceCell::from(builder.build().map_err(setting)?)
                }
            },
            guard: self.guard,
            user_agent: self.user_agent,
        };
        Ok(Client(Rc::new(Shared {
            doors: self.order.map(|order| Doors::new(self.caps, order)),
            pool: Pool::new(self.caps, self.idle_timeout, self.max_lifetime),
            dialer: Rc::new(dialer),
            proxies: self.proxies,
            defaults: self.defaults,
            options: Rc::new(self.options),
            hooks: self.hooks,
            counter: Cell::new(0),
            scratch: Cell::default(),
            stem: Stem::default(),
            born: time::now(),
            last_origin: RefCell::default(),
        })))
    }
}

#[cfg(feature = "tls")]
pub(crate) fn setting(error: tls::TlsError) -> Error {
    use super::kind::{ErrorKind, RequestFault};
    Error::new(ErrorKind::Request(RequestFault::Setting)).with_source(error)
}

/// https.
#[cfg(feature = "tls")]
impl ClientBuilder {
    /// Trusts these certificates (PEM) beside those of the web.
    ///
    /// # Errors
    /// When there is none, or one that cannot be a root.
    pub fn add_root_pem(self, pem: &[u8]) -> Result<Self, Error> {
        self.tls_settings(|tls| tls.add_root_pem(pem))
    }

    /// Trusts these certificates (PEM) and no others.
    ///
    /// # Errors
    /// As [`add_root_pem`](Self::add_root_pem).
    pub fn only_roots_pem(self, pem: &[u8]) -> Result<Self, Error> {
        self.tls_settings(|tls| tls.only_roots_pem(pem))
    }

    /// Presents this certificate (PEM, leaf first) to servers that ask for one.
    ///
    /// # Errors
    /// When either text holds nothing usable.
    pub fn identity_pem(self, chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        self.tls_settings(|tls| tls.identity_pem(chain, key))
    }

    /// Appends the secrets of all sessions to `out`; see
    /// [`tls::ClientConfigBuilder::key_log`].
    ///
    /// # Errors
    /// After [`tls`](Self::tls): the configuration is finished.
    pub fn key_log(self, out: impl std::io::Write + Send + 'static) -> Result<Self, Error> {
        self.tls_settings(|tls| Ok(tls.key_log(out)))
    }

    /// Uses a configuration made elsewhere, in place of all of the above.
    pub fn tls(mut self, config: tls::ClientConfig) -> Self {
        self.tls = TlsSettings::Given(config);
        self
    }

    fn tls_settings(
        mut self,
        change: impl FnOnce(tls::ClientConfigBuilder) -> Result<tls::ClientConfigBuilder, tls::TlsError>,
    ) -> Result<Self, Error> {
        use super::kind::{ErrorKind, RequestFault};
        let builder = match self.tls {
            TlsSettings::Default => tls::ClientConfig::builder(),
            TlsSettings::Collected(builder) => builder,
            TlsSettings::Given(_) => {
                return Err(Error::new(ErrorKind::Request(RequestFault::Setting))
                    .with_detail("the TLS configuration is finished"));
            }
        };
        self.tls = TlsSettings::Collected(change(builder).map_err(setting)?);
        Ok(self)
    }
}
