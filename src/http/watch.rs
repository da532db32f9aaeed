//! Which deadline of an exchange runs, and whether it has passed.
//!
//! Owns: the times of one exchange, and its one timer.
//!
//! ```text
//!   Write            the peer takes no byte of the request for so long
//!   (100-continue)   not an error: the body is sent
//!   FirstByte        from the last byte sent to the first byte received
//!   Head             from then to the end of the head, whatever arrives
//!   ReadIdle         silence while we wait, head or body
//!   MinRate          too few bytes in a window of waiting
//!   Total            everything
//! ```
//!
//! Laws: D, every wait of an exchange ends by one of these. Only time in which we
//! wait counts for silence and rate: a caller who reads slowly is not a server
//! that sends slowly. P08, the timer dies with the exchange.
//!
//! Read next: `transfer/mod.rs`.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::deadlines::Deadline;
use super::error::Error;
use super::event::{Stage, Upload};
use super::fetch::Options;
use super::kind::Phase;
use crate::clock::instant_after;
use crate::runtime::current;
use crate::time;

/// The times of one exchange.
pub(crate) struct Watch {
    options: Rc<Options>,
    /// When the request as a whole has to be over.
    total: Option<Instant>,
    alarm: Alarm,
    /// When the exchange began.
    began: Instant,
    /// When the peer took a byte last.
    wrote: Instant,
    /// When the request was complete.
    sent: Option<Instant>,
    /// When the body began to wait for `100 Continue`.
    held: Option<Instant>,
    /// When the first byte of the response came.
    heard: Option<Instant>,
    /// Since when we wait for a byte.
    waiting: Option<Instant>,
    /// When it last looked at the clock. WHY NOT look each time: of what follows
    /// without a wait, the first look tells as much, and costs a tenth of a request.
    latest: Instant,
    /// Something has happened since.
    behind: bool,
    /// In which turn of the loop bytes came last that were waited for.
    read_in: Option<u64>,
    /// The window of the minimum rate, once the body is being waited for.
    window: Option<Window>,
}

/// A stretch of waiting, over which a rate is measured.
#[derive(Default)]
struct Window {
    /// Waited so long, up to `since`.
    waited: Duration,
    /// Since when we wait.
    since: Option<Instant>,
    /// Bytes that came.
    bytes: u64,
}

/// Bytes that may leave without a look at the clock.
const AT_ONCE: u64 = 16 * 1024;

/// The shortest window: one of zero would be over again and again at once.
const SHORTEST: Duration = Duration::from_millis(1);

/// What passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// A deadline that fails the request.
    Fails(Deadline),
    /// The wait for `100 Continue`.
    Continue,
    /// A window of the minimum rate: look whether it was met.
    Window,
}

impl Watch {
    pub(crate) fn new(options: Rc<Options>, total: Option<Instant>, now: Instant) -> Watch {
        Watch {
            options,
            total,
            alarm: Alarm::default(),
            began: now,
            wrote: now,
            sent: None,
            held: None,
            heard: None,
            waiting: None,
            latest: now,
            behind: false,
            read_in: None,
            window: None,
        }
    }

    /// The peer took bytes.
    pub(crate) fn on_write(&mut self, now: Instant) {
        self.wrote = now;
        self.latest = now;
    }

    /// The head is out, the body waits for `100 Continue`.
    pub(crate) fn on_hold(&mut self, now: Instant) {
        self.held.get_or_insert(now);
    }

    /// The request is complete, with so many bytes.
    pub(crate) fn on_sent(&mut self, bytes: u64) {
        // What the system takes at once takes no time worth a look at the clock.
        let now = match bytes <= AT_ONCE && self.waiting.is_none() {
            true => self.latest,
            false => time::now(),
        };
        self.sent.get_or_insert(now);
        self.waiting.get_or_insert(now);
        self.latest = now;
    }

    /// Bytes arrived.
    pub(crate) fn on_read(&mut self, count: usize) {
        if let Some(window) = &mut self.window {
            window.bytes = window.bytes.saturating_add(count as u64);
        }
        if self.heard.is_some() && self.waiting.is_none() {
            self.behind = true;
            return;
        }
        let now = time::now();
        self.heard.get_or_insert(now);
        self.waiting = None;
        self.latest = now;
        self.behind = false;
        self.read_in = current::turn();
        if let Some(window) = &mut self.window
            && let Some(since) = window.since.take()
        {
            window.waited = window
                .waited
                .saturating_add(now.saturating_duration_since(since));
        }
    }

    /// Something happened at a time that nobody looked at.
    pub(crate) fn fall_behind(&mut self) {
        self.behind = true;
    }

