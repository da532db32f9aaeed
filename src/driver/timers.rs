//! Timers: a wheel of wheels, each turning 64 times as slowly as the one before.
//!
//! ```text
//!   level 0   one nanosecond a slot   a slot holds one deadline, in the order of arming
//!   level 1   64 ns a slot
//!   level 2   4 µs a slot             a timer is on the level of the highest digit (of
//!     …                               base 64) in which its deadline differs from the
//!   level 10  36 years a slot         origin, in the slot of that digit
//! ```
//!
//! Owns: the deadline and the waker of every armed timer, in nanoseconds since the loop
//! began.
//!
//! When the earliest slot is due, the earliest deadline in it becomes the origin, and its
//! timers move to the levels below, as far as they differ; on level 0 they fire. No armed
//! deadline is before the origin, and every digit above a timer's level is the origin's, so
//! the first slot of the lowest level that has any is always the earliest.
//!
//! Laws: C01, never early. C02, deadlines fire in order, equal ones as they were armed. C03,
//! a cancelled timer leaves at once. C12, all of it as a sorted map would do it.
//!
//! Absent on purpose: rounding. Deadlines keep their nanosecond; what a coarse tick would
//! save is a few moves, and virtual time wants the exact order.
//!
//! Read next: `runtime/mod.rs`.

use crate::slab::{Key, Slab};
use std::task::Waker;
use std::time::{Duration, Instant};

/// All armed timers of a loop.
pub(crate) struct Timers {
    /// Deadlines are counted from here.
    start: Instant,
    /// No armed deadline is before this one.
    origin: u64,
    /// Which levels have any timers: bit 0 is level 0.
    occupied: u16,
    /// The levels, once a timer was armed.
    levels: Vec<Level>,
    /// The timers by name, linked into the lists of their slots.
    timers: Slab<Timer>,
}

/// Sixty-four slots, for one digit of the deadlines.
struct Level {
    /// Which slots have any timers.
    occupied: u64,
    /// The slots.
    slots: [Slot; SLOTS],
}

/// A list of timers.
#[derive(Clone, Copy)]
struct Slot {
    /// The timer armed first.
    first: u32,
    /// The timer armed last.
    last: u32,
    /// No deadline here is before this one.
    earliest: u64,
    /// The timer with that deadline may be gone.
    is_stale: bool,
}

/// An armed timer.
pub(crate) struct Timer {
    /// When it fires.
    due: u64,
    /// Whom to wake.
    waker: Waker,
    /// The timer before it in its slot.
    before: u32,
    /// The timer behind it.
    behind: u32,
}

/// The name of an armed timer; stale once it has fired.
pub(crate) type TimerKey = Key<Timer>;

/// Bits of a digit.
const BITS: u32 = 6;
/// Values of a digit.
const SLOTS: usize = 1 << BITS;
/// Digits of a deadline.
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// No timer.
const NONE: u32 = u32::MAX;
/// How many timers of a slot are looked at to learn which is the earliest.
const LOOKED_AT: usize = 32;

const EMPTY: Slot = Slot {
    first: NONE,
    last: NONE,
    earliest: u64::MAX,
    is_stale: false,
};

impl Timers {
    /// No timers, for a loop that began at `start`.
    pub(crate) const fn new(start: Instant) -> Self {
        Self {
            start,
            origin: 0,
            occupied: 0,
            levels: Vec::new(),
            timers: Slab::new(),
        }
    }

    /// Arms a timer.
    pub(crate) fn arm(&mut self, deadline: Instant, waker: Waker) -> TimerKey {
        let due = self.nanos(deadline).max(self.origin);
        let key = self.timers.insert_with(|_| Timer {
            due,
            waker,
            before: NONE,
            behind: NONE,
        });
        self.link(key.index, due);
        key
    }

    /// Whether a timer is armed, and for this waker.
    pub(crate) fn wakes(&self, key: TimerKey, waker: &Waker) -> bool {
        let timer = self.timers.get(key);
        timer.is_some_and(|timer| timer.waker.will_wake(waker))
    }

    /// Makes `waker` the one to wake; returns the old one, to be dropped outside the
    /// borrow.
    ///
    /// # Errors
    /// Gives the waker back when the timer has fired.
    pub(crate) fn set_waker(&mut self, key: TimerKey, waker: Waker) -> Result<Waker, Waker> {
        match self.timers.get_mut(key) {
            Some(timer) => Ok(std::mem::replace(&mut timer.waker, waker)),
            None => Err(waker),
        }
    }

