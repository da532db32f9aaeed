//! What the loop waits for: sources of the operating system, and time.
//!
//! The driver knows std's `Waker` and nothing of tasks. It never calls one while
//! it is borrowed: what is to be woken is handed out.
//!
//! Read in this order: `reactor.rs`, `timers.rs`; then `runtime/mod.rs`.

pub(crate) mod reactor;
pub(crate) mod timers;
