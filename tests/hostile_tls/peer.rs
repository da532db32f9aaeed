//! A TLS server that breaks the rules: rustls makes the handshake, then each record is
//! sealed here by hand, so that anything can be in it.

use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::testing::Stream;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundPlainMessage};
use rustls::crypto::ring::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::crypto::tls13::{HkdfExpander, OkmBlock, expand};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConnection;
use rustls::{
    ConnectionTrafficSecrets, ContentType, KeyLog, ProtocolVersion, ServerConfig,
    SupportedCipherSuite,
};
use std::io::Read;
use std::sync::{Arc, Mutex};

/// Contents of a record.
pub(crate) const ALERT: ContentType = ContentType::Alert;
pub(crate) const HANDSHAKE: ContentType = ContentType::Handshake;
pub(crate) const DATA: ContentType = ContentType::ApplicationData;

/// Who vouches, and for whom.
pub(crate) struct Identity {
    /// The root, as the client is told.
    pub(crate) root: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A certificate for `h.test`, so many authorities below the root, and shown so many
    /// times.
    pub(crate) fn new(between: usize, times: usize) -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let name = name.to_owned();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            (params, KeyPair::generate().unwrap())
        };
        let (params, key) = authority("root");
        let root = params.self_signed(&key).unwrap().pem();
        let mut issuer = Issuer::new(params, key);
        let mut chain = Vec::new();
        for number in 0..between {
            let (params, key) = authority(&format!("between {number}"));
            chain.insert(0, params.signed_by(&key, &issuer).unwrap().der().clone());
            issuer = Issuer::new(params, key);
        }
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["h.test".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        chain.splice(0..0, vec![leaf.der().clone(); times]);
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Identity { root, chain, key }
    }
}

/// Which TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Version {
    V12,
    V13,
}

/// Keeps the secret of what the server writes under TLS 1.3.
#[derive(Debug, Default)]
struct Secret(Mutex<Vec<u8>>);

impl KeyLog for Secret {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "SERVER_TRAFFIC_SECRET_0" {
            *self.0.lock().unwrap() = secret.to_vec();
        }
    }
}

/// A server in the middle of its handshake.
pub(crate) struct Peer {
    pub(crate) stream: Stream,
    session: ServerConnection,
    secret: Arc<Secret>,
    version: Version,
}

impl Peer {
    pub(crate) fn new(stream: Stream, identity: &Identity, version: Version) -> Self {
        let (suite, versions) = match version {
            Version::V13 => (TLS13_CHACHA20_POLY1305_SHA256, [&rustls::version::TLS13]),
            Version::V12 => (
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                [&rustls::version::TLS12],
            ),
        };
        let provider = rustls::crypto::CryptoProvider {
            cipher_suites: vec![suite],
            ..rustls::crypto::ring::default_provider()
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .unwrap();
        let secret = Arc::<Secret>::default();
        config.key_log = secret.clone();
        config.send_tls13_tickets = 0;
        config.enable_secret_extraction = true;
        Peer {
            stream,
            session: ServerConnection::new(Arc::new(config)).unwrap(),
            secret,
            version,
        }
    }

    /// Takes in what the client says next; `false` at its end.
    async fn listen(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.stream.read(&mut bytes).await.unwrap_or(0);
        let mut unread = &bytes[..read];
        while !unread.is_empty() {
            self.session.read_tls(&mut unread).unwrap();
            if self.session.process_new_packets().is_err() {
                return false;
            }
        }
        read > 0
    }

    /// The server's part of the handshake, up to where it waits for the client's.
    pub(crate) async fn flight(&mut self) -> Vec<u8> {
        while !self.session.wants_write() {
            assert!(self.listen().await, "the client speaks first");
        }
        let mut flight = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut flight).unwrap();
        }
        flight
    }

    /// Makes the handshake, waits for a request, and goes over to records by hand.
    pub(crate) async fn agree(mut self) -> Records {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut out = Vec::new();
            while self.session.wants_write() {
                self.session.write_tls(&mut out).unwrap();
            }
            self.stream.write_all(&out).await.unwrap();
            let ended = request.is_empty() && !self.listen().await;
            assert!(!ended, "the client went away");
            let _more_to_come = self.session.reader().read_to_end(&mut request);
        }
        let keys = match self.version {
            Version::V13 => Keys::new(self.secret.0.lock().unwrap().clone()),
            Version::V12 => Keys::extracted(self.session),
        };
        Records {
            stream: self.stream,
            keys,
        }
    }
}

