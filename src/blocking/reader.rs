//! `Reader`: any blocking `std::io::Read` as an `AsyncRead`.
//!
//! Owns: the source, which lives with a job on the pool while it reads and here
//! otherwise, and up to 64 KiB that were read and not taken.
//!
//! Laws:
//! * A read that is dropped loses nothing: the job goes on, and its bytes are there
//!   for the next read.
//! * The end of the stream stays the end. An error comes once; then the stream is
//!   at its end, because nothing says where the source stands.
//! * At most one job is out, so the source is never used by two threads.
//!
//! Read next: `writer.rs`.

use super::{BlockingHandle, Class, try_spawn_blocking};
use crate::budget;
use crate::io::AsyncRead;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How much one job reads, in bytes.
const STEP: usize = 64 * 1024;

/// Reads from a file, a pipe or anything that blocks, on the loop's pool.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use downbeat::blocking::Reader;
/// use downbeat::io::AsyncReadExt;
///
/// downbeat::run(async {
///     let mut reader = Reader::new(&b"from a file, say"[..]);
///     let mut text = Vec::new();
///     reader.read_to_end(&mut text, 1024).await?;
///     assert_eq!(text, b"from a file, say");
///     Ok(())
/// })
/// # }
/// ```
pub struct Reader<R> {
    source: Source<R>,
    /// What was read.
    bytes: Vec<u8>,
    /// How much of `bytes` was taken.
    taken: usize,
}

/// Where the source is.
enum Source<R> {
    /// Here.
    Idle(R),
    /// With a job.
    Busy(BlockingHandle<Step<R>>),
    /// Gone: at its end, failed, or lost with a job that panicked.
    Ended,
}

/// What a job brings back.
struct Step<R> {
    source: R,
    bytes: Vec<u8>,
    read: io::Result<usize>,
}

impl<R: Read + Send + 'static> Reader<R> {
    /// Wraps a source. Nothing is read before the first poll.
    pub fn new(source: R) -> Self {
        Self {
            source: Source::Idle(source),
            bytes: Vec::new(),
            taken: 0,
        }
    }

    /// Makes sure that there are bytes, or that the stream has ended.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A job ends with bytes or for good, so there are two rounds at most.
        while self.taken == self.bytes.len() {
            match std::mem::replace(&mut self.source, Source::Ended) {
                Source::Ended => return Poll::Ready(Ok(())),
                Source::Idle(source) => {
                    let mut bytes = std::mem::take(&mut self.bytes);
                    self.taken = 0;
                    bytes.resize(STEP, 0);
                    let job = move || step(source, bytes);
                    self.source = Source::Busy(try_spawn_blocking(Class::General, job)?);
                }
                Source::Busy(mut job) => {
                    let Poll::Ready(done) = Pin::new(&mut job).poll(cx) else {
                        self.source = Source::Busy(job);
                        return Poll::Pending;
                    };
                    self.finish(done?)?;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes over what a job has brought.
    fn finish(&mut self, step: Step<R>) -> io::Result<()> {
        let read = step.read?.min(step.bytes.len());
        if read > 0 {
            self.bytes = step.bytes;
            self.bytes.truncate(read);
            self.source = Source::Idle(step.source);
        }
        Ok(())
    }
}

/// The job: one read, as the standard library does it.
fn step<R: Read>(mut source: R, mut bytes: Vec<u8>) -> Step<R> {
    let read = loop {
        match source.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A source that does not block has no business here; a stream never
            // says `WouldBlock` to its reader.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                break Err(io::Error::other(
                    "the source of a blocking reader would block",
                ));
            }
            result => break result,
        }
    };
    Step {
        source,
        bytes,
        read,
    }
}

impl<R: Read + Send + 'static> AsyncRead for Reader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(budget::spend(cx));
        ready!(budget::lend(|| this.poll_fill(cx)))?;
        let ready = &this.bytes[this.taken..];
        let count = ready.len().min(buf.len());
        buf[..count].copy_from_slice(&ready[..count]);
        this.taken += count;
        Poll::Ready(Ok(count))
    }

    fn cancel_read(self: Pin<&mut Self>) {
        if let Source::Busy(job) = &self.source {
            job.forget_waker();
        }
    }
}

// The source is moved, never pinned.
impl<R> Unpin for Reader<R> {}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.source {
            Source::Idle(_) => "idle",
            Source::Busy(_) => "reading",
            Source::Ended => "ended",
        };
        f.debug_struct("Reader")
            .field("state", &state)
            .field("buffered", &(self.bytes.len() - self.taken))
            .finish()
    }
}
