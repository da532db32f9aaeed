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

use super::options::{Attributes, SpawnOptions};
use super::slot::Life;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

/// The name of a task on its loop: a place in the table and a generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// The place in the table.
    pub(crate) index: u32,
    /// How many tasks lived there before.
    pub(crate) generation: u32,
}

impl TaskId {
    /// The name of a task that was refused: there is no such place.
    pub(super) const REFUSED: Self = Self {
        index: u32::MAX,
        generation: 0,
    };
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
/// The task's ticket points at it. All setters take effect at the task's next wake (a
/// policy ranks a ticket when it is enqueued).
pub struct Sched {
    /// The name of the tenant, or of the next one.
    id: Cell<TaskId>,
    /// How often it was polled.
    polls: Cell<u64>,
    /// When it became runnable.
    ready_at: Cell<Instant>,
    /// Nanoseconds in polls, as far as they were measured.
    used: Cell<u64>,
    /// First word of the policy.
    key: Cell<u64>,
    /// Second word of the policy.
    tag: Cell<u64>,
    /// Where it was spawned.
    site: Cell<&'static Location<'static>>,
    /// What was said about it; most say nothing.
    attributes: Cell<Option<Box<Attributes>>>,
    /// The task itself, for the table's eyes only.
    pub(super) life: Life,
}

// As many as there are tasks: no padding, and no field unnoticed.
const _: () = assert!(size_of::<Sched>() == 144);

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
    /// A card without a tenant.
    pub(super) fn blank(id: TaskId, now: Instant) -> Self {
        Self {
            id: Cell::new(id),
            polls: Cell::new(0),
            ready_at: Cell::new(now),
            used: Cell::new(0),
            key: Cell::new(0),
            tag: Cell::new(0),
            site: Cell::new(Location::caller()),
            attributes: Cell::new(None),
            life: Life::default(),
        }
    }

    /// Makes the card that of a new tenant.
    #[inline]
    pub(crate) fn label(&self, options: SpawnOptions, site: &'static Location<'static>) {
        self.polls.set(0);
        self.used.set(0);
        self.key.set(0);
        self.tag.set(0);
        self.site.set(site);
        // The old name is a `Cow<str>`: dropping it runs no user code.
        self.attributes.set(options.attributes);
    }

    /// Names the tenant, where the place does not.
    pub(super) fn rename(&self, id: TaskId) {
        self.id.set(id);
    }

    /// LAW T4: the name of the place's next tenant; false if there will be none.
    #[inline]
    pub(super) fn next_generation(&self) -> bool {
        let TaskId { index, generation } = self.id.get();
        let next = generation.checked_add(1);
        if let Some(generation) = next {
            self.id.set(TaskId { index, generation });
        }
        next.is_some()
    }

    /// The number of the ticket that counts.
    #[inline]
    pub(super) fn issue(&self) -> u32 {
        self.life.issue.get()
    }

    /// Voids the ticket that counts; returns the number of its successor.
    pub(super) fn next_issue(&self) -> u32 {
        self.life.issue.set(self.life.issue.get().wrapping_add(1));
        self.life.issue.get()
    }

    /// What was said about the task, in a copy.
    pub(super) fn options(&self) -> SpawnOptions {
        let attributes = self.with_attributes(|attributes| attributes.clone());
        SpawnOptions { attributes }
    }

    /// Looks at what was said about the task; all defaults if nothing was.
    fn attribute<T>(&self, look: impl FnOnce(&Attributes) -> T) -> T {
        self.with_attributes(|attributes| match attributes {
            Some(attributes) => look(attributes),
            None => look(&Attributes::PLAIN),
        })
    }

    /// Says something else about the task.
    fn set_attribute(&self, change: impl FnOnce(&mut Attributes)) {
        self.with_attributes(|attributes| change(attributes.get_or_insert_default()));
    }

    #[inline]
    fn with_attributes<T>(&self, act: impl FnOnce(&mut Option<Box<Attributes>>) -> T) -> T {
        let mut attributes = self.attributes.take();
        let result = act(&mut attributes);
        self.attributes.set(attributes);
        result
    }

    /// The task's name on its loop.
    #[inline]
    pub fn id(&self) -> TaskId {
        self.id.get()
    }

    /// What the spawner called it.
    pub fn name(&self) -> Option<Cow<'static, str>> {
        self.attribute(|attributes| attributes.name.clone())
    }

    /// Where it was spawned.
    pub fn site(&self) -> &'static Location<'static> {
        self.site.get()
    }

    /// Its priority; larger is more urgent. Default 0.
    pub fn priority(&self) -> u32 {
        self.attribute(|attributes| attributes.priority)
    }

    /// Its share under fair policies, at least 1. Default 1.
    pub fn weight(&self) -> u32 {
        self.attribute(|attributes| attributes.weight)
    }

    /// Its group. Default 0.
    pub fn group(&self) -> u32 {
        self.attribute(|attributes| attributes.group)
    }

    /// When it should be done.
    pub fn deadline(&self) -> Deadline {
        self.attribute(|attributes| attributes.deadline)
    }

    /// How much work it is.
    pub fn size(&self) -> Size {
        self.attribute(|attributes| attributes.size)
    }

    /// When it became runnable; the beginning of that turn where no clock runs.
    pub fn ready_at(&self) -> Instant {
        self.ready_at.get()
    }

    /// Time spent in its polls, as far as clocks ran.
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.used.get())
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
        self.set_attribute(|attributes| attributes.priority = priority);
    }

    /// Changes the share; 0 counts as 1.
    pub fn set_weight(&self, weight: u32) {
        self.set_attribute(|attributes| attributes.weight = weight.max(1));
    }

    /// Changes the group.
    pub fn set_group(&self, group: u32) {
        self.set_attribute(|attributes| attributes.group = group);
    }

    /// Changes the deadline.
    pub fn set_deadline(&self, deadline: Deadline) {
        self.set_attribute(|attributes| attributes.deadline = deadline);
    }

    /// Changes the size.
    pub fn set_size(&self, size: Size) {
        self.set_attribute(|attributes| attributes.size = size);
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
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
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
