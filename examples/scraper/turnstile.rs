//! The line before the `-c` slots, in an order of one's choice (`--gate`).
//!
//! Owns: a gate whose permits are the slots, and the news of who has come in.
//!
//! Laws:
//! * A job stands in line when it is spawned, not when its task is first polled: the
//!   order of the run queue would decide who stands where.
//! * That a job has come in is known to the scheduler before its attempt ends.
//! * Closed, all come in and are sent away: nothing new begins.
//!
//! Absent on purpose: the order in which URLs reach the line. Caps and delays of hosts
//! come first (`frontier.rs`), so nobody in line waits for anything but a slot.
//!
//! Read next: `scheduler.rs`.

use super::frontier::HostKey;
use super::outcome::Failure;
use downbeat::policy::Policy;
use downbeat::{Acquire, Gate, Permit, Shed, time};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The gate before the slots.
pub(crate) struct Turnstile {
    /// Who may go in.
    gate: Gate<Box<dyn Policy>>,
    /// What the scheduler hears.
    news: Rc<News>,
}

/// What jobs tell the scheduler.
#[derive(Default)]
struct News {
    /// Who has come in since it looked.
    inside: RefCell<Vec<Option<HostKey>>>,
    /// The scheduler.
    reader: RefCell<Option<Waker>>,
    /// Nobody begins any more.
    closed: Cell<bool>,
}

/// What the policy knows of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    /// Attempts so far: a retry is more urgent.
    pub(crate) priority: u32,
    /// Its host.
    pub(crate) group: u32,
    /// When its time is over.
    pub(crate) deadline: Option<Instant>,
    /// How long it takes, in nanoseconds, if that is known.
    pub(crate) size: Option<u64>,
}

/// A place in line.
pub(crate) struct InLine {
    /// A permit to come.
    acquire: Pin<Box<Acquire<Box<dyn Policy>>>>,
    /// A permit that was free.
    granted: Option<Result<Permit, Shed>>,
    /// The job's host.
    host: Option<HostKey>,
    /// Whom to tell.
    news: Rc<News>,
    /// Told, and read by the scheduler when the attempt has ended.
    came_in: Rc<Cell<bool>>,
    /// When it began to wait.
    since: Instant,
}

impl Turnstile {
    /// A gate with so many slots.
    pub(crate) fn new(slots: usize, policy: Box<dyn Policy>) -> Self {
        Self {
            gate: Gate::new(slots, policy),
            news: Rc::default(),
        }
    }

    /// Puts a job into the line. The cell says whether it has come in.
    pub(crate) fn line_up(
        &self,
        host: Option<HostKey>,
        rank: Rank,
        name: String,
    ) -> (InLine, Rc<Cell<bool>>) {
        let acquire = self.gate.acquire().name(name).priority(rank.priority);
        let mut acquire = acquire.group(rank.group);
        if let Some(deadline) = rank.deadline {
            acquire = acquire.deadline(deadline);
        }
        if let Some(size) = rank.size {
            acquire = acquire.size(size);
        }
        let mut acquire = Box::pin(acquire);
        let mut nobody = Context::from_waker(Waker::noop());
        let granted = match acquire.as_mut().poll(&mut nobody) {
            Poll::Ready(granted) => Some(granted),
            Poll::Pending => None,
        };
        let came_in = Rc::new(Cell::new(false));
        let line = InLine {
            acquire,
            granted,
            host,
            news: Rc::clone(&self.news),
            came_in: Rc::clone(&came_in),
            since: time::now(),
        };
        (line, came_in)
    }

    /// The hosts of those who have come in.
    pub(crate) fn poll_inside(&self, cx: &mut Context<'_>) -> Poll<Vec<Option<HostKey>>> {
        let inside = self.news.inside.take();
        if inside.is_empty() {
            let old = self.news.reader.replace(Some(cx.waker().clone()));
            drop(old);
            return Poll::Pending;
        }
        Poll::Ready(inside)
    }

    /// Sends those away who are in line; so many.
    pub(crate) fn close(&self, in_line: usize) {
        self.news.closed.set(true);
        self.gate.add_permits(in_line);
    }
}

impl InLine {
    /// Waits for a slot; returns it and how long that took.
    ///
    /// # Errors
    /// When the policy turns the job away, or the run is ending.
    pub(crate) async fn come_in(self) -> Result<(Permit, Duration), Failure> {
        let granted = match self.granted {
            Some(granted) => granted,
            None => self.acquire.await,
        };
        let permit = granted.map_err(|Shed| Failure::new("shed", "the gate's policy shed it"))?;
        if self.news.closed.get() {
            return Err(Failure::new("shed", "the run is ending"));
        }
        self.came_in.set(true);
        self.news.inside.borrow_mut().push(self.host);
        if let Some(scheduler) = self.news.reader.take() {
            scheduler.wake();
        }
        let waited = time::now().saturating_duration_since(self.since);
        Ok((permit, waited))
    }
}
