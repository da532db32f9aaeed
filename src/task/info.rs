//! What is known about a task: its name and its scheduling card.
//!
//! Owns: `TaskId`, the name; `Sched`, the card that policies read and charge;
//! `TaskLabel`, how reports name a task.
//!
//! Laws: T4, a name goes stale, never wrong. A card cannot be made, cloned or
//! swapped by users: its id and the runtime's counters are read-only.
//!
//! Absent on purpose: the future. A policy ranks a task without touching it.
//!
//! Read next: `options.rs`.

use super::options::SpawnOptions;
use super::slot::Life;
use super::ticket::Home;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The name of a task on its loop: a place in the table and a generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The place in the table.
    pub(crate) index: u32,
    /// How many tasks lived there before.
    pub(crate) generation: u32,
}

/// When a task should be done. Absent deadlines order last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// At this instant.
    At(Instant),
    /// No deadline: after every instant.
    Never,
}

/// How much work a task is. Unknown sizes order last.
///
/// The unit is the spawner's choice; the shipped policies that compare it with
/// time used (least slack, shortest remaining) read it as nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// This much.
    Of(u64),
    /// Not known: larger than everything known.
    Unknown,
}

/// The scheduling card of a task: what a policy may know and keep about it.
///
/// The card travels with the task's ticket; the table keeps a second pointer to
/// it. All setters take effect at the task's next wake (a policy ranks a ticket
/// when it is enqueued).
pub struct Sched {
    /// Set when the card gets its tenant.
    id: Cell<TaskId>,
    /// Larger is more urgent.
    priority: Cell<u32>,
    /// The share of a fair policy.
    weight: Cell<u32>,
    /// Which group (host, tenant) the task belongs to.
    group: Cell<u32>,
    /// How often it was polled.
    polls: Cell<u64>,
    /// When it became runnable.
    ready_at: Cell<Instant>,
    /// Time in polls, as far as it was measured.
    used: Cell<Duration>,
    /// When it should be done.
    deadline: Cell<Deadline>,
    /// How much work it is.
    size: Cell<Size>,
    /// First word of the policy.
    key: Cell<u64>,
    /// Second word of the policy.
    tag: Cell<u64>,
    /// Where it was spawned.
    site: Cell<&'static Location<'static>>,
    /// What the spawner calls it.
    name: RefCell<Option<Cow<'static, str>>>,
    /// Where a dropped ticket goes.
    pub(super) home: Rc<Home>,
    /// The task itself, for the table's eyes only.
    pub(super) life: Life,
}

/// How reports name a task.
#[derive(Clone)]
pub struct TaskLabel {
    /// The task.
    pub id: TaskId,
    /// What its spawner called it.
    pub name: Option<String>,
    /// Where it was spawned.
    pub site: &'static Location<'static>,
}

impl Sched {
    /// A card for `id`.
    pub(super) fn new(
        id: TaskId,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
        home: Rc<Home>,
        life: Life,
    ) -> Self {
        Self {
            id: Cell::new(id),
            priority: Cell::new(options.priority),
            weight: Cell::new(options.weight),
            group: Cell::new(options.group),
            polls: Cell::new(0),
            ready_at: Cell::new(now),
            used: Cell::new(Duration::ZERO),
            deadline: Cell::new(options.deadline),
            size: Cell::new(options.size),
            key: Cell::new(0),
            tag: Cell::new(0),
            site: Cell::new(site),
            name: RefCell::new(options.name),
            home,
            life,
        }
    }

    /// A card for something else than a task: a waiter of a gate, a group.
    pub(crate) fn of_waiter(
        id: TaskId,
        options: SpawnOptions,
        site: &'static Location<'static>,
        now: Instant,
        home: Rc<Home>,
    ) -> Self {
        Self::new(id, options, site, now, home, Life::new(None))
    }

    /// A second card with the same content, for a waiter whose ticket is lost.
    pub(crate) fn copy_of_waiter(&self) -> Self {
        self.copy(Rc::clone(&self.home), Life::new(None))
    }

    /// Makes the card of a finished task the card of a new one.
    pub(crate) fn relabel(
        &self,
        id: TaskId,
        options: SpawnOptions,
        site: &'static Location<'static>,
    ) {
        self.id.set(id);
        self.priority.set(options.priority);
        self.weight.set(options.weight);
        self.group.set(options.group);
        self.polls.set(0);
        self.used.set(Duration::ZERO);
        self.deadline.set(options.deadline);
        self.size.set(options.size);
        self.key.set(0);
        self.tag.set(0);
        self.site.set(site);
        // The old name is a `Cow<str>`: dropping it runs no user code.
        *self.name.borrow_mut() = options.name;
    }

