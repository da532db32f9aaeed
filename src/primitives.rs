//! The atomics, locks and counted pointers that cross threads, from one place.
//!
//! The mailbox and the waker's flags name these types through this module only,
//! so a model checker can include those files with its own versions instead. Under
//! ThreadSanitizer the locks are the same, but taken where it can see them.
//!
//! Read next: `mailbox.rs`, which uses them.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
pub(crate) use std::sync::{Arc, PoisonError};
#[cfg(not(tsan))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(tsan)]
#[path = "../tests/tsan/locks.rs"]
mod locks;
#[cfg(tsan)]
pub(crate) use locks::{Condvar, Mutex, MutexGuard};
