//! `Writer`: any blocking `std::io::Write` as an `AsyncWrite`.
//!
//! Owns: the sink, which lives with a job on the pool while it writes and here
//! otherwise, and up to 64 KiB that are not with it yet.
//!
//! Laws:
//! * Bytes reach the sink in order, in jobs of up to 64 KiB; at most one job is
//!   out.
//! * `flush` means written: it is ready when the sink has taken every byte and has
//!   been flushed itself.
//! * An error comes once, from the first call that has to wait for the job that
//!   failed. After it the stream is broken for good (`BrokenPipe`): bytes after a
//!   gap are worse than none.
//!
//! Absent on purpose: writing in the drop. It would have to wait, or to lose its
//! errors; call `flush` or `close`.
//!
//! Read next: `../net/mod.rs`.

use super::{BlockingHandle, Class, try_spawn_blocking};
use crate::budget;
use crate::io::AsyncWrite;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How much one job writes at most, in bytes.
const STEP: usize = 64 * 1024;

/// Writes to a file, a pipe or anything that blocks, on the loop's pool.
///
/// What was written is certain to be there after `flush` or `close` only.
#[must_use = "what is buffered is lost unless it is flushed"]
pub struct Writer<W> {
    sink: Sink<W>,
    /// What no job has yet.
    bytes: Vec<u8>,
    /// Whether the sink was flushed after its last byte.
    flushed: bool,
}

/// Where the sink is.
enum Sink<W> {
    /// Here.
    Idle(W),
    /// With a job.
    Busy(BlockingHandle<Step<W>>),
    /// Closed by its user.
    Closed,
    /// Failed, and the error was told.
    Broken,
}

/// What a job brings back.
struct Step<W> {
    /// `None` if the job was to close it.
    sink: Option<W>,
    /// The emptied buffer.
    bytes: Vec<u8>,
    written: io::Result<()>,
}

/// What a job does after it has written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Flush,
    /// Flush, then drop the sink, which closes a file; that may block too.
    Close,
}

impl<W: Write + Send + 'static> Writer<W> {
    /// Wraps a sink. Nothing is written before 64 KiB have come, or a flush.
    pub fn new(sink: W) -> Self {
        Self {
            sink: Sink::Idle(sink),
            bytes: Vec::new(),
            flushed: true,
        }
    }

    /// Waits until no job is out.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Sink::Busy(job) = &mut self.sink else {
            return Poll::Ready(Ok(()));
        };
        let done = ready!(Pin::new(job).poll(cx));
        self.sink = Sink::Broken;
        let step = done?;
        step.written?;
        self.sink = step.sink.map_or(Sink::Closed, Sink::Idle);
        if self.bytes.is_empty() {
            self.bytes = step.bytes;
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for room in the buffer.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.len() >= STEP {
            ready!(self.poll_idle(cx))?;
            self.begin(Then::Nothing)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the buffer to a job. Call it when no job is out.
    fn begin(&mut self, then: Then) -> io::Result<()> {
        match std::mem::replace(&mut self.sink, Sink::Broken) {
            Sink::Idle(sink) => {
                let bytes = std::mem::take(&mut self.bytes);
                self.flushed = then != Then::Nothing;
                let job = move || step(sink, bytes, then);
                self.sink = Sink::Busy(try_spawn_blocking(Class::General, job)?);
                Ok(())
            }
            other => {
                self.sink = other;
                Err(self.refusal())
            }
        }
    }

    /// Why there is nothing to write to.
    fn refusal(&self) -> io::Error {
        let text = match self.sink {
            Sink::Closed => "the writer is closed",
            _ => "the writer has failed before",
        };
        io::Error::new(ErrorKind::BrokenPipe, text)
    }
}

/// The job: all of the buffer, as the standard library does it.
fn step<W: Write>(mut sink: W, mut bytes: Vec<u8>, then: Then) -> Step<W> {
    let mut written = sink.write_all(&bytes);
    if written.is_ok() && then != Then::Nothing {
        written = sink.flush();
    }
    if matches!(&written, Err(error) if error.kind() == ErrorKind::WouldBlock) {
        written = Err(io::Error::other(
            "the sink of a blocking writer would block",
        ));
    }
    bytes.clear();
    let sink = (then != Then::Close).then_some(sink);
    Step {
        sink,
        bytes,
        written,
    }
}

impl<W: Write + Send + 'static> AsyncWrite for Writer<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(budget::spend(cx));
        ready!(budget::lend(|| this.poll_room(cx)))?;
        if matches!(this.sink, Sink::Closed | Sink::Broken) {
            return Poll::Ready(Err(this.refusal()));
        }
        let count = buf.len().min(STEP - this.bytes.len());
        this.bytes.extend_from_slice(&buf[..count]);
        this.flushed &= count == 0;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Two rounds at most: after a job that flushes there is nothing to do.
        loop {
            ready!(this.poll_idle(cx))?;
            if this.flushed && this.bytes.is_empty() && !matches!(this.sink, Sink::Broken) {
                return Poll::Ready(Ok(()));
            }
            this.begin(Then::Flush)?;
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_idle(cx))?;
            if matches!(this.sink, Sink::Closed) {
                return Poll::Ready(Ok(()));
            }
            this.begin(Then::Close)?;
        }
    }

    fn cancel_write(self: Pin<&mut Self>) {
        if let Sink::Busy(job) = &self.sink {
            job.forget_waker();
        }
    }
}

// The sink is moved, never pinned.
impl<W> Unpin for Writer<W> {}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.sink {
            Sink::Idle(_) => "idle",
            Sink::Busy(_) => "writing",
            Sink::Closed => "closed",
            Sink::Broken => "broken",
        };
        f.debug_struct("Writer")
            .field("state", &state)
            .field("buffered", &self.bytes.len())
            .finish()
    }
}
