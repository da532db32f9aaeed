//! The error of a request: what, in which phase, where, and after how long.
//!
//! Owns: one boxed record, so that `Result<T, Error>` stays one word larger
//! than nothing.
//!
//! Laws: E02 peer text is escaped and bounded; N04 no secret is printed (the
//! URL loses its user and password on the way in). Whoever adds context does it
//! with a `with_` method; the first one to know the URL or the peer wins.
//!
//! Absent on purpose: back traces, and a `Box<dyn Error>` as the only content.
//!
//! Read next: `kind.rs` for the reasons, `error_text.rs` for the text.

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

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;

use url::Url;

use super::deadlines::Deadline;
use super::escape;
pub use super::kind::{
    ConnectFault, DecodeFault, ErrorKind, FramingFault, ParseFault, Phase, ProxyFault,
    RedirectFault, RequestFault, ResolveFault, TlsFault,
};
use super::limits::Limit;
use super::response::Redirect;
use super::timings::Timings;

/// What went wrong with a request.
pub struct Error(Box<Record>);

/// The content of an error.
struct Record {
    /// What happened.
    kind: ErrorKind,
    /// During what.
    phase: Phase,
    /// The URL of the hop that failed, without user and password.
    url: Option<Url>,
    /// The address it was talking to.
    peer: Option<SocketAddr>,
    /// Escaped, bounded text that belongs to the reason.
    detail: Option<Box<str>>,
    /// Where the time went.
    timings: Option<Timings>,
    /// How often the request was sent or tried, this time included.
    attempts: u32,
    /// The requests that were answered by redirects.
    history: Vec<Redirect>,
    /// What is known of the connection it was on.
    carrier: Carrier,
    /// What another layer said.
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is known of the connection of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carrier {
    /// It had carried another request before.
    pub(crate) reused: bool,
    /// Bytes written and read for this request.
    pub(crate) wire: (u64, u64),
}

impl Error {
    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the request was doing.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The URL of the hop that failed, without user and password.
    pub fn url(&self) -> Option<&Url> {
        self.0.url.as_ref()
    }

    /// The address it was talking to.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Where the time went.
    pub fn timings(&self) -> Option<&Timings> {
        self.0.timings.as_ref()
    }

    /// How often the request was tried. Zero when nothing was tried.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The requests that were answered by redirects before, in order.
    pub fn history(&self) -> &[Redirect] {
        &self.0.history
    }

    /// Had the connection carried another request before?
    pub fn reused(&self) -> bool {
        self.0.carrier.reused
    }

    /// Bytes written and read on the connection for the hop that failed; under TLS,
    /// those inside it.
    pub fn wire_bytes(&self) -> (u64, u64) {
        self.0.carrier.wire
    }

    /// The peer's text that belongs to the reason, escaped and bounded.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// A deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout(_))
    }

    /// May the same request succeed if it is made again later?
    ///
    /// True for what the network, the load or a restart can cause. It does not
    /// say that repeating is safe: a POST may have been processed.
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Timeout(deadline) => deadline != Deadline::MinRate,
            ErrorKind::Resolve(fault) => fault == ResolveFault::Temporary,
            ErrorKind::Tls(fault) => fault == TlsFault::Closed,
            ErrorKind::Connect(_)
            | ErrorKind::Truncated
            | ErrorKind::DescriptorsExhausted
            | ErrorKind::Shed
            | ErrorKind::Io => true,
            _ => false,
        }
    }
}

/// For those who build errors.
impl Error {
    /// An error without context. The phase follows from the kind.
    #[cold]
    pub(crate) fn new(kind: ErrorKind) -> Error {
        Error(Box::new(Record {
            kind,
            phase: usual_phase(kind),
            url: None,
            peer: None,
            detail: None,
            timings: None,
            attempts: 0,
            history: Vec::new(),
            carrier: Carrier::default(),
            source: None,
        }))
    }

    /// A deadline passed in `phase`.
    #[cold]
    pub(crate) fn timeout(deadline: Deadline, phase: Phase) -> Error {
        Error::new(ErrorKind::Timeout(deadline)).in_phase(phase)
    }

    /// Sets the phase.
    pub(crate) fn in_phase(mut self, phase: Phase) -> Error {
        self.0.phase = phase;
        self
    }

    /// Adds the URL, unless one is there.
    pub(crate) fn with_url(mut self, url: &Url) -> Error {
        self.0
            .url
            .get_or_insert_with(|| escape::without_userinfo(url));
        self
    }

    /// Adds the peer, unless one is there.
    pub(crate) fn with_peer(mut self, peer: Option<SocketAddr>) -> Error {
        self.0.peer = self.0.peer.or(peer);
        self
    }

    /// Adds untrusted bytes, escaped and cut.
    pub(crate) fn with_peer_text(self, bytes: &[u8]) -> Error {
        self.with_detail(&escape::excerpt(bytes))
    }

    /// Adds a line of a head, escaped and cut, its value left out if secret.
    pub(crate) fn with_peer_line(self, line: &[u8]) -> Error {
        self.with_detail(&escape::line_excerpt(line))
    }

