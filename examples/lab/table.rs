//! Tables: theory, virtual time and real time side by side, with a verdict.
//!
//! Owns: `Row` and `Law` (when a row holds), and how a table is printed, as text,
//! CSV and JSON.
//!
//! Laws: a verdict looks at the virtual column, which is the same everywhere. The real
//! column is what this machine did today, and asserted only where something holds on
//! any machine, however busy (`Row::certain`).
//!
//! Read next: `experiments/mod.rs`.

use crate::stats::Estimate;
use serde_json::{Value, json};
use std::fmt::Write;

/// One quantity.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Policy and quantity.
    pub(crate) what: String,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What theory says.
    pub(crate) theory: Option<f64>,
    /// What virtual time showed.
    pub(crate) found: f64,
    /// What real time showed.
    pub(crate) real: Option<f64>,
    /// When the row holds.
    pub(crate) law: Law,
    /// What the real column must be on any machine.
    pub(crate) certain: Option<(Certain, f64)>,
}

/// What is certain of a real figure, however busy the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Certain {
    /// Equal to this: counts, not times.
    Is,
    /// At least this: work takes its time, and more.
    AtLeast,
    /// At most this.
    AtMost,
}

/// When a row holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Law {
    /// Equal, to the last digit.
    Exact,
    /// Within four standard errors, of which this is one.
    Sigmas(f64),
    /// Within this much, which the experiment's text justifies.
    Within(f64),
    /// At most the theory.
    AtMost,
    /// At least the theory.
    AtLeast,
    /// For comparison only.
    Shown,
}

/// Standard errors that a statistical row may be off: about one false alarm in
/// 16,000 rows.
const SIGMAS: f64 = 4.0;

impl Row {
    fn new(what: impl Into<String>, unit: &'static str, found: f64, law: Law) -> Self {
        let what = what.into();
        let (theory, real, certain) = (None, None, None);
        Self {
            what,
            unit,
            theory,
            found,
            real,
            law,
            certain,
        }
    }

    /// Only for comparison.
    pub(crate) fn shown(what: impl Into<String>, unit: &'static str, found: f64) -> Self {
        Self::new(what, unit, found, Law::Shown)
    }

    /// Must be equal.
    pub(crate) fn exact(what: impl Into<String>, unit: &'static str, th: f64, found: f64) -> Self {
        Self::new(what, unit, found, Law::Exact).theory(th)
    }

    /// Must be near, statistically.
    pub(crate) fn near(
        what: impl Into<String>,
        unit: &'static str,
        theory: f64,
        found: Estimate,
    ) -> Self {
        Self::new(what, unit, found.mean, Law::Sigmas(found.error)).theory(theory)
    }

    /// Must be within `by` of it.
    pub(crate) fn within(
        what: impl Into<String>,
        unit: &'static str,
        theory: f64,
        found: f64,
        by: f64,
    ) -> Self {
        Self::new(what, unit, found, Law::Within(by)).theory(theory)
    }

    /// Must not be more.
    pub(crate) fn at_most(
        what: impl Into<String>,
        unit: &'static str,
        th: f64,
        found: f64,
    ) -> Self {
        Self::new(what, unit, found, Law::AtMost).theory(th)
    }

    /// Must not be less.
    pub(crate) fn at_least(
        what: impl Into<String>,
        unit: &'static str,
        th: f64,
        found: f64,
    ) -> Self {
        Self::new(what, unit, found, Law::AtLeast).theory(th)
    }

    /// What theory says, for comparison.
    pub(crate) fn theory(mut self, theory: f64) -> Self {
        self.theory = Some(theory);
        self
    }

    /// What this machine did.
    pub(crate) fn real(mut self, real: Option<f64>) -> Self {
        self.real = real.filter(|real| real.is_finite());
        self
    }

    /// What this machine did, and what is certain of it.
    pub(crate) fn certain(self, real: Option<f64>, how: Certain, bound: f64) -> Self {
        let certain = real.map(|_| (how, bound));
        Self {
            certain,
            ..self.real(real)
        }
    }

    /// Whether the real column is what it must be on any machine.
    fn real_holds(&self) -> bool {
        match (self.certain, self.real.unwrap_or(f64::NAN)) {
            (None, _) => true,
            (Some((Certain::Is, bound)), real) => real == bound,
            (Some((Certain::AtLeast, bound)), real) => real >= bound,
            (Some((Certain::AtMost, bound)), real) => real <= bound,
        }
    }

    /// Whether the law holds.
    pub(crate) fn holds(&self) -> bool {
        let (theory, found) = (self.theory.unwrap_or(f64::NAN), self.found);
        let virtual_holds = match self.law {
            Law::Exact => theory == found,
            Law::Sigmas(error) => (theory - found).abs() <= SIGMAS * error,
            Law::Within(by) => (theory - found).abs() <= by,
            Law::AtMost => found <= theory,
            Law::AtLeast => found >= theory,
            Law::Shown => found.is_finite(),
        };
        virtual_holds && self.real_holds()
    }

    /// The verdict in words.
    pub(crate) fn verdict(&self) -> String {
        let theory = self.theory.unwrap_or(f64::NAN);
        let words = match self.law {
            Law::Exact => "exact".into(),
            Law::Sigmas(error) => {
                let off = (self.found - theory) / error;
                format!("{off:+.1} sigma")
            }
            Law::Within(by) => format!("within {}", figure(by)),
            Law::AtMost => "<= theory".into(),
            Law::AtLeast => ">= theory".into(),
            Law::Shown => String::new(),
        };
        let words = match self.certain {
            None => words,
            Some((how, bound)) => {
                let sign = match how {
                    Certain::Is => "=",
                    Certain::AtLeast => ">=",
                    Certain::AtMost => "<=",
                };
                let both = [words, format!("real {sign} {}", figure(bound))];
                both.join("; ").trim_start_matches("; ").to_owned()
            }
        };
        if self.holds() {
            words
        } else {
            format!("BROKEN ({words})")
        }
    }

    /// The theory column, with its sign.
    fn theory_text(&self) -> String {
        let Some(theory) = self.theory else {
            return "-".into();
        };
        let sign = match self.law {
            Law::AtMost => "<= ",
            Law::AtLeast => ">= ",
            _ => "",
        };
        format!("{sign}{}", figure(theory))
    }

    /// The cells after the first.
    pub(crate) fn cells(&self) -> [String; 5] {
        let real = self.real.map_or_else(|| "-".into(), figure);
        [
            self.theory_text(),
            figure(self.found),
            real,
            self.unit.to_owned(),
            self.verdict(),
        ]
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "what": self.what, "unit": self.unit, "theory": self.theory,
            "virtual": self.found, "real": self.real,
            "verdict": self.verdict(), "holds": self.holds(),
        })
    }

    /// As a line of CSV after the experiment's name.
    pub(crate) fn csv(&self, experiment: &str) -> String {
        let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
        format!(
            "{experiment},{},{},{},{},{},{},{}\n",
            quoted(&self.what),
            self.unit,
            number(self.theory),
            self.found,
            number(self.real),
            quoted(&self.verdict()),
            self.holds()
        )
    }
}

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
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
