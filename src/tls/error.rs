//! What can go wrong with TLS, as kinds a program can match on.
//!
//! Owns: [`TlsError`], and the table from rustls's errors to our kinds.
//!
//! Law E02: text that the peer chose (names in its certificate) is escaped and
//! cut before it is shown; the rustls error itself is therefore not a `source`.
//!
//! Read next: `handshake.rs`.

use std::error::Error;
use std::{fmt, io};

use rustls::{AlertDescription, CertificateError, Error as SessionError, PeerMisbehaved};

/// Why a TLS configuration, handshake or stream failed.
#[derive(Debug)]
pub struct TlsError {
    /// What a program matches on.
    kind: TlsErrorKind,
    /// Bounded text with the particulars.
    detail: String,
    /// The error of the stream below, for [`TlsErrorKind::Io`].
    io: Option<io::Error>,
}

/// The kinds of [`TlsError`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsErrorKind {
    /// The server's certificate is past its last day.
    Expired,
    /// The server's certificate is before its first day.
    NotYetValid,
    /// The certificate is for other names than the one asked for.
    WrongHost,
    /// No trusted root vouches for the certificate; a self-signed one included.
    UnknownIssuer,
    /// The certificate is malformed, revoked, badly signed or not for servers.
    BadCertificate,
    /// The two sides share no application protocol.
    Alpn,
    /// The two sides share no version, cipher or signature scheme.
    Incompatible,
    /// The peer gave up and sent this alert (RFC 8446 section 6).
    Alert(u8),
    /// The peer broke the protocol; plain HTTP on a TLS port is the usual case.
    Protocol,
    /// The stream ended inside the handshake.
    Closed,
    /// The stream ended without close_notify (RFC 8446 section 6.1).
    Truncated,
    /// The host is neither a DNS name nor an address.
    Name,
    /// The configuration cannot be used: bad PEM, or a key of another certificate.
    Config,
    /// The stream below failed; the `source` says how.
    Io,
}

impl TlsError {
    /// What a program matches on.
    pub fn kind(&self) -> TlsErrorKind {
        self.kind
    }

    /// Is the server's certificate the reason?
    pub fn is_certificate(&self) -> bool {
        use TlsErrorKind::*;
        matches!(
            self.kind,
            Expired | NotYetValid | WrongHost | UnknownIssuer | BadCertificate
        )
    }

    /// Finds the TLS error inside an I/O error of a [`TlsStream`](super::TlsStream).
    pub fn of(error: &io::Error) -> Option<&TlsError> {
        error.get_ref()?.downcast_ref()
    }

    pub(super) fn new(kind: TlsErrorKind, detail: &str) -> Self {
        TlsError {
            kind,
            detail: bounded(detail),
            io: None,
        }
    }

    pub(super) fn session(error: &SessionError) -> Self {
        TlsError::new(kind_of(error), &error.to_string())
    }

    pub(super) fn io(error: io::Error) -> Self {
        TlsError {
            kind: TlsErrorKind::Io,
            detail: bounded(&error.to_string()),
            io: Some(error),
        }
    }
}

fn kind_of(error: &SessionError) -> TlsErrorKind {
    use TlsErrorKind::*;
    match error {
        SessionError::InvalidCertificate(certificate) => certificate_kind(certificate),
        SessionError::NoCertificatesPresented | SessionError::UnsupportedNameType => BadCertificate,
        SessionError::NoApplicationProtocol
        | SessionError::AlertReceived(AlertDescription::NoApplicationProtocol)
        | SessionError::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            Alpn
        }
        SessionError::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
        )
        | SessionError::PeerIncompatible(_) => Incompatible,
        SessionError::AlertReceived(alert) => Alert(u8::from(*alert)),
        _ => Protocol,
    }
}

fn certificate_kind(error: &CertificateError) -> TlsErrorKind {
    use TlsErrorKind::*;
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            WrongHost
        }
        CertificateError::UnknownIssuer => UnknownIssuer,
        _ => BadCertificate,
    }
}

/// The longest detail kept, in bytes.
const DETAIL: usize = 256;

fn bounded(text: &str) -> String {
    let mut out = String::new();
    for piece in text.chars().map(char::escape_debug) {
        let piece: String = piece.collect();
        if out.len().saturating_add(piece.len()) > DETAIL {
            out.push_str("...");
            break;
        }
        out.push_str(&piece);
    }
    out
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS: {}", self.detail)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.io.as_ref().map(|error| error as _)
    }
}

/// The stream's own error stays what it was; the rest travel inside.
impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error.kind {
            TlsErrorKind::Io => match error.io {
                Some(io) => return io,
                None => io::ErrorKind::Other,
            },
            TlsErrorKind::Truncated | TlsErrorKind::Closed => io::ErrorKind::UnexpectedEof,
            TlsErrorKind::Name | TlsErrorKind::Config => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
