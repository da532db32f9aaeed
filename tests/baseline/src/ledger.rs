//! What the process holds at a moment.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Counts every byte of this program.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A count of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ledger {
    /// Bytes allocated and not freed.
    heap: usize,
    /// Open descriptors.
    descriptors: usize,
    /// Threads.
    threads: usize,
}

impl Ledger {
    /// Counts now.
    fn now() -> Self {
        let descriptors = entries("/proc/self/fd");
        let threads = entries("/proc/self/task");
        let stats = HEAP.stats();
        Self {
            heap: stats.bytes_allocated - stats.bytes_deallocated,
            descriptors,
            threads,
        }
    }

    /// Counts when nothing changes any more: threads of a pool end a little after
    /// their loop. Stops early when it finds what is `wanted`.
    pub fn settle(wanted: Option<Self>) -> Self {
        let (began, mut last, mut same) = (Instant::now(), Self::now(), 0);
        while began.elapsed() < Duration::from_secs(60) {
            thread::yield_now();
            let now = Self::now();
            if wanted == Some(now) {
                return now;
            }
            same = if now == last { same + 1 } else { 0 };
            last = now;
            let alone = now.threads == 1;
            // Where something else is wanted, it gets its time to come.
            if same > 50 && alone && (wanted.is_none() || began.elapsed() > Duration::from_secs(20))
            {
                break;
            }
        }
        last
    }
}

/// How many entries a folder has; the descriptor that reads it is counted too.
fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            heap,
            descriptors,
            threads,
        } = self;
        write!(f, "{heap:>12} {descriptors:>5} {threads:>8}")
    }
}
