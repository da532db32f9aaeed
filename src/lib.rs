//! downbeat: a single-threaded event loop with its own HTTP/1.1 client, written by
//! hand and written to be read.
//!
//! ```text
//!            ┌──────────────────────── one turn ────────────────────────┐
//!  wakes ───►│ collect ───► run ─────────► wait ─────────► fire ────────┼─► wakes
//!  mail  ───►│ tickets      the policy     one system      timers due,  │
//!            │ are made     picks, the     call, until     sources      │
//!            │              loop polls     a deadline      ready        │
//!            └──────────────────────────────────────────────────────────┘
//! ```
//!
//! The idea: **the table owns, the ticket schedules, the waker only names.** The
//! task table is the only owner of futures and never leaves its thread; a ticket
//! ([`policy::Runnable`]) is the right to be polled once; a waker is a number, so
//! any thread may have it.
//!
//! ```
//! use downbeat::{gather, run, time::sleep};
//! use std::time::Duration;
//!
//! let squares = run(async {
//!     let three = (1..=3).map(|n| async move {
//!         sleep(Duration::from_millis(10 * n)).await; // all three wait at once
//!         n * n
//!     });
//!     gather(three).await
//! });
//! let squares: Vec<u64> = squares.into_iter().map(Result::unwrap).collect();
//! assert_eq!(squares, [1, 4, 9]);
//! ```
//!
//! # To use it
//! [`run`] a future; inside, [`spawn`] tasks or [`gather`] many. Wait with [`time`],
//! talk with [`sync`], combine with [`future`], read and write with [`net`] and
//! [`io`], and send to [`spawn_blocking`] what would block. A [`Runtime`] from
//! [`Runtime::builder`] takes a [`policy`], a pacing, a budget, an observer, or the
//! virtual clock.
//!
//! # To read it
//! Every file says at its head what it is, what it owns, its laws, what is absent on
//! purpose, and what to read next. Begin with `slab.rs` and follow the thread:
//!
//! 1. words: `slab.rs`, `clock.rs`, `mailbox.rs`
//! 2. who runs: `task/mod.rs`, then `policy/mod.rs`
//! 3. what is waited for: `driver/mod.rs`
//! 4. the loop: `runtime/mod.rs`, then `runtime/turn.rs`, the heart
//! 5. a whole leaf future: `time/sleep.rs`; then whatever you like
//!
//! `docs/tour.md` tells the same as the life of one fetch, `docs/architecture.md` is
//! the map, and `docs/decisions/` says why not otherwise.
#![forbid(unsafe_code)]

pub mod blocking;
pub(crate) mod budget;
pub(crate) mod clock;
pub(crate) mod driver;
pub mod future;
pub(crate) mod gate;
pub(crate) mod group;
pub mod http;
pub mod io;
pub(crate) mod mailbox;
pub mod net;
pub mod policy;
pub(crate) mod primitives;
pub(crate) mod rotation;
pub mod runtime;
pub(crate) mod slab;
pub mod sync;
pub mod task;
pub mod testing;
pub mod time;
#[cfg(feature = "tls")]
pub mod tls;

pub use blocking::{BlockingError, BlockingHandle, spawn_blocking};
pub use future::yield_now;
pub use gate::{Acquire, Gate, Permit, Shed};
pub use group::{Gather, TaskGroup, gather, try_gather};
pub use runtime::{Handle, Runtime, run, spawn, spawn_with, try_spawn};
pub use task::{AbortHandle, JoinError, JoinHandle, SpawnOptions};

/// The programs of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
