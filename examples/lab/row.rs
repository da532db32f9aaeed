//! One line of an experiment's table: theory, virtual time and real time side by side,
//! with a verdict.
//!
//! Owns: `Row`, `Law` (when it holds) and `Certain` (what holds on any machine).
//!
//! Laws: a verdict looks at the virtual column, which is the same everywhere. The real
//! column is what this machine did today, and asserted only where something holds on
//! any machine, however busy (`Row::certain`).
//!
//! Read next: `table.rs`.

use crate::stats::Estimate;
use crate::table::{figure, quoted};
use serde_json::{Value, json};

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
        let measured = real.filter(|real| real.is_finite());
        let certain = measured.map(|_| (how, bound));
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