/// What a record is sealed with.
struct Keys {
    /// The secret, for the next keys of TLS 1.3.
    secret: Vec<u8>,
    seal: Box<dyn MessageEncrypter>,
    /// Records sealed with these keys.
    sequence: u64,
}

impl Keys {
    /// RFC 8446 section 7.3.
    fn new(secret: Vec<u8>) -> Self {
        let SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else {
            panic!("a suite of TLS 1.3");
        };
        let expander = suite
            .hkdf_provider
            .expander_for_okm(&OkmBlock::new(&secret));
        let key: AeadKey = labelled::<_, 32>(&*expander, b"tls13 key");
        let iv: Iv = labelled::<_, 12>(&*expander, b"tls13 iv");
        Keys {
            secret,
            seal: suite.aead_alg.encrypter(key, iv),
            sequence: 0,
        }
    }

    /// Those of a TLS 1.2 session, where it stands.
    fn extracted(session: ServerConnection) -> Self {
        let SupportedCipherSuite::Tls12(suite) = TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        else {
            panic!("a suite of TLS 1.2");
        };
        let (sequence, secrets) = session.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else {
            panic!("secrets of another suite");
        };
        Keys {
            secret: Vec::new(),
            seal: suite.aead_alg.encrypter(key, iv.as_ref(), &[]),
            sequence,
        }
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn labelled<T: From<[u8; N]>, const N: usize>(expander: &dyn HkdfExpander, label: &[u8]) -> T {
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let label_length = [u8::try_from(label.len()).unwrap()];
    expand::<T, N>(expander, &[&length, &label_length, label, &[0]])
}

/// A server that writes each record by hand.
pub(crate) struct Records {
    pub(crate) stream: Stream,
    keys: Keys,
}

impl Records {
    /// One record with this in it, not sent yet.
    pub(crate) fn seal(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ,
            version: ProtocolVersion::TLSv1_2,
            payload: payload.into(),
        };
        let sealed = self.keys.seal.encrypt(message, self.keys.sequence).unwrap();
        self.keys.sequence += 1;
        sealed.encode()
    }

    /// Writes bytes as they are. The client may be gone.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes).await;
    }

    /// Sends one record.
    pub(crate) async fn send(&mut self, typ: ContentType, payload: &[u8]) {
        let record = self.seal(typ, payload);
        self.raw(&record).await;
    }

    /// Sends a key update and takes the new keys (RFC 8446 section 7.2).
    pub(crate) async fn update_keys(&mut self, answer: bool) {
        self.send(HANDSHAKE, &[24, 0, 0, 1, u8::from(answer)]).await;
        let SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else {
            panic!("a suite of TLS 1.3");
        };
        let secret = OkmBlock::new(&self.keys.secret);
        let expander = suite.hkdf_provider.expander_for_okm(&secret);
        let next = labelled::<[u8; 32], 32>(&*expander, b"tls13 traffic upd");
        self.keys = Keys::new(next.to_vec());
    }

    /// Bytes from the client until it goes away.
    pub(crate) async fn read_to_end(&mut self) -> usize {
        let (mut all, mut bytes) = (0, [0; 4096]);
        while let Ok(read @ 1..) = self.stream.read(&mut bytes).await {
            all += read;
        }
        all
    }
}
