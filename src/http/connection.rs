//! A connection: a stream, the bytes read ahead, and a place in the pool.
//!
//! Owns: the transport and its TLS session, the receive buffer, the slot that
//! counts against the caps. Dropping it closes the socket and frees the slot,
//! so whoever loses a connection has nothing to tidy up.
//!
//! Laws: P02, an idle connection may say nothing: a byte or an end makes it
//! useless; TLS tickets are no bytes. V04: the end of a TLS stream without
//! close_notify is told apart from a clean one.
//!
//! Absent on purpose: requests; `transfer/mod.rs` carries them.
//!
//! Read next: `pool/mod.rs`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::counters::Fate;
use super::exchange::Ended;
use super::faults;
use super::pool::Slot;
use super::quirk::Quirk;
use super::recv::RecvBuffer;
use super::reuse::CloseReason;
use super::wire::Wire;
use crate::budget;
use crate::clock::instant_after;
use crate::io::{AsyncRead, AsyncWrite};
use crate::runtime::current;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// The bytes' way to the peer.
pub(crate) enum Transport {
    /// As they are.
    Plain(Wire),
    /// Under TLS.
    #[cfg(feature = "tls")]
    Secure(Box<TlsStream<Wire>>),
}

/// One connection to one origin or proxy.
pub(crate) struct Connection {
    /// The stream.
    transport: Transport,
    /// What was read and not yet understood.
    pub(crate) recv: RecvBuffer,
    /// Where it leads.
    peer: Option<SocketAddr>,
    /// When it was made.
    born: Instant,
    /// Until when it may be idle.
    keep_until: Instant,
    /// In which turn of the loop it was found silent last.
    silent_in: Option<u64>,
    /// A request was more than one write, so none is held back any more.
    at_once: bool,
    /// Requests it has carried to the end.
    uses: u32,
    /// Its place under the caps.
    slot: Slot,
    /// Why it is closed, when it is.
    fate: Fate,
}

/// What a read brought.
#[derive(Debug)]
pub(crate) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// The end.
    Ended(Ended, Option<io::Error>),
}

impl Connection {
    /// A connection that was just made.
    pub(crate) fn new(
        transport: Transport,
        peer: Option<SocketAddr>,
        slot: Slot,
        now: Instant,
    ) -> Connection {
        slot.count(|counters| counters.opened = counters.opened.saturating_add(1));
        Connection {
            transport,
            recv: RecvBuffer::new(),
            peer,
            born: now,
            keep_until: now,
            silent_in: None,
            at_once: false,
            uses: 0,
            slot,
            fate: Fate::default(),
        }
    }

