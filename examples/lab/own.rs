//! Policies of your own: write one here, give it a line in `OWN`, and every command of the
//! laboratory knows it.
//!
//! ```text
//! cargo run --release --example lab -- duel fifo longest --load 'poisson(.9) exp(1ms)' --html duel.html
//! cargo run --release --example lab -- run conservation --policy longest --check
//! ```
//!
//! Read next: `duel.rs`.

use downbeat::policy::{Policy, Sched, by};
use std::cmp::Reverse;

/// A name, how the policy is made of a seed, and what `lab list` says of it.
type Own = (&'static str, fn(u64) -> Box<dyn Policy>, &'static str);

/// All of them.
pub(crate) const OWN: &[Own] = &[(
    "longest",
    |_seed| Box::new(longest()),
    "largest size, for the gate",
)];

/// Largest size first: at a gate, the last one ends soonest (e16).
fn longest() -> impl Policy {
    by(|task: &Sched, _| Reverse(task.size())).named("longest")
}
