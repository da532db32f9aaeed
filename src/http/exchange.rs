//! One request and its response on one connection, without a socket.
//!
//! Owns: the state of the exchange, the head and trailers being read, and the
//! verdict about the connection. It never reads or writes: bytes come from the
//! connection's [`RecvBuffer`], what they mean goes out as [`Event`]s.
//!
//! ```text
//!                  advance: 1xx
//!                   +-------+
//!                   v       |
//!  begin --------> Head ----+--- advance: final head ---> Body <--+ advance: Body*
//!                   |       +--- advance: asked 101 --+    |  +---+
//!                   |                                 |    | advance: last chunk
//!                   | end, fault                      |    v
//!                   v                                 | Trailers
//!                 Failed <--- end, fault -- Body ..   |    | advance: empty line
//!                                                     v    v
//!            Body (to close) --- end(Clean) -------->  Done
//! ```
//! Beside it runs the upload: `Waiting --100 or continue_expired--> Sending
//! --request_sent--> Sent`, and any final head before `Sent` makes it `Stopped`.
//!
//! Laws: H08 a final head stops the upload and forbids reuse. H05 informational
//! heads share the head budget; 101 counts only when asked for. Nothing is read
//! behind the end of the message. A fault is final: `advance` says it once.
//!
//! Absent on purpose: time. The driver asks [`stage`](Exchange::stage) which
//! deadline runs. Read next: `head.rs`, `body.rs`, `content.rs`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use super::body::{BodyReader, BodyStep};
use super::content::{self, Decoder, Plan};
use super::error::Error;
use super::framing::{self, Framing};
use super::head::{HeadProgress, HeadReader, ResponseHead};
use super::headers::Headers;
use super::kind::{DecodeFault, ErrorKind, ParseFault, Phase};
use super::limits::Limits;
use super::method::Method;
use super::quirk::{Quirk, Quirks};
use super::recv::RecvBuffer;
use super::reuse::{CloseReason, Reuse};
use super::trailers::{TrailerProgress, TrailerReader};

/// What the exchange has to know of the request. Filled in by
/// [`write_head`](super::request::write_head).
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The method: HEAD and CONNECT change the framing of the response.
    pub(crate) method: Method,
    /// `Expect: 100-continue` was sent, so the body waits.
    pub(crate) expects_continue: bool,
    /// `Upgrade` was sent, so 101 is an answer.
    pub(crate) upgrade: bool,
    /// `Connection: close` was sent.
    pub(crate) close: bool,
    /// Content codings are undone.
    pub(crate) decode: bool,
}

/// One exchange.
pub(crate) struct Exchange {
    /// What was asked.
    asked: Asked,
    /// The bounds.
    limits: Limits,
    /// Where the response is.
    state: State,
    /// Where the request is.
    upload: Upload,
    /// A byte of the response has been seen.
    heard: bool,
    /// The head read last.
    head: ResponseHead,
    /// The trailers.
    trailers: Headers,
    /// Everything that was let pass so far.
    quirks: Quirks,
    /// What becomes of the connection.
    reuse: Reuse,
}

/// Where the response is.
enum State {
    Head(HeadReader),
    Body(Content),
    Trailers(TrailerReader, Option<Box<Decoder>>),
    Done,
    Failed,
}

/// The body being read.
struct Content {
    /// The framing.
    reader: BodyReader,
    /// What is to be undone; `decoder` is made at the first byte.
    plan: Plan,
    /// Undoes it.
    decoder: Option<Box<Decoder>>,
    /// Bytes at the front of the buffer that are body and not decoded yet.
    ready: usize,
    /// The last chunk was read.
    trailers_follow: bool,
}

/// Where the request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Upload {
    /// The body waits for `100 Continue`.
    Waiting,
    /// Head or body is being written.
    Sending,
    /// Everything was written and flushed.
    Sent,
    /// A final response came first: write no more.
    Stopped,
}

/// What was understood.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// More bytes are needed: read into the buffer, or call
    /// [`end`](Exchange::end).
    Need,
    /// An informational head, in [`head`](Exchange::head). After 100 a waiting
    /// upload may go on.
    Informational,
    /// The final head, in [`head`](Exchange::head).
    Head,
    /// Bytes of the body, decoded.
    Body(&'a [u8]),
    /// The response is complete, trailers included.
    Done(Reuse),
}

/// How the transport ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// FIN; under TLS, close_notify.
    Clean,
    /// TLS ended without close_notify.
    NoCloseNotify,
    /// Reset, or a read error.
    Reset,
}

/// What the response is waiting for: tells which deadline runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Its first byte.
    FirstByte,
    /// The rest of a head.
    Head,
    /// Body or trailers.
    Body,
    /// Nothing.
    Done,
}

impl Exchange {
    /// Starts an exchange. `asked` says what was or will be written.
    pub(crate) fn begin(asked: Asked, limits: &Limits) -> Exchange {
        let mut reuse = Reuse::Keep;
        if asked.close {
            reuse.close(CloseReason::ClientClose);
        }
        Exchange {
            state: State::Head(HeadReader::new(limits)),
            upload: match asked.expects_continue {
                true => Upload::Waiting,
                false => Upload::Sending,
            },
            asked,
            limits: limits.clone(),
            heard: false,
            head: ResponseHead::default(),
            trailers: Headers::new(),
            quirks: Quirks::NONE,
            reuse,
        }
    }

