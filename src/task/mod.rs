//! The life of a task.
//!
//! ```text
//!            insert      collect             check_out
//!  (vacant) ───────► Waiting ────────► Queued ────────► Running
//!     ▲               ▲   │            │    ▲             │ │ │
//!     │               │   │ end    end │    └─────────────┘ │ │
//!     │               │   │            │  Pending, woke     │ │
//!     │               └───┼────────────┼────────────────────┘ │
//!     │                   ▼            ▼       Pending        │
//!     └──────────────── Done ◄────────────────────────────────┘
//!       release_if_over               settle
//! ```
//!
//! Waiting: the ticket is at home. Queued: the policy has it. Running: the turn
//! has it. Done: the result waits for its handle; when that has it, or is gone, the
//! stage is Taken. A ticket that the policy holds yet is a husk then, and the slot is free
//! only after it came back.
//!
//! Laws: T1 one owner, T2 one valid ticket, T3 two doors, T4 names go stale, T5 no
//! user code under a borrow.
//!
//! Read in this order: `info.rs`, `options.rs`, `deck.rs`, `ticket.rs`, `letter.rs`, `waker.rs`,
//! `aside.rs`, `job.rs`, `slot.rs`, `table.rs`, `lent.rs`, `ending.rs`, `join.rs`, `census.rs`; then
//! `policy/mod.rs`.

pub(crate) mod aside;
mod census;
pub(crate) mod deck;
pub(crate) mod ending;
pub(crate) mod info;
pub(crate) mod job;
pub(crate) mod join;
mod lent;
pub(crate) mod letter;
mod options;
pub(crate) mod slot;
pub(crate) mod table;
pub(crate) mod ticket;
pub(crate) mod waker;

pub use info::{Deadline, Sched, Size, TaskId, TaskLabel};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub use options::SpawnOptions;
pub use slot::TaskState;
pub(crate) use ticket::Runnable;
