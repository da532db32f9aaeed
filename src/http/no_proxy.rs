//! `NO_PROXY`: the hosts that are asked directly.
//!
//! Owns: the parsed list.
//!
//! Laws: entries are separated by commas or blanks. `*` is everything; a name
//! covers itself and everything below it, with or without a leading dot, never
//! a name that only ends like it; an address or a range (`10.0.0.0/8`) covers
//! hosts written as addresses; `:port` narrows an entry. Case does not count, and a name may be
//! written in any script.
//! These are the rules curl, Go and Python share.
//!
//! Absent on purpose: looking names up to compare addresses.
//!
//! Read next: `address.rs`, for the ranges.

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

use std::net::IpAddr;

use super::address::Network;
use super::origin::{Origin, host_text};

/// Hosts that are asked directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    /// In order, though it does not matter.
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Which hosts.
    hosts: Hosts,
    /// Which port; `None`: all.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Below(String),
    Range(Network),
}

impl NoProxy {
    /// Reads a list. What makes no sense covers nothing.
    pub fn parse(list: &str) -> NoProxy {
        let entries = list
            .split([',', ' ', '\t'])
            .filter_map(|text| Entry::parse(text.trim()))
            .collect();
        NoProxy { entries }
    }

    /// Is this origin asked directly?
    pub fn covers(&self, origin: &Origin) -> bool {
        self.entries.iter().any(|entry| {
            entry.port.is_none_or(|port| port == origin.port()) && entry.hosts.cover(origin)
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Entry> {
        let (host, port) = split_port(text);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let hosts = match host {
            "" => return None,
            "*" => Hosts::All,
            host => match range(host) {
                Some(range) => Hosts::Range(range),
                None => Hosts::Below(plain_name(
                    host.trim_start_matches("*.").trim_start_matches('.'),
                )),
            },
        };
        Some(Entry { hosts, port })
    }
}

impl Hosts {
    fn cover(&self, origin: &Origin) -> bool {
        match (self, origin.ip()) {
            (Hosts::All, _) => true,
            (Hosts::Range(range), Some(ip)) => range.contains(ip),
            (Hosts::Below(name), None) => {
                let host = origin.host();
                let host = host.strip_suffix('.').unwrap_or(host);
                match host.strip_suffix(name.as_str()) {
                    Some(front) => !name.is_empty() && (front.is_empty() || front.ends_with('.')),
                    None => false,
                }
            }
            _ => false,
        }
    }
}

/// Without the dot of the root.
fn plain_name(name: &str) -> String {
    let mut name = host_text(name);
    if name.ends_with('.') {
        name.pop();
    }
    name
}

/// `host:port`, `[v6]:port`; a bare IPv6 address has no port.
fn split_port(text: &str) -> (&str, Option<u16>) {
    if text.parse::<IpAddr>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

/// An address, or an address and a prefix length.
fn range(text: &str) -> Option<Network> {
    match text.split_once('/') {
        Some((base, prefix)) => Some(Network::new(base.parse().ok()?, prefix.parse().ok()?)),
        None => text.parse::<IpAddr>().ok().map(Network::from),
    }
}
