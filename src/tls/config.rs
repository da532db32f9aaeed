//! The client's TLS configuration: whom to trust, who we are, what to log.
//!
//! Owns: the rustls configuration behind an `Arc`, its session store and its
//! number.
//!
//! Laws: V09 (each configuration has a session store of its own, 0-RTT is off),
//! V10 (ALPN offers `http/1.1` and nothing else). The number is part of a
//! connection pool's key, so connections of two configurations never mix.
//!
//! Absent on purpose: "accept invalid certificates". A test that needs another
//! root gives one.
//!
//! Read next: `accept.rs`, the other end.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, RootCertStore, SupportedProtocolVersion};

use super::error::{TlsError, TlsErrorKind};
use super::handshake::Handshake;
use super::keylog::KeyLog;
use crate::io::{AsyncRead, AsyncWrite};

/// A finished client configuration; cheap to clone.
#[derive(Clone)]
pub struct ClientConfig {
    /// What every session of this configuration shares, the resumption store included.
    shared: Arc<rustls::ClientConfig>,
    /// Tells configurations apart.
    id: u64,
}

/// Collects what a [`ClientConfig`] trusts and presents.
pub struct ClientConfigBuilder {
    /// Trust the Mozilla roots too?
    web_roots: bool,
    /// Roots given by the caller.
    own_roots: RootCertStore,
    /// Certificate chain and key presented when the server asks.
    identity: Option<Identity>,
    /// Where session secrets go.
    key_log: Option<Box<dyn Write + Send>>,
    /// Offer TLS 1.2 only (for tests of old servers).
    tls12_only: bool,
}

/// A certificate chain, leaf first, and the leaf's key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Sessions remembered per configuration.
const SESSIONS: usize = 256;

impl ClientConfig {
    /// Starts with the Mozilla roots and nothing else.
    pub fn builder() -> ClientConfigBuilder {
        ClientConfigBuilder {
            web_roots: true,
            own_roots: RootCertStore::empty(),
            identity: None,
            key_log: None,
            tls12_only: false,
        }
    }

    /// Starts a handshake with the server called `host` over `stream`.
    ///
    /// `host` comes from the URL: a DNS name in ASCII, an IPv4 address, or an
    /// IPv6 address with or without brackets. The certificate must be for it;
    /// a name is also sent in the clear (RFC 6066 section 3), an address is not.
    ///
    /// # Errors
    /// [`TlsErrorKind::Name`] if `host` is none of these.
    pub fn connect<S>(&self, host: &str, stream: S) -> Result<Handshake<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = server_name(host)?;
        let session = ClientConnection::new(self.shared.clone(), name)
            .map_err(|error| TlsError::session(&error))?;
        Ok(Handshake::new(session.into(), stream))
    }

    /// A number no other configuration of this process has.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// LAW V02: what the certificate is checked against is the URL's host, without
/// the brackets of a literal and without the root's dot.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(ServerName::from(address));
    }
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| TlsError::new(TlsErrorKind::Name, &format!("no server name: {host}")))
}

impl ClientConfigBuilder {
    /// Trusts the certificates in `pem` too.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`] if there is none, or one cannot be a root.
    pub fn add_root_pem(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        for root in certificates(pem)? {
            self.own_roots.add(root).map_err(|error| config(&error))?;
        }
        Ok(self)
    }

    /// Trusts the certificates in `pem` and no others, whatever was added before.
    ///
    /// # Errors
    /// As [`add_root_pem`](Self::add_root_pem).
    pub fn only_roots_pem(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        self.web_roots = false;
        self.own_roots = RootCertStore::empty();
        self.add_root_pem(pem)
    }

    /// Presents this certificate chain (leaf first) when a server asks for one.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`] if either PEM text holds nothing usable.
    pub fn identity_pem(mut self, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        self.identity = Some(identity(chain, key)?);
        Ok(self)
    }

    /// Appends every session's secrets to `out` (NSS key log format).
    ///
    /// Whoever reads `out` can read the traffic. Writes happen on the loop.
    pub fn key_log(mut self, out: impl Write + Send + 'static) -> Self {
        self.key_log = Some(Box::new(out));
        self
    }

    /// Offers TLS 1.2 and nothing newer.
    pub fn tls12_only(mut self) -> Self {
        self.tls12_only = true;
        self
    }

    /// Finishes the configuration.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`] if the key does not belong to the certificate.
    pub fn build(self) -> Result<ClientConfig, TlsError> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let mut roots = self.own_roots;
        if self.web_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let builder = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.tls12_only))
            .map_err(|error| config(&error))?
            .with_root_certificates(roots);
        let mut shared = match self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| config(&error))?,
        };
        shared.alpn_protocols = vec![b"http/1.1".to_vec()];
        shared.resumption = Resumption::in_memory_sessions(SESSIONS);
        if let Some(out) = self.key_log {
            shared.key_log = Arc::new(KeyLog::new(out));
        }
        Ok(ClientConfig {
            shared: Arc::new(shared),
            // ORDER: Relaxed; only uniqueness matters.
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        })
    }
}

/// The one crypto provider of the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static RING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    RING.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()))
        .clone()
}

pub(super) fn versions(tls12_only: bool) -> &'static [&'static SupportedProtocolVersion] {
    static TLS12_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    match tls12_only {
        true => TLS12_ONLY,
        false => rustls::ALL_VERSIONS,
    }
}

/// All certificates of a PEM text, in order; none at all is an error.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, pem::Error>>();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(config(&"no certificate in the PEM text")),
        Err(error) => Err(config(&error)),
    }
}

pub(super) fn identity(chain: &[u8], key: &[u8]) -> Result<Identity, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| config(&error))?;
    Ok((certificates(chain)?, key))
}

pub(super) fn config(error: &dyn fmt::Display) -> TlsError {
    TlsError::new(TlsErrorKind::Config, &error.to_string())
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("id", &self.id)
            .finish()
    }
}
