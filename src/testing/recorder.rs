//! A recorder: every scheduling event of a loop as plain data.
//!
//! Owns: `Recorder`, the observer that goes into the loop, and `Recording`, what
//! it wrote, which the caller keeps.
//!
//! Laws: bounded, the events after the limit are counted and left out; an event
//! costs a push of 24 bytes and no allocation of its own; tasks are numbered in
//! the order in which they were first seen, so the same schedule gives the same
//! recording whatever slots the tasks had.
//!
//! Absent on purpose: any analysis. Who wants pictures or numbers reads the events.
//!
//! Read next: `runtime/observer.rs` for what is seen and when.

use crate::policy::{Cause, Deadline, End, Sched, Size, TaskId};
use crate::runtime::Observer;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What happened on a loop, in order.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The tasks, in the order in which they were first seen. Events name them by
    /// their place here.
    pub tasks: Vec<RecordedTask>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// How many later events the limit left out.
    pub left_out: u64,
}

/// What a recording knows of a task, as of its first event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedTask {
    /// Its name on its loop.
    pub id: TaskId,
    /// What its spawner called it.
    pub name: Option<Cow<'static, str>>,
    /// Where it was spawned.
    pub site: &'static Location<'static>,
    /// Its share under fair policies.
    pub weight: u32,
    /// Its priority; larger is more urgent.
    pub priority: u32,
    /// Its group.
    pub group: u32,
    /// How much work it is.
    pub size: Size,
    /// When it should be done, in nanoseconds since the recording began; `None`
    /// where it has no deadline.
    pub deadline: Option<u64>,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds since the first `block_on` began.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happened. Tasks are places in [`Recording::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `block_on` began.
    Started,
    /// A task became runnable.
    Ready {
        /// Which.
        task: u32,
        /// Why.
        why: Why,
    },
    /// A poll began.
    Polling {
        /// Of which task.
        task: u32,
    },
    /// A poll ended.
    Polled {
        /// Of which task.
        task: u32,
        /// How.
        end: End,
    },
    /// A task ended otherwise than by its own last poll.
    Cancelled {
        /// Which.
        task: u32,
    },
    /// The loop began to wait.
    Waiting,
    /// The wait was over.
    Woke,
    /// `block_on` ended.
    Stopped,
}

/// Why a task became runnable: [`Cause`] with places instead of names. `None` is
/// nobody, or a task that the recording never saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is new; the task that spawned it.
    Spawn(Option<u32>),
    /// This task woke it, while it ran or by its end.
    Task(Option<u32>),
    /// A source it waited for was ready.
    Io,
    /// Its timer was due.
    Timer,
    /// It woke itself while it ran.
    Yield,
    /// Another thread woke it.
    Thread,
    /// It came from another policy, or from one that lost it, or the loop itself woke it.
    Moved,
}

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

impl Recording {
    /// What to call each task: its name, `name#number` where several have it, and
    /// `tasknumber` where it has none.
    pub fn labels(&self) -> Vec<String> {
        let mut namesakes: BTreeMap<&str, u32> = BTreeMap::new();
        for name in self.tasks.iter().filter_map(|task| task.name.as_deref()) {
            *namesakes.entry(name).or_default() += 1;
        }
        let label = |(number, task): (usize, &RecordedTask)| match task.name.as_deref() {
            Some(name) if namesakes.get(name) == Some(&1) => name.to_owned(),
            Some(name) => format!("{name}#{number}"),
            None => format!("task{number}"),
        };
        self.tasks.iter().enumerate().map(label).collect()
    }

    /// The trace as text, a line per poll, wait and wake, for tests that hold a
    /// schedule against what it should be. Durations only where time passed.
    pub fn lines(&self) -> Vec<String> {
        let labels = self.labels();
        let label = |task: u32| labels.get(task as usize).map_or("?", String::as_str);
        let mut lines = Vec::new();
        let (mut poll_began, mut wait_began) = (0, 0);
        for event in &self.events {
            match event.what {
                What::Started | What::Stopped => {}
                What::Polling { .. } => poll_began = event.at,
                What::Waiting => wait_began = event.at,
                What::Woke => lines.push(format!("wait{}", took(wait_began, event.at))),
                What::Polled { task, end } => {
                    let how = match end {
                        End::Yield => "yields",
                        End::Wait => "waits",
                        End::Done => "done",
                    };
                    let took = took(poll_began, event.at);
                    lines.push(format!("poll {}{took}, {how}", label(task)));
                }
                What::Cancelled { task } => lines.push(format!("cancel {}", label(task))),
                What::Ready { task, why } => lines.extend(ready_line(label, task, why)),
            }
        }
        lines
    }
}

