//! One request and its response on one connection, without a socket.
//!
//! Owns: the state of the exchange, head, trailers, and the verdict about the
//! connection. Bytes come from the connection's [`RecvBuffer`], what they mean
//! goes out as [`Event`]s. Time is the driver's: [`Exchange::stage`] says which
//! deadline runs.
//!
//! ```text
//!               advance: 1xx                      advance: Body*
//!                 +-----+                           +-------+
//!                 v     |                           v       |
//!  begin ------> Head --+-- advance: final head --> Body ---+
//!                 |     +-- advance: asked 101 --+   |   | advance: last chunk
//!        end or a |                              |   |   v
//!         fault   |        advance: last byte,   |   | Trailers
//!                 v        or end(Clean) to close|   |   | advance: empty line
//!               Failed <-- (from anywhere)       +-> Done <-+
//! ```
//! Beside it the upload: `Waiting -- 100, continue_expired --> Sending --
//! request_sent --> Sent`; a final head before `Sent` makes it `Stopped`.
//!
//! Laws: H08, a final head stops the upload and forbids reuse. H05, heads of
//! 1xx share the head budget; 101 counts only if asked for. Nothing behind the
//! message is read. A fault is said once. Next: `transitions.rs`, `head.rs`.

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

use std::rc::Rc;
use std::time::Duration;

use super::content::Decoder;
use super::error::Error;
pub(crate) use super::event::{Asked, Ended, Event, Piece, Stage, Upload};
use super::head::{HeadReader, ResponseHead};
use super::headers::Headers;
use super::kind::{ErrorKind, Phase};
use super::limits::Limits;
use super::quirk::{Quirk, Quirks};
use super::recv::RecvBuffer;
use super::response_body::ResponseBody;
use super::reuse::{CloseReason, Reuse};
use super::trailers::TrailerReader;
use super::transitions::Next;

/// One exchange.
pub(crate) struct Exchange {
    /// What was asked.
    pub(super) asked: Asked,
    /// The bounds.
    pub(super) limits: Rc<Limits>,
    /// Where the response is.
    pub(super) state: State,
    /// Reads heads. Not part of the state, so that a byte that decides nothing is
    /// known without asking which state it is.
    pub(super) reader: HeadReader,
    /// Where the request is.
    pub(super) upload: Upload,
    /// A byte of the response has been seen.
    pub(super) heard: bool,
    /// The head read last.
    pub(super) head: ResponseHead,
    /// The trailers, where there can be any.
    pub(super) trailers: Option<Box<Headers>>,
    /// Everything that was let pass so far.
    pub(super) quirks: Quirks,
    /// What becomes of the connection.
    pub(super) reuse: Reuse,
    /// How long the server says it keeps the connection, minus a margin.
    pub(super) idle_hint: Option<Duration>,
}

/// Where the response is.
pub(super) enum State {
    Head,
    Body(ResponseBody),
    Trailers(TrailerReader, Option<Box<Decoder>>),
    Done,
    Failed,
}

impl Exchange {
    /// Starts an exchange. `asked` says what was or will be written.
    pub(crate) fn begin(asked: Asked, limits: impl Into<Rc<Limits>>) -> Exchange {
        Exchange::begin_after(ResponseHead::default(), asked, limits)
    }

    /// The same, with a head that was read before: the next one takes its memory, and
    /// most of its lines may be known.
    #[inline]
    pub(crate) fn begin_after(
        before: ResponseHead,
        asked: Asked,
        limits: impl Into<Rc<Limits>>,
    ) -> Exchange {
        let limits = limits.into();
        Exchange {
            state: State::Head,
            reader: HeadReader::new(&limits, before),
            upload: match asked.expects_continue {
                true => Upload::Waiting,
                false => Upload::Sending,
            },
            reuse: match asked.close {
                true => Reuse::Close(CloseReason::ClientClose),
                false => Reuse::Keep,
            },
            asked,
            limits,
            heard: false,
            head: ResponseHead::default(),
            trailers: None,
            quirks: Quirks::NONE,
            idle_hint: None,
        }
    }

    /// Understands the next piece of what was read.
    ///
    /// # Errors
    /// What is wrong with the response. The connection is of no more use.
    #[inline]
    pub(crate) fn advance(&mut self, recv: &mut RecvBuffer) -> Result<Event, Error> {
        let before_head = recv.is_empty() && matches!(self.state, State::Head);
        // A head byte by byte: most of them decide nothing.
        match before_head || self.reader.inside_line(recv) {
            true => Ok(Event::Need),
            false => self.understand(recv),
        }
    }

    #[inline(never)]
    fn understand(&mut self, recv: &mut RecvBuffer) -> Result<Event, Error> {
        self.heard |= !recv.is_empty();
        match self.next(recv) {
            Ok(Next::Need) => Ok(Event::Need),
            Ok(Next::Informational) => Ok(Event::Informational),
            Ok(Next::Head) => Ok(Event::Head),
            Ok(Next::Bytes(len)) => Ok(Event::Body(Piece::Raw(len))),
            Ok(Next::Decoded) => Ok(Event::Body(Piece::Decoded)),
            Ok(Next::Again) => Ok(Event::Again),
            Ok(Next::Done) => Ok(Event::Done(self.reuse)),
            Err(error) => {
                self.fail();
                Err(error)
            }
        }
    }

