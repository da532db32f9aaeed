//! Shortest job first.
//!
//! Order: the size; unknown ones come last. Cost: O(log n) and no clock.
//! Starvation: unbounded; large tasks wait while small ones come. Source: Phipps,
//! "Machine repair as a priority waiting-line problem", 1956. No order that does not
//! interrupt has a smaller mean waiting time (Conway, Maxwell, Miller 1967).

use super::{Policy, Sched, by};

/// Smallest [`Sched::size`] first.
pub fn sjf() -> impl Policy + 'static {
    by(|task: &Sched, _| task.size()).untimed().named("sjf")
}
