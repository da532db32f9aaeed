//! The settings of a loop: order, pacing and budget are three separate knobs.
//!
//! Read next: `mod.rs`, where the settings become a `Runtime`.

use super::custody::Custody;
use super::pacing::Pacing;
use super::report::{Hook, Report, Reporter};
use super::state::{LoopState, PoolLimits};
use super::stats::{ScheduleHash, Stats};
use super::watchdog::Watchdog;
use super::{Observer, Runtime, current};
use crate::clock::{self, Clock};
use crate::driver::reactor::Reactor;
use crate::driver::timers::Timers;
use crate::mailbox::{self, Mailbox};
use crate::policy::chance::SplitMix;
use crate::policy::{Fifo, Policy};
use crate::primitives::Arc;
use crate::task::table::TaskTable;
use crate::task::waker::NONE_WOKEN;
use std::any::TypeId;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Settings for a [`Runtime`].
pub struct Builder<P = Fifo> {
    /// The order.
    policy: P,
    /// Everything else.
    settings: Settings,
}

/// What does not depend on the type of the policy.
struct Settings {
    /// The pacing.
    pacing: Pacing,
    /// The budget.
    budget: u32,
    /// See [`Builder::virtual_clock`].
    virtual_clock: bool,
    /// See [`Builder::seed`].
    seed: Option<u64>,
    /// See [`Builder::observer`].
    observer: Option<Box<dyn Observer>>,
    /// See [`Builder::on_report`].
    hook: Option<Hook>,
    /// See [`Builder::slow_poll`].
    slow_poll: Option<Duration>,
    /// See [`Builder::measure`].
    measure: bool,
    /// See [`Builder::stuck_after`].
    stuck_after: Option<Duration>,
    /// See [`Builder::end_when_stuck`].
    stuck_ends: bool,
    /// See [`Builder::passed_over_after`].
    passed_over_after: Option<Duration>,
    /// See [`Builder::retire_unfair_policy`].
    retire_unfair: bool,
    /// See the three of [`Builder::blocking_threads`].
    pool: PoolLimits,
}

/// Polls per turn unless the builder says otherwise.
pub(super) const POLLS_PER_TURN: u32 = 61;
/// Leaf operations per poll unless the builder says otherwise (tokio's figure).
const OPERATIONS_PER_POLL: u32 = 128;
/// Polls of this length are reported in debug builds (asyncio's figure).
const SLOW_POLL: Duration = Duration::from_millis(100);

impl Builder {
    /// The defaults: FIFO, 61 polls per turn, 128 operations per poll.
    pub(super) fn new() -> Self {
        let settings = Settings {
            pacing: Pacing::Every(POLLS_PER_TURN),
            budget: OPERATIONS_PER_POLL,
            virtual_clock: false,
            seed: None,
            observer: None,
            hook: None,
            slow_poll: cfg!(debug_assertions).then_some(SLOW_POLL),
            measure: false,
            stuck_after: Some(Duration::from_secs(1)),
            stuck_ends: false,
            passed_over_after: Some(Duration::from_secs(1)),
            retire_unfair: false,
            pool: PoolLimits {
                threads: 32,
                grace: Duration::from_millis(500),
                idle: Duration::from_secs(10),
            },
        };
        let policy = Fifo::new();
        Self { policy, settings }
    }
}

impl<P> Builder<P> {
    /// Which runnable task goes next. Default: first in, first out.
    #[must_use]
    pub fn policy<Q: Policy + 'static>(self, policy: Q) -> Builder<Q> {
        let settings = self.settings;
        Builder { policy, settings }
    }

    /// How many polls a turn does before I/O and timers are looked at.
    #[must_use]
    pub fn pacing(mut self, pacing: Pacing) -> Self {
        self.settings.pacing = pacing;
        self
    }

    /// How many leaf operations that succeed at once a poll may do before it must
    /// yield, at least 1. Default 128.
    #[must_use]
    pub fn budget(mut self, operations: u32) -> Self {
        self.settings.budget = operations.clamp(1, crate::budget::UNLIMITED - 1);
        self
    }

    /// Virtual time: it stands still while tasks run and jumps to the next
    /// deadline when all of them wait.
    #[must_use]
    pub fn virtual_clock(mut self) -> Self {
        self.settings.virtual_clock = true;
        self
    }

    /// What the loop's chance begins with: the numbers of [`random`](super::random),
    /// and who is polled first in a race. Default: 0; under the real clock, which
    /// repeats nothing anyway, `random` begins with something new in each run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// Who sees every scheduling event.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.settings.observer = Some(Box::new(observer));
        self
    }

    /// Who gets reports about code that misbehaves. Default: standard error.
    #[must_use]
    pub fn on_report(mut self, hook: impl FnMut(&Report) + 'static) -> Self {
        self.settings.hook = Some(Box::new(hook));
        self
    }

    /// Reports polls of at least this length. Default: 100 ms in debug builds, off
    /// (`None`) in release builds.
    #[must_use]
    pub fn slow_poll(mut self, threshold: impl Into<Option<Duration>>) -> Self {
        self.settings.slow_poll = threshold.into();
        self
    }

    /// Takes timestamps around each poll, so that snapshots know the time used.
    #[must_use]
    pub fn measure(mut self, on: bool) -> Self {
        self.settings.measure = on;
        self
    }

    /// How long a loop that only another thread could wake waits before it
    /// reports itself as stuck, once. Default 1 s; `None` never reports.
    #[must_use]
    pub fn stuck_after(mut self, patience: impl Into<Option<Duration>>) -> Self {
        self.settings.stuck_after = patience.into();
        self
    }

    /// Whether that report is also the end: `try_block_on` then returns it.
    #[must_use]
    pub fn end_when_stuck(mut self, end: bool) -> Self {
        self.settings.stuck_ends = end;
        self
    }

    /// How long a runnable task may be passed over, while more than twice as many
    /// other polls run as there are live tasks, before its policy is reported.
    /// Default 1 s; `None` never reports.
    #[must_use]
    pub fn passed_over_after(mut self, patience: impl Into<Option<Duration>>) -> Self {
        self.settings.passed_over_after = patience.into();
        self
    }

    /// Whether that report also ends the policy's service: a FIFO takes over.
    /// Default: no.
    #[must_use]
    pub fn retire_unfair_policy(mut self, retire: bool) -> Self {
        self.settings.retire_unfair = retire;
        self
    }

    /// How many threads `spawn_blocking` may use, at least 1. Default 32.
    #[must_use]
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.settings.pool.threads = threads.max(1);
        self
    }

    /// How long the drop of the runtime waits for blocking jobs that run. Default
    /// 500 ms; then their threads are detached.
    #[must_use]
    pub fn blocking_grace(mut self, grace: Duration) -> Self {
        self.settings.pool.grace = grace;
        self
    }

    /// How long a blocking thread without a job stays. Default 10 s.
    #[must_use]
    pub fn blocking_idle(mut self, idle: Duration) -> Self {
        self.settings.pool.idle = idle;
        self
    }
}

