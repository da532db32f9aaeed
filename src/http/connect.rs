//! The door to the network: what a client asks of whoever makes connections.
//!
//! Owns: the trait, what goes in ([`Destination`]) and what comes out
//! ([`Connected`]).
//!
//! Laws: a connector hands out streams of bytes to a host and a port; TLS and
//! proxies are built on top, so a stream in memory gets them too. N05: a
//! connector that knows addresses asks [`Destination::check`] before it
//! connects, and says where it got to; the client asks again before it sends.
//!
//! Absent on purpose: pooling. A connector makes a new stream each time.
//!
//! Read next: `tcp.rs`, the connector for the real network.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::address::AddressGuard;
use super::deadlines::Deadlines;
use super::error::Error;
use super::fetch::Options;
use super::hooks::Tracer;
use super::origin::Origin;
use super::wire::Wire;
use crate::io::{AsyncRead, AsyncWrite};

/// Any stream of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin + ?Sized> Stream for S {}

/// The future of a connection.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Connected, Error>> + 'a>>;

/// Makes connections.
///
/// Every function that takes `&Destination` and returns a future of a stream is
/// one:
///
/// ```
/// use downbeat::http::{Client, Connected};
/// use downbeat::testing::pair;
///
/// let client = Client::builder().connector(|_: &_| async {
///     let (ours, _theirs) = pair(1024);
///     Ok(Connected::new(ours))
/// });
/// # let _ = client;
/// ```
pub trait Connect {
    /// Connects to the host and port of `to`.
    ///
    /// # Errors
    /// Whatever fits; [`Error::connect`] makes one from an I/O error.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up.
    fn connect<'a>(&'a self, to: &'a Destination) -> Connecting<'a>;
}

impl<C, F> Connect for C
where
    C: Fn(&Destination) -> F,
    F: Future<Output = Result<Connected, Error>> + 'static,
{
    fn connect<'a>(&'a self, to: &'a Destination) -> Connecting<'a> {
        Box::pin(self(to))
    }
}

/// Where to connect to: a host and a port, never a scheme or a path.
pub struct Destination {
    /// The origin, or the proxy in front of it.
    pub(crate) origin: Origin,
    /// Which addresses are allowed.
    pub(crate) guard: AddressGuard,
    /// An earlier hop of the same request went to a public address.
    pub(crate) began_public: bool,
    /// The phases a connector has deadlines for, `resolve` and `connect`, and how many
    /// addresses to try.
    pub(crate) options: Rc<Options>,
    /// Who wants to know.
    pub(crate) tracer: Tracer,
    /// When the request has to be over.
    pub(crate) total: Option<Instant>,
}

impl Destination {
    /// The name or address, without brackets.
    pub fn host(&self) -> &str {
        self.origin.host()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.origin.port()
    }

    /// The whole origin; its host and port are what counts here.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How long each phase may take.
    pub fn deadlines(&self) -> &Deadlines {
        &self.options.deadlines
    }

    /// May these addresses of one name be connected to?
    ///
    /// # Errors
    /// [`ErrorKind::AddressBlocked`](super::ErrorKind::AddressBlocked) when one
    /// of them may not.
    pub fn check(&self, addresses: &[SocketAddr]) -> Result<(), Error> {
        self.guard.check_all(addresses, self.began_public)
    }
}

/// A new connection.
pub struct Connected {
    /// The stream.
    pub(crate) wire: Wire,
    /// Where it leads, if it leads to an address.
    pub(crate) peer: Option<SocketAddr>,
    /// Time spent looking the name up.
    pub(crate) dns: Duration,
}

impl Connected {
    /// A connection over this stream.
    pub fn new(stream: impl Stream + 'static) -> Connected {
        Connected::over(Wire::Other(Box::new(stream)))
    }

    pub(crate) fn over(wire: Wire) -> Connected {
        Connected {
            wire,
            peer: None,
            dns: Duration::ZERO,
        }
    }

    /// Says which address it leads to, for the address guard and the response.
    pub fn peer(mut self, peer: SocketAddr) -> Connected {
        self.peer = Some(peer);
        self
    }

    /// Says how much of the time went into looking the name up.
    pub fn dns_time(mut self, dns: Duration) -> Connected {
        self.dns = dns;
        self
    }
}

impl Error {
    /// The error of a connection attempt, for connectors.
    pub fn connect(error: io::Error) -> Error {
        super::faults::connect(error)
    }
}