    /// Adds our own words, or text that is escaped already.
    pub(crate) fn with_detail(mut self, text: &str) -> Error {
        self.0.detail = Some(text.into());
        self
    }

    /// Adds what another layer said. Its text is printed through the escape.
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Adds where the time went.
    pub(crate) fn with_timings(mut self, timings: Timings) -> Error {
        self.0.timings = Some(timings);
        self
    }

    /// Adds what the connection carried.
    pub(crate) fn with_carrier(mut self, carrier: Carrier) -> Error {
        self.0.carrier = carrier;
        self
    }

    /// Adds the redirects before.
    pub(crate) fn with_history(mut self, history: &[Redirect]) -> Error {
        self.0.history = history.to_vec();
        self
    }

    /// Adds the number of tries.
    pub(crate) fn with_attempts(mut self, attempts: u32) -> Error {
        self.0.attempts = attempts;
        self
    }
}

/// Where an error of this kind happens if nobody says otherwise.
fn usual_phase(kind: ErrorKind) -> Phase {
    match kind {
        ErrorKind::Request(_) | ErrorKind::Cancelled | ErrorKind::Runtime => Phase::Request,
        ErrorKind::Shed => Phase::Queue,
        ErrorKind::Resolve(_) => Phase::Resolve,
        ErrorKind::AddressBlocked | ErrorKind::Connect(_) | ErrorKind::DescriptorsExhausted => {
            Phase::Connect
        }
        ErrorKind::Proxy(_) => Phase::Proxy,
        ErrorKind::Tls(_) => Phase::Tls,
        ErrorKind::Upload => Phase::Write,
        ErrorKind::Redirect(_) | ErrorKind::TooLarge(Limit::LocationBytes) => Phase::Redirect,
        ErrorKind::Parse(ParseFault::Trailer)
        | ErrorKind::Decode(_)
        | ErrorKind::TooLarge(
            Limit::BodyBytes
            | Limit::ChunkOverhead
            | Limit::TrailerBytes
            | Limit::TrailerFields
            | Limit::DecodedRatio,
        )
        | ErrorKind::Framing(
            FramingFault::ChunkSize | FramingFault::ChunkExtension | FramingFault::ChunkEnd,
        ) => Phase::Body,
        ErrorKind::TooLarge(Limit::UrlBytes) => Phase::Request,
        ErrorKind::Parse(_) | ErrorKind::Framing(_) | ErrorKind::TooLarge(_) => Phase::Head,
        ErrorKind::Truncated | ErrorKind::Io => Phase::Head,
        ErrorKind::Timeout(deadline) => match deadline {
            Deadline::Queue => Phase::Queue,
            Deadline::Resolve => Phase::Resolve,
            Deadline::Connect => Phase::Connect,
            Deadline::Proxy => Phase::Proxy,
            Deadline::Tls => Phase::Tls,
            Deadline::Write => Phase::Write,
            Deadline::FirstByte | Deadline::Total => Phase::FirstByte,
            Deadline::Head => Phase::Head,
            Deadline::ReadIdle | Deadline::MinRate => Phase::Body,
        },
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("phase", &self.0.phase)
            .field("url", &self.0.url.as_ref().map(Url::as_str))
            .field("peer", &self.0.peer)
            .field("detail", &self.0.detail)
            .field("timings", &self.0.timings)
            .field("attempts", &self.0.attempts)
            .field("history", &self.0.history)
            .field("carrier", &self.0.carrier)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

impl From<ErrorKind> for Error {
    #[cold]
    fn from(kind: ErrorKind) -> Error {
        Error::new(kind)
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> std::io::Error {
        let kind = match error.kind() {
            ErrorKind::Timeout(_) => std::io::ErrorKind::TimedOut,
            ErrorKind::Truncated => std::io::ErrorKind::UnexpectedEof,
            ErrorKind::Request(_) => std::io::ErrorKind::InvalidInput,
            ErrorKind::Parse(_) | ErrorKind::Framing(_) | ErrorKind::Decode(_) => {
                std::io::ErrorKind::InvalidData
            }
            _ => std::io::ErrorKind::Other,
        };
        std::io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_timeout_says_where_the_time_went() -> Result<(), url::ParseError> {
        let url = Url::parse("http://user:s3cret@h.test/p")?;
        let error = Error::timeout(Deadline::Total, Phase::Tls)
            .with_url(&url)
            .with_timings(Timings {
                queue: Duration::from_millis(3100),
                connect: Duration::from_millis(200),
                tls: Duration::from_millis(4700),
                total: Duration::from_secs(8),
                ..Timings::default()
            });
        assert_eq!(
            error.to_string(),
            "http://h.test/p: timeout after 8.0 s: queue 3.1, dns 0.0, connect 0.2, tls 4.7 \
             (deadline total, in tls)"
        );
        assert!(error.is_timeout() && error.is_retryable());
        assert!(!format!("{error:?}").contains("s3cret"));
        Ok(())
    }

    #[test]
    fn an_error_is_one_word_and_can_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
