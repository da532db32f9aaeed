//! `split`: one stream as two halves, for two tasks of the same thread.
//!
//! Owns: the stream, shared by the halves.
//!
//! Law: a half borrows the stream for one poll only. Both directions keep a
//! waker each in the stream below, so the halves do not disturb each other.
//!
//! Dropping a half does not end its direction: call `close` on the write half.
//!
//! Read next: `copy.rs`.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::traits::{AsyncRead, AsyncWrite};

/// Splits a stream into the half that reads and the half that writes.
pub fn split<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let shared = Rc::new(RefCell::new(stream));
    (
        ReadHalf {
            shared: shared.clone(),
        },
        WriteHalf { shared },
    )
}

/// The half of a [`split`] stream that reads.
#[derive(Debug)]
pub struct ReadHalf<S> {
    shared: Rc<RefCell<S>>,
}

/// The half of a [`split`] stream that writes.
#[derive(Debug)]
pub struct WriteHalf<S> {
    shared: Rc<RefCell<S>>,
}

/// The two halves are not of the same stream; both come back.
pub struct ReuniteError<S>(pub ReadHalf<S>, pub WriteHalf<S>);

impl<S> ReadHalf<S> {
    /// Puts the two halves together again.
    ///
    /// # Errors
    /// [`ReuniteError`] if they come from different streams.
    pub fn reunite(self, write: WriteHalf<S>) -> Result<S, ReuniteError<S>> {
        if !self.is_half_of(&write) {
            return Err(ReuniteError(self, write));
        }
        let WriteHalf { shared } = write;
        drop(shared);
        Rc::try_unwrap(self.shared)
            .map(RefCell::into_inner)
            // Two halves are all there ever are, and one is gone.
            .map_err(|shared| {
                ReuniteError(
                    ReadHalf {
                        shared: shared.clone(),
                    },
                    WriteHalf { shared },
                )
            })
    }

    /// Whether both are halves of the same stream.
    pub fn is_half_of(&self, write: &WriteHalf<S>) -> bool {
        Rc::ptr_eq(&self.shared, &write.shared)
    }
}

/// The stream, for one poll.
fn borrow<S>(shared: &RefCell<S>) -> io::Result<RefMut<'_, S>> {
    // Only a stream that polls its own other half inside a poll gets here.
    let busy = |_| {
        io::Error::new(
            ErrorKind::ResourceBusy,
            "a split stream polled within its poll",
        )
    };
    shared.try_borrow_mut().map_err(busy)
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadHalf<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *borrow(&self.shared)?).poll_read(cx, buf)
    }

    fn cancel_read(self: Pin<&mut Self>) {
        if let Ok(mut stream) = self.shared.try_borrow_mut() {
            Pin::new(&mut *stream).cancel_read();
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteHalf<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *borrow(&self.shared)?).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *borrow(&self.shared)?).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *borrow(&self.shared)?).poll_close(cx)
    }

    fn cancel_write(self: Pin<&mut Self>) {
        if let Ok(mut stream) = self.shared.try_borrow_mut() {
            Pin::new(&mut *stream).cancel_write();
        }
    }
}

impl<S> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError(..)")
    }
}

impl<S> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are halves of two different streams")
    }
}

impl<S> std::error::Error for ReuniteError<S> {}
