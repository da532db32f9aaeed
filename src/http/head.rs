//! Reads the head of a response: status line and fields.
//!
//! Owns: the state between two reads, the byte budget all heads of one exchange
//! share, and a head that was read before, whose fields nobody sees any more.
//!
//! Laws: H10, what does not begin like HTTP/1 fails at its first wrong byte.
//! H04, a head is searched once and parsed once. Nothing reads a field before
//! line folds are gone. Heads and empty lines share one budget, so no number of
//! informational responses costs more than one head.
//!
//! httparse does the parsing proper, with one relaxation: white space before a
//! colon. WHY NOT its other ones: `ignore_invalid_headers` drops a damaged
//! `Transfer-Encoding` without a word, `allow_space_before_first_header_name`
//! makes a field of a line that must be none, and its folded values keep the
//! CRLF inside.
//!
//! A head that comes in one piece and has nothing odd about it is read by
//! `plain_head.rs` instead, with the same result.
//!
//! Read next: `plain_head.rs`, `framing.rs`.

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

use std::mem::MaybeUninit;

use super::bad_head::explain;
use super::error::Error;
use super::fields::{Field, Fields};
use super::folds;
use super::headers::Headers;
use super::kind::{ErrorKind, ParseFault};
use super::limits::{Limit, Limits};
use super::lines::{Bounds, LineScanner, Scan};
use super::plain_head;
use super::quirk::{Quirk, Quirks};
use super::recv::RecvBuffer;
use super::version::Version;

/// A parsed head.
#[derive(Clone, Default)]
pub(crate) struct ResponseHead {
    /// HTTP/1.0 or 1.1.
    pub(crate) version: Version,
    /// 100 to 999. Above 599 it counts as a server error (RFC 9110 section 15).
    pub(crate) status: u16,
    /// The fields.
    pub(crate) headers: Headers,
    /// What was let pass in this head.
    pub(crate) quirks: Quirks,
    /// It was read by `plain_head.rs`.
    pub(crate) plain: bool,
}

/// Reads one head after the other.
pub(crate) struct HeadReader {
    /// The fields of a plain head that was read before, perhaps of the same server;
    /// later, their memory.
    before: Headers,
    /// Bytes left for all heads of the exchange.
    budget: usize,
    /// Empty lines seen before this head.
    empty_lines: usize,
    /// How much of the start is known to look like HTTP/1.
    verified: usize,
    /// The search for the end.
    scanner: LineScanner,
}

/// How far the head is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeadProgress {
    /// More bytes are needed.
    More,
    /// The head is in the `ResponseHead` and out of the buffer.
    Complete,
}

/// Heads with up to so many fields are parsed without allocating.
const FIELDS_ON_STACK: usize = 64;

/// How every response begins; the dot stands for the minor version.
const START: &[u8; 9] = b"HTTP/1.. ";

impl HeadReader {
    /// For the first head of an exchange. `before` was read before, and lends it its
    /// memory.
    #[inline]
    pub(crate) fn new(limits: &Limits, mut before: ResponseHead) -> HeadReader {
        if !before.plain {
            before.headers.clear();
        }
        HeadReader {
            before: before.headers,
            budget: limits.head_bytes,
            empty_lines: 0,
            verified: 0,
            scanner: LineScanner::default(),
        }
    }

    /// Goes on with what was read. A complete head replaces `head`.
    ///
    /// # Errors
    /// `Parse` or `TooLarge`; then the connection is of no more use.
    pub(crate) fn read(
        &mut self,
        recv: &mut RecvBuffer,
        limits: &Limits,
        head: &mut ResponseHead,
    ) -> Result<HeadProgress, Error> {
        let bounds = Bounds {
            bytes: (self.budget, Limit::HeadBytes),
            lines: (limits.fields.saturating_add(1), Limit::Fields),
            line_bytes: limits.line_bytes,
        };
        if self.verified == 0
            && let Some(length) = self.read_plain(recv, &bounds, head)
        {
            self.complete(length);
            return Ok(HeadProgress::Complete);
        }
        if self.verified < START.len() {
            self.skip_empty_lines(recv, limits)?;
            self.verify_start(recv.unread())?;
            // So far it has no line end, and a limit below that can wait.
            if self.verified < START.len() {
                return Ok(HeadProgress::More);
            }
        }
        let bytes = (self.budget, Limit::HeadBytes);
        let bounds = Bounds { bytes, ..bounds };
        match self.scanner.scan(recv.unread(), &bounds) {
            Scan::More => Ok(HeadProgress::More),
            Scan::TooLarge(limit) => Err(ErrorKind::TooLarge(limit).into()),
            Scan::End(length) => {
                self.parse(recv.take(length), head)?;
                self.scanner = LineScanner::default();
                self.complete(length);
                Ok(HeadProgress::Complete)
            }
        }
    }

    /// The next head begins.
    fn complete(&mut self, length: usize) {
        self.budget = self.budget.saturating_sub(length);
        self.empty_lines = 0;
        self.verified = 0;
    }

    /// A head that came in one piece and has nothing odd: how long it was.
    fn read_plain(
        &mut self,
        recv: &mut RecvBuffer,
        bounds: &Bounds,
        head: &mut ResponseHead,
    ) -> Option<usize> {
        if self.empty_lines > 0 || recv.is_empty() {
            return None;
        }
        let Some(plain) = plain_head::split(recv.unread(), bounds, &mut self.before) else {
            self.before.clear();
            return None;
        };
        #[cfg(test)]
        super::syntax::visit(plain.length);
        recv.take(plain.length);
        *head = ResponseHead {
            version: plain.version,
            status: plain.status,
            headers: std::mem::take(&mut self.before),
            quirks: Quirks::NONE,
            plain: true,
        };
        Some(plain.length)
    }

