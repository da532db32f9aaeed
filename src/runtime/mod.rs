//! The runtime: one loop, from its beginning to its end.
//!
//! ```text
//!   block_on ─► insert the root ─► turn ─► turn ─► … ─► root is over ─► output
//!                                   │
//!               collect ─► run ─► wait ─► fire
//! ```
//!
//! The end, in this order: the mailbox closes (refused letters are dropped by
//! their senders), every future is dropped on this thread, the policy is dropped,
//! queued blocking jobs are cancelled and running ones get their grace, the loop
//! leaves the list of those that live.
//!
//! Laws: X01, the end comes even if tasks spawn or panic in their drops. J10, a
//! loop inside a loop is refused. The root's panic leaves `block_on` by unwinding
//! and the runtime stays usable.
//!
//! Read in this order: `turn.rs`, `chores.rs`, `wait.rs`, `state.rs`, `stats.rs`,
//! `current.rs`, `custody.rs`, `rescue.rs`, `watchdog.rs`, `pacing.rs`, `builder.rs`,
//! `page.rs`, `handle.rs`, `observer.rs`, `report.rs`.

mod builder;
mod chores;
pub(crate) mod current;
pub(crate) mod custody;
mod handle;
mod observer;
mod pacing;
mod page;
pub(crate) mod report;
mod rescue;
pub(crate) mod state;
mod stats;
#[cfg(test)]
#[path = "tests/straight.rs"]
mod straight;
mod turn;
mod wait;
mod watchdog;

pub use builder::Builder;
pub use current::WrongLoop;
pub use handle::{Handle, LoopGone, RemoteJoin, WaitError};
pub use observer::Observer;
pub use pacing::Pacing;
pub use page::{
    SetPolicyError, TaskInfo, current_task, random, set_policy, spawn, spawn_with, stats, tasks,
    try_spawn,
};
pub use report::{Report, Stuck, StuckTask};
pub use stats::{ScheduleHash, Stats};

use crate::policy::{Fifo, Policy};
use crate::task::join::drop_caught;
use crate::task::slot::Ending;
use crate::task::waker::Mail;
use crate::task::{JoinHandle, SpawnOptions, TaskId};
use custody::Custody;
use state::LoopState;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use watchdog::Watchdog;

/// A single-threaded event loop.
///
/// ```
/// let mut runtime = downbeat::Runtime::new()?;
/// let answer = runtime.block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime<P: Policy + 'static = Fifo> {
    /// What leaf futures may touch.
    state: Rc<LoopState>,
    /// The policy and its safety net.
    custody: Custody<P>,
    /// Who watches.
    observer: Option<Box<dyn Observer>>,
    /// Polls per turn.
    pacing: Pacing,
    /// Leaf operations per poll.
    budget: u32,
    /// Polls of this length are reported.
    slow_poll: Option<Duration>,
    /// Timestamps around each poll, whatever the policy wants.
    watched: bool,
    /// How long a loop that may be stuck waits before it says so.
    stuck_after: Option<Duration>,
    /// Whether it then ends.
    stuck_ends: bool,
    /// It has said so.
    stuck_reported: bool,
    /// Looks for tasks that the policy passes over.
    watchdog: Watchdog,
    /// The present, as of the last look at the clock.
    now: Instant,
    /// Polls so far.
    polls: u64,
    /// Tasks that have ended so far.
    tasks_done: u64,
    /// Scratch space of `fire`.
    wakers: Vec<Waker>,
    /// Scratch space of `open_mail`.
    mail: Vec<Mail>,
}

/// The root future, lent by `block_on` for its duration.
struct Root<'a> {
    /// Its slot.
    id: Option<TaskId>,
    /// Polls it, and keeps the output.
    poll: &'a mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    /// Ready or panicked.
    over: bool,
    /// The panic that `block_on` goes on with.
    panic: Option<Box<dyn Any + Send>>,
}

