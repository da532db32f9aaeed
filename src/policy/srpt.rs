//! Shortest remaining processing time.
//!
//! Order: [`Sched::size`] in nanoseconds minus the time used; unknown sizes come
//! last. Cost: O(log n) and a clock. Starvation: unbounded, though large tasks fare
//! better than one expects (Bansal and Harchol-Balter 2001). Source: Schrage 1968:
//! at no time has any order finished more tasks.

use super::{Policy, Sched, Size, by};

/// Least work left first.
pub fn srpt() -> impl Policy + 'static {
    by(|task: &Sched, _| work_left(task)).named("srpt")
}

/// The size minus the time used.
pub(super) fn work_left(task: &Sched) -> Size {
    match task.size() {
        Size::Of(size) => {
            let used = u64::try_from(task.used().as_nanos()).unwrap_or(u64::MAX);
            Size::Of(size.saturating_sub(used))
        }
        Size::Unknown => Size::Unknown,
    }
}
