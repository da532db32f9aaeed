//! Why a semaphore gave no permit.
//!
//! Read next: `sync/notify.rs`.

use std::error::Error;
use std::fmt;

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// Not enough permits are free, or others came before.
    NoPermits,
    /// The semaphore was closed.
    Closed,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPermits => f.write_str("no permits are free"),
            Self::Closed => Closed.fmt(f),
        }
    }
}

impl Error for Closed {}
impl Error for TryAcquireError {}
