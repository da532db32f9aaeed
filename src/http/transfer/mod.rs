//! A transfer: one exchange on one connection, driven to its end.
//!
//! Owns: the connection until the response is complete, the exchange, the rest
//! of the request, the deadlines. Dropping it closes the connection: what was
//! begun cannot be taken up by anybody else (law P06).
//!
//! ```text
//!            +---------------- poll_head -----------------+
//!            |  push what may be pushed                   |
//!            |  understand what was read  -> Informational, Head
//!            |  read                      -> back to understand
//!            |  nothing: wait for socket, deadline, 100   |
//!            +--------------------------------------------+
//!   then  poll_step: understand, read, wait  -> Body .. Body, Done
//!   Done: the connection goes to the pool, if P01 holds
//! ```
//!
//! Laws: H08, the response is read while the request is written; a final head
//! stops the writing. A write that fails is not the end: the server may have
//! said why before it closed. S03, reads and writes spend the budget.
//!
//! Read next: `body.rs`; `../hop.rs`, which makes transfers.

mod body;

use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::budget;
use crate::http::client::Shared;
use crate::http::connection::{Connection, Read};
use crate::http::doors::Pass;
use crate::http::error::Error;
use crate::http::event::{self, Asked, Piece, Stage, Upload};
use crate::http::exchange::Exchange;
use crate::http::faults;
use crate::http::fetch::Fetch;
use crate::http::hooks::{Event, Tracer};
use crate::http::kind::Phase;
use crate::http::outbox::{Outbox, PushError, Pushed};
use crate::http::response::spare_head;
use crate::http::reuse::{CloseReason, Reuse};
use crate::http::timings::Timings;
use crate::http::watch::{Due, Watch};
use crate::time;

/// One exchange on one connection.
pub(crate) struct Transfer {
    /// The connection; gone when the response is complete.
    connection: Option<Box<Connection>>,
    exchange: Exchange,
    /// What is left of the request.
    outbox: Option<Outbox>,
    /// Why the request got no further.
    refused: Option<io::Error>,
    watch: Watch,
    /// Where the time of the whole call went, once somebody asked.
    timings: OnceCell<Timings>,
    client: Rc<Shared>,
    tracer: Tracer,
    /// The connection had carried a request before.
    reused: bool,
    peer: Option<SocketAddr>,
    /// Bytes written and read.
    wire: (u64, u64),
    /// Lets the next one in, after the connection is back or closed.
    pass: Option<Box<Pass>>,
}

/// What the next piece of the body is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// Bytes, to be lent by [`Transfer::lend`].
    Bytes(Piece),
    /// The response is complete.
    End,
}

impl Transfer {
    /// Begins to send `outbox` on `connection`. Boxed: it lives on in the response.
    pub(crate) fn begin(
        connection: Box<Connection>,
        outbox: Outbox,
        asked: Asked,
        fetch: &Fetch,
    ) -> Box<Transfer> {
        let options = &fetch.request.options;
        Box::new(Transfer {
            reused: connection.is_reused(),
            peer: connection.peer(),
            connection: Some(connection),
            exchange: Exchange::begin_after(spare_head(), asked, options.limits.clone()),
            outbox: Some(outbox),
            refused: None,
            watch: Watch::new(options.clone(), fetch.total(), fetch.now),
            timings: OnceCell::new(),
            client: fetch.client.0.clone(),
            tracer: fetch.tracer.clone(),
            wire: (0, 0),
            pass: None,
        })
    }

    /// Keeps the right to the connection as long as the connection.
    pub(crate) fn keep(&mut self, pass: Option<Box<Pass>>) {
        self.pass = pass;
    }

