//! `TlsStream`: a rustls session and the stream below it, as one byte stream.
//!
//! Owns: the session, the stream, and ciphertext that was read but not yet
//! taken by the session.
//!
//! The read side, arrows as functions:
//!
//! ```text
//!             poll_fill             feed                  session.reader()
//!   socket ------------> ciphertext ----> rustls session ----------------> caller
//!      ^                                        |
//!      +------------------ poll_drain ----------+   alerts, key updates
//! ```
//!
//! LAW V07: the arrows are tried from right to left, because a poller reports
//! what lies in the socket and knows nothing of bytes that we already hold.
//!
//! An idle stream holds no ciphertext buffer: one per thread is lent out while
//! a read has something in it, since rustls itself takes 4 KiB a call and a
//! record of 16 KiB would cost five reads.
//!
//! Read next: `config.rs`.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::{Connection as Session, ProtocolVersion};

use super::cipher::{CIPHER, Cipher, SPARE};
use super::error::{TlsError, TlsErrorKind};
use crate::budget;
use crate::io::{AsyncRead, AsyncWrite};

/// A TLS connection over `S`, client or server end.
///
/// Reading returns `Ok(0)` only after the peer's close_notify. A stream that
/// just stops yields [`io::ErrorKind::UnexpectedEof`].
///
/// Writes are encrypted at once and sent as far as the socket takes them;
/// `poll_flush` waits for the rest.
pub struct TlsStream<S> {
    /// The stream below.
    stream: S,
    /// The protocol state; it never touches a socket.
    session: Session,
    /// Ciphertext read and not yet taken by the session.
    cipher: Option<Box<Cipher>>,
    /// Ciphertext in which there was little or nothing for the caller.
    barren: usize,
    /// The fatal error, repeated by every later call.
    failed: Option<rustls::Error>,
    /// Our close_notify is queued or sent.
    closing: bool,
}

/// LAW S03: bytes of ciphertext with nothing in them that cost a unit of the budget. Six
/// empty records, and each costs some 300 nanoseconds.
const BARREN_PER_UNIT: usize = 128;