/// Why a task became runnable, as a line; a yield was said by its poll.
fn ready_line<'a>(label: impl Fn(u32) -> &'a str, task: u32, why: Why) -> Option<String> {
    let task = label(task);
    Some(match why {
        Why::Spawn(Some(by)) => format!("{} spawns {task}", label(by)),
        Why::Spawn(None) => format!("spawn {task}"),
        Why::Task(by) => format!("{} wakes {task}", by.map_or("a task", &label)),
        Why::Io => format!("I/O wakes {task}"),
        Why::Timer => format!("timer wakes {task}"),
        Why::Thread => format!("a thread wakes {task}"),
        Why::Moved => format!("the loop wakes {task}"),
        Why::Yield => return None,
    })
}

/// ` 3ms`, or nothing.
fn took(from: u64, to: u64) -> String {
    match to.saturating_sub(from) {
        0 => String::new(),
        nanos => format!(" {:?}", Duration::from_nanos(nanos)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;
    use crate::time::{sleep, work};
    use crate::{SpawnOptions, spawn, spawn_with, yield_now};

    const MS: Duration = Duration::from_millis(1);

    fn watched(limit: usize) -> (Runtime, Rc<RefCell<Recording>>) {
        let (recorder, recording) = Recorder::with_limit(limit);
        let builder = Runtime::builder().virtual_clock().observer(recorder);
        (builder.build().unwrap(), recording)
    }

    #[test]
    fn the_trace_says_who_ran_who_woke_whom_and_how_long() {
        let (mut runtime, recording) = watched(1000);
        runtime.block_on(async {
            let named = SpawnOptions::new().name("sleeper");
            let sleeper = spawn_with(async { sleep(3 * MS).await }, named);
            let worker = spawn(async {
                work(MS);
                yield_now().await;
                work(MS / 2);
            });
            worker.await.unwrap();
            sleeper.await.unwrap();
            let stuck = spawn(std::future::pending::<()>());
            yield_now().await;
            stuck.abort();
            assert!(stuck.await.unwrap_err().is_cancelled());
        });
        assert_eq!(
            recording.borrow().lines(),
            [
                "spawn root",
                "poll root, waits",
                "root spawns sleeper",
                "root spawns task2",
                "poll sleeper, waits",
                "poll task2 1ms, yields",
                "poll task2 500µs, done",
                "task2 wakes root",
                "poll root, waits",
                "wait 1.5ms",
                "timer wakes sleeper",
                "poll sleeper, done",
                "sleeper wakes root",
                "poll root, yields",
                "root spawns task3",
                "poll task3, waits",
                "poll root, waits",
                "cancel task3",
                "task3 wakes root",
                "poll root, done",
            ]
        );
    }

    #[test]
    fn what_the_limit_leaves_out_is_counted() {
        let (mut runtime, recording) = watched(10);
        runtime.block_on(async {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        let recording = recording.take();
        assert_eq!(recording.events.len(), 10);
        // Per poll a wake, a beginning and an end; and the loop's two.
        assert_eq!(recording.left_out, 101 * 3 + 2 - 10);
        assert_eq!(size_of::<Event>(), 24);
    }

    #[test]
    #[allow(clippy::await_holding_refcell_ref)] // That is what is tested.
    fn a_recording_may_be_taken_while_the_loop_goes_on() {
        let (mut runtime, recording) = watched(1000);
        let taken = runtime.block_on(async {
            spawn(async {}).await.unwrap();
            let taken = recording.take();
            spawn(async {}).await.unwrap();
            let _looking = recording.borrow();
            yield_now().await;
            taken
        });
        assert_eq!(taken.tasks.len(), 2);
        let rest = recording.take();
        let names: Vec<_> = rest.tasks.iter().map(|task| task.name.as_deref()).collect();
        assert_eq!(names, [Some("root"), None]);
        assert_eq!(rest.labels(), ["root", "task1"]);
        assert!(rest.left_out > 0, "events came while it was borrowed");
    }

    #[test]
    fn tasks_of_one_name_get_numbers_and_slots_are_not_names() {
        let (mut runtime, recording) = watched(1000);
        runtime.block_on(async {
            for _ in 0..3 {
                let options = SpawnOptions::new().name("twin").weight(3).group(7);
                spawn_with(async {}, options).await.unwrap();
            }
        });
        let recording = recording.take();
        assert_eq!(recording.labels(), ["root", "twin#1", "twin#2", "twin#3"]);
        assert_eq!(
            (recording.tasks[3].weight, recording.tasks[3].group),
            (3, 7)
        );
        assert!(recording.tasks[3].site.file().ends_with("recorder.rs"));
    }
}
