//! What the system gives this process: file descriptors and memory.
//!
//! Owns: how many fetches fit, and how much memory was used at most. Every fetch has one socket; in the demo the server at the
//! other end has one more, and a body that is saved has its file.
//!
//! Laws: the soft limit is raised to the hard one (that needs no privilege). What
//! does not fit even then waits: the concurrency is lowered, and said.
//!
//! Read next: `main.rs`.

use std::fs;

/// Kept free for the loop, the threads, look-ups, lists and outcomes.
const RESERVE: u64 = 32;
/// Descriptors that are taken to be open where the system does not tell.
const OPEN: u64 = 16;

/// How many of `wanted` fetches, with `each` descriptors, fit into this process.
pub(crate) fn fitting(wanted: usize, each: u64) -> usize {
    let Some(limit) = raise() else { return wanted };
    let open = fs::read_dir("/proc/self/fd").map_or(OPEN, |all| all.count() as u64);
    fit(wanted, each, limit, open)
}

fn fit(wanted: usize, each: u64, limit: u64, open: u64) -> usize {
    let free = limit.saturating_sub(open).saturating_sub(RESERVE);
    let room = usize::try_from(free / each).unwrap_or(usize::MAX);
    wanted.min(room).max(1)
}

/// Raises the soft limit as far as it goes; the limit then, if there is one.
#[cfg(unix)]
fn raise() -> Option<u64> {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    raised.or_else(|_| rlimit::Resource::NOFILE.get_soft()).ok()
}

#[cfg(not(unix))]
fn raise() -> Option<u64> {
    None
}

/// The most memory this process has had at once, in bytes; `None` where the system
/// does not tell.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits() {
        assert_eq!(fit(100, 1, 1024, 10), 100);
        assert_eq!(fit(1000, 1, 1024, 24), 968);
        assert_eq!(fit(1000, 2, 1024, 24), 484);
        assert_eq!(fit(1000, 1, 8, 24), 1);
        assert_eq!(fit(1000, 1, u64::MAX, 0), 1000);
    }
}
