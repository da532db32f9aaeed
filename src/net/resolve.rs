//! From names to addresses.
//!
//! Owns: a look-up while it is out. The system's `getaddrinfo` blocks, so it runs
//! on the pool, on at most half of its threads.
//!
//! Laws:
//! * An address written as such (`127.0.0.1`, `::1`) is never looked up.
//! * A look-up that nobody waits for any more is taken out of the queue; one that
//!   runs cannot be stopped, and its answer is dropped.
//!
//! Absent on purpose: a cache. How long an answer is good is known to the system's
//! resolver and is not told.
//!
//! Read next: `connect.rs`.

use crate::blocking::{BlockingHandle, Class, try_spawn_blocking};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;

/// The future of a look-up.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + 'a>>;

/// Finds the addresses of a name. The system's resolver is [`SystemResolver`]; a
/// closure from host and port to a result is one that answers at once.
pub trait Resolve {
    /// The addresses of `host`, each with `port`, the preferred ones first.
    ///
    /// # Errors
    /// `NotFound` when the name has no address; whatever else fits.
    ///
    /// # Cancel safety
    /// Dropping the future gives the look-up up.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

impl<F: Fn(&str, u16) -> io::Result<Vec<SocketAddr>>> Resolve for F {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(std::future::ready(self(host, port)))
    }
}

/// The resolver of the operating system (`getaddrinfo`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(lookup_host(host, port))
    }
}

/// A look-up on the pool, cancelled when it is dropped.
struct Lookup(BlockingHandle<io::Result<Vec<SocketAddr>>>);

impl Drop for Lookup {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The addresses of `host`, each with `port`, as the operating system knows them
/// and in its order of preference. An IPv6 address may stand in brackets.
///
/// # Errors
/// `NotFound` when there are none; what the system's resolver reports; no loop runs
/// here, or it has no thread to give.
///
/// # Cancel safety
/// Dropping the future gives the look-up up.
#[doc(alias = "getaddrinfo")]
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = literal(host) {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let ask = move || Ok((name.as_str(), port).to_socket_addrs()?.collect::<Vec<_>>());
    let mut lookup = Lookup(try_spawn_blocking(Class::Resolve, ask)?);
    let addresses = (&mut lookup.0).await??;
    if addresses.is_empty() {
        let text = format!("no address for {}", host.escape_debug());
        return Err(io::Error::new(ErrorKind::NotFound, text));
    }
    Ok(addresses)
}

/// The address that `host` spells out, if it does.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(inside) => inside.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}
