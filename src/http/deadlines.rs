//! Deadlines: how long each phase of a request may take.
//!
//! Owns: the durations and their names. Law D: every wait of a request is under
//! a field of this struct; passing it is [`ErrorKind::Timeout`] with the
//! [`Deadline`] of the same name, and the error tells where the time went.
//! `total` covers everything: the wait for a connection, redirects, retries and
//! the body.
//!
//! Absent on purpose: the timers. The client sets them; this file only says
//! how long.
//!
//! Read next: `timings.rs`, the other side of the same phases.
//!
//! [`ErrorKind::Timeout`]: super::ErrorKind::Timeout

use std::fmt;
use std::time::Duration;

/// Longest duration of each phase; `None` means no limit. All are on by
/// default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Waiting for a connection the caps allow. [`Deadline::Queue`]
    pub queue: Option<Duration>,
    /// Looking the name up. [`Deadline::Resolve`]
    pub resolve: Option<Duration>,
    /// Connecting, all addresses together. [`Deadline::Connect`]
    pub connect: Option<Duration>,
    /// The answer of a proxy to CONNECT. [`Deadline::Proxy`]
    pub proxy: Option<Duration>,
    /// The TLS handshake. [`Deadline::Tls`]
    pub tls: Option<Duration>,
    /// Longest time in which the peer takes no byte of the request.
    /// [`Deadline::Write`]
    pub write: Option<Duration>,
    /// Waiting for `100 Continue`. Not an error: the body is then sent.
    pub await_continue: Duration,
    /// From the last byte sent to the first byte of the answer.
    /// [`Deadline::FirstByte`]
    pub first_byte: Option<Duration>,
    /// From the first byte of the answer, or the last of the request if that is
    /// later (`100 Continue` came before it), to the end of the final head; bytes
    /// that arrive do not extend it. [`Deadline::Head`]
    pub head: Option<Duration>,
    /// Longest silence while reading. [`Deadline::ReadIdle`]
    pub read_idle: Option<Duration>,
    /// Slowest body that is put up with. [`Deadline::MinRate`]
    pub min_rate: Option<MinRate>,
    /// Reading a body nobody wants, to save the connection. Not an error: the
    /// connection is then closed.
    pub drain: Duration,
    /// The whole request, redirects and body included. [`Deadline::Total`]
    pub total: Option<Duration>,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = |n| Some(Duration::from_secs(n));
        Deadlines {
            queue: seconds(60),
            resolve: seconds(10),
            connect: seconds(10),
            proxy: seconds(10),
            tls: seconds(10),
            write: seconds(30),
            await_continue: Duration::from_secs(1),
            first_byte: seconds(30),
            head: seconds(30),
            read_idle: seconds(30),
            min_rate: Some(MinRate::default()),
            drain: Duration::from_millis(500),
            total: seconds(300),
        }
    }
}

/// A rate below which a body is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinRate {
    /// Bytes on the wire per second, as a mean over the window.
    pub bytes_per_second: u64,
    /// How long the rate must stay below; at least 1 ms.
    pub window: Duration,
}

impl Default for MinRate {
    fn default() -> Self {
        MinRate {
            bytes_per_second: 16,
            window: Duration::from_secs(60),
        }
    }
}

/// Which deadline passed. One variant per field of [`Deadlines`] that can fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Deadline {
    /// [`Deadlines::queue`]
    Queue,
    /// [`Deadlines::resolve`]
    Resolve,
    /// [`Deadlines::connect`]
    Connect,
    /// [`Deadlines::proxy`]
    Proxy,
    /// [`Deadlines::tls`]
    Tls,
    /// [`Deadlines::write`]
    Write,
    /// [`Deadlines::first_byte`]
    FirstByte,
    /// [`Deadlines::head`]
    Head,
    /// [`Deadlines::read_idle`]
    ReadIdle,
    /// [`Deadlines::min_rate`]
    MinRate,
    /// [`Deadlines::total`]
    Total,
}

impl Deadline {
    /// The name of the field in [`Deadlines`].
    pub fn name(self) -> &'static str {
        match self {
            Deadline::Queue => "queue",
            Deadline::Resolve => "resolve",
            Deadline::Connect => "connect",
            Deadline::Proxy => "proxy",
            Deadline::Tls => "tls",
            Deadline::Write => "write",
            Deadline::FirstByte => "first_byte",
            Deadline::Head => "head",
            Deadline::ReadIdle => "read_idle",
            Deadline::MinRate => "min_rate",
            Deadline::Total => "total",
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
