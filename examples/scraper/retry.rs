//! When a failed fetch is tried again, and how much later.
//!
//! Owns: the rule. Every fetch is a GET, so repeating it is safe. Worth repeating
//! are a connection that was not made, a timeout, and the statuses 429, 502, 503 and
//! 504; nothing else gets better by waiting.
//!
//! Laws: the n-th wait is a random share of 0.5 s times 2^(n-1), drawn from the seed
//! (full jitter: Brooker 2015), at most 60 s. `Retry-After` is obeyed exactly up to
//! 60 s; a server that asks for more gets no second request.
//!
//! Read next: `attempt.rs`.

use super::dice;
use downbeat::http::{ErrorKind, ResolveFault, RetryAfter};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// What the first wait is a share of.
const FIRST: Duration = Duration::from_millis(500);
/// The dice's purpose.
const JITTER: u64 = 3;

/// How retries are done in this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryRule {
    /// Attempts after the first one.
    pub(crate) retries: u32,
    /// Where the jitter comes from.
    pub(crate) seed: u64,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays failed.
    Final,
    /// Again, after this long.
    Again(Duration),
    /// Again, after this long, and the host gets no other request until then.
    HostAgain(Duration),
}

impl RetryRule {
    /// After the `attempt`-th attempt (from 1) of the `index`-th URL has failed.
    pub(crate) fn after_error(&self, kind: ErrorKind, index: u64, attempt: u32) -> Verdict {
        let passing = matches!(
            kind,
            ErrorKind::Connect(_)
                | ErrorKind::Timeout(_)
                | ErrorKind::Resolve(ResolveFault::Temporary)
        );
        if passing && attempt <= self.retries {
            Verdict::Again(self.backoff(index, attempt))
        } else {
            Verdict::Final
        }
    }

    /// After the `attempt`-th attempt was answered with `status`.
    pub(crate) fn after_status(
        &self,
        status: u16,
        retry_after: Option<RetryAfter>,
        index: u64,
        attempt: u32,
    ) -> Verdict {
        if !matches!(status, 429 | 502..=504) || attempt > self.retries {
            return Verdict::Final;
        }
        match retry_after.map(|asked| asked.delay(now(), Duration::MAX)) {
            Some(wait) if wait > LONGEST => Verdict::Final,
            Some(wait) if matches!(status, 429 | 503) => Verdict::HostAgain(wait),
            Some(wait) => Verdict::Again(wait),
            None => Verdict::Again(self.backoff(index, attempt)),
        }
    }

    fn backoff(&self, index: u64, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let longest = FIRST.saturating_mul(1 << doublings).min(LONGEST);
        let place = index.wrapping_mul(64).wrapping_add(u64::from(attempt));
        longest.mul_f64(dice::fraction(self.seed, JITTER, place))
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use downbeat::http::{ConnectFault, Deadline};

    const RULE: RetryRule = RetryRule {
        retries: 2,
        seed: 42,
    };
    const REFUSED: ErrorKind = ErrorKind::Connect(ConnectFault::Refused);

    #[test]
    fn only_what_passes_is_tried_again() {
        for kind in [REFUSED, ErrorKind::Timeout(Deadline::Total)] {
            assert!(matches!(RULE.after_error(kind, 0, 1), Verdict::Again(_)));
            assert!(matches!(RULE.after_error(kind, 0, 2), Verdict::Again(_)));
            assert_eq!(RULE.after_error(kind, 0, 3), Verdict::Final);
        }
        for kind in [
            ErrorKind::Truncated,
            ErrorKind::Io,
            ErrorKind::AddressBlocked,
        ] {
            assert_eq!(RULE.after_error(kind, 0, 1), Verdict::Final);
        }
        for status in [429, 502, 503, 504] {
            assert!(matches!(
                RULE.after_status(status, None, 0, 1),
                Verdict::Again(_)
            ));
            assert_eq!(RULE.after_status(status, None, 0, 3), Verdict::Final);
        }
        for status in [200, 404, 500, 501, 505] {
            assert_eq!(
                RULE.after_status(status, Some(RetryAfter::Delay(FIRST)), 0, 1),
                Verdict::Final
            );
        }
    }

    #[test]
    fn backoff_doubles_and_repeats() {
        for attempt in 1..=40 {
            let longest = FIRST
                .saturating_mul(1 << (attempt - 1).min(16))
                .min(LONGEST);
            for index in 0..100 {
                let wait = RULE.backoff(index, attempt);
                assert!(wait <= longest);
                assert_eq!(wait, RULE.backoff(index, attempt));
            }
        }
        assert_ne!(RULE.backoff(1, 1), RULE.backoff(2, 1));
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_minute() {
        let seconds = Duration::from_secs;
        let verdict = |wait| RULE.after_status(503, Some(RetryAfter::Delay(wait)), 0, 1);
        assert_eq!(verdict(seconds(7)), Verdict::HostAgain(seconds(7)));
        assert_eq!(verdict(seconds(60)), Verdict::HostAgain(seconds(60)));
        assert_eq!(verdict(seconds(61)), Verdict::Final);
        assert_eq!(verdict(Duration::MAX), Verdict::Final);
        let asked = Some(RetryAfter::Delay(seconds(7)));
        assert_eq!(
            RULE.after_status(502, asked, 0, 1),
            Verdict::Again(seconds(7))
        );
        let past = Some(RetryAfter::At(0));
        assert_eq!(
            RULE.after_status(429, past, 0, 1),
            Verdict::HostAgain(seconds(0))
        );
    }
}
