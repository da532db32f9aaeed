//! What `src/primitives.rs` is to the library, with types that loom watches.
//!
//! Laws: `Arc` counts as std's does (clone: Relaxed; drop: Release, then an
//! Acquire fence for the last; count: Relaxed), so what the code may conclude from a
//! count is checked too.
//! WHY NOT `loom::sync::Arc`: its `strong_count` synchronises with every drop,
//! which hides a missing fence.

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use std::sync::PoisonError;

/// A counted pointer whose count obeys the memory model.
pub(crate) struct Arc<T>(std::sync::Arc<Counted<T>>);

/// What it points to.
struct Counted<T> {
    /// The count of std's algorithm.
    count: AtomicUsize,
    /// Tells loom when somebody looks and when it is destroyed.
    life: loom::cell::UnsafeCell<()>,
    /// The value.
    value: T,
}

impl<T> Arc<T> {
    /// A first pointer.
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Arc::new(Counted {
            count: AtomicUsize::new(1),
            life: loom::cell::UnsafeCell::new(()),
            value,
        }))
    }

    /// How many pointers there are: a hint without any synchronisation.
    pub(crate) fn strong_count(this: &Self) -> usize {
        this.0.count.load(Ordering::Relaxed)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Self(std::sync::Arc::clone(&self.0))
    }
}

impl<T> std::ops::Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // A look at the value, to be ordered before its end.
        self.0.life.with(|_| ());
        &self.0.value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // A model that has failed is torn down outside of loom's world.
        if std::thread::panicking() {
            return;
        }
        if self.0.count.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            self.0.life.with_mut(|_| ());
        }
    }
}
