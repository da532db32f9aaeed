//! A tunnel through a proxy: CONNECT and its answer.
//!
//! Owns: nothing; the stream comes back, and leads to the origin.
//!
//! Laws: the proxy's answer is a response like any other, read by the same
//! exchange under the same limits. Bytes behind its head are an error: the origin
//! has nothing to say before TLS begins.
//!
//! Absent on purpose: trying again with credentials. They are sent at once.
//!
//! Read next: `dial.rs`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use super::alarm::{Bound, within};
use super::deadlines::Deadline;
use super::dial::{Dialer, Order};
use super::error::Error;
use super::event::Event;
use super::exchange::Exchange;
use super::faults;
use super::kind::{ErrorKind, Phase, ProxyFault};
use super::proxy::Proxy;
use super::recv::RecvBuffer;
use super::request::write_connect;
use super::wire::Wire;
use crate::io::{AsyncRead, AsyncWrite};

/// Asks the proxy for a tunnel to the origin (RFC 9110 section 9.3.6).
pub(crate) async fn tunnel(
    dialer: &Dialer,
    order: &Order,
    proxy: &Proxy,
    mut stream: Wire,
) -> Result<Wire, Error> {
    let bound = Bound {
        limit: order.options.deadlines.proxy,
        deadline: Deadline::Proxy,
        phase: Phase::Proxy,
        total: order.total,
    };
    let mut out = Vec::new();
    let credentials = proxy.credentials();
    let asked = write_connect(&mut out, &order.origin, &dialer.user_agent, credentials)?;
    within(bound, async {
        write_all(&mut stream, &out).await.map_err(from_proxy)?;
        let mut exchange = Exchange::begin(asked, order.options.limits.clone());
        exchange.request_sent();
        let status = answer(&mut stream, &mut exchange).await?;
        match status {
            200..=299 => Ok(stream),
            407 => Err(refuse(ProxyFault::Authentication)),
            status => Err(refuse(ProxyFault::Refused).with_detail(&format!("status {status}"))),
        }
    })
    .await
}

/// Reads the head of the proxy's answer.
async fn answer(stream: &mut Wire, exchange: &mut Exchange) -> Result<u16, Error> {
    let mut recv = RecvBuffer::new();
    loop {
        match exchange.advance(&mut recv) {
            Ok(Event::Head) => break,
            // The head may be behind it already.
            Ok(Event::Informational) => continue,
            Ok(_) => {}
            Err(error) => return Err(refuse(ProxyFault::Answer).with_source(error)),
        }
        let read = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, recv.space())).await;
        match read.map_err(from_proxy)? {
            0 => return Err(from_proxy(io::ErrorKind::UnexpectedEof.into())),
            n => recv.filled(n),
        }
    }
    // Behind a tunnel's head comes what the origin says, and it has nothing to
    // say before TLS begins.
    match exchange.head().status {
        200..=299 if !recv.is_empty() => Err(refuse(ProxyFault::Answer)),
        status => Ok(status),
    }
}

async fn write_all(stream: &mut Wire, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => bytes = bytes.get(n..).unwrap_or_default(),
        }
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

fn refuse(fault: ProxyFault) -> Error {
    Error::new(ErrorKind::Proxy(fault))
}

fn from_proxy(error: io::Error) -> Error {
    faults::stream(error, Phase::Proxy)
}
