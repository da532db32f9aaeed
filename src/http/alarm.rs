//! Deadlines of futures that wait for several things: one timer, moved late.
//!
//! Owns: the timer of one wait.
//!
//! Law D: a deadline that moves away (each byte moves one) touches no timer: the
//! old one fires, sees that there is time left and is armed again. A timer is
//! armed only when something has to wait at all, and dies with its owner (P08).
//!
//! Read next: `watch.rs`, which says which deadline runs.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::deadlines::Deadline;
use super::error::Error;
use super::kind::Phase;
use crate::clock::instant_after;
use crate::time::{self, Sleep};

/// A timer that is armed when needed.
#[derive(Default)]
pub(crate) struct Alarm {
    /// Fires at the deadline, or before it.
    sleep: Option<Sleep>,
}

impl Alarm {
    /// As [`poll`](Self::poll), for who knows that it is later than `seen`: to begin
    /// a wait costs no look at the clock.
    pub(crate) fn poll_since(
        &mut self,
        cx: &mut Context<'_>,
        due: Instant,
        seen: Instant,
    ) -> Poll<()> {
        if self.sleep.is_none() && seen < due {
            let sleep = self.sleep.insert(time::sleep_until(due));
            sleep.begin(cx.waker());
            return Poll::Pending;
        }
        self.poll(cx, Some(due))
    }

    /// Waits until `due`, which may be another one at each call. `None` waits
    /// for ever.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, due: Option<Instant>) -> Poll<()> {
        let Some(due) = due else {
            return Poll::Pending;
        };
        // Bounded: a second round is armed for `due` itself.
        loop {
            let sleep = self.sleep.get_or_insert_with(|| time::sleep_until(due));
            if sleep.deadline() > due {
                sleep.reset(due);
            }
            let fires_at = sleep.deadline();
            // LAW C10: not a unit of the budget, which a flood has spent.
            ready!(sleep.poll_deadline(cx.waker()));
            if fires_at == due || time::now() >= due {
                self.sleep = None;
                return Poll::Ready(());
            }
            sleep.reset(due);
        }
    }
}

/// A phase of a request and what bounds it.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    /// How long the phase may take.
    pub(crate) limit: Option<Duration>,
    /// What is reported when it takes longer.
    pub(crate) deadline: Deadline,
    /// The phase.
    pub(crate) phase: Phase,
    /// When the request as a whole has to be over.
    pub(crate) total: Option<Instant>,
}

/// Waits for `future` within the bound. A value that is ready wins a tie.
///
/// # Errors
/// `Timeout` with the deadline that passed, or the future's own error.
pub(crate) async fn within<T>(
    bound: Bound,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let own = bound.limit.map(|limit| instant_after(time::now(), limit));
    let (due, deadline) = earlier(own.map(|at| (at, bound.deadline)), bound.total);
    let mut future = pin!(future);
    let mut alarm = Alarm::default();
    poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        alarm
            .poll(cx, due)
            .map(|()| Err(Error::timeout(deadline, bound.phase)))
    })
    .await
}

/// The earlier of a phase's deadline and the total.
pub(crate) fn earlier(
    own: Option<(Instant, Deadline)>,
    total: Option<Instant>,
) -> (Option<Instant>, Deadline) {
    match (own, total) {
        (Some((at, _)), Some(total)) if total < at => (Some(total), Deadline::Total),
        (Some((at, deadline)), _) => (Some(at), deadline),
        (None, total) => (total, Deadline::Total),
    }
}
