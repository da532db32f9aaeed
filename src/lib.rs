//! downbeat: a hand-built, single-threaded event loop.
#![forbid(unsafe_code)]

pub mod blocking;
pub(crate) mod budget;
pub(crate) mod clock;
pub(crate) mod driver;
pub mod future;
pub(crate) mod gate;
pub(crate) mod group;
#[allow(dead_code)] // until the client drives it
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

pub use blocking::{BlockingError, BlockingHandle, spawn_blocking};
pub use future::yield_now;
pub use gate::{Acquire, Gate, Permit, Shed};
pub use group::{Gather, TaskGroup, gather, try_gather};
pub use runtime::{Handle, Runtime, run, spawn, spawn_with, try_spawn};
pub use task::{AbortHandle, JoinError, JoinHandle, SpawnOptions};
