//! May the connection carry another request? The verdict and its reason.
//!
//! Owns: the verdict type, nothing else.
//!
//! Laws: P01, a connection is kept only if every condition holds; the first
//! that does not is the reason, and it is never taken back. The verdict here is
//! about what was read and written. Whether the transport is quiet (TLS
//! plaintext, timers, age) is for the pool's return function to add.
//!
//! Absent on purpose: a `bool`. A pool that drops connections must be able to
//! say why.
//!
//! Read next: `framing.rs`, which gives the first verdict.

use super::quirk::{Quirk, Quirks};

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Reuse {
    /// It may carry another request.
    #[default]
    Keep,
    /// It must be closed.
    Close(CloseReason),
}

/// Why a connection is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CloseReason {
    /// The server said `close`.
    ServerClose,
    /// The request said `close`.
    ClientClose,
    /// HTTP/1.0 without `keep-alive`.
    Http10,
    /// The end of the connection is the end of the body.
    CloseDelimited,
    /// A framing field of a message without body makes no sense.
    DoubtfulFraming,
    /// A deviation that forbids it.
    Quirk(Quirk),
    /// Bytes follow the message.
    BytesAfterEnd,
    /// The request was not sent to its end.
    RequestUnfinished,
    /// It now is a tunnel or speaks another protocol.
    Tunnel,
    /// The transport ended, or stirred while nothing was asked.
    TransportEnded,
    /// It is too old, or the server's patience is over.
    Expired,
}

impl Reuse {
    /// Closes for `reason`, unless there is one already.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if *self == Reuse::Keep {
            *self = Reuse::Close(reason);
        }
    }

    /// Closes if one of the quirks forbids reuse.
    pub(crate) fn judge(&mut self, quirks: Quirks) {
        if let Some(quirk) = quirks.worst() {
            self.close(CloseReason::Quirk(quirk));
        }
    }
}
