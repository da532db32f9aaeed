//! From the errors of other layers to ours: I/O, TLS.
//!
//! Owns: the tables, nothing else.
//!
//! Laws: an error keeps its `source`. Running out of descriptors has a kind of
//! its own, since waiting helps against it and nothing else does.
//!
//! Read next: `transfer/mod.rs`, which meets most of them.

use std::io;

use super::error::Error;
#[cfg(feature = "tls")]
use super::kind::TlsFault;
use super::kind::{ConnectFault, ErrorKind, Phase};
#[cfg(feature = "tls")]
use crate::tls::{TlsError, TlsErrorKind};

/// No connection.
pub(crate) fn connect(error: io::Error) -> Error {
    let fault = match error.kind() {
        _ if out_of_descriptors(&error) => {
            return Error::new(ErrorKind::DescriptorsExhausted).with_source(error);
        }
        io::ErrorKind::ConnectionRefused => ConnectFault::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ConnectFault::Unreachable
        }
        // A reset behind an end of file is a broken pipe for Linux.
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => ConnectFault::Reset,
        _ => ConnectFault::Other,
    };
    Error::new(ErrorKind::Connect(fault)).with_source(error)
}

/// A read or write failed in `phase`, on a connection that was open.
pub(crate) fn stream(error: io::Error, phase: Phase) -> Error {
    #[cfg(feature = "tls")]
    if let Some(told) = TlsError::of(&error) {
        let fault = fault_of(told.kind());
        return Error::new(ErrorKind::Tls(fault))
            .in_phase(phase)
            .with_source(error);
    }
    let kind = match error.kind() {
        kind if is_end(kind) => ErrorKind::Truncated,
        _ => ErrorKind::Io,
    };
    Error::new(kind).in_phase(phase).with_source(error)
}

/// Does this error say that the peer ended the connection, gently or not?
pub(crate) fn is_end(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::*;
    matches!(
        kind,
        ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected | UnexpectedEof
    )
}

/// EMFILE and ENFILE, which std has no kind for; the same numbers everywhere.
fn out_of_descriptors(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// No secure channel.
#[cfg(feature = "tls")]
pub(crate) fn tls(error: TlsError) -> Error {
    let fault = fault_of(error.kind());
    Error::new(ErrorKind::Tls(fault)).with_source(error)
}

#[cfg(feature = "tls")]
fn fault_of(kind: TlsErrorKind) -> TlsFault {
    match kind {
        TlsErrorKind::Expired => TlsFault::Expired,
        TlsErrorKind::NotYetValid => TlsFault::NotYetValid,
        TlsErrorKind::WrongHost => TlsFault::WrongHost,
        TlsErrorKind::UnknownIssuer => TlsFault::UnknownIssuer,
        TlsErrorKind::BadCertificate => TlsFault::Certificate,
        TlsErrorKind::Alpn => TlsFault::Alpn,
        TlsErrorKind::Closed | TlsErrorKind::Truncated | TlsErrorKind::Io => TlsFault::Closed,
        TlsErrorKind::Name => TlsFault::Name,
        _ => TlsFault::Protocol,
    }
}
