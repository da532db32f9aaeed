//! Timings: where the time of a request went.
//!
//! Owns: seven durations, filled in by the client as phases end.
//!
//! Laws: phases do not overlap, so they add up to at most `total`; what is left
//! is the body. A request that reused a connection has no dns, connect and tls.
//!
//! Absent on purpose: instants. Durations compare across machines and clocks.
//!
//! Read next: `error.rs`, which prints them when a deadline passed.

use std::fmt;
use std::time::Duration;

/// How long each phase took. Zero where a phase did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a connection the caps allow.
    pub queue: Duration,
    /// Looking the name up.
    pub dns: Duration,
    /// Connecting, a proxy's answer included.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Writing the request; zero where the system took a small one at once.
    pub write: Duration,
    /// From the last byte written to the first byte of the answer.
    pub first_byte: Duration,
    /// From the start to the last bytes that were waited for, to the end of the body once
    /// it was read, or to the error.
    pub total: Duration,
}

impl Timings {
    /// What `total` leaves over: the head after its first byte, and the body.
    pub fn body(&self) -> Duration {
        let before = [
            self.queue,
            self.dns,
            self.connect,
            self.tls,
            self.write,
            self.first_byte,
        ]
        .into_iter()
        .fold(Duration::ZERO, Duration::saturating_add);
        self.total.saturating_sub(before)
    }
}

/// `queue 3.1, dns 0.0, connect 0.2, tls 4.7`: seconds, up to the last phase
/// that took any time.
impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases = [
            ("queue", self.queue),
            ("dns", self.dns),
            ("connect", self.connect),
            ("tls", self.tls),
            ("write", self.write),
            ("first byte", self.first_byte),
            ("body", self.body()),
        ];
        let reached = phases
            .iter()
            .rposition(|(_, took)| !took.is_zero())
            .unwrap_or(0);
        for (place, (name, took)) in phases.iter().enumerate().take(reached.saturating_add(1)) {
            if place > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name} {:.1}", took.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_the_time_went() {
        let ms = Duration::from_millis;
        let timings = Timings {
            queue: ms(3100),
            connect: ms(200),
            tls: ms(4700),
            total: ms(8000),
            ..Timings::default()
        };
        assert_eq!(
            timings.to_string(),
            "queue 3.1, dns 0.0, connect 0.2, tls 4.7"
        );
        assert_eq!(timings.body(), Duration::ZERO);
    }
}
