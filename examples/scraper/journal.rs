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
//!
//! Absent on purpose: `fsync`. A power cut may lose lines; `--resume` fetches those
//! URLs again.
//!
//! Read next: `resume.rs`.

use downbeat::sync::channel::{Receiver, Sender, channel};
use downbeat::{JoinHandle, spawn, spawn_blocking};
use std::fs::File;
use std::io::{self, Write};

/// Lines between the fetches and the writer.
const QUEUE: usize = 256;
/// Bytes per write, roughly.
const STEP: usize = 64 * 1024;

/// Where outcomes go.
pub(crate) enum Sink {
    /// A file.
    File(File),
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

    /// Writes what is queued; other senders must be gone.
    ///
    /// # Errors
    /// The first error of any write.
    pub(crate) async fn finish(self) -> io::Result<()> {
        drop(self.lines);
        match self.task.await {
            Ok(result) => result,
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}

/// The task.
async fn write_all(queue: Receiver<Vec<u8>>, mut sink: Sink) -> io::Result<()> {
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < STEP
            && let Ok(line) = queue.try_recv()
        {
            bytes.extend_from_slice(&line);
        }
        let job = spawn_blocking(move || {
            let written = sink.write(&bytes);
            (sink, written)
        });
        let written;
        (sink, written) = job.await?;
        written?;
    }
    Ok(())
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
        }
    }
}