    /// A short way for single bytes: `true` when all that is new lies inside a
    /// line of a head, so that more is needed and nothing else can be said. Never
    /// before the start is verified nor behind the head, since nothing is searched there.
    #[inline]
    pub(crate) fn inside_line(&mut self, recv: &RecvBuffer) -> bool {
        self.scanner.inside_line(recv)
    }

    /// No head is read any more.
    pub(crate) fn stop(&mut self) {
        self.scanner = LineScanner::default();
    }

    fn skip_empty_lines(&mut self, recv: &mut RecvBuffer, limits: &Limits) -> Result<(), Error> {
        while self.verified == 0 {
            let length = match recv.unread() {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => return Ok(()),
            };
            recv.take(length);
            self.empty_lines = self.empty_lines.saturating_add(1);
            if self.empty_lines > limits.empty_lines {
                return Err(ErrorKind::TooLarge(Limit::EmptyLines).into());
            }
            self.budget = self
                .budget
                .checked_sub(length)
                .ok_or(ErrorKind::TooLarge(Limit::HeadBytes))?;
        }
        Ok(())
    }

    fn verify_start(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // All at once, as it usually comes; below, however it comes.
        if bytes.starts_with(b"HTTP/1.1 ") || bytes.starts_with(b"HTTP/1.0 ") {
            self.verified = START.len();
            return Ok(());
        }
        // A CR alone may be the first half of an empty line.
        if bytes == b"\r" {
            return Ok(());
        }
        for (have, want) in bytes.iter().zip(START).skip(self.verified) {
            let fits = match self.verified {
                7 => matches!(have, b'0' | b'1'),
                _ => have == want,
            };
            if !fits {
                let first = bytes.split(|b| matches!(b, b'\r' | b'\n')).next();
                let first = first.unwrap_or_default();
                return Err(Error::new(ErrorKind::Parse(ParseFault::NotHttp)).with_peer_text(first));
            }
            self.verified = self.verified.saturating_add(1);
        }
        Ok(())
    }

    fn parse(&mut self, raw: &[u8], head: &mut ResponseHead) -> Result<(), Error> {
        #[cfg(test)]
        super::syntax::visit(raw.len());
        *head = ResponseHead {
            headers: std::mem::take(&mut self.before),
            ..ResponseHead::default()
        };
        if self.empty_lines > 0 {
            head.quirks.insert(Quirk::LeadingEmptyLine);
        }
        if self.scanner.bare_lf() {
            head.quirks.insert(Quirk::BareLf);
        }
        if !raw.is_ascii() {
            head.quirks.insert(Quirk::ObsText);
        }
        let (text, fields) = head.headers.refill(raw);
        if self.scanner.folded() {
            folds::unfold(text)?;
            head.quirks.insert(Quirk::ObsFold);
        }
        let count = self.scanner.starts().saturating_sub(1);
        let line = if count <= FIELDS_ON_STACK {
            let mut slots = [const { MaybeUninit::uninit() }; FIELDS_ON_STACK];
            parse_with(text, &mut slots, fields, &mut head.quirks)?
        } else {
            let mut slots = vec![MaybeUninit::uninit(); count];
            parse_with(text, &mut slots, fields, &mut head.quirks)?
        };
        (head.version, head.status) = line;
        Ok(())
    }
}

/// Parses a complete head without folds.
fn parse_with<'b>(
    text: &'b [u8],
    slots: &mut [MaybeUninit<httparse::Header<'b>>],
    fields: &mut Fields,
    quirks: &mut Quirks,
) -> Result<(Version, u16), Error> {
    let mut response = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default()
        .allow_spaces_after_header_name_in_responses(true)
        .parse_response_with_uninit_headers(&mut response, text, slots)
        .map_err(|error| explain(error, text))?;
    // The scanner found the end by the same rule, so this is a second lock.
    if status != httparse::Status::Complete(text.len()) {
        return Err(ErrorKind::Parse(ParseFault::LineEnd).into());
    }
    let (Some(minor), Some(code)) = (response.version, response.code) else {
        return Err(ErrorKind::Parse(ParseFault::StatusLine).into());
    };
    if code < 100 {
        return Err(Error::new(ErrorKind::Parse(ParseFault::StatusCode)).with_peer_line(text));
    }
    // `HTTP/1.1 200` and then the line end, without a space.
    if matches!(text.get(12), Some(b'\r' | b'\n')) {
        quirks.insert(Quirk::MissingReason);
    }
    fields.reserve(response.headers.len());
    for header in response.headers.iter() {
        let field = Field::within(text, header.name.as_bytes(), header.value)
            .ok_or(ErrorKind::Parse(ParseFault::FieldName))?;
        if text.get(field.name_end()) != Some(&b':') {
            quirks.insert(Quirk::SpaceBeforeColon);
        }
        fields.push(field);
    }
    let version = match minor {
        0 => Version::Http10,
        _ => Version::Http11,
    };
    Ok((version, code))
}

#[cfg(test)]
#[path = "tests/head.rs"]
mod tests;
