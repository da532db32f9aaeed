//! The locks of the library for runs under ThreadSanitizer: the same, but visible.
//!
//! The standard library of a toolchain is not instrumented. An uncontended lock is
//! taken in code that is inlined into ours, and seen; a contended one, and the lock that
//! `Condvar::wait` takes again, are taken inside the library, unseen, and whatever is
//! done under them is reported as a race. So here a contended lock is tried until it is
//! free, and a wait lets go and locks once more.
//!
//! Laws: no `unsafe`, and no other behaviour: between a wait's end and the second lock
//! somebody else may have been there, which is a spurious wake-up, and those every
//! caller expects.
//!
//! Compiled under `cfg(tsan)` only, which `.ci/sanitize` sets.

use std::ops::{Deref, DerefMut};
use std::sync::{self, LockResult, PoisonError, TryLockError, WaitTimeoutResult};
use std::thread;
use std::time::Duration;

/// A mutex whose lock is never taken out of sight.
#[derive(Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

/// Its guard, which knows its mutex.
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// `None` only while a condition has it.
    held: Option<sync::MutexGuard<'a, T>>,
}

/// A condition that locks again in sight.
pub(crate) struct Condvar(sync::Condvar);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        loop {
            match self.0.try_lock() {
                Ok(held) => return Ok(self.guard(held)),
                Err(TryLockError::Poisoned(error)) => {
                    return Err(PoisonError::new(self.guard(error.into_inner())));
                }
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
    }

    fn guard<'a>(&'a self, held: sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard {
            mutex: self,
            held: Some(held),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("held")
    }
}

impl<'a, T> MutexGuard<'a, T> {
    fn apart(mut self) -> (&'a Mutex<T>, sync::MutexGuard<'a, T>) {
        (self.mutex, self.held.take().expect("held"))
    }
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (mutex, held) = guard.apart();
        drop(self.0.wait(held));
        mutex.lock()
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (mutex, held) = guard.apart();
        let waited = self.0.wait_timeout(held, time);
        let (held, result) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(held);
        with(mutex.lock(), result)
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (mutex, held) = guard.apart();
        let waited = self.0.wait_timeout_while(held, time, condition);
        let (held, result) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(held);
        with(mutex.lock(), result)
    }
}

/// A lock beside the result of a wait.
fn with<G>(locked: LockResult<G>, result: WaitTimeoutResult) -> LockResult<(G, WaitTimeoutResult)> {
    match locked {
        Ok(guard) => Ok((guard, result)),
        Err(error) => Err(PoisonError::new((error.into_inner(), result))),
    }
}