impl<P: Policy + 'static> Builder<P> {
    /// Makes the loop.
    ///
    /// # Errors
    /// When the system refuses a selector (out of descriptors).
    pub fn build(self) -> io::Result<Runtime<P>> {
        let Self { policy, settings } = self;
        let swappable = TypeId::of::<P>() == TypeId::of::<Box<dyn Policy>>();
        let seed = match settings.seed {
            Some(seed) => seed,
            None if settings.virtual_clock => 0,
            // The keys of a hasher are the system's randomness.
            None => RandomState::new().build_hasher().finish(),
        };
        let state = loop_state(&settings, seed, swappable)?;
        state.reporter.set(settings.hook);
        let watched = settings.measure
            || settings.virtual_clock
            || settings.slow_poll.is_some()
            || settings.observer.is_some();
        // A new loop starts over, so that two runs on one thread are alike.
        crate::rotation::restart(settings.seed.unwrap_or(0) as usize);
        let (patience, retires) = (settings.passed_over_after, settings.retire_unfair);
        let watchdog = Watchdog::new(patience, retires, &state.clock);
        let custody = Custody::new(policy, Rc::clone(&state));
        // Last, when nothing of the user's can panic any more.
        current::announce(state.id, Arc::clone(&state.mailbox));
        state.measured.set(watched || custody.is_timed());
        Ok(Runtime {
            now: state.started,
            state,
            custody,
            observer: settings.observer,
            pacing: settings.pacing,
            budget: settings.budget,
            slow_poll: settings.slow_poll,
            watched,
            stuck_after: settings.stuck_after,
            stuck_ends: settings.stuck_ends,
            stuck_reported: false,
            watchdog,
            polls: 0,
            tasks_done: 0,
            wakers: Vec::new(),
            mail: Vec::with_capacity(mailbox::FIRST),
        })
    }
}

/// Everything the loop owns besides its policy and its observer, in its first
/// state.
fn loop_state(settings: &Settings, seed: u64, swappable: bool) -> io::Result<Rc<LoopState>> {
    let (reactor, bell) = Reactor::new()?;
    let clock = if settings.virtual_clock {
        Clock::virtual_time()
    } else {
        Clock::real()
    };
    let (id, now, mailbox) = (
        current::new_loop_id(),
        clock.now(),
        Arc::new(Mailbox::new(bell)),
    );
    Ok(Rc::new(LoopState {
        id,
        clock,
        started: now,
        never: clock::never(now),
        table: Rc::new(TaskTable::new(id, Arc::clone(&mailbox))),
        timers: RefCell::new(Timers::new(now)),
        reactor: RefCell::new(reactor),
        mailbox,
        handles: Arc::new(()),
        reporter: Reporter::default(),
        stats: Cell::new(Stats::default()),
        schedule: Cell::new(ScheduleHash::EMPTY),
        next_policy: RefCell::new(None),
        swappable,
        outside: OnceCell::new(),
        pool_limits: settings.pool,
        chance: RefCell::new(SplitMix::new(seed)),
        measured: Cell::new(false),
        left_woken: Cell::new(NONE_WOKEN),
    }))
}

impl<P> fmt::Debug for Builder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("pacing", &self.settings.pacing)
            .field("budget", &self.settings.budget)
            .field("virtual_clock", &self.settings.virtual_clock)
            .finish_non_exhaustive()
    }
}
