//! TLS over any byte stream, by rustls; the only module that names rustls.
//!
//! Owns: [`TlsStream`] (both ends), the handshake future, the client's
//! [`ClientConfig`] and the small server end, [`Acceptor`].
//!
//! Laws, each with a test of its name in `tests/` (E01 besides, by the lints below):
//! * V02: no server name is sent for an address; brackets and the final dot go.
//! * V04: a stream that ends without close_notify is an error, never an end of
//!   file. Who knows the message's length may forgive it.
//! * V05: every round of every loop moves a byte or returns.
//! * V06: a handshake reads a bounded number of bytes.
//! * V07: what the session holds is handed out before the socket is asked.
//! * V08: what the session wants to say is sent after every step.
//! * V09: sessions are resumed within one configuration only; 0-RTT is off.
//! * V10: `http/1.1` or no ALPN at all; anything else fails the handshake.
//!
//! Absent on purpose: a switch that turns verification off, 0-RTT, and any
//! knowledge of deadlines, which belong to whoever polls the handshake.
//!
//! Read next: `stream.rs`, then `config.rs`.

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

mod accept;
mod cipher;
mod config;
mod error;
mod handshake;
mod keylog;
mod stream;
#[cfg(test)]
mod tests;

pub use accept::{Acceptor, AcceptorBuilder};
pub use config::{ClientConfig, ClientConfigBuilder};
pub use error::{TlsError, TlsErrorKind};
pub use handshake::Handshake;
pub use stream::TlsStream;
