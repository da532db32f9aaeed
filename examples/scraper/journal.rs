//! Writing the outcomes, off the loop.
//!
//! Owns: the file or standard output, and a bounded queue of lines before it.
//!
//! Laws:
//! * The loop never writes: a line goes into the queue, a thread of the pool writes
//!   what has gathered there. While the disk is slow, fetches wait for room.
//! * A line is written as a whole, as soon as the write before it is done: what was
//!   written survives any kill, and at most the last line is torn.
//! * After an error nothing more is written, and every sender is told.
//! * A reader who stops reading does not keep us for ever: an interruption bounds the
//!   last wait, and another one ends it.
//!
//! Absent on purpose: `fsync`. A power cut may lose lines; `--resume` fetches those
//! URLs again.
//!
//! Read next: `resume.rs`.

use super::signals::Interrupt;
use super::stdout;
use super::tally::Ending;
use downbeat::future::{OneOf, race};
use downbeat::sync::channel::{Receiver, Sender, channel};
use downbeat::sync::remote;
use downbeat::time::sleep;
use downbeat::{JoinHandle, spawn, spawn_blocking};
use std::fs::{File, OpenOptions};
use std::future::pending;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Lines between the fetches and the writer.
const QUEUE: usize = 256;
/// How long the last lines may take when everything is being dropped.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// Bytes per write, roughly.
const STEP: usize = 64 * 1024;

/// Where outcomes go.
pub(crate) enum Sink {
    /// A file.
    File(File),
    /// A file whose opening may block: a named pipe.
    Later(PathBuf),
    /// Standard output.
    Stdout,
}

/// The writing task.
pub(crate) struct Journal {
    /// Where lines are sent.
    lines: Sender<Vec<u8>>,
    /// Ends with the first error, or when all senders are gone.
    task: JoinHandle<io::Result<()>>,
}

impl Journal {
    /// Starts writing to `sink`.
    pub(crate) fn start(sink: Sink) -> Self {
        let (lines, queue) = channel(QUEUE);
        let task = spawn(write_all(queue, sink));
        Self { lines, task }
    }

    /// A way in.
    pub(crate) fn lines(&self) -> Sender<Vec<u8>> {
        self.lines.clone()
    }

    /// Writes what is queued; other senders must be gone. `ending` says how the run
    /// ended, `grace` how long writing may go on after an interruption.
    ///
    /// # Errors
    /// The first error of any write; or that nobody reads.
    pub(crate) async fn finish(
        self,
        ending: Ending,
        grace: Duration,
        interrupts: &mut remote::Receiver<Interrupt>,
    ) -> io::Result<()> {
        drop(self.lines);
        let patience = async {
            let bound = match ending {
                Ending::Natural => match interrupts.recv().await {
                    Some(Interrupt) => grace,
                    None => pending().await,
                },
                Ending::Drained => grace,
                Ending::Dropped => LAST_WRITES,
            };
            race((sleep(bound), interrupts.recv())).await;
        };
        match race((self.task, patience)).await {
            OneOf::First(Ok(result)) => result,
            OneOf::First(Err(error)) => Err(io::Error::other(error.to_string())),
            OneOf::Second(()) => Err(io::Error::other("nobody reads it")),
        }
    }
}

/// The task.
async fn write_all(queue: Receiver<Vec<u8>>, mut sink: Sink) -> io::Result<()> {
    if let Sink::Later(_) = sink {
        // Its reader is waiting for us, even if nothing is ever written.
        sink = step(sink, Vec::new()).await?;
    }
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < STEP
            && let Ok(line) = queue.try_recv()
        {
            bytes.extend_from_slice(&line);
        }
        sink = step(sink, bytes).await?;
    }
    Ok(())
}

/// One trip to the pool.
async fn step(mut sink: Sink, bytes: Vec<u8>) -> io::Result<Sink> {
    let job = spawn_blocking(move || {
        let written = sink.write(&bytes);
        written.map(|()| sink)
    });
    job.await?
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Later(path) => {
                let file = OpenOptions::new().write(true).open(path)?;
                *self = Self::File(file);
                self.write(bytes)
            }
            Self::Stdout => stdout::write(bytes),
        }
    }
}
