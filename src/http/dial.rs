//! Dialing: from an origin to a connection that a request can be written to.
//!
//! Owns: the connector, the TLS configuration, and the order of the phases:
//!
//! ```text
//!   connect (look-up, TCP) -> CONNECT, through a proxy -> TLS, for https
//! ```
//!
//! Laws: each phase has its deadline, and an error says how long each took.
//! V11, the name that TLS checks is the host of the origin, also behind a
//! proxy. N05, the address is checked again before a byte is sent, whoever
//! connected.
//!
//! Read next: `tunnel.rs`; `pool/checkout.rs`, which asks for all this.

#[cfg(feature = "tls")]
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::address::AddressGuard;
use super::alarm::{Bound, within};
#[cfg(feature = "tls")]
use super::builder::setting;
use super::connect::{Connect, Connected, Destination};
use super::connection::{Connection, Transport};
use super::deadlines::Deadline;
use super::error::Error;
#[cfg(feature = "tls")]
use super::faults;
use super::fetch::Options;
use super::hooks::Tracer;
use super::kind::Phase;
use super::origin::Origin;
use super::pool::{Acquired, Slot};
use super::proxy::{Proxy, Route};
use super::timings::Timings;
use super::tunnel::tunnel;
use super::wire::Wire;
use crate::time;
#[cfg(feature = "tls")]
use crate::tls;

/// Makes connections for one client.
pub(crate) struct Dialer {
    /// Who connects.
    pub(crate) connector: Box<dyn Connect>,
    /// How to speak TLS, once somebody has to.
    #[cfg(feature = "tls")]
    pub(crate) tls: OnceCell<tls::ClientConfig>,
    /// Which addresses are allowed.
    pub(crate) guard: AddressGuard,
    /// `User-Agent`, for CONNECT.
    pub(crate) user_agent: Box<str>,
}

#[cfg(feature = "tls")]
impl Dialer {
    /// How to speak TLS.
    ///
    /// # Errors
    /// `Request`, if the configuration cannot be made.
    pub(crate) fn tls(&self) -> Result<&tls::ClientConfig, Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config);
        }
        let config = tls::ClientConfig::builder().build().map_err(setting)?;
        Ok(self.tls.get_or_init(|| config))
    }
}

/// What to dial, owned, since it may outlive the request that asked.
pub(crate) struct Order {
    /// Where to.
    pub(crate) origin: Origin,
    /// By which way.
    pub(crate) via: Via,
    /// An earlier hop of the request went to a public address.
    pub(crate) began_public: bool,
    /// How long each phase may take, and the bounds of what a proxy may answer.
    pub(crate) options: Rc<Options>,
    /// Who wants to know.
    pub(crate) tracer: Tracer,
    /// How long the request stood in line before.
    pub(crate) queued: Duration,
    /// When the request has to be over.
    pub(crate) total: Option<Instant>,
}

/// A [`Route`] that owns its proxy.
#[derive(Clone)]
pub(crate) enum Via {
    /// To the origin.
    Direct,
    /// To the proxy.
    Forward(Proxy),
    /// Through the proxy.
    Tunnel(Proxy),
}

impl From<Route<'_>> for Via {
    fn from(route: Route<'_>) -> Via {
        match route {
            Route::Direct => Via::Direct,
            Route::Forward(proxy) => Via::Forward(proxy.clone()),
            Route::Tunnel(proxy) => Via::Tunnel(proxy.clone()),
        }
    }
}

/// Dials. The slot goes into the connection, or back if there is none.
///
/// # Errors
/// `Resolve`, `AddressBlocked`, `Connect`, `Proxy`, `Tls`, `Timeout`, with the
/// time each phase took.
pub(crate) async fn dial(dialer: Rc<Dialer>, order: Order, slot: Slot) -> Result<Acquired, Error> {
    let mut timings = Timings {
        queue: order.queued,
        ..Timings::default()
    };
    match phases(&dialer, order, slot, &mut timings).await {
        Ok(connection) => Ok(Acquired {
            connection,
            timings,
        }),
        Err(error) => Err(error.with_timings(timings)),
    }
}

