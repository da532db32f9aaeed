//! Connecting to a name that has several addresses (RFC 8305, "happy eyeballs").
//!
//! Owns: the attempts in flight, and the errors of those that failed.
//!
//! ```text
//!   0 ms     first address ───────────── … no answer
//!   250 ms     second address, other family ──── connected: the first is dropped
//! ```
//!
//! Laws:
//! * RFC 8305 section 4: addresses alternate between the families, beginning with
//!   the family that the resolver put first.
//! * Section 5: the next attempt begins 250 ms after the last one, or at once when
//!   an attempt fails. The first that succeeds wins; the others are dropped.
//! * When all have failed, every address is in the error, with its own reason.
//!
//! Absent on purpose: asking for both families separately (section 3);
//! `getaddrinfo` answers with both at once.
//!
//! Read next: `../http/mod.rs`.

use super::{TcpStream, lookup_host};
use crate::time::{self, Sleep};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The pause between two attempts that RFC 8305 section 5 recommends.
pub const STAGGER: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried at most.
const MOST: usize = 64;

/// Connects to a name or address.
///
/// # Errors
/// Those of [`lookup_host`]; a [`ConnectError`] with the reason of each address.
///
/// # Cancel safety
/// Dropping the future gives up the look-up and all attempts.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = lookup_host(host, port).await?;
    let (stream, _) = connect_any(&addresses, STAGGER, TcpStream::connect).await?;
    Ok(stream)
}

/// Connects to the first of several addresses that answers, with `connect` for
/// each of them and `stagger` between two attempts. Says which one it was.
///
/// # Errors
/// [`ConnectError`] when all have failed, or there is none.
///
/// # Cancel safety
/// Dropping the future drops all attempts.
pub async fn connect_any<S, F>(
    addresses: &[SocketAddr],
    stagger: Duration,
    mut connect: impl FnMut(SocketAddr) -> F,
) -> Result<(S, SocketAddr), ConnectError>
where
    F: Future<Output = io::Result<S>>,
{
    // What follows does the same for one address, by way of two lists and a box.
    if let [address] = *addresses {
        let connected = connect(address).await;
        return match connected {
            Ok(stream) => Ok((stream, address)),
            Err(error) => Err(ConnectError {
                attempts: vec![(address, error)],
            }),
        };
    }
    let mut attempts = Attempts {
        waiting: interleave(addresses).into_iter().take(MOST).collect(),
        flying: Vec::new(),
        failed: Vec::new(),
        stagger,
        next: time::sleep(stagger),
        connect,
    };
    poll_fn(|cx| attempts.poll(cx)).await
}

/// RFC 8305 section 4: the addresses in an order that alternates between the
/// families, each family in its own order.
pub fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    if let [_] = addresses {
        return addresses.to_vec();
    }
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut one, mut other) = (VecDeque::new(), VecDeque::new());
    for address in addresses {
        let queue = if address.is_ipv4() == first_is_v4 {
            &mut one
        } else {
            &mut other
        };
        queue.push_back(*address);
    }
    let mut mixed = Vec::with_capacity(addresses.len());
    while !one.is_empty() || !other.is_empty() {
        mixed.extend(one.pop_front());
        mixed.extend(other.pop_front());
    }
    mixed
}

/// The state of a connect.
struct Attempts<F, C> {
    /// Addresses that were not tried yet.
    waiting: VecDeque<SocketAddr>,
    /// Attempts without an outcome, oldest first.
    flying: Vec<(SocketAddr, Pin<Box<F>>)>,
    /// Attempts that failed.
    failed: Vec<(SocketAddr, io::Error)>,
    /// The pause between two attempts.
    stagger: Duration,
    /// When the next attempt begins at the latest.
    next: Sleep,
    /// Begins an attempt.
    connect: C,
}

impl<S, F, C> Attempts<F, C>
where
    F: Future<Output = io::Result<S>>,
    C: FnMut(SocketAddr) -> F,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(S, SocketAddr), ConnectError>> {
        // Each round but the last begins an attempt, so there are at most `MOST`.
        loop {
            let failed_before = self.failed.len();
            if let Poll::Ready(winner) = self.poll_flying(cx) {
                return Poll::Ready(Ok(winner));
            }
            let Some(&address) = self.waiting.front() else {
                break;
            };
            let due = self.flying.is_empty()
                || self.failed.len() > failed_before
                || Pin::new(&mut self.next).poll(cx).is_ready();
            if !due {
                break;
            }
            self.waiting.pop_front();
            let attempt = Box::pin((self.connect)(address));
            self.flying.push((address, attempt));
            self.next = time::sleep(self.stagger);
        }
        if self.flying.is_empty() {
            let attempts = std::mem::take(&mut self.failed);
            return Poll::Ready(Err(ConnectError { attempts }));
        }
        Poll::Pending
    }

    /// Asks every attempt, oldest first, and notes who has failed.
    fn poll_flying(&mut self, cx: &mut Context<'_>) -> Poll<(S, SocketAddr)> {
        let mut index = 0;
        while let Some((address, attempt)) = self.flying.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(stream)) => return Poll::Ready((stream, *address)),
                Poll::Ready(Err(error)) => {
                    let (address, _) = self.flying.remove(index);
                    self.failed.push((address, error));
                }
                Poll::Pending => index += 1,
            }
        }
        Poll::Pending
    }
}

/// No address could be connected to.
#[derive(Debug)]
pub struct ConnectError {
    attempts: Vec<(SocketAddr, io::Error)>,
}

impl ConnectError {
    /// The addresses tried, in the order in which they failed, and why.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }

    /// The kind of the last failure.
    pub fn kind(&self) -> ErrorKind {
        self.attempts
            .last()
            .map_or(ErrorKind::AddrNotAvailable, |(_, error)| error.kind())
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many reasons are spelled out.
        const SHOWN: usize = 4;
        match &self.attempts[..] {
            [] => f.write_str("no address to connect to"),
            [(address, error)] => write!(f, "cannot connect to {address}: {error}"),
            attempts => {
                write!(f, "cannot connect to any of {} addresses", attempts.len())?;
                for (address, error) in attempts.iter().take(SHOWN) {
                    write!(f, "; {address}: {error}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.attempts.last().map(|(_, error)| error as _)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::new(error.kind(), error)
    }
}