    /// Lends the memory of an old head, so that this one allocates nothing.
    pub(crate) fn reuse_memory(&mut self, mut old: Headers) {
        old.clear();
        self.head.headers = old;
    }

    /// Understands the next piece of what was read.
    ///
    /// # Errors
    /// What is wrong with the response. The connection is of no more use.
    pub(crate) fn advance<'a>(&'a mut self, recv: &'a mut RecvBuffer) -> Result<Event<'a>, Error> {
        self.heard |= !recv.is_empty();
        match self.next(recv) {
            Ok(Next::Need) => Ok(Event::Need),
            Ok(Next::Informational) => Ok(Event::Informational),
            Ok(Next::Head) => Ok(Event::Head),
            Ok(Next::Bytes(len)) => Ok(Event::Body(recv.take(len))),
            Ok(Next::Decoded) => Ok(Event::Body(self.decoded())),
            Ok(Next::Done) => Ok(Event::Done(self.reuse)),
            Err(error) => {
                self.fail();
                Err(error)
            }
        }
    }

    /// The transport ended, and everything read before has been understood.
    /// Gives `Done` for a body that ends with its connection.
    ///
    /// # Errors
    /// `Truncated` everywhere else, and `Decode` for cut-off content.
    pub(crate) fn end(&mut self, how: Ended) -> Result<Event<'static>, Error> {
        self.reuse.close(CloseReason::TransportEnded);
        let phase = match self.stage() {
            Stage::Done => return Ok(Event::Done(self.reuse)),
            Stage::FirstByte => Phase::FirstByte,
            Stage::Head => Phase::Head,
            Stage::Body => Phase::Body,
        };
        let to_close = match &self.state {
            State::Body(content) => content.reader.ends_with_connection(),
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
        let mut decoder = match std::mem::replace(&mut self.state, State::Failed) {
            State::Body(content) => content.decoder,
            _ => None,
        };
        self.finish(decoder.as_deref_mut(), true)?;
        Ok(Event::Done(self.reuse))
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
            State::Head(_) if !self.heard => Stage::FirstByte,
            State::Head(_) => Stage::Head,
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
        &self.trailers
    }

    /// Everything that was let pass so far.
    pub(crate) fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// Adds what others noticed, and judges again.
    pub(crate) fn record(&mut self, quirk: Quirk) {
        self.quirks.insert(quirk);
        self.reuse.judge(self.quirks);
    }

    /// The body is not wanted and read only to save the connection: it is not
    /// decoded and not limited. The driver stops after its own bound.
    pub(crate) fn discard_body(&mut self) {
        if let State::Body(content) = &mut self.state {
            content.reader.unlimited();
            content.plan = Plan::Identity;
            content.decoder = None;
        }
    }

    /// Up to so many body bytes may be read from the transport straight into
    /// the caller's memory, past the buffer, which must be empty. `None`: the
    /// bytes have to pass through [`advance`](Exchange::advance).
    pub(crate) fn direct(&self, recv: &RecvBuffer) -> Option<u64> {
        match &self.state {
            State::Body(content) if recv.is_empty() && content.plan == Plan::Identity => {
                content.reader.direct()
            }
            _ => None,
        }
    }

    /// So many bytes were read past the buffer.
    pub(crate) fn took_direct(&mut self, count: u64) {
        if let State::Body(content) = &mut self.state {
            content.reader.took(count);
        }
    }
}

/// What a step found, without borrowing anything.
enum Next {
    Need,
    Informational,
    Head,
    Bytes(usize),
    Decoded,
    Done,
}

impl Exchange {
    fn next(&mut self, recv: &mut RecvBuffer) -> Result<Next, Error> {
        loop {
            match &mut self.state {
                State::Head(reader) => {
                    return match reader.read(recv, &self.limits, &mut self.head)? {
                        HeadProgress::More => Ok(Next::Need),
                        HeadProgress::Complete => self.on_head(),
                    };
                }
                State::Body(content) => {
                    match content.next(recv, &self.limits, &mut self.quirks)? {
                        Some(next) => return Ok(next),
                        None => self.after_body(recv)?,
                    }
                }
                State::Trailers(reader, _) => {
                    match reader.read(recv, &self.limits, &mut self.trailers)? {
                        TrailerProgress::More => return Ok(Next::Need),
                        TrailerProgress::Complete => self.after_trailers(recv)?,
                    }
                }
                State::Done | State::Failed => return Ok(Next::Done),
            }
        }
    }

    fn on_head(&mut self) -> Result<Next, Error> {
        self.quirks.merge(self.head.quirks);
        let status = self.head.status;
        if status == 101 {
            if !self.asked.upgrade {
                return Err(ErrorKind::Parse(ParseFault::Upgrade).into());
            }
            self.reuse.close(CloseReason::Tunnel);
            self.state = State::Done;
            return Ok(Next::Head);
        }
        if status < 200 {
            if status == 100 {
                self.continue_expired();
            }
            return Ok(Next::Informational);
        }
        self.on_final_head()
    }

