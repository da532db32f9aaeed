//! Which addresses a request may connect to.
//!
//! Owns: the table of ranges that are not the public internet, and the guard.
//!
//! Laws: N05, what is judged is the address handed to `connect`, on every hop,
//! never a name or an earlier answer. An address that carries another (mapped,
//! NAT64, 6to4, ISATAP) is judged by both. IPv6 outside 2000::/3 is refused whole: no
//! registry gives such addresses out. A lookup that mixes public and other
//! addresses fails as a whole: it is an attack or an accident, and neither
//! should depend on which address answers first.
//!
//! WHY NOT `IpAddr::is_global`: it is not stable, and misses the carriers.
//!
//! Absent on purpose: names. Blocking a host is a matter of the URL.
//!
//! Read next: `proxy.rs`.

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

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::Error;
use super::kind::ErrorKind;

/// A range of addresses: network and prefix length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// Any address of it.
    base: IpAddr,
    /// Leading bits that are the same for all.
    prefix: u8,
}

impl Network {
    /// The range of all addresses that share `prefix` leading bits with `base`.
    /// A prefix longer than the address is taken as the whole address.
    pub const fn new(base: IpAddr, prefix: u8) -> Network {
        Network { base, prefix }
    }

    /// Is it in the range? IPv4 is never in an IPv6 range, nor the reverse.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                let apart = base.to_bits() ^ ip.to_bits();
                apart.leading_zeros() >= u32::from(self.prefix.min(32))
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => {
                let apart = base.to_bits() ^ ip.to_bits();
                apart.leading_zeros() >= u32::from(self.prefix.min(128))
            }
            _ => false,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Network {
        Network::new(ip, 128)
    }
}

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Network {
    Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, 0)), prefix)
}

const fn v6(head: [u16; 3], prefix: u8) -> Network {
    let [a, b, c] = head;
    Network::new(IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix)
}

/// IPv4 ranges that are not public (the IANA special-purpose registry).
const SPECIAL_V4: [Network; 15] = [
    v4(0, 0, 0, 8),       // this network; 0.0.0.0 reaches the host itself
    v4(10, 0, 0, 8),      // private
    v4(100, 64, 0, 10),   // shared by carriers
    v4(127, 0, 0, 8),     // loopback
    v4(169, 254, 0, 16),  // link-local, cloud metadata
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 24),    // documentation
    v4(192, 88, 99, 24),  // 6to4 relays, withdrawn
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarks
    v4(198, 51, 100, 24), // documentation
    v4(203, 0, 113, 24),  // documentation
    v4(224, 0, 0, 4),     // multicast
    v4(240, 0, 0, 4),     // reserved, broadcast
];

/// All that was ever given out for the public internet in IPv6 (RFC 4291 section 2.4).
const GLOBAL_V6: Network = v6([0x2000, 0, 0], 3);

/// Ranges within it that are not public.
const SPECIAL_V6: [Network; 3] = [
    v6([0x2001, 0, 0], 23), // protocol assignments; Teredo, whatever it carries
    v6([0x2001, 0xdb8, 0], 32), // documentation
    v6([0x3fff, 0, 0], 20), // documentation
];

/// Is this an address of the public internet, whatever it carries?
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|range| range.contains(ip)),
        IpAddr::V6(outer) => match carried(outer) {
            Some(Carried::Alone(inner)) => is_public(IpAddr::V4(inner)),
            Some(Carried::Routed(inner)) => is_public(IpAddr::V4(inner)) && is_global_v6(ip),
            None => is_global_v6(ip),
        },
    }
}

fn is_global_v6(ip: IpAddr) -> bool {
    GLOBAL_V6.contains(ip) && !SPECIAL_V6.iter().any(|range| range.contains(ip))
}

/// The IPv4 address inside an IPv6 address.
enum Carried {
    /// It is all there is to judge.
    Alone(Ipv4Addr),
    /// Where a tunnel would send it; the outer address counts too.
    Routed(Ipv4Addr),
}

