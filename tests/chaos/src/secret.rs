//! A certificate for loopback, made once per process.

use downbeat::tls::Acceptor;
use rcgen::{CertificateParams, KeyPair};
use std::sync::OnceLock;

/// Certificate and key, as PEM.
pub fn pem() -> &'static (String, String) {
    static PEM: OnceLock<(String, String)> = OnceLock::new();
    PEM.get_or_init(|| {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        (
            params.self_signed(&key).expect("a certificate").pem(),
            key.serialize_pem(),
        )
    })
}

/// A server's side of it.
pub fn acceptor() -> Acceptor {
    let (chain, key) = pem();
    let builder = Acceptor::builder(chain.as_bytes(), key.as_bytes()).expect("usable");
    builder.build().expect("usable")
}
