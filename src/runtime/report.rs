//! What the loop reports about code that misbehaves.
//!
//! Owns: `Report`, one message per kind of misbehaviour, and the hook that gets
//! them (standard error by default).
//!
//! Laws: a report never stops the loop; a hook that panics is replaced by the
//! default. The hook is called with nothing borrowed.
//!
//! Read next: `state.rs`.

use super::state::LoopState;
use crate::task::join::drop_caught;
use crate::task::{TaskLabel, TaskState};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// One thing that a task, a policy or an observer should not have done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {
    /// A task panicked and nobody will read its result.
    TaskPanicked {
        /// The task.
        task: TaskLabel,
        /// The panic's text.
        message: String,
    },
    /// A future, an output or a policy panicked in its `Drop`.
    DropPanicked {
        /// What was dropped.
        what: String,
        /// The panic's text.
        message: String,
    },
    /// A policy dropped tickets; the tasks run all the same.
    PolicyDropped {
        /// The policy.
        policy: String,
        /// Whose tickets.
        tasks: Vec<TaskLabel>,
    },
    /// A policy says it has nothing to run, but holds tickets (or forgot them).
    PolicyHoards {
        /// The policy.
        policy: String,
        /// Whose tickets.
        tasks: Vec<TaskLabel>,
    },
    /// A policy panicked; a FIFO took its place.
    PolicyPanicked {
        /// The policy.
        policy: String,
        /// The panic's text.
        message: String,
    },
    /// A policy turned tasks away; they are cancelled.
    PolicyShed {
        /// The policy.
        policy: String,
        /// Whose tickets.
        tasks: Vec<TaskLabel>,
    },
    /// A policy lets others go first again and again. Once per minute and task.
    PassedOver {
        /// The policy.
        policy: String,
        /// The task that waits.
        task: TaskLabel,
        /// Since when it is runnable.
        ready_for: Duration,
        /// How many other polls ran meanwhile, at least.
        others: u64,
    },
    /// A policy picked a ticket that another loop or gate issued, or one that was
    /// already replaced.
    WrongTicket {
        /// The policy.
        policy: String,
        /// What the ticket says.
        task: TaskLabel,
    },
    /// A poll took longer than the threshold; all other tasks waited.
    SlowPoll {
        /// The task.
        task: TaskLabel,
        /// How long the poll took.
        took: Duration,
    },
    /// Nothing will ever wake these tasks, unless some thread holds a waker.
    Stuck(Stuck),
    /// The observer panicked and was removed.
    ObserverPanicked {
        /// The panic's text.
        message: String,
    },
    /// A waker that is not ours panicked.
    WakerPanicked {
        /// The panic's text.
        message: String,
    },
}

/// The loop is stuck: nothing is runnable, and no timer, source, blocking job or
/// policy will change that.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// The tasks that wait for ever, in the order of their slots.
    pub tasks: Vec<StuckTask>,
}

/// One task of a stuck loop.
#[derive(Clone, Debug)]
pub struct StuckTask {
    /// The task.
    pub task: TaskLabel,
    /// What it does.
    pub state: TaskState,
    /// How often it was polled.
    pub polls: u64,
}

/// Who gets the reports.
#[derive(Default)]
pub(crate) struct Reporter {
    /// `None` for standard error, and while the hook runs.
    hook: RefCell<Option<Hook>>,
}

/// A user's report hook.
pub(crate) type Hook = Box<dyn FnMut(&Report)>;

impl Reporter {
    /// Takes the first hook; `None` for standard error.
    pub(crate) fn set(&self, hook: Option<Hook>) {
        *self.hook.borrow_mut() = hook;
    }

    /// Drops the hook; reports go to standard error from now on.
    pub(crate) fn close(&self) -> Result<(), String> {
        let hook = self.hook.borrow_mut().take();
        drop_caught(hook)
    }

    /// Delivers a report.
    #[cold]
    pub(crate) fn report(&self, report: &Report) {
        // LAW T5: the hook runs with nothing borrowed; a report made inside a
        // report goes to standard error.
        let taken = self.hook.borrow_mut().take();
        let Some(mut hook) = taken else {
            return to_stderr(format_args!("{report}"));
        };
        match catch_unwind(AssertUnwindSafe(|| hook(report))) {
            Ok(()) => *self.hook.borrow_mut() = Some(hook),
            Err(payload) => {
                drop(drop_caught(hook));
                drop(drop_caught(payload));
                to_stderr(format_args!(
                    "the report hook panicked and was removed; it got: {report}"
                ));
            }
        }
    }
}

/// Writes a line to standard error.
///
/// WHY NOT `eprintln!`: it panics when nobody reads, and a report never stops the loop.
pub(crate) fn to_stderr(text: fmt::Arguments<'_>) {
    // Nobody is left to be told.
    let _unread = writeln!(io::stderr(), "downbeat: {text}");
}

/// The most tasks that a sentence names.
const NAMED: usize = 10;

/// A list of labels, as a sentence has it.
fn list(labels: &[TaskLabel]) -> String {
    let named = labels.iter().take(NAMED).map(TaskLabel::to_string);
    let named = named.collect::<Vec<_>>().join(", ");
    match labels.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// What a policy did to tickets whose tasks run all the same.
fn rescued(policy: &str, did: &str, tasks: &[TaskLabel]) -> String {
    let tasks = list(tasks);
    format!("policy {policy} {did} the ticket of task {tasks}; the loop runs it all the same")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TaskPanicked { task, message } => {
                format!("task {task} panicked and nobody reads its result: {message}")
            }
            Self::DropPanicked { what, message } => {
                format!("{what} panicked while it was dropped: {message}")
            }
            Self::PolicyDropped { policy, tasks } => rescued(policy, "dropped", tasks),
            Self::PolicyHoards { policy, tasks } => {
                rescued(policy, "has nothing to run but keeps", tasks)
            }
            Self::PolicyPanicked { policy, message } => {
                format!("policy {policy} panicked, a FIFO takes its place: {message}")
            }
            Self::PolicyShed { policy, tasks } => {
                format!("policy {policy} turned away task {}", list(tasks))
            }
            Self::PassedOver {
                policy,
                task,
                ready_for,
                others,
            } => format!(
                "policy {policy} passes over task {task}: runnable for {ready_for:.1?} \
                 while {others} other polls ran"
            ),
            Self::WrongTicket { policy, task } => {
                format!("policy {policy} picked a ticket that is not valid here, of task {task}")
            }
            Self::SlowPoll { task, took } => format!(
                "task {task} kept the loop for {took:.1?} in one poll; \
                 every other task waited (see spawn_blocking)"
            ),
            Self::Stuck(stuck) => return stuck.fmt(f),
            Self::ObserverPanicked { message } => {
                format!("the observer panicked and was removed: {message}")
            }
            Self::WakerPanicked { message } => format!("a waker panicked: {message}"),
        };
        f.write_str(&text)
    }
}

impl Stuck {
    /// Who would wait for ever.
    pub(super) fn of(state: &LoopState) -> Self {
        let mut tasks = Vec::new();
        state.table.for_each_live(|sched, state| {
            let (task, polls) = (TaskLabel::of(sched), sched.polls());
            tasks.push(StuckTask { task, state, polls });
        });
        Self { tasks }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the loop is stuck: nothing is runnable and no timer, socket or thread of its own \
             will wake its {} task(s):",
            self.tasks.len()
        )?;
        for StuckTask { task, polls, .. } in &self.tasks {
            write!(f, "\n  task {task} waits after {polls} poll(s)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Stuck {}