    /// Cancels a timer; returns its waker, to be dropped outside the borrow.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Waker> {
        let timer = self.timers.remove(key)?;
        self.unlink(&timer);
        Some(timer.waker)
    }

    /// Cancels all timers; their wakers are to be dropped outside the borrow.
    pub(crate) fn cancel_all(&mut self) -> Vec<Waker> {
        let keys: Vec<_> = self.timers.iter().map(|(key, _)| key).collect();
        keys.into_iter()
            .filter_map(|key| self.cancel(key))
            .collect()
    }

    /// When the next timer fires, or earlier: of a slot with many timers, of which the
    /// earliest was cancelled, only the beginning is looked through.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        let (level, slot) = self.first_slot()?;
        if self.levels[level].slots[slot].is_stale {
            self.refresh(level, slot);
        }
        let earliest = self.levels[level].slots[slot].earliest;
        self.start.checked_add(Duration::from_nanos(earliest))
    }

    /// Takes the waker of the next timer that is due at `now`, as [`Timers::nanos`] counts.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Waker> {
        loop {
            let Some((level, slot)) = self.first_slot() else {
                self.origin = now;
                return None;
            };
            let list = self.levels[level].slots[slot];
            if list.earliest > now {
                return None;
            }
            // One alone need not move down first.
            if level == 0 || list.first == list.last && !list.is_stale {
                let timer = self.timers.remove_at(list.first)?;
                self.unlink(&timer);
                self.origin = list.earliest;
                return Some(timer.waker);
            }
            // No timer is before it, and only those of this slot differ from it in no
            // digit above.
            self.origin = list.earliest;
            self.cascade(level, slot);
        }
    }

    /// How many timers are armed.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn len(&self) -> usize {
        self.timers.len()
    }

    /// Nanoseconds from the beginning of the loop to `instant`.
    pub(crate) fn nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.start);
        let whole = since.as_secs().saturating_mul(1_000_000_000);
        whole.saturating_add(u64::from(since.subsec_nanos()))
    }

    /// The level and the slot of a deadline.
    #[inline]
    fn place(&self, due: u64) -> (usize, usize) {
        let differs = (due ^ self.origin) | 1;
        let level = (u64::BITS - 1 - differs.leading_zeros()) / BITS;
        (level as usize, (due >> (level * BITS)) as usize % SLOTS)
    }

    /// The earliest slot that has any timers.
    #[inline]
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.occupied.trailing_zeros() as usize;
        let slot = self.levels.get(level)?.occupied.trailing_zeros();
        Some((level, slot as usize))
    }

    /// Puts a timer at the end of its slot's list.
    fn link(&mut self, index: u32, due: u64) {
        let (level, slot) = self.place(due);
        if self.levels.is_empty() {
            // All at once: a loop shall not grow later, only because time goes on.
            let slots = [EMPTY; SLOTS];
            self.levels
                .resize_with(LEVELS, || Level { occupied: 0, slots });
        }
        self.occupied |= 1 << level;
        let level = &mut self.levels[level];
        level.occupied |= 1 << slot;
        let list = &mut level.slots[slot];
        let before = std::mem::replace(&mut list.last, index);
        list.earliest = list.earliest.min(due);
        if before == NONE {
            list.first = index;
        } else if let Some(timer) = self.timers.at_mut(before) {
            timer.behind = index;
        }
        if let Some(timer) = self.timers.at_mut(index) {
            timer.before = before;
            timer.behind = NONE;
        }
    }

    /// Takes a timer that has left the slab out of its slot's list.
    fn unlink(&mut self, timer: &Timer) {
        let (level, slot) = self.place(timer.due);
        let list = &mut self.levels[level].slots[slot];
        list.is_stale |= list.earliest == timer.due;
        match self.timers.at_mut(timer.before) {
            Some(before) => before.behind = timer.behind,
            None => list.first = timer.behind,
        }
        match self.timers.at_mut(timer.behind) {
            Some(behind) => behind.before = timer.before,
            None => list.last = timer.before,
        }
        if list.first == NONE {
            self.empty(level, slot);
        }
    }

    /// Marks a slot as empty.
    fn empty(&mut self, level: usize, slot: usize) {
        self.levels[level].slots[slot] = EMPTY;
        self.levels[level].occupied &= !(1 << slot);
        if self.levels[level].occupied == 0 {
            self.occupied &= !(1 << level);
        }
    }

    /// Moves the timers of the earliest slot, where the origin now is, to lower levels.
    fn cascade(&mut self, level: usize, slot: usize) {
        let mut index = self.levels[level].slots[slot].first;
        self.empty(level, slot);
        while let Some(timer) = self.timers.at_mut(index) {
            let (due, behind) = (timer.due, timer.behind);
            self.link(index, due);
            index = behind;
        }
    }

    /// Looks which deadline of a slot is the earliest, where that is not too much.
    #[cold]
    fn refresh(&mut self, level: usize, slot: usize) {
        let mut index = self.levels[level].slots[slot].first;
        let mut earliest = u64::MAX;
        for _ in 0..=LOOKED_AT {
            let Some(timer) = self.timers.at_mut(index) else {
                let list = &mut self.levels[level].slots[slot];
                (list.earliest, list.is_stale) = (earliest, false);
                return;
            };
            earliest = earliest.min(timer.due);
            index = timer.behind;
        }
    }
}

#[cfg(test)]
#[path = "tests/timers.rs"]
mod tests;
