//! The atomics, locks and counted pointers that cross threads, from one place.
//!
//! The mailbox and the waker's flags name these types through this module only,
//! so a model checker can include those files with its own versions instead.
//!
//! Read next: `mailbox.rs`, which uses them.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
