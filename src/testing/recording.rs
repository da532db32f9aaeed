//! A recording: what happened on a loop, as plain data and as lines of text.
//!
//! Owns: `Recording`, the tasks and events in order, and the words for them.
//!
//! Laws: tasks are places in the recording's own list, never slots or addresses, so the
//! same schedule reads the same in every run.
//!
//! Absent on purpose: any analysis. Who wants pictures or numbers reads the events.
//!
//! Read next: `recorder.rs`, the observer that writes it.

use crate::policy::{End, Size, TaskId};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::Location;
use std::time::Duration;

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

/// Why a task became runnable: [`Cause`](crate::policy::Cause) with places instead of names. `None` is
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
