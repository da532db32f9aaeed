//! Earliest deadline first.
//!
//! Order: the deadline; tasks without one come last. Cost: O(log n) and no clock.
//! Starvation: tasks without a deadline starve while others come; one with a
//! deadline waits only for earlier ones. Source: Liu and Layland 1973; optimal on
//! one server (Dertouzos 1974) where polls can be interrupted. They cannot, so one
//! long poll may cost deadlines (Jeffay, Stanat, Martel 1991): yield in long work.

use super::{Policy, Sched, by};

/// Earliest [`Sched::deadline`] first.
pub fn edf() -> impl Policy + 'static {
    by(|task: &Sched, _| task.deadline()).untimed().named("edf")
}
