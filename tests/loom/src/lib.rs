//! The files of downbeat that cross threads, compiled against loom's types.
//!
//! Owns: nothing of its own but `primitives.rs`, which stands at the path where
//! those files look for their atomics, and the shape of a task's name.
//!
//! Laws: T3, the only synchronisation there is. Each model runs one law under
//! every schedule with up to `LOOM_MAX_PREEMPTIONS` preemptions (2 when the
//! variable is not set), and with every value that the memory model allows a load
//! to return.
//!
//! ```text
//! cargo test --release                                  # 2 preemptions
//! LOOM_MAX_PREEMPTIONS=3 cargo test --release           # 3
//! ```
//!
//! Absent on purpose: copies. What is proven here is the text of `src/`.
//!
//! Read next: `primitives.rs`, `task/model.rs`, then `task/models.rs`.
#![cfg(test)]
#![allow(dead_code)] // The included files have more users in the library.

#[path = "../../../src/mailbox.rs"]
mod mailbox;
mod primitives;
mod task;
