//! Why a run does not begin, or does not go on.
//!
//! Owns: `Stop`, a sentence and an exit code.
//!
//! Read next: `opening.rs`.

use std::io;

/// Why there is no run, or no rest of it.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The exit code.
    pub(crate) code: u8,
    /// What to say.
    pub(crate) message: String,
}

impl Stop {
    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: 2, message }
    }

    /// Something cannot be written.
    pub(crate) fn output(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: 4, message }
    }

    /// The system refuses what every run needs.
    pub(crate) fn system(what: &str, error: &io::Error) -> Self {
        let message = format!("{what}: {error}");
        Self { code: 2, message }
    }
}
