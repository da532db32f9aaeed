//! The body of a transfer, and what others want to know of it.
//!
//! Owns: nothing; these are methods of [`Transfer`].
//!
//! Laws: bytes that the framing need not look at are read past the receive buffer,
//! straight to where they are wanted, and only while that buffer is empty, so no
//! byte is overtaken.
//!
//! Read next: `../response.rs`, which uses it.

use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::{IN_PER_UNIT, Transfer, with_cause};
use crate::budget;
use crate::http::connection::Read;
use crate::http::error::{Carrier, Error};
use crate::http::event::{self, Piece, Upload};
use crate::http::faults;
use crate::http::head::ResponseHead;
use crate::http::headers::Headers;
use crate::http::hooks::Event;
use crate::http::kind::Phase;
use crate::http::quirk::Quirks;
use crate::http::response::Account;
use crate::http::timings::Timings;
use crate::time;

impl Transfer {
    /// The bytes that [`poll_step`](Self::poll_step) found.
    pub(crate) fn lend(&mut self, piece: Piece) -> &[u8] {
        let bytes = match &mut self.connection {
            Some(connection) => self.exchange.lend(piece, &mut connection.recv),
            None => &[],
        };
        let event = Event::ResponseChunk { bytes: bytes.len() };
        self.tracer.tell(event);
        bytes
    }

    /// How many bytes [`poll_direct`](Self::poll_direct) may read; `None` when they
    /// have to come by [`poll_step`](Self::poll_step).
    pub(crate) fn direct(&self) -> Option<u64> {
        self.exchange.direct(&self.connection.as_ref()?.recv)
    }

    /// Reads body bytes straight into `space`, no more than
    /// [`direct`](Self::direct) says. None at all means that the connection ended:
    /// `poll_step` knows what that means.
    ///
    /// # Errors
    /// As `poll_step`.
    pub(crate) fn poll_direct(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<Result<usize, Error>> {
        let Some(connection) = &mut self.connection else {
            return Poll::Ready(Ok(0));
        };
        loop {
            match connection.poll_recv_direct(cx, space) {
                Poll::Ready(Ok(Read::Bytes(n))) => {
                    budget::charge(n / IN_PER_UNIT);
                    self.wire.1 = self.wire.1.saturating_add(n as u64);
                    self.watch.on_read(n);
                    self.exchange.took_direct(n as u64);
                    self.tracer.tell(Event::ResponseChunk { bytes: n });
                    return Poll::Ready(Ok(n));
                }
                Poll::Ready(Ok(Read::Ended(how, error))) => {
                    self.watch.fall_behind();
                    let ended = self.exchange.end(how).map(drop);
                    return Poll::Ready(with_cause(ended, error).map(|()| 0));
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(faults::stream(error, Phase::Body)));
                }
                Poll::Pending => {
                    let stage = self.exchange.stage();
                    ready!(self.watch.poll(cx, stage, Upload::Sent))?;
                }
            }
        }
    }

    /// If the response has no more bytes, ends it now, so that the connection
    /// does not wait for somebody to ask for an empty body.
    pub(crate) fn finish_if_empty(&mut self) -> Result<(), Error> {
        if !self.exchange.is_at_end() {
            return Ok(());
        }
        if let event::Event::Done(reuse) = self.understand()? {
            self.finish(reuse);
        }
        Ok(())
    }

    /// Nothing more is wanted of it: the connection is closed.
    pub(crate) fn give_up(&mut self) {
        self.outbox = None;
        self.connection = None;
        self.pass = None;
        self.exchange.forget_trailers();
        self.watch.fall_behind();
        self.watch.rest();
    }

    /// Reads and forgets the body, up to `bytes` and until `until`: if it ends
    /// before, the connection is saved.
    pub(crate) fn discard(&mut self, until: Instant) {
        self.exchange.discard_body();
        self.watch.cut(until);
    }
}

/// What others want to know.
impl Transfer {
    /// Takes the final head out.
    pub(crate) fn take_head(&mut self) -> ResponseHead {
        self.exchange.take_head()
    }

    /// The final head, until it is taken.
    pub(crate) fn head(&self) -> &ResponseHead {
        self.exchange.head()
    }

    /// Everything that was let pass so far.
    pub(crate) fn quirks(&self) -> Quirks {
        self.exchange.quirks()
    }

    /// The trailers. Empty before the end.
    pub(crate) fn trailers(&self) -> &Headers {
        self.exchange.trailers()
    }

    /// A byte of the response was seen.
    pub(crate) fn heard(&self) -> bool {
        self.exchange.heard()
    }

    /// A byte of the request may have left.
    pub(crate) fn sent_something(&self) -> bool {
        self.wire.0 > 0
    }

    /// The connection had carried a request before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Where it leads.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// When it last looked at the clock: at its end, or at the last bytes it waited for.
    pub(crate) fn latest(&self) -> Instant {
        self.watch.latest()
    }

    /// Bytes written and read.
    pub(crate) fn wire(&self) -> (u64, u64) {
        self.wire
    }

    /// What an error says of the connection.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier {
            reused: self.reused,
            wire: self.wire,
        }
    }

    /// The body ended in this error: tells who listens.
    pub(crate) fn tell_broken(&self, error: &Error) {
        let tally = &self.client.pool.tally;
        tally.count(|counters| counters.broken_bodies = counters.broken_bodies.saturating_add(1));
        self.tracer.tell(Event::RequestFailed { error });
    }

    /// Where the time of the whole call went, of which `account` knows what was before
    /// this exchange: up to the bytes that were waited for last.
    pub(crate) fn measure(&self, account: &Account) -> Timings {
        let (began, sent, heard) = self.watch.marks();
        let heard = heard.unwrap_or_else(time::now);
        let sent = sent.unwrap_or(heard);
        let mut timings = account.until(self.latest());
        timings.write = timings
            .write
            .saturating_add(sent.saturating_duration_since(began));
        timings.first_byte = timings
            .first_byte
            .saturating_add(heard.saturating_duration_since(sent));
        timings
    }

    /// The same, for those who look at it: added up when asked for.
    pub(crate) fn timings(&self, account: &Account) -> &Timings {
        self.timings.get_or_init(|| self.measure(account))
    }

    /// There is more to be added up.
    pub(crate) fn forget_timings(&mut self) {
        self.timings.take();
    }
}
