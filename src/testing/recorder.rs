//! A recorder: every scheduling event of a loop as plain data.
//!
//! Owns: `Recorder`, the observer that goes into the loop and fills a `Recording`,
//! which the caller keeps.
//!
//! Laws: bounded, the events after the limit are counted and left out; an event
//! costs a push of 24 bytes and no allocation of its own; tasks are numbered in
//! the order in which they were first seen, so the same schedule gives the same
//! recording whatever slots the tasks had.
//!
//! Absent on purpose: what the events mean. See `recording.rs`.
//!
//! Read next: `runtime/observer.rs` for what is seen and when.

use super::recording::{Event, RecordedTask, Recording, What, Why};
use crate::policy::{Cause, Deadline, End, Sched, TaskId};
use crate::runtime::Observer;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The observer that fills a [`Recording`].
///
/// ```
/// use downbeat::{Runtime, testing::Recorder, time};
///
/// let (recorder, recording) = Recorder::new();
/// let mut runtime = Runtime::builder().virtual_clock().observer(recorder).build()?;
/// runtime.block_on(async { time::sleep(std::time::Duration::from_millis(3)).await });
/// let lines = recording.borrow().lines();
/// assert_eq!(
///     lines,
///     ["spawn root", "poll root, waits", "wait 3ms", "timer wakes root", "poll root, done"]
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    /// Shared with the caller.
    recording: Rc<RefCell<Recording>>,
    /// The most events it writes.
    limit: usize,
    /// The zero of all times.
    began: Option<Instant>,
    /// Per slot of the table: the generation and the number of its last tenant.
    slots: Vec<Option<(u32, u32)>>,
    /// Tasks registered so far; more than the recording holds once it was taken.
    registered: usize,
    /// The task polled last. Its slot may have a new tenant when what it woke is
    /// announced, and most causes name it.
    last: Option<(TaskId, u32)>,
    /// The task whose last poll has just ended.
    done: Option<TaskId>,
    /// Events that came while the caller looked at the recording.
    missed: u64,
}

/// The default limit: 24 MiB of events.
const LIMIT: usize = 1 << 20;

impl Recorder {
    /// A recorder, for [`Builder::observer`](crate::runtime::Builder::observer), and
    /// what it will have written, at most 1,048,576 events.
    ///
    /// Take a finished recording with `recording.take()`. One that is borrowed
    /// while the loop runs misses events, which it counts.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> (Self, Rc<RefCell<Recording>>) {
        Self::with_limit(LIMIT)
    }

    /// [`Recorder::new`] for at most so many events.
    pub fn with_limit(events: usize) -> (Self, Rc<RefCell<Recording>>) {
        let recording = Rc::default();
        let recorder = Self {
            recording: Rc::clone(&recording),
            limit: events,
            began: None,
            slots: Vec::new(),
            registered: 0,
            last: None,
            done: None,
            missed: 0,
        };
        (recorder, recording)
    }

    /// Writes one event; `what` gets the number of `task`.
    #[inline]
    fn write(&mut self, at: Instant, task: Option<&Sched>, what: impl FnOnce(&Self, u32) -> What) {
        let shared = Rc::clone(&self.recording);
        let Ok(mut recording) = shared.try_borrow_mut() else {
            self.missed += 1;
            return;
        };
        recording.left_out += std::mem::take(&mut self.missed);
        if recording.events.len() >= self.limit {
            recording.left_out += 1;
            return;
        }
        let number = task.map_or(0, |task| self.number(&mut recording, task));
        let at = self.since_start(at);
        let what = what(self, number);
        recording.events.push(Event { at, what });
    }

    /// The number of a task; a new one is registered.
    #[inline]
    fn number(&mut self, recording: &mut Recording, task: &Sched) -> u32 {
        if recording.tasks.len() < self.registered {
            self.forget_tasks(); // The caller has taken the recording.
        }
        let id = task.id();
        self.known(id)
            .unwrap_or_else(|| self.register(recording, task, id))
    }

    /// The number of a task that was seen before.
    #[inline]
    fn known(&self, id: TaskId) -> Option<u32> {
        if let Some((last, number)) = self.last
            && last == id
        {
            return Some(number);
        }
        let (generation, number) = (*self.slots.get(id.index as usize)?)?;
        (generation == id.generation).then_some(number)
    }

    #[cold]
    fn register(&mut self, recording: &mut Recording, task: &Sched, id: TaskId) -> u32 {
        let number = recording.tasks.len() as u32;
        let slot = id.index as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        self.slots[slot] = Some((id.generation, number));
        recording.tasks.push(RecordedTask {
            id,
            name: task.name(),
            site: task.site(),
            weight: task.weight(),
            priority: task.priority(),
            group: task.group(),
            size: task.size(),
            deadline: match task.deadline() {
                Deadline::At(at) => Some(self.since_start(at)),
                Deadline::Never => None,
            },
        });
        self.registered = recording.tasks.len();
        number
    }

    #[cold]
    fn forget_tasks(&mut self) {
        self.slots.clear();
        self.registered = 0;
        self.last = None;
    }

    fn since_start(&self, at: Instant) -> u64 {
        let since = self
            .began
            .map_or(Duration::ZERO, |began| at.saturating_duration_since(began));
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn why(&self, cause: Cause) -> Why {
        match cause {
            Cause::Spawn(by) => Why::Spawn(by.and_then(|by| self.known(by))),
            Cause::Task(by) => Why::Task(self.known(by)),
            Cause::Io => Why::Io,
            Cause::Timer => Why::Timer,
            Cause::Yield => Why::Yield,
            Cause::Thread => Why::Thread,
            Cause::Moved => Why::Moved,
        }
    }
}

impl Observer for Recorder {
    fn loop_started(&mut self, at: Instant) {
        self.began.get_or_insert(at);
        self.write(at, None, |_, _| What::Started);
    }

    fn task_runnable(&mut self, task: &Sched, cause: Cause, at: Instant) {
        // The cause first: a new task may have the slot of the one that spawned it.
        let why = self.why(cause);
        self.write(at, Some(task), |_, task| What::Ready { task, why });
    }

    fn poll_started(&mut self, task: &Sched, at: Instant) {
        let id = task.id();
        let mut polled = None;
        self.write(at, Some(task), |_, task| {
            polled = Some((id, task));
            What::Polling { task }
        });
        self.last = polled;
    }

    fn poll_ended(&mut self, task: &Sched, _: Duration, end: End, at: Instant) {
        self.done = (end == End::Done).then(|| task.id());
        self.write(at, Some(task), |_, task| What::Polled { task, end });
    }

    fn task_done(&mut self, task: &Sched, at: Instant) {
        // After its last poll this says nothing new.
        if self.done.take() != Some(task.id()) {
            self.write(at, Some(task), |_, task| What::Cancelled { task });
        }
    }

    fn before_wait(&mut self, _: Option<Instant>, at: Instant) {
        self.write(at, None, |_, _| What::Waiting);
    }

    fn after_wait(&mut self, at: Instant) {
        self.write(at, None, |_, _| What::Woke);
    }

    fn loop_ended(&mut self, at: Instant) {
        self.write(at, None, |_, _| What::Stopped);
    }
}

#[cfg(test)]
mod tests;
