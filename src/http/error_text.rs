//! The text of an error, one line.
//!
//! Owns: nothing.
//!
//! Laws: E02, what others said is escaped and cut. A timeout says where the time went.
//!
//! Read next: `escape.rs`.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use super::error::Error;
use super::escape;
use super::kind::ErrorKind;

/// `http://host/path: timeout after 8.0 s: queue 3.1, dns 0.0, ...`
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = self.url() {
            write!(f, "{}: ", escape::excerpt(url.as_str().as_bytes()))?;
        }
        self.kind().fmt(f)?;
        match (self.kind(), self.timings()) {
            (ErrorKind::Timeout(deadline), Some(timings)) => {
                let after = Seconds(timings.total);
                write!(f, " after {after} s: {timings}")?;
                write!(f, " (deadline {deadline}, in {})", self.phase())?;
            }
            (ErrorKind::Timeout(deadline), None) => {
                write!(f, " (deadline {deadline}, in {})", self.phase())?;
            }
            _ => write!(f, " (in {})", self.phase())?,
        }
        if let Some(detail) = self.detail() {
            write!(f, ": {detail}")?;
        }
        if let Some(source) = self.source() {
            let text = source.to_string();
            write!(f, ": {}", escape::excerpt(text.as_bytes()))?;
        }
        if self.attempts() > 1 {
            write!(f, " (attempt {})", self.attempts())?;
        }
        Ok(())
    }
}

/// A duration as seconds with one decimal.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0.as_secs_f64())
    }
}