/// What one step of reading did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The session took this many bytes and processed them.
    Fed(usize),
    /// The peer said close_notify, or the stream below has ended.
    Ended,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    pub(super) fn new(session: Session, stream: S) -> Self {
        TlsStream {
            stream,
            session,
            cipher: None,
            barren: 0,
            failed: None,
            closing: false,
        }
    }

    /// Is nothing held here that a read would return? What was read from the
    /// stream below is processed first, so a session ticket is not something.
    pub fn is_quiet(&mut self) -> bool {
        loop {
            match self.session.reader().into_first_chunk() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return false,
            }
            if self.cipher.is_none() {
                return self.failed.is_none();
            }
            if self.feed().is_err() {
                return false;
            }
        }
    }

    /// Moves ciphertext one step towards the session, asking the socket only
    /// when there is none left.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, TlsError>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(TlsError::session(error)));
        }
        if self.cipher.is_none() && ready!(self.poll_fill(cx)).map_err(TlsError::io)? == 0 {
            // The session must see the end too: its reader tells a clean one apart.
            self.session
                .read_tls(&mut io::empty())
                .map_err(TlsError::io)?;
            return Poll::Ready(Ok(Step::Ended));
        }
        let step = self.feed();
        // LAW V08: replies to what was just processed leave now. A socket that
        // takes nothing yet is no reason to stop reading, nor is one that is
        // broken for writing only: the next write reports it.
        let _ = self.poll_drain(cx);
        Poll::Ready(step)
    }

    /// Reads ciphertext from the stream into a lent buffer.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut cipher = SPARE.take().unwrap_or_else(Cipher::new);
        match Pin::new(&mut self.stream).poll_read(cx, &mut cipher.bytes) {
            Poll::Ready(Ok(n)) if n > 0 => {
                cipher.start = 0;
                cipher.end = n.min(CIPHER);
                self.cipher = Some(cipher);
                Poll::Ready(Ok(n))
            }
            nothing => {
                SPARE.set(Some(cipher));
                nothing
            }
        }
    }

    /// One `read_tls`, one `process_new_packets`.
    fn feed(&mut self) -> Result<Step, TlsError> {
        let Some(cipher) = &mut self.cipher else {
            return Ok(Step::Ended);
        };
        let mut unread = cipher.bytes.get(cipher.start..cipher.end).unwrap_or(&[]);
        let taken = self.session.read_tls(&mut unread).map_err(TlsError::io)?;
        cipher.start = cipher.start.saturating_add(taken);
        // LAW V05: a session that takes nothing has seen close_notify, and what
        // follows one is noise. Waiting for more of it would never end.
        if cipher.start >= cipher.end || taken == 0 {
            SPARE.set(self.cipher.take());
        }
        match self.session.process_new_packets() {
            Ok(state) if taken == 0 || state.peer_has_closed() => Ok(Step::Ended),
            Ok(state) => {
                // LAW V07: nothing was held before.
                self.charge(taken, state.plaintext_bytes_to_read());
                Ok(Step::Fed(taken))
            }
            Err(error) => {
                let told = TlsError::session(&error);
                self.failed = Some(error);
                Err(told)
            }
        }
    }

    /// LAW S03: so much ciphertext, and so much in it for the caller. A record that is
    /// not complete yet has nothing either, so a record's worth is free; and what is an
    /// eighth longer than its content is what records are.
    fn charge(&mut self, taken: usize, gained: usize) {
        let barren = self.barren.saturating_add(taken);
        let barren = barren.saturating_sub(gained.saturating_add(gained / 8));
        budget::charge(barren.saturating_sub(CIPHER) / BARREN_PER_UNIT);
        self.barren = barren.min(CIPHER);
    }

    /// Writes all ciphertext the session has queued.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let mut socket = Socket {
                stream: &mut self.stream,
                cx,
            };
            match self.session.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> TlsStream<S> {
    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Takes the stream below out, without a word to the peer.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Was an earlier session resumed, so that no certificate was sent?
    pub fn resumed(&self) -> bool {
        self.session.handshake_kind() == Some(rustls::HandshakeKind::Resumed)
    }

    /// `"TLSv1.3"` or `"TLSv1.2"`; `None` before the handshake is complete.
    pub fn version(&self) -> Option<&'static str> {
        match self.session.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Some("TLSv1.3"),
            ProtocolVersion::TLSv1_2 => Some("TLSv1.2"),
            other => other.as_str(),
        }
    }

    /// The application protocol both sides agreed on.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// The server name the client sent; always `None` on the client's end.
    pub fn server_name(&self) -> Option<&str> {
        match &self.session {
            Session::Server(server) => server.server_name(),
            Session::Client(_) => None,
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // A record serves many small reads without the socket's budget.
        ready!(budget::spend(cx));
        let mut charged = true;
        loop {
            match this.session.reader().read(buf) {
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let text = "the stream ended without close_notify";
                    return Poll::Ready(Err(TlsError::new(TlsErrorKind::Truncated, text).into()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            let step = ready!(match std::mem::take(&mut charged) {
                true => budget::lend(|| this.poll_step(cx)),
                false => this.poll_step(cx),
            });
            if let Err(error) = step {
                // What came before the fault was sealed well: first that, and at the
                // next call the fault.
                return Poll::Ready(match this.session.reader().read(buf) {
                    Ok(n @ 1..) => Ok(n),
                    _ => Err(error.into()),
                });
            }
        }
    }

    fn cancel_read(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_read();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // One call's worth of ciphertext at a time: the queue stays bounded.
        ready!(this.poll_drain(cx))?;
        if let Some(error) = &this.failed {
            return Poll::Ready(Err(TlsError::session(error).into()));
        }
        if this.closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = this.session.writer().write(buf)?;
        match this.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What the socket did not take is ours to send at the next call.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            this.session.send_close_notify();
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_close(cx)
    }

    fn cancel_write(self: Pin<&mut Self>) {
        Pin::new(&mut self.get_mut().stream).cancel_write();
    }
}

/// The stream as the blocking writer rustls asks for.
struct Socket<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

impl<S: AsyncWrite + Unpin> Write for Socket<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.stream).poll_write(self.cx, buf) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
