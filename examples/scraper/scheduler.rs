//! The root task: reads URLs, starts attempts, takes their ends, listens to Ctrl-C.
//!
//! ```text
//!   input thread ─► window (frontier) ─► up to -c tasks ─► tally
//!                        ▲        (turnstile) │
//!                        └── again, later ────┘
//! ```
//!
//! Owns: the frontier, the group of attempts, the account.
//!
//! Laws:
//! * Each URL that was read has one end: an outcome, or `unfinished` when the run is
//!   cut short; one whose attempt panics has an outcome that says so.
//! * No more URLs are read than the window has room for, and those in flight.
//! * A task is spawned when a slot is free, never before; with `--gate` it stands in
//!   line for one. A URL that waits for its host or for a retry has no slot.
//! * Nothing here waits for more than the next event: an interruption is seen in the
//!   same turn.
//!
//! Read next: `starting.rs`, `ending.rs`, `frontier.rs`, `attempt.rs`.

use super::attempt::{Ended, Kit};
use super::console::Console;
use super::frontier::{Frontier, HostKey};
use super::job::Job;
use super::signals::Interrupt;
use super::source::Reading;
use super::starting::Started;
use super::tally::{Broken, Tally};
use super::turnstile::Turnstile;
use downbeat::policy::Policy;
use downbeat::sync::remote;
use downbeat::time::{self, Sleep};
use downbeat::{JoinError, TaskGroup, task::TaskId, yield_now};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Bytes of URLs that are in memory at most (besides those in flight).
const WINDOW_BYTES: usize = 4 << 20;

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Attempts in flight.
    pub(crate) concurrency: usize,
    /// URLs that are read ahead.
    pub(crate) window: usize,
    /// Attempts in flight per host; 0 for any number.
    pub(crate) host_cap: usize,
    /// Time between two starts on one host.
    pub(crate) delay: Duration,
    /// How long attempts may go on after an interruption.
    pub(crate) grace: Duration,
    /// How long one attempt takes at most; the deadline that policies see.
    pub(crate) timeout: Duration,
    /// Tasks are named after their URLs, for pictures.
    pub(crate) names: bool,
}

/// Fetches everything that comes through `urls`.
pub(crate) async fn run(
    plan: Plan,
    kit: Rc<Kit>,
    urls: remote::Receiver<Vec<Reading>>,
    gate: Option<Box<dyn Policy>>,
    interrupts: &mut remote::Receiver<Interrupt>,
    console: &Console,
) -> Tally {
    let mut frontier = Frontier::new(plan.host_cap, plan.delay);
    let turnstile = gate.map(|policy| Turnstile::new(plan.concurrency, policy));
    if turnstile.is_some() {
        frontier.await_entry();
    }
    let began = time::now();
    let mut scheduler = Scheduler {
        plan,
        kit,
        urls: Some(urls),
        frontier,
        turnstile,
        in_line: 0,
        attempts: TaskGroup::new(),
        out: HashMap::new(),
        window_bytes: 0,
        phase: Phase::Running,
        alarm: time::sleep_until(began),
        tally: Tally::default(),
        console,
    };
    scheduler.run(interrupts).await;
    let mut tally = scheduler.tally;
    tally.elapsed = time::now().saturating_duration_since(began);
    tally
}

/// A run that is going on.
pub(super) struct Scheduler<'a> {
    /// The limits.
    pub(super) plan: Plan,
    /// What attempts share.
    pub(super) kit: Rc<Kit>,
    /// `None` once the input has ended or is not wanted.
    pub(super) urls: Option<remote::Receiver<Vec<Reading>>>,
    /// URLs that were read and have not started.
    pub(super) frontier: Frontier<Job>,
    /// The line before the slots, if somebody chose its order.
    pub(super) turnstile: Option<Turnstile>,
    /// How many stand in it.
    pub(super) in_line: usize,
    /// What is in flight, or in line.
    pub(super) attempts: TaskGroup<Ended>,
    /// Whose attempt each task is.
    pub(super) out: HashMap<TaskId, Out>,
    /// Bytes of all URLs between their reading and their end.
    pub(super) window_bytes: usize,
    /// How far the end has come.
    pub(super) phase: Phase,
    /// Set to the next time when something may start.
    pub(super) alarm: Sleep,
    /// The account.
    pub(super) tally: Tally,
    /// Who sees what happens.
    pub(super) console: &'a Console,
}

