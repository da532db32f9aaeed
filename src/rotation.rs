//! Whose turn it is to be polled first where several futures race.
//!
//! Owns: one thread-local counter. A race is often made anew on each round of a
//! loop; if each began with its first future, a first future that is always
//! ready would starve the others for ever. So every race takes the next number.
//!
//! Law: no addresses, and no randomness but the loop's seed, at which a new loop
//! starts over. So the same program takes the same numbers, and a run on virtual time
//! is repeatable.
//!
//! Read next: `future/race.rs`, its only reader.

use std::cell::Cell;

thread_local! {
    static NEXT: Cell<usize> = const { Cell::new(0) };
}

/// The next number of this thread.
pub(crate) fn next() -> usize {
    NEXT.replace(NEXT.get().wrapping_add(1))
}

/// Starts over at `first`, as a new loop does.
pub(crate) fn restart(first: usize) {
    NEXT.set(first);
}
