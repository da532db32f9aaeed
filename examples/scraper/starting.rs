//! One half of the scheduler: what begins, and when.
//!
//! Laws: without a gate a task begins when a slot is free; with one it stands in line,
//! and the gate's policy decides. Those in line are bounded, so memory does not follow
//! the number of URLs; none of them waits for its host.
//!
//! Read next: `ending.rs`, the other half; `turnstile.rs`, the line.

use super::attempt::{after_line, attempt};
use super::frontier::{HostKey, Next};
use super::job::Job;
use super::scheduler::{Out, Phase, Scheduler};
use super::turnstile::Rank;
use downbeat::{SpawnOptions, time};
use std::rc::Rc;
use std::time::Instant;

/// Jobs that stand in line in one poll: each spends some of the poll's budget.
const LINE_UP: usize = 32;

/// Jobs in line at most: each is a task and needs some 3 KiB.
const LONGEST_LINE: usize = 1024;

/// How far starting has come.
pub(super) enum Started {
    /// Perhaps more can start, in another poll.
    Some,
    /// Nothing else before this time.
    All(Option<Instant>),
}

impl Scheduler<'_> {
    /// Starts what may start.
    pub(super) fn start(&mut self) -> Started {
        if let Phase::Draining(until) = self.phase {
            return Started::All(Some(until));
        }
        let mut lined_up = 0;
        while self.phase == Phase::Running && self.has_room() {
            if self.turnstile.is_some() && lined_up == LINE_UP {
                return Started::Some;
            }
            lined_up += 1;
            let now = time::now();
            match self.frontier.next(now) {
                Next::Start(host, job) => self.spawn(host, job, now),
                Next::At(instant) => return Started::All(Some(instant)),
                Next::Nothing => return Started::All(None),
            }
        }
        Started::All(None)
    }

    fn spawn(&mut self, host: Option<HostKey>, mut job: Job, now: Instant) {
        let rank = Rank {
            priority: job.attempts,
            group: host.map_or(0, HostKey::number),
            deadline: now.checked_add(self.plan.timeout),
            size: job.entry.size,
        };
        let name = match self.plan.names {
            true => job.title(),
            false => format!("fetch {}", job.entry.index),
        };
        job.attempts += u32::from(job.url.is_ok());
        let (job, kit) = (Rc::new(job), Rc::clone(&self.kit));
        let mut came_in = None;
        let id = if let Some(turnstile) = &self.turnstile {
            let (line, inside) = turnstile.line_up(host, rank, name.clone());
            came_in = Some(inside);
            self.in_line += 1;
            let task = after_line(line, Rc::clone(&job), kit);
            self.attempts.spawn_with(task, options(rank, name))
        } else {
            // In a box of its own: the group puts it into a task of the group's, and a
            // pointer is moved and kept twice more cheaply than the whole exchange.
            let task = Box::pin(attempt(Rc::clone(&job), kit));
            self.attempts.spawn_with(task, options(rank, name))
        };
        if let Some(id) = id {
            self.out.insert(id, Out { host, job, came_in });
        }
    }

    /// Whether one more may begin, or stand in line.
    fn has_room(&self) -> bool {
        match self.turnstile {
            None => self.attempts.len() < self.plan.concurrency,
            Some(_) => self.in_line < self.plan.window.min(LONGEST_LINE),
        }
    }

    /// Attempts that have begun.
    pub(super) fn in_flight(&self) -> usize {
        self.attempts.len().saturating_sub(self.in_line)
    }

    /// Jobs of these hosts have come in.
    pub(super) fn inside(&mut self, hosts: &[Option<HostKey>]) {
        let now = time::now();
        self.in_line = self.in_line.saturating_sub(hosts.len());
        for host in hosts.iter().flatten() {
            self.frontier.entered(*host, now);
        }
    }

    /// A job leaves the line without having come in.
    pub(super) fn left_line(&mut self, host: Option<HostKey>) {
        self.in_line = self.in_line.saturating_sub(1);
        if let Some(host) = host {
            self.frontier.will_not_enter(host, time::now());
        }
    }
}

/// What policies see of a job.
fn options(rank: Rank, name: String) -> SpawnOptions {
    let mut options = SpawnOptions::new()
        .name(name)
        .priority(rank.priority)
        .group(rank.group);
    if let Some(deadline) = rank.deadline {
        options = options.deadline(deadline);
    }
    if let Some(size) = rank.size {
        options = options.size(size);
    }
    options
}