    /// Nothing can be done now: waits for the next deadline.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stage: Stage,
        upload: Upload,
    ) -> Poll<Result<Due, Error>> {
        // Bounded: a second round follows a window that was met, and begins a
        // new one.
        loop {
            let waiting = *self.waiting.get_or_insert_with(time::now);
            if stage == Stage::Body {
                let window = self.window.get_or_insert_default();
                window.since.get_or_insert(waiting);
            }
            let Some((at, due)) = self.next(stage, upload, waiting) else {
                return Poll::Pending;
            };
            if self.alarm.poll_since(cx, at, self.latest).is_pending() {
                return Poll::Pending;
            }
            match due {
                Due::Fails(deadline) => {
                    return Poll::Ready(Err(Error::timeout(deadline, phase(stage, upload))));
                }
                Due::Continue => return Poll::Ready(Ok(Due::Continue)),
                Due::Window => self.judge_window(stage, upload)?,
            }
        }
    }

    /// Is the request as a whole over? For a body of which there is always more, so
    /// that nobody waits for anything.
    pub(crate) fn check_total(&self) -> Result<(), Error> {
        match self.total {
            Some(total) if total <= time::now() => {
                Err(Error::timeout(Deadline::Total, Phase::Body))
            }
            _ => Ok(()),
        }
    }

    /// The deadline that passes first.
    fn next(&self, stage: Stage, upload: Upload, waiting: Instant) -> Option<(Instant, Due)> {
        let d = &self.options.deadlines;
        let after = |from: Instant, limit: Option<Duration>, deadline| {
            limit.map(|limit| (instant_after(from, limit), Due::Fails(deadline)))
        };
        let sending = upload == Upload::Sending && self.sent.is_none();
        let held = self.held.filter(|_| upload == Upload::Waiting);
        let phases = match (stage, held) {
            // An interim head may have come already.
            (Stage::FirstByte | Stage::Head, Some(held)) => {
                let end = instant_after(held, d.await_continue);
                [Some((end, Due::Continue)), None]
            }
            (Stage::FirstByte | Stage::Head, None) if sending => {
                [after(self.wrote, d.write, Deadline::Write), None]
            }
            (Stage::FirstByte, None) => {
                let from = self.sent.unwrap_or(self.wrote);
                [after(from, d.first_byte, Deadline::FirstByte), None]
            }
            (Stage::Head, None) => {
                // What came before the request was complete does not answer it.
                let from = self.heard.max(self.sent).unwrap_or(waiting);
                let silent = self.sent.map_or(waiting, |sent| sent.max(waiting));
                [
                    after(from, d.head, Deadline::Head),
                    after(silent, d.read_idle, Deadline::ReadIdle),
                ]
            }
            (Stage::Body | Stage::Done, _) => [
                after(waiting, d.read_idle, Deadline::ReadIdle),
                d.min_rate.zip(self.window.as_ref()).map(|(rate, window)| {
                    let left = rate.window.max(SHORTEST).saturating_sub(window.waited);
                    let since = window.since.unwrap_or(waiting);
                    (instant_after(since, left), Due::Window)
                }),
            ],
        };
        let total = self.total.map(|at| (at, Due::Fails(Deadline::Total)));
        let all = phases.into_iter().flatten().chain(total);
        all.min_by_key(|(at, _)| *at)
    }

    fn judge_window(&mut self, stage: Stage, upload: Upload) -> Result<(), Error> {
        let (Some(rate), Some(window)) = (self.options.deadlines.min_rate, &self.window) else {
            return Ok(());
        };
        let due = rate.bytes_per_second as f64 * rate.window.max(SHORTEST).as_secs_f64();
        if (window.bytes as f64) < due {
            return Err(Error::timeout(Deadline::MinRate, phase(stage, upload)));
        }
        // Silence goes on being measured from where it began; the window not.
        self.window = Some(Window {
            since: Some(time::now()),
            ..Window::default()
        });
        Ok(())
    }

    /// When the exchange began, was sent, was answered.
    pub(crate) fn marks(&self) -> (Instant, Option<Instant>, Option<Instant>) {
        (self.began, self.sent, self.heard)
    }

    /// It is over, and nothing is waited for any more: there is no timer from here on
    /// (law P08). Returns what time it is: when the last bytes came, unless their reader
    /// let the loop wait before it came to them.
    pub(crate) fn rest(&mut self) -> Instant {
        self.alarm = Alarm::default();
        if std::mem::take(&mut self.behind) {
            self.latest = time::now();
        } else if self.read_in != current::turn() {
            return time::now();
        }
        self.latest
    }

    /// When it last looked at the clock.
    pub(crate) fn latest(&self) -> Instant {
        self.latest
    }

    /// Ends earlier: a body nobody wants.
    pub(crate) fn cut(&mut self, total: Instant) {
        self.total = Some(self.total.map_or(total, |old| old.min(total)));
    }
}

fn phase(stage: Stage, upload: Upload) -> Phase {
    match (stage, upload) {
        (Stage::FirstByte | Stage::Head, Upload::Sending) => Phase::Write,
        (Stage::FirstByte, _) => Phase::FirstByte,
        (Stage::Head, _) => Phase::Head,
        (Stage::Body | Stage::Done, _) => Phase::Body,
    }
}
