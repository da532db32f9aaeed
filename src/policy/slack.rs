//! Least slack first: who can least afford to wait.
//!
//! Order: the deadline minus the work left ([`Sched::size`] in nanoseconds minus
//! the time used). All slacks shrink together while tasks wait, so the order holds.
//! Cost: O(log n) and a clock. Starvation: as EDF. Source: Mok 1983; as a universal
//! packet scheduler, Mittal et al., NSDI 2016.

use super::srpt::work_left;
use super::{Deadline, Policy, Sched, Size, by};
use std::time::Duration;

/// Least slack first; an unknown size counts as no work left.
pub fn least_slack() -> impl Policy + 'static {
    by(|task: &Sched, _| latest_start(task)).named("slack")
}

/// When the task must go at the latest.
fn latest_start(task: &Sched) -> Deadline {
    match (task.deadline(), work_left(task)) {
        (Deadline::At(deadline), Size::Of(left)) => {
            let start = deadline.checked_sub(Duration::from_nanos(left));
            Deadline::At(start.unwrap_or(deadline))
        }
        (deadline, _) => deadline,
    }
}