/// Runs a future on a new loop, then cancels and drops all other tasks.
///
/// # Panics
/// When the loop cannot be made (out of descriptors), when another loop runs on
/// this thread, when it is stuck (see [`Runtime::try_block_on`]), or with the
/// future's own panic.
pub fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = Runtime::new().unwrap_or_else(|error| panic!("no event loop: {error}"));
    runtime.block_on(future)
}

impl Runtime {
    /// A loop with default settings.
    ///
    /// # Errors
    /// When the system refuses a selector (out of descriptors).
    pub fn new() -> std::io::Result<Self> {
        Builder::new().build()
    }

    /// Settings for a loop.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<P: Policy + 'static> Runtime<P> {
    /// Runs the loop until `future` is ready. The future may borrow and need not
    /// be `'static`; it goes through the policy as the task `root`. Other tasks
    /// stay, unpolled, until the next call or the drop of the runtime.
    ///
    /// # Panics
    /// As [`Runtime::try_block_on`], and when the loop is stuck.
    #[track_caller]
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.try_block_on(future)
            .unwrap_or_else(|stuck| panic!("{stuck}"))
    }

    /// [`Runtime::block_on`] for a future that may wait for something that never
    /// comes.
    ///
    /// # Errors
    /// [`Stuck`] when nothing is runnable, no timer, source, blocking job or policy
    /// is pending, and nobody is left who could wake a task.
    ///
    /// # Panics
    /// When another loop runs on this thread, or with the future's own panic; the
    /// runtime stays usable.
    #[track_caller]
    pub fn try_block_on<F: Future>(&mut self, future: F) -> Result<F::Output, Stuck> {
        assert!(
            current::with(|_| ()).is_err(),
            "block_on inside a running loop: await the future instead, or use another thread"
        );
        let site = Location::caller();
        let entered = current::enter(&self.state);
        let mut output = None;
        // Pinned after `entered`, so dropped before it: leaf futures find their loop.
        let result = {
            let mut future = pin!(future);
            let mut poll =
                |cx: &mut Context<'_>| future.as_mut().poll(cx).map(|value| output = Some(value));
            let mut root = Root {
                id: None,
                poll: &mut poll,
                over: false,
                panic: None,
            };
            self.drive(&mut root, site)
        };
        drop(entered);
        match result {
            Ok(None) => Ok(output.expect("the root is over, so it has an output")),
            Ok(Some(panic)) => resume_unwind(panic),
            Err(stuck) => Err(stuck),
        }
    }

    /// Turns until the root is over; returns its panic if it had one.
    fn drive(
        &mut self,
        root: &mut Root<'_>,
        site: &'static Location<'static>,
    ) -> Result<Option<Box<dyn Any + Send>>, Stuck> {
        let began = self.state.clock.now();
        self.now = began;
        self.observe(|observer| observer.loop_started(began));
        let options = SpawnOptions::new().name("root");
        // Refused only by a table that is closed, and ours is open until the drop.
        let card = self.state.table.insert(None, options, site, began).ok();
        root.id = card.as_ref().map(|card| card.id());
        let mut result = Ok(());
        while !root.over && result.is_ok() {
            result = self.turn(root);
        }
        if let Some(card) = card {
            // The lent future is not in the table: nothing is dropped here.
            self.state.table.end(card.id(), Ending::Cancelled);
            self.state.table.detach(&card);
        }
        let ended = self.state.clock.now();
        let mut stats = self.state.stats.get();
        stats.running += ended.saturating_duration_since(began);
        self.state.stats.set(stats);
        self.observe(|observer| observer.loop_ended(ended));
        result.map(|()| root.panic.take())
    }

    /// Spawns a task from outside the loop; it runs when the loop does.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_with(future, SpawnOptions::new())
    }

    /// [`Runtime::spawn`] with a name, a priority and the rest of what policies look at.
    #[track_caller]
    pub fn spawn_with<F>(&self, future: F, options: SpawnOptions) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let site = Location::caller();
        let _entered = current::enter(&self.state);
        page::spawn_on(&self.state, future, options, site)
    }

    /// A way to this loop for other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(&self.state)
    }

    /// What the loop has done so far.
    pub fn stats(&self) -> Stats {
        self.state.stats.get()
    }

    /// A snapshot of all live tasks, in the order of their slots.
    pub fn tasks(&self) -> Vec<TaskInfo> {
        page::snapshot(&self.state)
    }

    /// The fingerprint of the schedule so far. Only the virtual clock makes it.
    pub fn schedule_hash(&self) -> ScheduleHash {
        self.state.schedule.get()
    }

    /// Changes the policy, if this loop can.
    fn replace_policy(&mut self, next: Box<dyn Policy>) {
        let custody: &mut dyn Any = &mut self.custody;
        if let Some(custody) = custody.downcast_mut::<Custody<Box<dyn Policy>>>() {
            custody.replace(next);
        }
        let measured = self.watched || self.custody.is_timed();
        self.state.measured.set(measured);
    }

    /// Drops every future. Their drops may spawn (refused), wake and panic.
    fn drop_tasks(&mut self) {
        self.state.table.close();
        for id in self.state.table.live() {
            self.cancel(id, Ending::RuntimeGone);
        }
        self.report_unread();
    }

    /// Drops what else is the user's: a policy that never came into service, the
    /// observer, and at last the report hook.
    fn drop_watchers(&mut self) {
        let report = |what: &str, dropped: Result<(), String>| {
            if let Err(message) = dropped {
                let what = what.into();
                self.state.report(&Report::DropPanicked { what, message });
            }
        };
        let next = self.state.next_policy.borrow_mut().take();
        report("a policy", drop_caught(next));
        report("the observer", drop_caught(self.observer.take()));
        self.drop_wakers();
        report("the report hook", self.state.reporter.close());
    }

    /// Drops the wakers of what outlives the loop: leaf futures that others poll. LAW T16:
    /// not ours, so they may panic.
    fn drop_wakers(&self) {
        let mut wakers = self.state.timers.borrow_mut().cancel_all();
        self.state.reactor.borrow_mut().take_all(&mut wakers);
        for waker in wakers {
            if let Err(message) = drop_caught(waker) {
                self.state.report(&Report::WakerPanicked { message });
            }
        }
    }
}

