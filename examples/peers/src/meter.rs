//! The clocks and scales: CPU time, wall time and memory of this process.
//!
//! Read next: `rows.rs`.

use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Measures from its making to [`Meter::stop`].
pub struct Meter {
    wall: Instant,
    cpu: Duration,
}

/// What a stretch of a program took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Time on the wall.
    pub wall: Duration,
    /// CPU time of all threads, user and system.
    pub cpu: Duration,
}

impl Meter {
    /// Begins now.
    pub fn start() -> Self {
        Meter {
            cpu: cpu(),
            wall: Instant::now(),
        }
    }

    /// Ends now.
    pub fn stop(self) -> Took {
        Took {
            wall: self.wall.elapsed(),
            cpu: cpu() - self.cpu,
        }
    }
}

/// CPU time of the process so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock of the process");
    Duration::from(time)
}

/// Bytes of memory in use (resident set), to a page.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc of Linux");
    let pages = statm.split(' ').nth(1).expect("the second field");
    pages.parse::<u64>().expect("a number of pages") * 4096
}
