//! The account of a run: counts, and how long things took. Its size does not depend
//! on the number of URLs.
//!
//! Owns: `Tally`, filled by the scheduler, one call per end of a URL.
//!
//! Laws: fetched + failed + unfinished + skipped is the number of URLs that were
//! read; nothing else is an end.
//!
//! Read next: `summary.rs`.

use super::histogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts of one run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// URLs with a complete response below 400.
    pub(crate) fetched: u64,
    /// URLs with any other outcome.
    pub(crate) failed: u64,
    /// URLs that an interruption kept from having an outcome.
    pub(crate) unfinished: u64,
    /// URLs that an earlier run has finished.
    pub(crate) skipped: u64,
    /// Failures by kind.
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    /// Bytes of all bodies.
    pub(crate) bytes: u64,
    /// Attempts, those of unfinished URLs included.
    pub(crate) attempts: u64,
    /// Attempts that used a connection again.
    pub(crate) reused: u64,
    /// How long complete responses took.
    pub(crate) responses: Histogram,
    /// How long URLs stood in line for a slot, with `--gate`.
    pub(crate) waits: Histogram,
    /// What all attempts took together: the cost of one at a time.
    pub(crate) one_at_a_time: Duration,
    /// From the first start to the last outcome.
    pub(crate) elapsed: Duration,
    /// What went wrong with input or output.
    pub(crate) broken: Option<Broken>,
    /// Whether signals came.
    pub(crate) ending: Ending,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself.
    #[default]
    Natural,
    /// After an interruption, with what was in flight.
    Drained,
    /// After an interruption, without waiting for what was in flight.
    Dropped,
}

/// What ends a run early, besides a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The list cannot be read.
    Input(String),
    /// Outcomes or bodies cannot be written.
    Output(String),
    /// Nobody reads the output any more: no reason to complain.
    Pipe,
}

/// What the account needs to know of an outcome.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Brief {
    /// The kind of failure, if it is one.
    pub(crate) failure: Option<&'static str>,
    /// Bytes of the body.
    pub(crate) bytes: u64,
    /// It used a connection again.
    pub(crate) reused: bool,
    /// How long a complete response took.
    pub(crate) response: Option<Duration>,
}

impl Tally {
    /// A URL has its outcome.
    pub(crate) fn add(&mut self, brief: &Brief) {
        match brief.failure {
            None => self.fetched += 1,
            Some(kind) => {
                self.failed += 1;
                *self.kinds.entry(kind).or_default() += 1;
            }
        }
        self.bytes += brief.bytes;
        self.reused += u64::from(brief.reused);
        if let Some(took) = brief.response {
            self.responses.add(took);
        }
    }

    /// An attempt has ended.
    pub(crate) fn attempt(&mut self, took: Duration) {
        self.attempts += 1;
        self.one_at_a_time = self.one_at_a_time.saturating_add(took);
    }

    /// URLs that were to be fetched in this run.
    pub(crate) fn wanted(&self) -> u64 {
        self.fetched + self.failed + self.unfinished
    }

    /// How often `elapsed` fits into what one at a time costs.
    pub(crate) fn ratio(&self) -> f64 {
        self.one_at_a_time.as_secs_f64() / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A signal came.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.ending != Ending::Natural
    }

    /// Why the run ended early; the first reason counts, output before input.
    pub(crate) fn broke(&mut self, why: Broken) {
        if !matches!(self.broken, Some(Broken::Output(_) | Broken::Pipe)) {
            self.broken = Some(why);
        }
    }

    /// The exit code of a program whose work this was.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.broken {
            Some(Broken::Output(_) | Broken::Pipe) => return 4,
            Some(Broken::Input(_)) => return 2,
            None => {}
        }
        match (self.fetched, self.failed) {
            _ if self.is_interrupted() => 130,
            (_, 0) => 0,
            (0, _) => 3,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        let code = |fetched, failed, ending, broken| {
            let tally = Tally {
                fetched,
                failed,
                ending,
                broken,
                ..Tally::default()
            };
            tally.exit_code()
        };
        assert_eq!(code(0, 0, Ending::Natural, None), 0);
        assert_eq!(code(5, 0, Ending::Natural, None), 0);
        assert_eq!(code(5, 1, Ending::Natural, None), 1);
        assert_eq!(code(0, 1, Ending::Natural, None), 3);
        assert_eq!(code(5, 1, Ending::Drained, None), 130);
        assert_eq!(code(5, 0, Ending::Drained, Some(Broken::Pipe)), 4);
        assert_eq!(
            code(5, 0, Ending::Natural, Some(Broken::Input(String::new()))),
            2
        );
    }
}
