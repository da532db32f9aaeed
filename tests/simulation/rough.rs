//! `Rough`: a stream in memory that behaves as badly as a socket may, and, where the
//! run has faults, as badly as a network does.
//!
//! Owns: one end of a pair, the naps of its two directions, and its fault.
//!
//! Laws: without a fault every byte arrives, in order, some time. A fault strikes
//! after a number of bytes that was fixed when the connection was made, and is
//! written into the world's log the moment it does.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use downbeat::io::{AsyncRead, AsyncWrite};
use downbeat::testing::Stream;
use downbeat::testing::origin::{Link, Wire};
use downbeat::time::{self, Sleep};

use super::chance::{Chance, Site};

/// What breaks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Reset after so many bytes to the server.
    ResetUp(u64),
    /// Reset after so many bytes to the client.
    ResetDown(u64),
    /// End of file after so many bytes to the client.
    EndDown(u64),
    /// After so many bytes to the client there is silence for ever.
    SilenceDown(u64),
    /// After so many bytes to the server it takes no more.
    SilenceUp(u64),
}

/// The fault of a connection: which, and whether it has struck.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) fault: Fault,
    pub(crate) struck: Cell<bool>,
}

/// One end of a connection.
pub(crate) struct Rough {
    stream: Stream,
    chance: Rc<Chance>,
    trouble: Option<Rc<Trouble>>,
    /// Bytes read and bytes written.
    down: u64,
    up: u64,
    reading: Option<Sleep>,
    writing: Option<Sleep>,
}

impl Rough {
    pub(crate) fn new(stream: Stream, chance: Rc<Chance>, trouble: Option<Rc<Trouble>>) -> Rough {
        Rough {
            stream,
            chance,
            trouble,
            down: 0,
            up: 0,
            reading: None,
            writing: None,
        }
    }

    /// How many bytes may pass before the fault strikes, which it does at 0.
    fn left(&self, is_read: bool) -> Option<(Fault, u64)> {
        let fault = self.trouble.as_ref()?.fault;
        let left = match (fault, is_read) {
            (Fault::ResetDown(n) | Fault::EndDown(n) | Fault::SilenceDown(n), true) => {
                n.saturating_sub(self.down)
            }
            (Fault::ResetUp(n) | Fault::SilenceUp(n), false) => n.saturating_sub(self.up),
            _ => return None,
        };
        Some((fault, left))
    }

    fn strike(&self, fault: Fault) -> Poll<io::Result<usize>> {
        if let Some(trouble) = &self.trouble {
            trouble.struck.set(true);
        }
        match fault {
            Fault::ResetUp(_) | Fault::ResetDown(_) => {
                self.stream.reset();
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Fault::EndDown(_) => Poll::Ready(Ok(0)),
            Fault::SilenceDown(_) | Fault::SilenceUp(_) => Poll::Pending,
        }
    }
}

/// Waits out a nap, or begins one, or says "not yet" and wakes at once.
fn poll_mood(
    nap: &mut Option<Sleep>,
    chance: &Chance,
    [late, turned_away]: [Site; 2],
    cx: &mut Context<'_>,
) -> Poll<()> {
    if nap.is_none() && chance.strikes_in(late, 16) {
        *nap = Some(time::sleep(chance.pause(20)));
    }
    if let Some(sleep) = nap {
        ready!(Pin::new(sleep).poll(cx));
        *nap = None;
    }
    if chance.strikes(turned_away) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

impl AsyncRead for Rough {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sites = [Site::LateRead, Site::FalseRead];
        ready!(poll_mood(&mut this.reading, &this.chance, sites, cx));
        let mut most = buf.len();
        if this.chance.strikes(Site::ShortRead) {
            most = most.min(1 + this.chance.below(32));
        }
        match this.left(true) {
            Some((fault, 0)) => return this.strike(fault),
            Some((_, left)) => most = most.min(usize::try_from(left).unwrap_or(most)),
            None => {}
        }
        let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf[..most]))?;
        this.down += read as u64;
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for Rough {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sites = [Site::LateWrite, Site::FalseWrite];
        ready!(poll_mood(&mut this.writing, &this.chance, sites, cx));
        let mut most = buf.len();
        if this.chance.strikes(Site::ShortWrite) {
            most = most.min(1 + this.chance.below(32));
        }
        match this.left(false) {
            Some((fault, 0)) => return this.strike(fault),
            Some((_, left)) => most = most.min(usize::try_from(left).unwrap_or(most)),
            None => {}
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &buf[..most]))?;
        this.up += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.chance.strikes(Site::LateFlush) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

impl Wire for Rough {
    fn into_link(self) -> Link {
        self.stream.into()
    }
}
