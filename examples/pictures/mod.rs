//! Pictures of what a loop did: one HTML page that stands alone, or a trace that
//! Perfetto loads.
//!
//! Other examples take this directory in with
//! `#[path = "../pictures/mod.rs"] mod pictures;` and call [`write`] with what a
//! `downbeat::testing::Recorder` recorded.
//!
//! Owns: the words of the caller ([`Summary`]), what one run is ([`Run`]), and the
//! choice between the two kinds of files.
//!
//! Laws: what the caller says is on the page as text; a page needs no network.
//!
//! Absent on purpose: analysis in Rust. The page carries the events and works out
//! the rest where it is looked at.
//!
//! Read next: `html.rs`, `chrome.rs`, then `model.js`.
#![allow(dead_code, reason = "each example uses its part")]

mod chrome;
mod html;

use downbeat::testing::Recording;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// One run of a program. Two of the same program on one page are a duel.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// What distinguishes it from the others: `fifo`.
    pub(crate) name: String,
    /// What the loop did.
    pub(crate) recording: Recording,
    /// What theory says about its latencies, drawn dashed beside them.
    pub(crate) theory: Vec<Curve>,
    /// The group of tasks that bring the load and are no part of it: drawn, not counted.
    pub(crate) aside: Option<u32>,
}

/// A tail: the probability that a latency is longer than each of some durations.
#[derive(Debug)]
pub(crate) struct Curve {
    /// Whose it is: `M/M/1, load 0.8`.
    pub(crate) label: String,
    /// Which latency it speaks of.
    pub(crate) of: Latency,
    /// Seconds, and the probability of more.
    pub(crate) points: Vec<(f64, f64)>,
}

/// The latencies of which the page draws a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    /// From runnable to polled, once per poll.
    Ready,
    /// From spawned to done, once per task.
    Life,
}

/// What the page says in words and numbers, as the caller printed them.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The title.
    pub(crate) title: String,
    /// The claim in a sentence or two; may be empty.
    pub(crate) claim: String,
    /// The command that makes this page again; may be empty.
    pub(crate) command: String,
    /// The heads of the columns after the first; may be empty.
    pub(crate) columns: Vec<String>,
    /// A label and its values, one per column.
    pub(crate) rows: Vec<(String, Vec<String>)>,
}

/// Writes a picture of `runs`: a page where `path` ends in `.html`, a trace for
/// Perfetto where it ends in `.json`.
///
/// # Errors
/// `InvalidInput` for any other ending; otherwise those of writing the file.
pub(crate) fn write(path: impl AsRef<Path>, runs: &[Run], summary: &Summary) -> io::Result<()> {
    let path = path.as_ref();
    let ending = path.extension().and_then(|ending| ending.to_str());
    let write: fn(&mut BufWriter<File>, &[Run], &Summary) -> io::Result<()> = match ending {
        Some("html") => html::write,
        Some("json") => chrome::write,
        _ => {
            let message = format!("{}: a picture ends in .html or .json", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    };
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out, runs, summary)?;
    out.flush()
}

impl Run {
    /// A run without theory.
    pub(crate) fn new(name: impl Into<String>, recording: Recording) -> Self {
        Self {
            name: name.into(),
            recording,
            theory: Vec::new(),
            aside: None,
        }
    }
}

impl Summary {
    /// A summary with a title and no more.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// Adds a line to the table.
    pub(crate) fn row(
        &mut self,
        label: impl Into<String>,
        values: impl IntoIterator<Item = String>,
    ) {
        self.rows.push((label.into(), values.into_iter().collect()));
    }
}
