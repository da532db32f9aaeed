//! The server end of TLS, as small as an origin for demos and tests needs it.
//!
//! Owns: a rustls server configuration. Sessions share their handshake and
//! stream types with the client's end.
//!
//! Absent on purpose: choosing among several certificates, and OCSP.
//!
//! Read next: `crate::testing`, whose origin uses it.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::config::{Identity, certificates, config, identity, provider, versions};
use super::error::TlsError;
use super::handshake::Handshake;
use crate::io::{AsyncRead, AsyncWrite};

/// Turns accepted streams into TLS streams; cheap to clone, `Send`.
#[derive(Clone)]
pub struct Acceptor {
    /// What every session shares.
    shared: Arc<ServerConfig>,
}

/// Collects how an [`Acceptor`] presents itself.
pub struct AcceptorBuilder {
    /// The server's chain and key.
    identity: Identity,
    /// Roots that clients' certificates must lead to; empty: none is asked for.
    client_roots: RootCertStore,
    /// Protocols offered by ALPN, best first; empty: no ALPN.
    alpn: Vec<Vec<u8>>,
    /// Speak TLS 1.2 and nothing newer.
    tls12_only: bool,
    /// Give clients something to resume?
    resumption: bool,
}

impl Acceptor {
    /// Presents this certificate chain (leaf first, PEM), signed for with `key`.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`](super::TlsErrorKind::Config) if either text
    /// holds nothing usable.
    pub fn builder(chain: &[u8], key: &[u8]) -> Result<AcceptorBuilder, TlsError> {
        Ok(AcceptorBuilder {
            identity: identity(chain, key)?,
            client_roots: RootCertStore::empty(),
            alpn: vec![b"http/1.1".to_vec()],
            tls12_only: false,
            resumption: true,
        })
    }

    /// Starts the server's side of a handshake over `stream`.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`](super::TlsErrorKind::Config) if the
    /// configuration cannot serve.
    pub fn accept<S>(&self, stream: S) -> Result<Handshake<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let session = ServerConnection::new(self.shared.clone()).map_err(|error| config(&error))?;
        Ok(Handshake::new(session.into(), stream))
    }
}

impl AcceptorBuilder {
    /// Asks every client for a certificate that leads to one of these roots.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`](super::TlsErrorKind::Config) for unusable PEM.
    pub fn require_client_pem(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        for root in certificates(pem)? {
            self.client_roots
                .add(root)
                .map_err(|error| config(&error))?;
        }
        Ok(self)
    }

    /// Offers these protocols instead of `http/1.1`.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    /// Speaks TLS 1.2 and nothing newer.
    pub fn tls12_only(mut self) -> Self {
        self.tls12_only = true;
        self
    }

    /// Gives clients nothing to resume.
    pub fn without_resumption(mut self) -> Self {
        self.resumption = false;
        self
    }

    /// Finishes the configuration.
    ///
    /// # Errors
    /// [`TlsErrorKind::Config`](super::TlsErrorKind::Config) if the key does not
    /// belong to the certificate.
    pub fn build(self) -> Result<Acceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.tls12_only))
            .map_err(|error| config(&error))?;
        let builder = match self.client_roots.is_empty() {
            true => builder.with_no_client_auth(),
            false => {
                let roots = Arc::new(self.client_roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|error| config(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = self.identity;
        let mut shared = builder
            .with_single_cert(chain, key)
            .map_err(|error| config(&error))?;
        shared.alpn_protocols = self.alpn;
        if !self.resumption {
            shared.session_storage = Arc::new(NoServerSessionStorage {});
            shared.send_tls13_tickets = 0;
        }
        Ok(Acceptor {
            shared: Arc::new(shared),
        })
    }
}
