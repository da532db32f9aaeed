//! Files: CSV, JSON, and pictures.
//!
//! Owns: where the flags say that results go.
//!
//! Read next: `../pictures/mod.rs`.

use crate::job::LAB;
use crate::pictures::{self, Curve, Latency, Run, Summary};
use crate::table::Grid;
use clap::Args;
use downbeat::testing::Recording;
use serde_json::Value;
use std::fs::{OpenOptions, remove_file};
use std::path::{Path, PathBuf};

/// Where to write what.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Files {
    /// Write the numbers as CSV
    #[arg(long, global = true, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the numbers as JSON
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with pictures that opens in any browser
    #[arg(long, global = true, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a trace that Perfetto loads
    #[arg(long, global = true, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// What goes onto a page besides the picture.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) claim: String,
    pub(crate) command: String,
    pub(crate) table: Grid,
    /// The runs, by name.
    pub(crate) recordings: Vec<(String, Recording)>,
    /// The tail of the time in system that theory gives to the first run.
    pub(crate) theory: Option<Vec<(f64, f64)>>,
}

impl Files {
    /// Whether events must be kept.
    pub(crate) fn want_pictures(&self) -> bool {
        self.html.is_some() || self.trace.is_some()
    }

    /// Whether they can be written, before anything runs that would be lost.
    pub(crate) fn can_be_written(&self) -> Result<(), String> {
        let all = [&self.csv, &self.json, &self.html, &self.trace];
        all.into_iter()
            .flatten()
            .try_for_each(|path| can_be_written(path))
    }

    /// Writes the numbers.
    pub(crate) fn text(&self, csv: &str, json: &Value) -> Result<(), String> {
        if let Some(path) = &self.csv {
            write(path, csv)?;
        }
        match &self.json {
            Some(path) => write(path, &format!("{json:#}\n")),
            None => Ok(()),
        }
    }

    /// These files, for one of several experiments: its name goes before the ending.
    pub(crate) fn of(&self, name: &str) -> Self {
        let named = |path: &PathBuf| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let ending = path.extension().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{stem}-{name}.{ending}"))
        };
        Self {
            html: self.html.as_ref().map(named),
            trace: self.trace.as_ref().map(named),
            ..self.clone()
        }
    }

    /// Writes the pictures.
    pub(crate) fn picture(&self, page: Page) -> Result<(), String> {
        let paths = self.html.iter().chain(&self.trace);
        let mut summary = Summary::new(page.title);
        (summary.claim, summary.command, summary.columns) =
            (page.claim, page.command, page.table.heads);
        for (what, cells) in page.table.rows {
            summary.row(what, cells);
        }
        let recordings = page.recordings.into_iter();
        let run = |(name, mut recording): (String, Recording)| {
            // It joined the laboratory after its spawn.
            let mut tasks = recording.tasks.iter_mut();
            let root = tasks.find(|task| task.name.as_deref() == Some("root"));
            root.into_iter().for_each(|root| root.group = LAB);
            Run {
                aside: Some(LAB),
                ..Run::new(name, recording)
            }
        };
        let mut runs: Vec<Run> = recordings.map(run).collect();
        if let (Some(points), Some(run)) = (page.theory, runs.first_mut()) {
            let (label, of) = ("theory, M/M/1 under fifo".into(), Latency::Life);
            run.theory.push(Curve { label, of, points });
        }
        for path in paths {
            pictures::write(path, &runs, &summary)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// Whether a file can be written; leaves it as it was.
pub(crate) fn can_be_written(path: &Path) -> Result<(), String> {
    let (new, mut options) = (!path.exists(), OpenOptions::new());
    let opened = options.append(true).create(true).open(path);
    let tried = opened.and_then(|_| if new { remove_file(path) } else { Ok(()) });
    tried.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