    /// Reads into the receive buffer.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read, io::Error>> {
        let space = self.recv.space();
        match poll_read(&mut self.transport, cx, space) {
            Poll::Ready(Ok(n)) if n > 0 => {
                self.recv.filled(n);
                Poll::Ready(Ok(Read::Bytes(n)))
            }
            other => {
                self.recv.release();
                ended(other)
            }
        }
    }

    /// Reads past the receive buffer, which must be empty, into `space`.
    pub(crate) fn poll_recv_direct(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<Result<Read, io::Error>> {
        self.recv.release();
        match poll_read(&mut self.transport, cx, space) {
            Poll::Ready(Ok(n)) if n > 0 => Poll::Ready(Ok(Read::Bytes(n))),
            other => ended(other),
        }
    }

    /// Writes some of `bytes`.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Transport::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// The next write follows one of the same request: it must not wait for the peer
    /// to acknowledge that one.
    pub(crate) fn send_at_once(&mut self) {
        if let (Transport::Plain(wire), false) = (&self.transport, self.at_once) {
            wire.send_at_once();
            self.at_once = true;
        }
    }

    /// Waits until everything written has left our buffers.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Transport::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// LAW P02: looks whether an idle connection has stirred. `Ready` says why it
    /// must not be used again; after `Pending` it wakes when it stirs.
    pub(crate) fn poll_stir(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let mut byte = [0];
        poll_read(&mut self.transport, cx, &mut byte).map(|read| match read {
            Ok(1..) => CloseReason::Quirk(Quirk::TrailingBytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                CloseReason::Quirk(Quirk::MissingCloseNotify)
            }
            Ok(0) | Err(_) => CloseReason::TransportEnded,
        })
    }

    /// Looks once, for nobody: has the connection stirred?
    ///
    /// One that was found silent in this very turn is not looked at again: the loop
    /// has not waited since, so nobody could know more.
    pub(crate) fn has_stirred(&mut self) -> bool {
        if self.silent_in.is_some() && self.silent_in == current::turn() {
            return false;
        }
        // LAW P03: what the system knows may be newer than the last event.
        match &self.transport {
            Transport::Plain(wire) => wire.doubt_silence(),
            #[cfg(feature = "tls")]
            Transport::Secure(stream) => stream.get_ref().doubt_silence(),
        }
        let mut cx = Context::from_waker(Waker::noop());
        // A look is no operation of the task: without budget it would be skipped.
        let budget = budget::set(budget::UNLIMITED);
        let stirred = self.poll_stir(&mut cx).is_ready();
        budget::set(budget);
        stirred
    }

    /// LAW P01, the part a connection knows: nothing was read that nobody has
    /// understood, neither here nor in the TLS session.
    pub(crate) fn is_clean(&mut self) -> bool {
        let quiet = match &mut self.transport {
            Transport::Plain(_) => true,
            #[cfg(feature = "tls")]
            Transport::Secure(stream) => stream.is_quiet(),
        };
        quiet && self.recv.is_empty()
    }

    /// Where it leads.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// When it was made.
    pub(crate) fn born(&self) -> Instant {
        self.born
    }

    /// It may be idle for so long from now.
    pub(crate) fn keep_for(&mut self, now: Instant, patience: Duration) {
        self.keep_until = instant_after(now, patience);
    }

    /// It was found silent now.
    pub(crate) fn found_silent(&mut self) {
        self.silent_in = current::turn();
    }

    /// Until when it may be idle.
    pub(crate) fn keep_until(&self) -> Instant {
        self.keep_until
    }

    /// Has it carried a request before?
    pub(crate) fn is_reused(&self) -> bool {
        self.uses > 0
    }

    /// It has carried one more.
    pub(crate) fn count_use(&mut self) {
        self.uses = self.uses.saturating_add(1);
    }

    /// It is going to be closed, and why.
    pub(crate) fn ends(&mut self, fate: Fate) {
        self.fate = fate;
    }

    /// Its place under the caps.
    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }
}

fn poll_read(
    transport: &mut Transport,
    cx: &mut Context<'_>,
    space: &mut [u8],
) -> Poll<io::Result<usize>> {
    match transport {
        Transport::Plain(stream) => Pin::new(stream).poll_read(cx, space),
        #[cfg(feature = "tls")]
        Transport::Secure(stream) => Pin::new(stream).poll_read(cx, space),
    }
}

/// An end of file or an error as the kinds of end an exchange knows; errors that
/// are no end stay errors.
fn ended(read: Poll<io::Result<usize>>) -> Poll<Result<Read, io::Error>> {
    read.map(|read| match read {
        Ok(_) => Ok(Read::Ended(Ended::Clean, None)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Read::Ended(Ended::NoCloseNotify, Some(error)))
        }
        Err(error) if faults::is_end(error.kind()) => Ok(Read::Ended(Ended::Reset, Some(error))),
        Err(error) => Err(error),
    })
}

/// LAW E04: the end is counted. A TLS peer is told that we go: once, as far as the
/// socket takes it now.
impl Drop for Connection {
    fn drop(&mut self) {
        let fate = self.fate;
        self.slot.count_end(fate);
        #[cfg(feature = "tls")]
        if let Transport::Secure(stream) = &mut self.transport {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(stream).poll_close(&mut cx);
        }
    }
}
