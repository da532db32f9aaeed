//! One certificate for all hosts of all runs.
//!
//! Law: its size never varies (Ed25519, a fixed serial number), so that runs over TLS
//! are the same each time too.

use std::sync::OnceLock;

use downbeat::tls::Acceptor;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber};

/// A self-signed certificate, and its key.
pub(crate) struct Certificates {
    chain: String,
    key: String,
}

impl Certificates {
    /// Those of this process.
    pub(crate) fn shared() -> &'static Certificates {
        static SHARED: OnceLock<Certificates> = OnceLock::new();
        SHARED.get_or_init(|| {
            let names = (0..4)
                .map(|host| format!("h{host}.test"))
                .collect::<Vec<_>>();
            let mut params = CertificateParams::new(names).expect("names");
            params.serial_number = Some(SerialNumber::from(7_u64));
            let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
            Certificates {
                chain: params.self_signed(&key).expect("a certificate").pem(),
                key: key.serialize_pem(),
            }
        })
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        let builder = Acceptor::builder(self.chain.as_bytes(), self.key.as_bytes());
        builder.expect("usable").build().expect("usable")
    }

    pub(crate) fn root(&self) -> &[u8] {
        self.chain.as_bytes()
    }
}
