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
#[derive(Clone, Debug)]
pub struct SpawnOptions {
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

impl Default for SpawnOptions {
    fn default() -> Self {
        Self {
            name: None,
            priority: 0,
            weight: 1,
            group: 0,
            deadline: Deadline::Never,
            size: Size::Unknown,
        }
    }
}

impl SpawnOptions {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a card says now.
    pub(crate) fn of(card: &Sched) -> Self {
        Self {
            name: card.name(),
            priority: card.priority(),
            weight: card.weight(),
            group: card.group(),
            deadline: card.deadline(),
            size: card.size(),
        }
    }

    /// What reports and traces call the task.
    #[must_use]
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Larger is more urgent. Default 0.
    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// The share under fair policies; 0 counts as 1. Default 1.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight.max(1);
        self
    }

    /// Which group (host, tenant) the task belongs to. Default 0.
    #[must_use]
    pub fn group(mut self, group: u32) -> Self {
        self.group = group;
        self
    }

    /// When the task should be done. Default [`Deadline::Never`].
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Deadline::At(deadline);
        self
    }

    /// How much work the task is. Default [`Size::Unknown`].
    #[must_use]
    pub fn size(mut self, size: u64) -> Self {
        self.size = Size::Of(size);
        self
    }
}