    /// The bytes of the piece that the last [`advance`](Exchange::advance) found.
    pub(crate) fn lend<'a>(&'a self, piece: Piece, recv: &'a mut RecvBuffer) -> &'a [u8] {
        match piece {
            Piece::Raw(len) => recv.take(len),
            Piece::Decoded => self.decoded(),
        }
    }

    /// Was so much work done on the content that others should get their turn?
    pub(crate) fn pauses(&self) -> bool {
        matches!(&self.state, State::Body(body) if body.pauses())
    }

    /// How many bytes of a piece were made by inflating.
    pub(crate) fn inflated(&self, piece: Piece) -> usize {
        match piece {
            Piece::Raw(_) => 0,
            Piece::Decoded => self.decoded().len(),
        }
    }

    /// The transport ended, and everything read before has been understood.
    /// Gives `Done` for a body that ends with its connection.
    ///
    /// # Errors
    /// `Truncated` everywhere else, and `Decode` for cut-off content.
    pub(crate) fn end(&mut self, how: Ended) -> Result<Event, Error> {
        self.reuse.close(CloseReason::TransportEnded);
        let phase = match self.stage() {
            Stage::Done => return Ok(Event::Done(self.reuse)),
            Stage::FirstByte => Phase::FirstByte,
            Stage::Head => Phase::Head,
            Stage::Body => Phase::Body,
        };
        let to_close = match &self.state {
            State::Body(body) => body.ends_with_connection(),
            _ => false,
        };
        if !to_close || how != Ended::Clean {
            self.fail();
            let error = Error::new(ErrorKind::Truncated).in_phase(phase);
            return Err(match how {
                Ended::Clean => error,
                Ended::NoCloseNotify => error.with_detail("no close_notify"),
                Ended::Reset => error.with_detail("connection reset"),
            });
        }
        // Everything was read before, so nothing is behind the end.
        self.after_body(&RecvBuffer::new(), false)?;
        Ok(Event::Done(self.reuse))
    }

    /// Is only the end missing, with not a byte of body before it?
    pub(crate) fn is_at_end(&self) -> bool {
        match &self.state {
            State::Body(body) => body.is_complete(),
            State::Done | State::Failed => true,
            State::Head | State::Trailers(..) => false,
        }
    }

    /// The request, body included, was written and flushed.
    pub(crate) fn request_sent(&mut self) {
        if self.upload != Upload::Stopped {
            self.upload = Upload::Sent;
        }
    }

    /// The time to wait for `100 Continue` is over: the body may be sent.
    pub(crate) fn continue_expired(&mut self) {
        if self.upload == Upload::Waiting {
            self.upload = Upload::Sending;
        }
    }

    /// Where the request is: whether its body may be written.
    pub(crate) fn upload(&self) -> Upload {
        self.upload
    }

    /// What the response is waiting for.
    pub(crate) fn stage(&self) -> Stage {
        match self.state {
            State::Head if !self.heard => Stage::FirstByte,
            State::Head => Stage::Head,
            State::Body(_) | State::Trailers(..) => Stage::Body,
            State::Done | State::Failed => Stage::Done,
        }
    }

    /// A byte of the response was seen, so the request must not be repeated.
    pub(crate) fn heard(&self) -> bool {
        self.heard
    }

    /// The head read last.
    pub(crate) fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Takes the head out, for the caller's response.
    pub(crate) fn take_head(&mut self) -> ResponseHead {
        std::mem::take(&mut self.head)
    }

    /// The trailers. Empty before `Done`.
    pub(crate) fn trailers(&self) -> &Headers {
        static NONE: Headers = Headers::new();
        self.trailers.as_deref().unwrap_or(&NONE)
    }

    /// Trailers of a body that turned out to be broken mean nothing.
    pub(crate) fn forget_trailers(&mut self) {
        self.trailers = None;
    }

    /// Everything that was let pass so far.
    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// How long the connection may stay idle, if the server said so. Known from
    /// the final head on.
    pub(crate) fn idle_hint(&self) -> Option<Duration> {
        self.idle_hint
    }

    /// Adds what others noticed, and judges again.
    pub(crate) fn record(&mut self, quirk: Quirk) {
        self.quirks.insert(quirk);
        self.reuse.judge(self.quirks);
    }

    /// The body is not wanted and read only to save the connection: it is not
    /// decoded and not limited. The driver stops after its own bound.
    pub(crate) fn discard_body(&mut self) {
        if let State::Body(body) = &mut self.state {
            body.discard();
        }
    }

    /// Up to so many body bytes may be read from the transport straight into
    /// the caller's memory, past the buffer, which must be empty. `None`: the
    /// bytes have to pass through [`advance`](Exchange::advance).
    pub(crate) fn direct(&self, recv: &RecvBuffer) -> Option<u64> {
        match &self.state {
            State::Body(body) if recv.is_empty() => body.direct(),
            _ => None,
        }
    }

    /// So many bytes were read past the buffer.
    pub(crate) fn took_direct(&mut self, count: u64) {
        if let State::Body(body) = &mut self.state {
            body.took_direct(count);
        }
    }
}

#[cfg(test)]
#[path = "tests/exchange.rs"]
mod tests;