    /// A second card with the same content, for a task whose ticket is lost.
    pub(super) fn copy(&self, home: Rc<Home>, life: Life) -> Self {
        Self {
            id: self.id.clone(),
            priority: self.priority.clone(),
            weight: self.weight.clone(),
            group: self.group.clone(),
            polls: self.polls.clone(),
            ready_at: self.ready_at.clone(),
            used: self.used.clone(),
            deadline: self.deadline.clone(),
            size: self.size.clone(),
            key: self.key.clone(),
            tag: self.tag.clone(),
            site: self.site.clone(),
            name: self.name.clone(),
            home,
            life,
        }
    }

    /// The task's name on its loop.
    #[inline]
    pub fn id(&self) -> TaskId {
        self.id.get()
    }

    /// What the spawner called it.
    pub fn name(&self) -> Option<Cow<'static, str>> {
        self.name.borrow().clone()
    }

    /// Where it was spawned.
    pub fn site(&self) -> &'static Location<'static> {
        self.site.get()
    }

    /// Its priority; larger is more urgent. Default 0.
    pub fn priority(&self) -> u32 {
        self.priority.get()
    }

    /// Its share under fair policies, at least 1. Default 1.
    pub fn weight(&self) -> u32 {
        self.weight.get()
    }

    /// Its group. Default 0.
    pub fn group(&self) -> u32 {
        self.group.get()
    }

    /// When it should be done.
    pub fn deadline(&self) -> Deadline {
        self.deadline.get()
    }

    /// How much work it is.
    pub fn size(&self) -> Size {
        self.size.get()
    }

    /// When it became runnable; the beginning of that turn where no clock runs.
    pub fn ready_at(&self) -> Instant {
        self.ready_at.get()
    }

    /// Time spent in its polls, as far as clocks ran.
    pub fn used(&self) -> Duration {
        self.used.get()
    }

    /// How many of its polls have ended.
    pub fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// The policy's first word; 0 for a new task and after a change of policy.
    pub fn key(&self) -> u64 {
        self.key.get()
    }

    /// The policy's second word; 0 for a new task and after a change of policy.
    pub fn tag(&self) -> u64 {
        self.tag.get()
    }

    /// Changes the priority.
    pub fn set_priority(&self, priority: u32) {
        self.priority.set(priority);
    }

    /// Changes the share; 0 counts as 1.
    pub fn set_weight(&self, weight: u32) {
        self.weight.set(weight.max(1));
    }

    /// Changes the group.
    pub fn set_group(&self, group: u32) {
        self.group.set(group);
    }

    /// Changes the deadline.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.deadline.set(deadline);
    }

    /// Changes the size.
    pub fn set_size(&self, size: Size) {
        self.size.set(size);
    }

    /// Changes the policy's first word.
    pub fn set_key(&self, key: u64) {
        self.key.set(key);
    }

    /// Changes the policy's second word.
    pub fn set_tag(&self, tag: u64) {
        self.tag.set(tag);
    }

    /// Notes when the task became runnable.
    #[inline]
    pub(crate) fn set_ready_at(&self, now: Instant) {
        self.ready_at.set(now);
    }

    /// Counts a poll.
    #[inline]
    pub(crate) fn count_poll(&self) {
        self.polls.set(self.polls.get() + 1);
    }

    /// Charges the time of a poll.
    pub(crate) fn charge(&self, took: Duration) {
        self.used.set(self.used.get().saturating_add(took));
    }
}

impl fmt::Debug for Sched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sched")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("priority", &self.priority())
            .field("weight", &self.weight())
            .field("group", &self.group())
            .field("polls", &self.polls())
            .finish_non_exhaustive()
    }
}

impl TaskLabel {
    /// The label of a card.
    pub(crate) fn of(sched: &Sched) -> Self {
        let name = sched.name().map(Cow::into_owned);
        Self {
            id: sched.id(),
            name,
            site: sched.site(),
        }
    }
}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, " ({}:{})", self.site.file(), self.site.line())
    }
}

impl fmt::Debug for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            0 => write!(f, "{}", self.index),
            generation => write!(f, "{}.{generation}", self.index),
        }
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
