//! Tables, as text, CSV and JSON: `print` for the rows of experiments, `Grid` for all else.
//!
//! Read next: `experiments/mod.rs`.

use crate::row::Row;
use serde_json::{Value, json};
use std::fmt::Write;

/// The head of the CSV file.
pub(crate) const CSV_HEAD: &str = "experiment,what,unit,theory,virtual,real,verdict,holds\n";
/// The heads of the columns after the first.
pub(crate) const HEADS: [&str; 5] = ["theory", "virtual", "real", "unit", "verdict"];

/// A table as text.
pub(crate) fn print(rows: &[Row]) -> String {
    let lines: Vec<_> = rows
        .iter()
        .map(|row| (row.what.as_str(), row.cells()))
        .collect();
    let width = |i: usize| {
        let cells = lines.iter().map(|(_, cells)| cells[i].chars().count());
        cells.chain([HEADS[i].len()]).max().unwrap_or(0)
    };
    let (widths, first) = (
        [width(0), width(1), width(2), width(3)],
        lines
            .iter()
            .map(|(what, _)| what.chars().count())
            .max()
            .unwrap_or(0),
    );
    let mut text = String::new();
    let mut line = |what: &str, cells: [&str; 5]| {
        let [theory, found, real, unit, verdict] = cells;
        let [a, b, c, d] = widths;
        let row =
            format!("  {what:first$}  {theory:>a$}  {found:>b$}  {real:>c$}  {unit:d$}  {verdict}");
        let _ = writeln!(text, "{}", row.trim_end());
    };
    line("", HEADS);
    for (what, cells) in &lines {
        line(what, std::array::from_fn(|i| cells[i].as_str()));
    }
    text
}

/// A plain table: policies in rows, measures in columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    /// The heads of the columns after the first.
    pub(crate) heads: Vec<String>,
    /// A label and a cell per head.
    pub(crate) rows: Vec<(String, Vec<String>)>,
}

impl Grid {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        let rows = Vec::new();
        Self { heads, rows }
    }

    pub(crate) fn row(
        &mut self,
        label: impl Into<String>,
        cells: impl IntoIterator<Item = String>,
    ) {
        self.rows.push((label.into(), cells.into_iter().collect()));
    }

    /// As text.
    pub(crate) fn text(&self) -> String {
        let labels = self.rows.iter().map(|(label, _)| label.chars().count());
        let first = labels.max().unwrap_or(0);
        let line = |label: &str, cells: &[String]| {
            let cells = cells.iter().map(|cell| format!("{cell:>10}"));
            format!("  {label:first$} {}\n", cells.collect::<Vec<_>>().join(" "))
        };
        let rows = self.rows.iter().map(|(label, cells)| line(label, cells));
        line("", &self.heads) + &rows.collect::<String>()
    }

    /// As CSV.
    pub(crate) fn csv(&self) -> String {
        let line = |label: &str, cells: &[String]| {
            let cells = cells.iter().map(|cell| quoted(cell));
            format!(
                "{},{}\n",
                quoted(label),
                cells.collect::<Vec<_>>().join(",")
            )
        };
        let rows = self.rows.iter().map(|(label, cells)| line(label, cells));
        line("policy", &self.heads) + &rows.collect::<String>()
    }

    /// As JSON; a real run has no hash.
    pub(crate) fn json(&self, seed: u64, hash: Option<u64>) -> Value {
        let hash = hash.map(|hash| format!("{hash:016x}"));
        json!({ "columns": self.heads, "rows": self.rows, "seed": seed, "schedule_hash": hash })
    }
}

/// A number, in as many digits as say something.
pub(crate) fn figure(x: f64) -> String {
    match x.abs() {
        _ if x == x.trunc() && x.abs() < 1e15 => format!("{x}"),
        size if size >= 1e15 => format!("{x:.6e}"),
        size if size >= 1000.0 => format!("{x:.0}"),
        size if size >= 100.0 => format!("{x:.1}"),
        size if size >= 10.0 => format!("{x:.2}"),
        size if size >= 0.001 => format!("{x:.4}"),
        _ => format!("{x:.1e}"),
    }
}

/// A CSV field in quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
