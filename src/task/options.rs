//! What a spawner may say about a task.
//!
//! Owns: `SpawnOptions`, the first content of a task's card.
//!
//! Absent on purpose: anything that the task cannot change later by its card.
//!
//! Read next: `ticket.rs`.

use super::info::{Deadline, Sched, Size};
use std::borrow::Cow;
use std::time::Instant;

/// What a spawner may say about a task. Everything has a default.
#[derive(Clone, Debug, Default)]
pub struct SpawnOptions {
    /// `None` while nothing was said: most tasks are plain.
    pub(super) attributes: Option<Box<Attributes>>,
}

/// What was said about a task.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    /// See [`SpawnOptions::name`].
    pub(super) name: Option<Cow<'static, str>>,
    /// See [`SpawnOptions::priority`].
    pub(super) priority: u32,
    /// See [`SpawnOptions::weight`].
    pub(super) weight: u32,
    /// See [`SpawnOptions::group`].
    pub(super) group: u32,
    /// See [`SpawnOptions::deadline`].
    pub(super) deadline: Deadline,
    /// See [`SpawnOptions::size`].
    pub(super) size: Size,
}

impl Attributes {
    /// All defaults.
    pub(super) const PLAIN: Self = Self {
        name: None,
        priority: 0,
        weight: 1,
        group: 0,
        deadline: Deadline::Never,
        size: Size::Unknown,
    };
}

impl Default for Attributes {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl SpawnOptions {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a card says now.
    pub(crate) fn of(card: &Sched) -> Self {
        card.options()
    }

    fn say(mut self, what: impl FnOnce(&mut Attributes)) -> Self {
        what(self.attributes.get_or_insert_default());
        self
    }

    /// What reports and traces call the task.
    #[must_use]
    pub fn name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.say(|attributes| attributes.name = Some(name.into()))
    }

    /// Larger is more urgent. Default 0.
    #[must_use]
    pub fn priority(self, priority: u32) -> Self {
        self.say(|attributes| attributes.priority = priority)
    }

    /// The share under fair policies; 0 counts as 1. Default 1.
    #[must_use]
    pub fn weight(self, weight: u32) -> Self {
        self.say(|attributes| attributes.weight = weight.max(1))
    }

    /// Which group (host, tenant) the task belongs to. Default 0.
    #[must_use]
    pub fn group(self, group: u32) -> Self {
        self.say(|attributes| attributes.group = group)
    }

    /// When the task should be done. Default [`Deadline::Never`].
    #[must_use]
    pub fn deadline(self, deadline: Instant) -> Self {
        self.say(|attributes| attributes.deadline = Deadline::At(deadline))
    }

    /// How much work the task is. Default [`Size::Unknown`].
    #[must_use]
    pub fn size(self, size: u64) -> Self {
        self.say(|attributes| attributes.size = Size::Of(size))
    }
}
