//! The words between an exchange and whoever drives it.
//!
//! Owns: nothing but the types.
//!
//! Laws: an event borrows what it shows, so it is used before the next step;
//! nothing in it has to be copied to be understood.
//!
//! Absent on purpose: errors. They end an exchange and are not events.
//!
//! Read next: `exchange.rs`.

use super::method::Method;
use super::reuse::Reuse;

/// What the exchange has to know of the request. Filled in by
/// [`write_head`](super::request::write_head).
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The method: HEAD and CONNECT change the framing of the response.
    pub(crate) method: Method,
    /// `Expect: 100-continue` was sent, so the body waits.
    pub(crate) expects_continue: bool,
    /// `Upgrade` was sent, so 101 is an answer.
    pub(crate) upgrade: bool,
    /// `Connection: close` was sent.
    pub(crate) close: bool,
    /// Content codings are undone.
    pub(crate) decode: bool,
}

/// Where the request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upload {
    /// The body waits for `100 Continue`.
    Waiting,
    /// Head or body is being written.
    Sending,
    /// Everything was written and flushed.
    Sent,
    /// A final response came first: write no more.
    Stopped,
}

/// What was understood. It borrows nothing, so a driver can loop over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// More bytes are needed: read into the buffer, or call
    /// [`end`](super::exchange::Exchange::end).
    Need,
    /// An informational head, in [`head`](super::exchange::Exchange::head). After 100 a waiting
    /// upload may go on.
    Informational,
    /// The final head, in [`head`](super::exchange::Exchange::head).
    Head,
    /// Bytes of the body, to be taken by [`lend`](super::exchange::Exchange::lend).
    Body(Piece),
    /// Nothing yet, and there is input left: others first, then ask again.
    Again,
    /// The response is complete, trailers included.
    Done(Reuse),
}

/// Where the bytes of a piece of the body are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    /// So many at the front of the receive buffer.
    Raw(usize),
    /// With the decoder.
    Decoded,
}

/// How the transport ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// FIN; under TLS, close_notify.
    Clean,
    /// TLS ended without close_notify.
    NoCloseNotify,
    /// Reset, or a read error.
    Reset,
}

/// What the response is waiting for: tells which deadline runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Its first byte.
    FirstByte,
    /// The rest of a head.
    Head,
    /// Body or trailers.
    Body,
    /// Nothing.
    Done,
}