/// A job in flight.
pub(super) struct Out {
    /// Its host; `None` for a text that is no URL.
    pub(super) host: Option<HostKey>,
    /// The job; the attempt has it too, as long as it lasts.
    pub(super) job: Rc<Job>,
    /// Whether it has come in, if there is a line.
    pub(super) came_in: Option<Rc<Cell<bool>>>,
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not begun.
    Running,
    /// Nothing new is started; what is in flight has until then.
    Draining(Instant),
    /// What was in flight is being dropped.
    Dropping,
}

/// What the scheduler waits for.
enum Event {
    /// Jobs of these hosts have come in from the line.
    Inside(Vec<Option<HostKey>>),
    /// An attempt has ended.
    Ended(TaskId, Result<Ended, JoinError>),
    /// The input has something.
    Read(Vec<Reading>),
    /// The input has ended.
    End,
    /// A signal came.
    Interrupt,
    /// The alarm.
    Time,
}

impl Scheduler<'_> {
    async fn run(&mut self, interrupts: &mut remote::Receiver<Interrupt>) {
        loop {
            let alarm = loop {
                match self.start() {
                    Started::Some => yield_now().await,
                    Started::All(alarm) => break alarm,
                }
            };
            let idle = self.urls.is_none() && self.frontier.len() == 0;
            if idle && self.attempts.is_empty() {
                return;
            }
            match self.event(alarm, interrupts).await {
                Event::Inside(hosts) => self.inside(&hosts),
                Event::Ended(id, result) => self.ended(id, result),
                Event::Read(batch) => {
                    batch.into_iter().for_each(|one| self.read(one));
                    // Filling the window takes many batches; what was started goes first.
                    yield_now().await;
                }
                Event::End => self.input_ended(),
                Event::Interrupt => self.interrupted(),
                Event::Time => self.time(),
            }
            let board = &self.console.board;
            board.in_flight.store(self.in_flight() as u64, Relaxed);
            board.fetched.store(self.tally.fetched, Relaxed);
            board.failed.store(self.tally.failed, Relaxed);
        }
    }

    /// Waits for the next event, the most urgent first.
    async fn event(
        &mut self,
        alarm: Option<Instant>,
        interrupts: &mut remote::Receiver<Interrupt>,
    ) -> Event {
        if let Some(alarm) = alarm
            && alarm != self.alarm.deadline()
        {
            self.alarm.reset(alarm);
        }
        poll_fn(|cx| self.poll_event(alarm.is_some(), interrupts, cx)).await
    }

    fn poll_event(
        &mut self,
        armed: bool,
        interrupts: &mut remote::Receiver<Interrupt>,
        cx: &mut Context<'_>,
    ) -> Poll<Event> {
        // The end of the channel means that there are no signals here.
        if let Poll::Ready(Some(Interrupt)) = interrupts.poll_recv(cx) {
            return Poll::Ready(Event::Interrupt);
        }
        // Before the ends: who has ended has come in.
        if let Some(turnstile) = &self.turnstile
            && let Poll::Ready(hosts) = turnstile.poll_inside(cx)
        {
            return Poll::Ready(Event::Inside(hosts));
        }
        if let Poll::Ready(Some((id, result))) = self.attempts.poll_next(cx) {
            return Poll::Ready(Event::Ended(id, result));
        }
        let room = self.frontier.len() < self.plan.window && self.window_bytes < WINDOW_BYTES;
        if let Some(urls) = self.urls.as_mut().filter(|_| room)
            && let Poll::Ready(batch) = urls.poll_recv(cx)
        {
            return Poll::Ready(batch.map_or(Event::End, Event::Read));
        }
        if armed && Pin::new(&mut self.alarm).poll(cx).is_ready() {
            return Poll::Ready(Event::Time);
        }
        Poll::Pending
    }

    fn read(&mut self, reading: Reading) {
        match reading {
            Reading::Url(entry) => {
                self.window_bytes += entry.text.len();
                let job = Job::new(entry);
                let host = job.host().map(str::to_owned);
                self.frontier.push(host.as_deref(), job, time::now());
            }
            Reading::Finished => self.tally.skipped += 1,
            Reading::Broken(error) => {
                self.tally.broke(Broken::Input(error.to_string()));
                self.urls = None;
            }
        }
    }

    fn input_ended(&mut self) {
        self.urls = None;
        let to_come = self.frontier.len() + self.attempts.len();
        let total = self.tally.wanted() + to_come as u64;
        self.console.board.total.store(total, Relaxed);
    }
}