impl Carried {
    fn address(&self) -> IpAddr {
        let (Carried::Alone(inner) | Carried::Routed(inner)) = self;
        IpAddr::V4(*inner)
    }
}

fn carried(ip: Ipv6Addr) -> Option<Carried> {
    let bits = ip.to_bits();
    let v4 = |bits: u128| Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32);
    match ip.segments() {
        // ::ffff:0:0/96, the same address in another notation
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(Carried::Alone(v4(bits))),
        // 64:ff9b::/96, what NAT64 makes of it (RFC 6052)
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Carried::Alone(v4(bits))),
        // 2002::/16, RFC 3056
        [0x2002, ..] => Some(Carried::Routed(v4(bits >> 80))),
        // ISATAP, RFC 5214 section 6.1
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(Carried::Routed(v4(bits))),
        _ => None,
    }
}

/// Decides which addresses may be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressGuard {
    /// The rule.
    mode: Mode,
    /// Ranges that are allowed whatever the rule says.
    allowed: Vec<Network>,
    /// Ranges that are refused whatever else is said.
    denied: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AllowAll,
    PublicOnly,
    NoEscape,
}

impl AddressGuard {
    /// Allows every address.
    pub fn allow_all() -> AddressGuard {
        AddressGuard::with(Mode::AllowAll)
    }

    /// Allows public addresses only: for URLs that strangers choose.
    pub fn public_only() -> AddressGuard {
        AddressGuard::with(Mode::PublicOnly)
    }

    /// Allows every address for the URL that was given; when that one was
    /// public, its redirects must be public too.
    pub fn no_escape() -> AddressGuard {
        AddressGuard::with(Mode::NoEscape)
    }

    /// Allows a range whatever the rule says.
    pub fn allow(mut self, range: impl Into<Network>) -> AddressGuard {
        self.allowed.push(range.into());
        self
    }

    /// Refuses a range whatever else is said, also where another address carries
    /// one of its addresses.
    pub fn deny(mut self, range: impl Into<Network>) -> AddressGuard {
        self.denied.push(range.into());
        self
    }

    /// May this address be connected to? `began_public`: an earlier hop of the
    /// same call connected to a public address.
    ///
    /// # Errors
    /// [`ErrorKind::AddressBlocked`].
    pub fn check(&self, addr: SocketAddr, began_public: bool) -> Result<(), Error> {
        match self.permits(addr.ip(), began_public) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::AddressBlocked).with_peer(Some(addr))),
        }
    }

    /// May a connection be tried with these addresses of one name? One that is
    /// refused refuses all.
    ///
    /// # Errors
    /// [`ErrorKind::AddressBlocked`], with the address that is refused.
    pub fn check_all(&self, addrs: &[SocketAddr], began_public: bool) -> Result<(), Error> {
        addrs
            .iter()
            .try_for_each(|addr| self.check(*addr, began_public))
    }

    fn with(mode: Mode) -> AddressGuard {
        AddressGuard {
            mode,
            allowed: Vec::new(),
            denied: Vec::new(),
        }
    }

    fn permits(&self, ip: IpAddr, began_public: bool) -> bool {
        let free = match self.mode {
            Mode::AllowAll => true,
            Mode::NoEscape => !began_public,
            Mode::PublicOnly => false,
        };
        // As by default, for each request.
        if free && self.denied.is_empty() {
            return true;
        }
        let listed = |list: &[Network], ip| list.iter().any(|range| range.contains(ip));
        let inner = match ip {
            IpAddr::V6(outer) => carried(outer).map(|carried| carried.address()),
            IpAddr::V4(_) => None,
        };
        if listed(&self.denied, ip) || inner.is_some_and(|inner| listed(&self.denied, inner)) {
            return false;
        }
        // What is allowed is the address itself, also in its mapped notation.
        free || listed(&self.allowed, ip)
            || listed(&self.allowed, ip.to_canonical())
            || is_public(ip)
    }
}

impl Default for AddressGuard {
    fn default() -> Self {
        AddressGuard::allow_all()
    }
}

#[cfg(test)]
#[path = "tests/address.rs"]
mod tests;