impl<P: Policy + 'static> Drop for Runtime<P> {
    fn drop(&mut self) {
        let entered = current::enter(&self.state);
        self.now = self.state.clock.now();
        for letter in self.state.mailbox.close() {
            // LAW T16: what a refused letter holds may panic when it is dropped.
            drop(drop_caught(letter));
        }
        self.drop_tasks();
        self.custody.retire_policy();
        if let Some(work) = self.state.outside.get() {
            work.shut_down(self.state.pool_limits.grace);
        }
        self.drop_watchers();
        // LAW J06: what the last drops let go of, and what handles let go of later.
        self.report_unread();
        self.state.table.leave_to(chores::report_to_stderr);
        current::retire(self.state.id);
        drop(entered);
        // Again: the last drops may have polled some more, and from here on nobody can.
        self.drop_wakers();
        // Wakes of the last drops name tasks that are gone.
        self.state.left_woken.set(crate::task::waker::NONE_WOKEN);
    }
}

impl<P: Policy + 'static> std::fmt::Debug for Runtime<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("loop_id", &self.state.id)
            .field("tasks", &self.state.table.len())
            .finish_non_exhaustive()
    }
}

impl Root<'_> {
    /// Polls the lent future; a panic is kept for `block_on`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match catch_unwind(AssertUnwindSafe(|| (self.poll)(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => {}
            Err(payload) => self.panic = Some(payload),
        }
        self.over = true;
        Poll::Ready(())
    }

    /// Whether the root is ready or has panicked.
    fn is_over(&self) -> bool {
        self.over
    }
}
