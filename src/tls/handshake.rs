//! The handshake as a future.
//!
//! Owns: the stream until both sides agree; dropping the future closes it.
//!
//! Laws: V05 (each round moves bytes or returns), V06 (at most
//! [`HANDSHAKE_BYTES`] are read), V10 (`http/1.1` or no ALPN).
//!
//! Absent on purpose: a deadline. The caller wraps the future in one.
//!
//! Read next: `stream.rs`, which does the reading and writing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::error::{TlsError, TlsErrorKind};
use super::stream::{Step, TlsStream};
use crate::io::{AsyncRead, AsyncWrite};

/// A handshake that reads more than this fails; real ones need 2 to 10 KiB.
const HANDSHAKE_BYTES: usize = 256 * 1024;

/// Resolves to the encrypted stream once both sides have finished.
///
/// # Cancel safety
/// Dropping it drops the stream below.
#[must_use = "futures do nothing unless polled"]
pub struct Handshake<S> {
    /// The stream; taken when the handshake is over.
    tls: Option<TlsStream<S>>,
    /// Bytes read so far.
    read: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshake<S> {
    pub(super) fn new(session: rustls::Connection, stream: S) -> Self {
        Handshake {
            tls: Some(TlsStream::new(session, stream)),
            read: 0,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Handshake<S> {
    type Output = Result<TlsStream<S>, TlsError>;

    #[allow(clippy::panic, reason = "a bug of the caller, never of the peer")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(tls) = &mut this.tls else {
            panic!("`Handshake` polled after it was ready");
        };
        let outcome = ready!(poll_agree(tls, &mut this.read, cx));
        Poll::Ready(match (outcome, this.tls.take()) {
            (Ok(()), Some(tls)) => Ok(tls),
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(TlsError::new(TlsErrorKind::Closed, "no stream")),
        })
    }
}

fn poll_agree<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &mut TlsStream<S>,
    read: &mut usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), TlsError>> {
    loop {
        let sent = tls.poll_drain(cx);
        if let Poll::Ready(Err(error)) = sent {
            // The peer may have said why before it hung up: an alert tells
            // more than a broken pipe.
            return Poll::Ready(Err(match tls.poll_step(cx) {
                Poll::Ready(Err(alert)) => alert,
                _ => TlsError::io(error),
            }));
        }
        if !tls.session().is_handshaking() {
            ready!(sent).map_err(TlsError::io)?;
            return Poll::Ready(agreed(tls));
        }
        match ready!(tls.poll_step(cx))? {
            Step::Ended => {
                let text = "the stream ended inside the handshake";
                return Poll::Ready(Err(TlsError::new(TlsErrorKind::Closed, text)));
            }
            Step::Fed(n) => *read = read.saturating_add(n),
        }
        if *read > HANDSHAKE_BYTES {
            let text = "the handshake is longer than 256 KiB";
            return Poll::Ready(Err(TlsError::new(TlsErrorKind::Protocol, text)));
        }
    }
}

/// LAW V10: rustls refuses a protocol that was not offered; this line keeps the
/// law if a configuration ever offers more.
fn agreed<S>(tls: &TlsStream<S>) -> Result<(), TlsError> {
    match tls.alpn() {
        None | Some(b"http/1.1") => Ok(()),
        Some(other) => Err(TlsError::new(
            TlsErrorKind::Alpn,
            &format!("the peer chose {}", other.escape_ascii()),
        )),
    }
}