    fn on_final_head(&mut self) -> Result<Next, Error> {
        if self.upload != Upload::Sent {
            self.upload = Upload::Stopped;
            self.reuse.close(CloseReason::RequestUnfinished);
        }
        let head = &self.head;
        let decision =
            framing::decide(&self.asked.method, head.version, head.status, &head.headers)
                .map_err(ErrorKind::Framing)?;
        self.quirks.merge(decision.quirks);
        if let Reuse::Close(reason) = decision.reuse {
            self.reuse.close(reason);
        }
        self.reuse.judge(self.quirks);
        let plan = match self.asked.decode {
            true => content::plan(&head.headers, &self.limits),
            false => Plan::Identity,
        };
        self.state = match decision.framing {
            Framing::Tunnel => State::Done,
            framing => State::Body(Content::new(framing, plan, &self.limits)),
        };
        Ok(Next::Head)
    }

    fn after_body(&mut self, recv: &RecvBuffer) -> Result<(), Error> {
        let State::Body(mut content) = std::mem::replace(&mut self.state, State::Failed) else {
            return Ok(());
        };
        self.quirks.merge(content.reader.quirks());
        if content.trailers_follow {
            self.state = State::Trailers(TrailerReader::default(), content.decoder.take());
            return Ok(());
        }
        self.finish(content.decoder.as_deref_mut(), recv.is_empty())
    }

    fn after_trailers(&mut self, recv: &RecvBuffer) -> Result<(), Error> {
        let State::Trailers(_, mut decoder) = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Ok(());
        };
        self.finish(decoder.as_deref_mut(), recv.is_empty())
    }

    /// The message is complete. Is the content, and is the connection clean?
    fn finish(&mut self, decoder: Option<&mut Decoder>, clean: bool) -> Result<(), Error> {
        if let Some(decoder) = decoder {
            self.quirks.merge(decoder.finish()?);
        }
        self.reuse.judge(self.quirks);
        if !clean {
            self.quirks.insert(Quirk::TrailingBytes);
            self.reuse.close(CloseReason::BytesAfterEnd);
        }
        self.state = State::Done;
        Ok(())
    }

    fn decoded(&self) -> &[u8] {
        match &self.state {
            State::Body(Content {
                decoder: Some(decoder),
                ..
            }) => decoder.output(),
            _ => &[],
        }
    }

    fn fail(&mut self) {
        self.state = State::Failed;
        self.reuse.close(CloseReason::DoubtfulFraming);
    }
}

impl Content {
    fn new(framing: Framing, plan: Plan, limits: &Limits) -> Content {
        // Coded bytes are counted too, or empty gzip members could go on for
        // ever; stored blocks make a body a little longer than what is in it.
        let slack = match plan {
            Plan::Identity | Plan::Unknown => 0,
            _ => (limits.body_bytes / 16).saturating_add(64 * 1024),
        };
        let allowance = limits.body_bytes.saturating_add(slack);
        Content {
            reader: BodyReader::new(framing, allowance, limits.chunk_overhead),
            plan,
            decoder: None,
            ready: 0,
            trailers_follow: false,
        }
    }

    /// The next bytes; `None` when the framed body is complete.
    fn next(
        &mut self,
        recv: &mut RecvBuffer,
        limits: &Limits,
        quirks: &mut Quirks,
    ) -> Result<Option<Next>, Error> {
        loop {
            if let Some(decoder) = &mut self.decoder
                && (self.ready > 0 || decoder.has_more())
            {
                let input = recv.unread().get(..self.ready).unwrap_or_default();
                let used = decoder.decode(input)?;
                recv.take(used);
                self.ready = self.ready.saturating_sub(used);
                if !decoder.output().is_empty() {
                    return Ok(Some(Next::Decoded));
                }
                if used == 0 && self.ready > 0 {
                    // Neither input nor output moved: it never will.
                    return Err(ErrorKind::Decode(DecodeFault::Corrupt).into());
                }
                continue;
            }
            match self.reader.step(recv.unread())? {
                BodyStep::More { skip } => {
                    recv.take(skip);
                    return Ok(Some(Next::Need));
                }
                BodyStep::End => return Ok(None),
                BodyStep::Trailers { skip } => {
                    recv.take(skip);
                    self.trailers_follow = true;
                    return Ok(None);
                }
                BodyStep::Bytes { skip, len } => {
                    recv.take(skip);
                    if self.plan == Plan::Identity {
                        return Ok(Some(Next::Bytes(len)));
                    }
                    if self.decoder.is_none() {
                        self.decoder = content::decoder(&self.plan, limits, quirks)?;
                    }
                    if self.decoder.is_none() {
                        self.plan = Plan::Identity;
                        return Ok(Some(Next::Bytes(len)));
                    }
                    self.ready = len;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/exchange.rs"]
mod tests;
