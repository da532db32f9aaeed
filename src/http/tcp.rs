//! The connector for the real network: look the host up, check, connect.
//!
//! Owns: the names and the addresses given by hand.
//!
//! Laws: N05, the addresses that are checked are the ones that are tried. The
//! number of addresses tried is bounded. Both phases have their own deadline.
//!
//! Absent on purpose: TLS and proxies; `dial.rs` puts them on top.
//!
//! Read next: `dns.rs`, `dial.rs`.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::alarm::{Bound, within};
use super::connect::{Connect, Connected, Connecting, Destination};
use super::deadlines::Deadline;
use super::dns::Names;
use super::error::Error;
use super::faults;
use super::hooks::Event;
use super::kind::Phase;
use super::timings::Timings;
use super::wire::Wire;
use crate::net::{STAGGER, TcpStream, connect_any, interleave};
use crate::time;

/// Connects over TCP.
pub(crate) struct TcpConnector {
    /// Where names come from.
    pub(crate) names: Rc<Names>,
    /// Hosts whose addresses are given.
    pub(crate) overrides: BTreeMap<String, Vec<SocketAddr>>,
}

impl Connect for TcpConnector {
    fn connect<'a>(&'a self, to: &'a Destination) -> Connecting<'a> {
        Box::pin(self.connect_to(to))
    }
}

impl TcpConnector {
    async fn connect_to(&self, to: &Destination) -> Result<Connected, Error> {
        let began = time::now();
        let mut timings = Timings::default();
        let blame = |error: Error, timings: &Timings| error.with_timings(*timings);
        let found = self.addresses(to).await;
        let looked_up = time::now();
        timings.dns = looked_up.saturating_duration_since(began);
        let addresses = found.map_err(|error| blame(error, &timings))?;
        to.check(&addresses)
            .map_err(|error| blame(error, &timings))?;
        to.tracer.tell(Event::ConnectStart {
            host: to.host(),
            port: to.port(),
        });
        let connected = connect(to, addresses).await;
        let (stream, peer) = connected.map_err(|error| {
            timings.connect = time::now().saturating_duration_since(looked_up);
            blame(error, &timings)
        })?;
        to.tracer.tell(Event::ConnectEnd { peer: Some(peer) });
        Ok(Connected::over(Wire::Tcp(stream))
            .peer(peer)
            .dns_time(timings.dns))
    }

    async fn addresses(&self, to: &Destination) -> Result<Vec<SocketAddr>, Error> {
        if let Some(ip) = to.origin.ip() {
            return Ok(vec![SocketAddr::new(ip, to.port())]);
        }
        if let Some(given) = self.overrides.get(to.host()) {
            let with_port = |address: &SocketAddr| match address.port() {
                0 => SocketAddr::new(address.ip(), to.port()),
                _ => *address,
            };
            return Ok(given.iter().map(with_port).collect());
        }
        let bound = Bound {
            limit: to.options.deadlines.resolve,
            deadline: Deadline::Resolve,
            phase: Phase::Resolve,
            total: to.total,
        };
        let found = self.names.look_up(to.host(), to.port(), &to.tracer);
        Ok(within(bound, found).await?.to_vec())
    }
}

async fn connect(
    to: &Destination,
    mut addresses: Vec<SocketAddr>,
) -> Result<(TcpStream, SocketAddr), Error> {
    if addresses.len() > 1 {
        addresses = interleave(&addresses);
    }
    addresses.truncate(to.options.limits.addresses.max(1));
    let bound = Bound {
        limit: to.options.deadlines.connect,
        deadline: Deadline::Connect,
        phase: Phase::Connect,
        total: to.total,
    };
    within(bound, async {
        let connected = connect_any(&addresses, STAGGER, TcpStream::connect).await;
        connected.map_err(|error| {
            let last = error.attempts().last().map(|(address, _)| *address);
            let reason = error
                .attempts()
                .last()
                .map(|(_, error)| error.raw_os_error());
            let error = match reason.flatten() {
                // The number of the system says more than the kind.
                Some(number) => io::Error::from_raw_os_error(number),
                None => io::Error::from(error),
            };
            faults::connect(error).with_peer(last)
        })
    })
    .await
    .map_err(|error| error.with_peer(addresses.first().copied()))
}
