//! `pair`: two connected byte streams in memory, like a TCP connection without
//! the network.
//!
//! Owns: two pipes, one per direction, each a bounded buffer and two wakers.
//!
//! Laws, as TCP on Linux does it:
//! * Backpressure: a write takes what fits and waits when nothing does.
//! * Half-close: `close` ends one direction after its bytes; the other goes on.
//! * A reset (also: dropping an end that has not read everything) lets the other
//!   end read what had arrived, and then fails with `ConnectionReset`.
//! * Writing to an end that was dropped fails with `BrokenPipe`.
//!
//! Read next: `script.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::budget;
use crate::io::{AsyncRead, AsyncWrite};

/// Two connected streams with room for `capacity` bytes in each direction.
///
/// # Panics
/// If `capacity` is 0.
#[doc(alias = "duplex")]
#[track_caller]
pub fn pair(capacity: usize) -> (Stream, Stream) {
    assert!(capacity > 0, "a stream needs room for one byte at least");
    let pipe = || Rc::new(Pipe::new(capacity));
    let (there, back) = (pipe(), pipe());
    let left = Stream {
        incoming: back.clone(),
        outgoing: there.clone(),
    };
    (
        left,
        Stream {
            incoming: there,
            outgoing: back,
        },
    )
}

/// One end of a [`pair`].
#[derive(Debug)]
pub struct Stream {
    incoming: Rc<Pipe>,
    outgoing: Rc<Pipe>,
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    capacity: usize,
    bytes: RefCell<VecDeque<u8>>,
    end: Cell<End>,
    /// Whether the end that reads was dropped.
    reader_gone: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

/// What comes after the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// More bytes, perhaps.
    Open,
    /// End of file.
    Closed,
    /// `ConnectionReset`, once read also for the writer.
    Reset,
}

impl Stream {
    /// Breaks the connection for both ends: what has arrived can be read, then
    /// both get `ConnectionReset`.
    pub fn reset(&self) {
        for pipe in [&self.incoming, &self.outgoing] {
            pipe.finish(End::Reset);
        }
    }

    /// How many bytes have arrived and were not read.
    pub fn unread(&self) -> usize {
        self.incoming.bytes.borrow().len()
    }

    /// Whether the other end was dropped.
    pub fn is_peer_gone(&self) -> bool {
        self.outgoing.reader_gone.get()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let pipe = &self.incoming;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(poll_until(&pipe.reader, cx, || pipe.is_readable()));
        Poll::Ready(pipe.read(buf))
    }

    fn cancel_read(self: Pin<&mut Self>) {
        forget(&self.incoming.reader);
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let pipe = &self.outgoing;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(poll_until(&pipe.writer, cx, || pipe.is_writable()));
        Poll::Ready(pipe.write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.finish(End::Closed);
        Poll::Ready(Ok(()))
    }

    fn cancel_write(self: Pin<&mut Self>) {
        forget(&self.outgoing.writer);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let unread = std::mem::take(&mut *self.incoming.bytes.borrow_mut());
        if unread.is_empty() {
            self.outgoing.finish(End::Closed);
        } else {
            self.reset();
        }
        self.incoming.reader_gone.set(true);
        wake(&self.incoming.writer);
    }
}

impl Pipe {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            bytes: RefCell::default(),
            end: Cell::new(End::Open),
            reader_gone: Cell::new(false),
            reader: RefCell::default(),
            writer: RefCell::default(),
        }
    }

    fn is_readable(&self) -> bool {
        !self.bytes.borrow().is_empty() || self.end.get() != End::Open
    }

    fn is_writable(&self) -> bool {
        self.bytes.borrow().len() < self.capacity
            || self.end.get() != End::Open
            || self.reader_gone.get()
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let read = io::Read::read(&mut *self.bytes.borrow_mut(), buf)?;
        if read == 0 && self.end.get() == End::Reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        wake(&self.writer);
        Ok(read)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        match self.end.get() {
            End::Reset => return Err(ErrorKind::ConnectionReset.into()),
            End::Open if !self.reader_gone.get() => {}
            _ => return Err(ErrorKind::BrokenPipe.into()),
        }
        let mut bytes = self.bytes.borrow_mut();
        let taken = buf.len().min(self.capacity.saturating_sub(bytes.len()));
        bytes.extend(&buf[..taken]);
        drop(bytes);
        wake(&self.reader);
        Ok(taken)
    }

    /// Ends the direction. A reset stays a reset.
    fn finish(&self, end: End) {
        if self.end.get() != End::Reset {
            self.end.set(end);
        }
        wake(&self.reader);
        wake(&self.writer);
    }
}

/// `Ready`, with one unit of budget spent, as soon as `is_ready()`; until then
/// the waker is kept in `slot`.
pub(super) fn poll_until(
    slot: &RefCell<Option<Waker>>,
    cx: &mut Context<'_>,
    is_ready: impl Fn() -> bool,
) -> Poll<()> {
    if !is_ready() {
        let known = slot
            .borrow()
            .as_ref()
            .is_some_and(|w| w.will_wake(cx.waker()));
        if !known {
            // Cloning and dropping a waker is user code: with nothing borrowed.
            let fresh = cx.waker().clone();
            let old = slot.borrow_mut().replace(fresh);
            drop(old);
        }
        if !is_ready() {
            return Poll::Pending;
        }
    }
    budget::spend(cx)
}

/// Drops the waker in `slot`, with nothing borrowed.
pub(super) fn forget(slot: &RefCell<Option<Waker>>) {
    let waker = slot.borrow_mut().take();
    drop(waker);
}

/// Wakes who waits in `slot`, with nothing borrowed.
pub(super) fn wake(slot: &RefCell<Option<Waker>>) {
    let waker = slot.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}
