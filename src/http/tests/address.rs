//! Tests of the address guard (N05).

use super::*;

fn public(text: &str) -> bool {
    match text.parse() {
        Ok(ip) => is_public(ip),
        Err(_) => panic!("{text}"),
    }
}

/// First and last address of every special range, and their neighbours.
#[test]
fn special_ranges_to_their_edges() {
    let not_public = [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.88.99.0",
        "192.88.99.255",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "fe80::",
        "febf:ffff::1",
        "fec0::",
        "feff::1",
        "fc00::",
        "fdff:ffff::1",
        "ff00::",
        "ffff::1",
        "100::",
        "100::ffff",
        "2001::",
        "2001:1ff:ffff::",
        "2001:db8::",
        "2001:db8:ffff::1",
        "3fff::",
        "3fff:fff::1",
        "5f00::",
        "5f00:ffff::1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:ffff::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::",
        // Teredo, with 127.0.0.1 and with 8.8.8.8 inside: the range itself is special.
        "2001:0:1:2:3:4:80ff:fffe",
        "2001:0:1:2:3:4:f7f7:f7f7",
        // Translated (RFC 2765), dummy prefix (RFC 9780), given out to nobody.
        "::ffff:0:127.0.0.1",
        "::ffff:0:8.8.8.8",
        "100:0:0:1::",
        "64:ff9a::1",
        "1fff:ffff::1",
        "4000::1",
        "5eff::1",
        "5f01::",
        "fbff::1",
        // ISATAP
        "2606:4700::5efe:127.0.0.1",
        "2606:4700::200:5efe:10.0.0.1",
    ];
    for text in not_public {
        assert!(!public(text), "{text}");
    }
    let is_public = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2606:4700::1111",
        "2a00:1450::1",
        "3ffe::1",
        "3fff:1000::",
        "2000::1",
        "2606:4700::5efe:8.8.8.8",
    ];
    for text in is_public {
        assert!(public(text), "{text}");
    }
}

fn check(guard: &AddressGuard, text: &str, began_public: bool) -> Result<(), ErrorKind> {
    match text.parse::<IpAddr>() {
        Ok(ip) => guard
            .check(SocketAddr::new(ip, 80), began_public)
            .map_err(|e| e.kind()),
        Err(_) => panic!("{text}"),
    }
}

#[test]
fn modes_and_lists() {
    let blocked = Err(ErrorKind::AddressBlocked);
    let all = AddressGuard::allow_all();
    assert_eq!(check(&all, "127.0.0.1", true), Ok(()));
    let public = AddressGuard::public_only();
    assert_eq!(check(&public, "127.0.0.1", false), blocked);
    assert_eq!(check(&public, "::ffff:127.0.0.1", false), blocked);
    assert_eq!(check(&public, "8.8.8.8", false), Ok(()));
    let escape = AddressGuard::no_escape();
    assert_eq!(check(&escape, "127.0.0.1", false), Ok(()));
    assert_eq!(check(&escape, "127.0.0.1", true), blocked);
    assert_eq!(check(&escape, "8.8.8.8", true), Ok(()));
    let ten = Network::new(IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3)), 8);
    let lab = AddressGuard::public_only()
        .allow(ten)
        .deny(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)))
        .deny(IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)));
    assert_eq!(check(&lab, "10.200.0.1", false), Ok(()));
    assert_eq!(check(&lab, "::ffff:10.200.0.1", false), Ok(()));
    assert_eq!(check(&lab, "10.0.0.1", false), blocked);
    assert_eq!(check(&lab, "::ffff:8.8.8.8", false), blocked);
    assert_eq!(check(&lab, "11.0.0.1", false), Ok(()));
    let metadata = AddressGuard::allow_all().deny(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)));
    for carrier in ["64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"] {
        assert_eq!(check(&metadata, carrier, false), blocked, "{carrier}");
    }
    // What carries an allowed address is another address.
    assert_eq!(check(&lab, "64:ff9b::10.200.0.1", false), blocked);
}

#[test]
fn a_mixed_answer_fails_as_a_whole() {
    let addrs = ["8.8.8.8:80", "127.0.0.1:80"].map(|a| a.parse().ok());
    let addrs: Vec<SocketAddr> = addrs.into_iter().flatten().collect();
    let guard = AddressGuard::public_only();
    assert!(guard.check_all(&addrs[..1], false).is_ok());
    let error = guard.check_all(&addrs, false).err();
    assert_eq!(error.and_then(|e| e.peer_addr()), addrs.get(1).copied());
}

#[test]
fn prefixes() {
    let net = |prefix| Network::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), prefix);
    let ip = |a, b, c, d| IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    assert!(net(0).contains(ip(255, 1, 2, 3)));
    assert!(net(32).contains(ip(10, 0, 0, 0)) && !net(32).contains(ip(10, 0, 0, 1)));
    assert!(net(200).contains(ip(10, 0, 0, 0)) && !net(200).contains(ip(10, 0, 0, 1)));
    assert!(!net(0).contains(IpAddr::V6(Ipv6Addr::LOCALHOST)));
}
