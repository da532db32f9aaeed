//! The watchdog: names the tasks that a policy passes over.
//!
//! Owns: what the last scan of the table saw. A scan looks for runnable tasks that
//! were runnable in the scan before and were not polled since.
//!
//! Laws: a task is passed over when it has been ready for longer than the patience
//! while more than twice as many other polls ran as there are live tasks (by polls
//! alone where the policy keeps no clock), or were when it was first seen: those
//! before it in a fair order may have ended since. It is reported once per minute.
//! The policy stays unless the builder says otherwise.
//!
//! Absent on purpose: anything per poll. The turn compares two numbers; a scan
//! comes once per patience, under the virtual clock also after many polls, and takes
//! at most a twentieth of the time.
//!
//! Read next: `custody.rs`.

use super::Runtime;
use super::report::Report;
use super::state::LoopState;
use crate::clock::{self, Clock};
use crate::policy::Policy;
use crate::task::{Sched, TaskId, TaskLabel, TaskState};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Remembers who was runnable at the last scan.
pub(crate) struct Watchdog {
    /// How long is too long; `None` turns the watchdog off.
    patience: Option<Duration>,
    /// Whether a policy that passes tasks over is replaced by a FIFO.
    pub(super) retires: bool,
    /// When the next scan is due.
    next_scan: Instant,
    /// At which count of polls it is due, whatever the time.
    next_polls: u64,
    /// Who was runnable at the last scan.
    suspects: BTreeMap<TaskId, Suspect>,
    /// Who was reported, and when.
    reported: BTreeMap<TaskId, Instant>,
}

/// A task that was runnable at a scan.
#[derive(Clone, Copy)]
struct Suspect {
    /// How often it had been polled.
    polls: u64,
    /// How many polls the loop had done.
    seen_at: u64,
    /// How many tasks lived.
    live: u64,
}

/// Virtual time may stand still for ever: scan after so many polls too.
const POLLS_PER_SCAN: u64 = 1 << 16;
/// A task is reported again after this time.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
/// Reports per scan; the others wait for the next one.
const REPORTS_PER_SCAN: usize = 8;

impl Watchdog {
    /// A watchdog with this patience.
    pub(super) fn new(patience: Option<Duration>, retires: bool, clock: &Clock) -> Self {
        let by_polls = patience.is_some() && clock.is_virtual();
        Self {
            patience,
            retires,
            next_scan: clock::instant_after(clock.now(), patience.unwrap_or(Duration::MAX)),
            next_polls: if by_polls { POLLS_PER_SCAN } else { u64::MAX },
            suspects: BTreeMap::new(),
            reported: BTreeMap::new(),
        }
    }

    /// Whether a scan is due: two comparisons per turn.
    #[inline]
    pub(super) fn is_due(&self, now: Instant, polls: u64) -> bool {
        now >= self.next_scan || polls >= self.next_polls
    }

    /// Looks at all tasks; returns the ones passed over, with the number of other
    /// polls that ran meanwhile.
    fn scan(
        &mut self,
        state: &LoopState,
        now: Instant,
        polls: u64,
        timed: bool,
    ) -> Vec<(TaskLabel, Duration, u64)> {
        let Some(patience) = self.patience else {
            return Vec::new();
        };
        let began = state.clock.now();
        let before = std::mem::take(&mut self.suspects);
        self.reported
            .retain(|_, at| now.saturating_duration_since(*at) < REPEAT_AFTER);
        let (mut live, mut late) = (0, Vec::new());
        state.table.for_each_live(|_, _| live += 1);
        state.table.for_each_live(|task: &Sched, what| {
            if what != TaskState::Runnable {
                return;
            }
            let suspect = Suspect::seen(&before, task, polls, live);
            self.suspects.insert(task.id(), suspect);
            let ready_for = now.saturating_duration_since(task.ready_at());
            let others = polls - suspect.seen_at;
            if (ready_for > patience || !timed) && others > 2 * live.max(suspect.live) {
                late.push((task.id(), ready_for, others));
            }
        });
        self.next_scan = next_scan(patience, began, state.clock.now());
        if state.clock.is_virtual() {
            self.next_polls = polls + POLLS_PER_SCAN.max(4 * live);
        }
        late.retain(|(id, ..)| !self.reported.contains_key(id));
        late.truncate(REPORTS_PER_SCAN);
        for (id, ..) in &late {
            self.reported.insert(*id, now);
        }
        let label = |(id, ready_for, others)| (state.label(id), ready_for, others);
        late.into_iter().map(label).collect()
    }
}

/// When to scan again: after the patience, and after nineteen times what the scan took.
// WHY NOT a patience after the turn's beginning: a scan of very many tasks on a busy
// machine can take longer than that, and then each turn would scan.
fn next_scan(patience: Duration, began: Instant, ended: Instant) -> Instant {
    let took = ended.saturating_duration_since(began);
    clock::instant_after(ended, patience.max(took.saturating_mul(19)))
}

impl Suspect {
    /// What is known about a runnable task: what was, unless it has been polled since.
    fn seen(before: &BTreeMap<TaskId, Self>, task: &Sched, seen_at: u64, live: u64) -> Self {
        let polls = task.polls();
        let old = before.get(&task.id()).filter(|old| old.polls == polls);
        old.copied().unwrap_or(Self {
            polls,
            seen_at,
            live,
        })
    }
}

impl<P: Policy + 'static> Runtime<P> {
    /// Scans if it is time to.
    #[inline]
    pub(super) fn watch(&mut self) {
        if self.watchdog.is_due(self.now, self.polls) {
            self.watch_now();
        }
    }

    #[cold]
    fn watch_now(&mut self) {
        let timed = self.custody.is_timed();
        let late = self.watchdog.scan(&self.state, self.now, self.polls, timed);
        if late.is_empty() {
            return;
        }
        let policy = self.custody.name();
        for (task, ready_for, others) in late {
            let policy = policy.clone();
            self.state.report(&Report::PassedOver {
                policy,
                task,
                ready_for,
                others,
            });
        }
        if self.watchdog.retires {
            self.custody.dismiss(policy);
        }
    }
}
