//! The cooperative budget: how many leaf operations that succeed at once one
//! poll may do before it has to yield.
//!
//! Owns: one thread-local counter. A loop sets it before each poll; where no
//! loop runs it is unlimited, so everything that spends it (channels, sockets,
//! in-memory streams) works on any executor.
//!
//! Law S03: a task whose sockets and channels are always ready still returns to
//! the loop after a bounded number of operations.
//!
//! Absent on purpose: a budget for plain computation. Nothing can interrupt a
//! poll; the slow-poll report names the culprit instead.
//!
//! Read next: `slab.rs`.

use std::cell::Cell;
use std::task::{Context, Poll};

/// The value that means "no loop set a limit here".
pub(crate) const UNLIMITED: u32 = u32::MAX;

thread_local! {
    static LEFT: Cell<u32> = const { Cell::new(UNLIMITED) };
}

/// Sets the budget of the poll that is about to start and returns the old one.
#[inline]
pub(crate) fn set(units: u32) -> u32 {
    LEFT.replace(units)
}

/// Runs what a unit was just spent for, and lends the unit to it: the operation may
/// spend it itself, one for both, and it is given back if nothing was done but wait.
///
/// WHY NOT a unit each: where the budget is smaller than the number of layers, the
/// upper ones would use it up at every poll before the lowest is asked.
/// WHY NOT keep it: a task that waits for more sources than it has units would run
/// out of them by looking, wake itself, and spin.
#[inline]
pub(crate) fn lend<R>(operation: impl FnOnce() -> Poll<R>) -> Poll<R> {
    let left = LEFT.get();
    LEFT.set(left.saturating_add(1));
    let result = operation();
    if result.is_ready() && LEFT.get() > left {
        LEFT.set(left);
    }
    result
}

/// Spends one unit. `Pending` means the budget is gone: the task has been woken
/// again and must return to the loop.
///
/// Call it in every leaf operation that may complete without waiting, before anything
/// is taken or changed; and [`lend`] it where only the operation knows whether it waits.
#[inline]
pub(crate) fn spend(cx: &mut Context<'_>) -> Poll<()> {
    let left = LEFT.get();
    if left == 0 {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    if left != UNLIMITED {
        LEFT.set(left - 1);
    }
    Poll::Ready(())
}

/// Takes units away for what an operation cost beside its own unit: volume.
///
/// WHY NOT a unit per operation alone: 128 reads can be 8 MiB, and everybody else waits.
pub(crate) fn charge(units: usize) {
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let left = LEFT.get();
    if left != UNLIMITED {
        LEFT.set(left.saturating_sub(units));
    }
}