async fn phases(
    dialer: &Dialer,
    order: Order,
    slot: Slot,
    timings: &mut Timings,
) -> Result<Box<Connection>, Error> {
    let began = time::now();
    let connected = connect(dialer, &order).await;
    let now = time::now();
    let took = now.saturating_duration_since(began);
    let (wire, peer) = match connected {
        Ok(Connected { wire, peer, dns }) => {
            timings.dns = dns;
            timings.connect = took.saturating_sub(dns);
            (wire, peer)
        }
        Err(error) => {
            timings.dns = error.timings().map_or(Duration::ZERO, |known| known.dns);
            timings.connect = took.saturating_sub(timings.dns);
            return Err(error);
        }
    };
    let transport = upgrade(dialer, &order, wire, timings).await;
    let transport = transport.map_err(|error| error.with_peer(peer))?;
    Ok(Box::new(Connection::new(transport, peer, slot, now)))
}

/// The tunnel and TLS, where they are wanted.
async fn upgrade(
    dialer: &Dialer,
    order: &Order,
    mut stream: Wire,
    timings: &mut Timings,
) -> Result<Transport, Error> {
    // In boxes: where neither is wanted, their futures would be most of this one.
    if let Via::Tunnel(proxy) = &order.via {
        let began = time::now();
        let tunnel = Box::pin(tunnel(dialer, order, proxy, stream)).await;
        timings.connect = timings.connect.saturating_add(since(began));
        stream = tunnel?;
    }
    match order.origin.is_secure() {
        true => Box::pin(secure(dialer, order, stream, timings)).await,
        false => Ok(Transport::Plain(stream)),
    }
}

/// LAW N05: the guard judges the origin's address; a proxy is the client's own
/// choice. `hop.rs` judges what lies behind one.
async fn connect(dialer: &Dialer, order: &Order) -> Result<Connected, Error> {
    let (origin, guard) = match &order.via {
        Via::Direct => (&order.origin, dialer.guard.clone()),
        Via::Forward(proxy) | Via::Tunnel(proxy) => (proxy.origin(), AddressGuard::allow_all()),
    };
    let to = Destination {
        origin: origin.clone(),
        guard,
        began_public: order.began_public,
        options: order.options.clone(),
        tracer: order.tracer.clone(),
        total: order.total,
    };
    let both = order
        .options
        .deadlines
        .resolve
        .zip(order.options.deadlines.connect);
    let bound = Bound {
        // The shipped connector keeps the two apart itself.
        limit: both.map(|(resolve, connect)| resolve.saturating_add(connect)),
        deadline: Deadline::Connect,
        phase: Phase::Connect,
        total: order.total,
    };
    let connected = within(bound, dialer.connector.connect(&to)).await?;
    if let Some(peer) = connected.peer {
        to.check(&[peer])?;
    }
    Ok(connected)
}

#[cfg(feature = "tls")]
async fn secure(
    dialer: &Dialer,
    order: &Order,
    stream: Wire,
    timings: &mut Timings,
) -> Result<Transport, Error> {
    use super::hooks::Event;
    let tls = dialer.tls()?;
    let bound = Bound {
        limit: order.options.deadlines.tls,
        deadline: Deadline::Tls,
        phase: Phase::Tls,
        total: order.total,
    };
    let began = time::now();
    order.tracer.tell(Event::TlsStart);
    // The end of the handshake and the request are two writes.
    stream.send_at_once();
    let shaken = match tls.connect(order.origin.host(), stream).map(Box::new) {
        // In a box: a session is large, and each future around would hold it twice.
        Ok(handshake) => within(bound, async { handshake.await.map_err(faults::tls) }).await,
        Err(error) => Err(faults::tls(error)),
    };
    timings.tls = since(began);
    let stream = shaken?;
    order.tracer.tell(Event::TlsEnd {
        version: stream.version().unwrap_or_default(),
        resumed: stream.resumed(),
    });
    Ok(Transport::Secure(Box::new(stream)))
}

#[cfg(not(feature = "tls"))]
async fn secure(_: &Dialer, _: &Order, _: Wire, _: &mut Timings) -> Result<Transport, Error> {
    Err(super::kind::ErrorKind::Request(super::kind::RequestFault::NoTls).into())
}

fn since(began: Instant) -> Duration {
    time::now().saturating_duration_since(began)
}
