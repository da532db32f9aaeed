//! May a request that failed be made again without asking anybody?
//!
//! Owns: the rule, as one pure function.
//!
//! Laws: P04. A kept connection can be closed by the server in the very moment
//! it is used again; that, and nothing else, is what a retry is for. So: only on
//! a reused connection, only when not one byte of a response was seen, only for
//! an idempotent method (or when not one byte of the request left), only with a
//! body that can be sent again, and a bounded number of times. The last try is
//! on a fresh connection.
//!
//! Absent on purpose: retries by status, backoff, budgets. They are policies of
//! the caller; `Error::is_retryable` and `Retry-After` are what they need.
//!
//! Read next: `keep_alive.rs`, which makes the race rare.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use super::kind::ErrorKind;
use super::method::Method;

/// How often a request is repeated at most.
pub(crate) const MOST: u32 = 2;

/// What is known of the try that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// Why it failed.
    pub(crate) kind: ErrorKind,
    /// The connection had carried a request before.
    pub(crate) reused: bool,
    /// A byte of a response was seen.
    pub(crate) heard: bool,
    /// A byte of the request may have left.
    pub(crate) sent: bool,
    /// The body can be sent again; no body can always.
    pub(crate) replayable: bool,
    /// Tries before this one.
    pub(crate) before: u32,
}

/// The verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Retry {
    /// Give the error to the caller.
    No,
    /// Again, on any connection.
    Yes,
    /// Again, on a new connection: it is the last time.
    OnFresh,
}

/// Applies the rule.
pub(crate) fn decide(attempt: &Attempt<'_>) -> Retry {
    let closed_on_us = matches!(attempt.kind, ErrorKind::Truncated | ErrorKind::Io);
    let harmless = attempt.method.is_idempotent() || !attempt.sent;
    let may = closed_on_us
        && attempt.reused
        && !attempt.heard
        && harmless
        && attempt.replayable
        && attempt.before < MOST;
    match may {
        false => Retry::No,
        true if attempt.before.saturating_add(1) < MOST => Retry::Yes,
        true => Retry::OnFresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: Attempt<'static> = Attempt {
        method: &Method::GET,
        kind: ErrorKind::Truncated,
        reused: true,
        heard: false,
        sent: true,
        replayable: true,
        before: 0,
    };

    #[test]
    fn retry_rule() {
        assert_eq!(decide(&STALE), Retry::Yes);
        assert_eq!(decide(&Attempt { before: 1, ..STALE }), Retry::OnFresh);
        let no = [
            Attempt { before: 2, ..STALE },
            Attempt {
                reused: false,
                ..STALE
            },
            Attempt {
                heard: true,
                ..STALE
            },
            Attempt {
                replayable: false,
                ..STALE
            },
            Attempt {
                method: &Method::POST,
                ..STALE
            },
            Attempt {
                method: &Method::PATCH,
                ..STALE
            },
            Attempt {
                kind: ErrorKind::Cancelled,
                ..STALE
            },
        ];
        for attempt in no {
            assert_eq!(decide(&attempt), Retry::No, "{attempt:?}");
        }
        let unsent = Attempt {
            method: &Method::POST,
            sent: false,
            ..STALE
        };
        assert_eq!(decide(&unsent), Retry::Yes);
    }
}
