//! Policies by name: every expression, what only the laboratory has (`own.rs`), and three
//! that break a law.
//!
//! Laws: what a broken policy does, the loop survives and says, and so does `--check`.
//!
//! Read next: `own.rs`, `duel.rs`.

use crate::own::OWN;
use downbeat::policy::{Cause, Expression, Policy, Runnable};
use std::collections::VecDeque;
use std::time::Instant;

/// The policy of a name.
pub(crate) fn order(text: &str, seed: u64) -> Result<Box<dyn Policy>, String> {
    if let Some((_, make, _)) = OWN.iter().find(|(name, ..)| *name == text) {
        return Ok(make(seed));
    }
    if let Some((name, how, _)) = BROKEN.iter().find(|(name, ..)| *name == text) {
        return Ok(Box::new(Broken::new(name, *how)));
    }
    let expression: Expression = text.parse().map_err(|error| {
        let own: Vec<_> = OWN.iter().map(|(name, ..)| *name).collect();
        let (own, broken) = (own.join(", "), BROKEN.map(|(name, ..)| name).join(", "));
        format!("{error}\nonly here: {own}, and to see what happens: {broken}")
    })?;
    Ok(expression.build(seed))
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Loses,
    Hoards,
    Panics,
}

/// The broken ones: name, sin, and what it does.
const BROKEN: [(&str, How, &str); 3] = [
    ("loses", How::Loses, "a fifo that drops every 50th ticket"),
    ("hoards", How::Hoards, "a fifo that keeps every 50th ticket"),
    ("panics", How::Panics, "a fifo that panics at its 50th pick"),
];

/// Their names and what they do, for the list.
pub(crate) fn only_here() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = OWN.iter().map(|(name, _, says)| (*name, *says));
    own.chain(BROKEN.iter().map(|(name, _, says)| (*name, *says)))
}

/// A FIFO with a fault.
struct Broken {
    /// What reports call it.
    name: &'static str,
    /// Its fault.
    how: How,
    /// The tickets.
    queue: VecDeque<Runnable>,
    /// What it will never give back.
    kept: Vec<Runnable>,
    /// Counts tickets, or picks.
    count: u64,
}

impl Broken {
    fn new(name: &'static str, how: How) -> Self {
        Self {
            name,
            how,
            queue: VecDeque::new(),
            kept: Vec::new(),
            count: 0,
        }
    }
}

impl Policy for Broken {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.count += 1;
        match self.how {
            How::Loses if self.count.is_multiple_of(50) => drop(task),
            How::Hoards if self.count.is_multiple_of(50) => self.kept.push(task),
            _ => self.queue.push_back(task),
        }
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        assert!(
            self.how != How::Panics || self.count < 50,
            "a policy may have a bug"
        );
        self.queue.pop_front()
    }

    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        self.name.to_owned()
    }
}
