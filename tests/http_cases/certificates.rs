//! The certificates that the cases name, made once.

use std::sync::OnceLock;

use downbeat::tls::Acceptor;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

/// The root, and a chain and key per name.
struct Made {
    root: String,
    leaves: Vec<(&'static str, String, String)>,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(make)
}

fn make() -> Made {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let here = || CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let elsewhere = CertificateParams::new(vec!["other.test".into()]).unwrap();
    let mut expired = here();
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut leaves = Vec::new();
    for (name, params) in [
        ("good", here()),
        ("wronghost", elsewhere),
        ("expired", expired),
    ] {
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &issuer).unwrap().pem();
        leaves.push((name, chain, key.serialize_pem()));
    }
    let key = KeyPair::generate().unwrap();
    let alone = here().self_signed(&key).unwrap().pem();
    leaves.push(("selfsigned", alone, key.serialize_pem()));
    Made { root, leaves }
}

/// The root, as PEM.
pub(crate) fn root() -> &'static str {
    &made().root
}

/// A server with the certificate of this name.
pub(crate) fn acceptor(name: &str, version: Option<&str>) -> Acceptor {
    let (_, chain, key) = made().leaves.iter().find(|leaf| leaf.0 == name).unwrap();
    let builder = Acceptor::builder(chain.as_bytes(), key.as_bytes()).unwrap();
    match version {
        Some("1.2") => builder.tls12_only().build().unwrap(),
        Some(other) => panic!("version {other}"),
        None => builder.build().unwrap(),
    }
}
