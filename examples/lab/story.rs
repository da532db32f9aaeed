//! Stories: what each fetch of a recorded run did, as a text that can be run again.
//!
//! ```text
//! downbeat-story 1
//! permits 10
//! <arrival ns> <group> w<work ns> s<wait ns> w<work ns> … # <name>
//! ```
//!
//! Owns: the format. `w` is time in polls, `s` a wait for anything, `y` a yield; all
//! after the gate let the task in.
//!
//! Laws: a text is a story or an error that names the line.
//!
//! Read next: `whatif.rs`.

use downbeat::policy::End;
use downbeat::testing::{Recording, What};
use std::fmt::Write;

/// A run, retold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// Permits of the gate.
    pub(crate) permits: usize,
    /// The tasks.
    pub(crate) tasks: Vec<Tale>,
}

/// What one task did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tale {
    /// What it is called.
    pub(crate) name: String,
    /// Its group.
    pub(crate) group: u32,
    /// When it came, in nanoseconds.
    pub(crate) at: u64,
    /// What it did once the gate had let it in.
    pub(crate) steps: Vec<Step>,
}

/// One thing that a task does. Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Work(u64),
    Wait(u64),
    Yield,
}

const HEAD: &str = "downbeat-story 1";
/// More than any fetch; a text may say anything.
const MAX_TASKS: usize = 1_000_000;

impl Tale {
    /// How long it needs when it waits for nobody.
    pub(crate) fn length(&self) -> u64 {
        let each = self.steps.iter().map(|step| match step {
            Step::Work(nanos) | Step::Wait(nanos) => *nanos,
            Step::Yield => 0,
        });
        each.fold(0, u64::saturating_add)
    }

    /// Reads off the events of one task what it did after it was let in.
    pub(crate) fn of(recording: &Recording, task: u32, let_in: u64) -> Self {
        let known = &recording.tasks[task as usize];
        let (mut steps, mut at) = (Vec::new(), None);
        let (mut began, mut ended, mut yielded) = (0, None, false);
        for event in &recording.events {
            match event.what {
                What::Ready { task: who, .. } if who == task => {
                    at.get_or_insert(event.at);
                    match ended.take() {
                        Some(end) if event.at > let_in && !steps.is_empty() => {
                            let wait = event.at.saturating_sub(end);
                            steps.push(if yielded {
                                Step::Yield
                            } else {
                                Step::Wait(wait)
                            });
                        }
                        _ => {}
                    }
                }
                What::Polling { task: who } if who == task => began = event.at,
                What::Polled { task: who, end } if who == task => {
                    if event.at >= let_in {
                        steps.push(Step::Work(event.at - began.max(let_in)));
                    }
                    (ended, yielded) = (Some(event.at), end == End::Yield);
                }
                _ => {}
            }
        }
        Self {
            name: known.name.as_deref().unwrap_or("task").to_owned(),
            group: known.group,
            at: at.unwrap_or(0),
            steps,
        }
    }
}

impl Story {
    /// As text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEAD}\npermits {}\n", self.permits);
        for Tale {
            name,
            group,
            at,
            steps,
        } in &self.tasks
        {
            let _ = write!(text, "{at} {group}");
            for step in steps {
                let _ = match step {
                    Step::Work(nanos) => write!(text, " w{nanos}"),
                    Step::Wait(nanos) => write!(text, " s{nanos}"),
                    Step::Yield => write!(text, " y"),
                };
            }
            let _ = writeln!(text, " # {}", name.replace(char::is_control, " "));
        }
        text
    }

    /// From text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(format!("line 1: expected {HEAD:?}"));
        }
        let permits = lines.next().and_then(|line| line.strip_prefix("permits "));
        let permits = permits.and_then(|n| n.trim().parse().ok());
        let permits = permits.ok_or("line 2: expected `permits N`")?;
        let tasks = lines.take(MAX_TASKS).enumerate();
        let tasks = tasks.map(|(i, line)| tale(line).ok_or(format!("line {}: not a task", i + 3)));
        let tasks = tasks.collect::<Result<_, _>>()?;
        Ok(Self { permits, tasks })
    }
}

/// One line.
fn tale(line: &str) -> Option<Tale> {
    let (facts, name) = line.split_once(" # ")?;
    let mut words = facts.split(' ');
    let (at, group) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let steps = words.map(|word| match word.split_at_checked(1)? {
        ("w", nanos) => nanos.parse().ok().map(Step::Work),
        ("s", nanos) => nanos.parse().ok().map(Step::Wait),
        ("y", "") => Some(Step::Yield),
        _ => None,
    });
    let steps = steps.collect::<Option<_>>()?;
    let name = name.to_owned();
    Some(Tale {
        name,
        group,
        at,
        steps,
    })
}