    /// Sends the request and waits for the final head.
    ///
    /// # Errors
    /// Everything that can happen to an open connection.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            let pushed = self.poll_push(cx)?;
            if self.outbox.as_ref().is_some_and(Outbox::is_on_the_wire) {
                self.exchange.request_sent();
            }
            match self.understand()? {
                event::Event::Head => return Poll::Ready(Ok(())),
                event::Event::Informational => {
                    let head = self.exchange.head();
                    self.tracer.tell(Event::Informational {
                        status: head.status,
                        headers: &head.headers,
                    });
                    continue;
                }
                // Without a head there is no body and no end.
                event::Event::Need
                | event::Event::Body(_)
                | event::Event::Again
                | event::Event::Done(_) => {}
            }
            match self.poll_read(cx) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    let held = pushed == Poll::Ready(Pushed::Head);
                    if held {
                        self.watch.on_hold(time::now());
                    }
                    ready!(self.poll_watch(cx))?;
                }
            }
        }
    }

    /// Waits for the next piece of the body, or its end.
    ///
    /// # Errors
    /// Everything that can happen to an open connection.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next, Error>> {
        // One read can hold a thousand chunks, or inflate a thousandfold.
        if budget::spend(cx).is_pending() {
            self.watch.fall_behind();
            // LAW C10: a flood ends at the total, too.
            self.watch.check_total()?;
            return Poll::Pending;
        }
        let mut charged = true;
        loop {
            match self.understand()? {
                event::Event::Body(piece) => {
                    budget::charge(match self.exchange.pauses() {
                        true => usize::MAX,
                        false => self.exchange.inflated(piece) / OUT_PER_UNIT,
                    });
                    return Poll::Ready(Ok(Next::Bytes(piece)));
                }
                event::Event::Done(reuse) => {
                    self.finish(reuse);
                    return Poll::Ready(Ok(Next::End));
                }
                event::Event::Again => {
                    self.watch.fall_behind();
                    budget::charge(usize::MAX);
                    if budget::spend(cx).is_pending() {
                        ready!(self.poll_watch(cx))?;
                    }
                    continue;
                }
                event::Event::Need | event::Event::Informational | event::Event::Head => {}
            }
            let read = match std::mem::take(&mut charged) {
                true => budget::lend(|| self.poll_read(cx)),
                false => self.poll_read(cx),
            };
            match read {
                Poll::Ready(read) => read?,
                Poll::Pending => ready!(self.poll_watch(cx))?,
            }
        }
    }

    pub(super) fn understand(&mut self) -> Result<event::Event, Error> {
        match &mut self.connection {
            Some(connection) => self.exchange.advance(&mut connection.recv),
            None => Ok(event::Event::Done(Reuse::Keep)),
        }
    }

    /// Pushes the request as far as it may and can go.
    fn poll_push(&mut self, cx: &mut Context<'_>) -> Result<Poll<Pushed>, Error> {
        let (Some(outbox), Some(connection)) = (&mut self.outbox, &mut self.connection) else {
            return Ok(Poll::Ready(Pushed::All));
        };
        let before = outbox.sent();
        let may_send_body = match self.exchange.upload() {
            Upload::Waiting => false,
            Upload::Sending | Upload::Sent => true,
            Upload::Stopped => return Ok(Poll::Ready(Pushed::All)),
        };
        let pushed = outbox.poll_push(connection, may_send_body, cx);
        let written = outbox.sent();
        self.wire.0 = written;
        match pushed {
            Poll::Ready(Ok(Pushed::All)) => {
                self.exchange.request_sent();
                self.watch.on_sent(written);
                self.tracer.tell(Event::RequestSent { bytes: written });
                if let Some(outbox) = self.outbox.take() {
                    self.client.put_scratch(outbox.into_memory());
                }
                Ok(Poll::Ready(Pushed::All))
            }
            Poll::Ready(Ok(Pushed::Head)) => Ok(Poll::Ready(Pushed::Head)),
            Poll::Pending => {
                if written > before || outbox.waits_for_source() {
                    self.watch.on_write(time::now());
                }
                Ok(Poll::Pending)
            }
            Poll::Ready(Err(PushError::Connection(error))) => {
                // What the server said before it closed may still be read.
                self.refused = Some(error);
                self.outbox = None;
                self.watch.on_sent(written);
                Ok(Poll::Ready(Pushed::All))
            }
            Poll::Ready(Err(PushError::Body(error))) => Err(error),
        }
    }

    /// One read. The end of the connection may be the end of the body.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Ok(()));
        };
        Poll::Ready(match ready!(connection.poll_recv(cx)) {
            Ok(Read::Bytes(n)) => {
                budget::charge(n / IN_PER_UNIT);
                self.wire.1 = self.wire.1.saturating_add(n as u64);
                self.watch.on_read(n);
                Ok(())
            }
            Ok(Read::Ended(how, error)) => {
                self.watch.fall_behind();
                let ended = self.exchange.end(how).map(drop);
                with_cause(ended, error.or_else(|| self.refused.take()))
            }
            Err(error) => Err(faults::stream(error, phase_of(self.exchange.stage()))),
        })
    }

    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (stage, upload) = (self.exchange.stage(), self.exchange.upload());
        let due = ready!(self.watch.poll(cx, stage, upload))?;
        if due == Due::Continue {
            self.exchange.continue_expired();
            self.watch.on_write(time::now());
        }
        Poll::Ready(Ok(()))
    }

    /// The response is complete: the connection leaves.
    pub(super) fn finish(&mut self, reuse: Reuse) {
        self.outbox = None;
        let now = self.watch.rest();
        if let Some(connection) = self.connection.take() {
            let hint = self.exchange.idle_hint();
            let given = self.client.pool.give_back(connection, reuse, hint, now);
            if let Err(CloseReason::Quirk(quirk)) = given {
                // Only seen when the pool looked.
                self.exchange.record(quirk);
            }
            // Once: an empty body ends with its head, and again when it is read.
            self.tracer.tell(Event::ResponseEnd);
        }
        self.pass = None;
    }
}

/// LAW S03: bytes from the connection that cost a unit of the budget beside the read's
/// own, so that a server that floods us holds the loop no longer than one that sends a
/// little.
pub(super) const IN_PER_UNIT: usize = 1024;
/// Bytes that inflating made, likewise.
const OUT_PER_UNIT: usize = 4096;

fn phase_of(stage: Stage) -> Phase {
    match stage {
        Stage::FirstByte => Phase::FirstByte,
        Stage::Head => Phase::Head,
        Stage::Body | Stage::Done => Phase::Body,
    }
}

/// Says what the transport said, if the exchange calls its end an error.
pub(super) fn with_cause(ended: Result<(), Error>, cause: Option<io::Error>) -> Result<(), Error> {
    match (ended, cause) {
        (Err(error), Some(cause)) => Err(error.with_source(cause)),
        (ended, _) => ended,
    }
}
