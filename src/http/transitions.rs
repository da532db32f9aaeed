//! The transitions of an exchange: the arrows of its diagram.
//!
//! Owns: nothing; these are the private methods of [`Exchange`].
//!
//! Laws: a state is left by taking it out, so a transition that fails leaves
//! `Failed` behind and nothing can go on from a half-changed state. Every round
//! of the loop changes the state or returns.
//!
//! Read next: `response_body.rs`.

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

use super::content::{self, Decoder, Plan};
use super::error::Error;
use super::event::Upload;
use super::exchange::{Exchange, State};
use super::framing::{self, Framing};
use super::head::HeadProgress;
use super::keep_alive;
use super::kind::{ErrorKind, ParseFault};
use super::quirk::Quirk;
use super::recv::RecvBuffer;
use super::response_body::{BodyNext, ResponseBody};
use super::reuse::{CloseReason, Reuse};
use super::trailers::{TrailerProgress, TrailerReader};

/// What a step found, without borrowing anything.
pub(super) enum Next {
    Need,
    Informational,
    Head,
    Bytes(usize),
    Decoded,
    Again,
    Done,
}

impl Exchange {
    pub(super) fn next(&mut self, recv: &mut RecvBuffer) -> Result<Next, Error> {
        loop {
            match &mut self.state {
                State::Head => {
                    return match self.reader.read(recv, &self.limits, &mut self.head)? {
                        HeadProgress::More => Ok(Next::Need),
                        HeadProgress::Complete => self.on_head(),
                    };
                }
                State::Body(body) => match body.next(recv, &self.limits)? {
                    BodyNext::Need => return Ok(Next::Need),
                    BodyNext::Bytes(len) => return Ok(Next::Bytes(len)),
                    BodyNext::Decoded => return Ok(Next::Decoded),
                    BodyNext::Again => return Ok(Next::Again),
                    BodyNext::End => self.after_body(recv, false)?,
                    BodyNext::Trailers => self.after_body(recv, true)?,
                },
                State::Trailers(reader, _) => {
                    let trailers = self.trailers.get_or_insert_default();
                    match reader.read(recv, &self.limits, trailers)? {
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
        self.idle_hint = keep_alive::idle_timeout(&head.headers);
        let plan = match self.asked.decode {
            true => content::plan(&head.headers, &self.limits),
            false => Plan::Identity,
        };
        self.state = match decision.framing {
            Framing::Tunnel => State::Done,
            framing => State::Body(ResponseBody::new(framing, plan, &self.limits)),
        };
        Ok(Next::Head)
    }

    pub(super) fn after_body(&mut self, recv: &RecvBuffer, trailers: bool) -> Result<(), Error> {
        let State::Body(body) = std::mem::replace(&mut self.state, State::Failed) else {
            return Ok(());
        };
        self.quirks.merge(body.quirks());
        let mut decoder = body.into_decoder();
        if trailers {
            self.state = State::Trailers(TrailerReader::default(), decoder);
            return Ok(());
        }
        self.finish(decoder.as_deref_mut(), recv.is_empty())
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

    pub(super) fn decoded(&self) -> &[u8] {
        match &self.state {
            State::Body(body) => body.decoded(),
            _ => &[],
        }
    }

    pub(super) fn fail(&mut self) {
        self.state = State::Failed;
        self.reader.stop();
        self.reuse.close(CloseReason::DoubtfulFraming);
    }
}
