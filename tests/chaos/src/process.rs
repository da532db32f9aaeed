//! What the process holds, how it uses the machine, and the origin as another process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Open descriptors and threads.
pub fn holdings() -> (usize, usize) {
    let entries = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
    (entries("/proc/self/fd"), entries("/proc/self/task"))
}

/// A figure of `/proc/self/status` in KiB.
pub fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Resident memory now.
pub fn resident_kib() -> u64 {
    status_kib("VmRSS:")
}

/// The processor time of this thread so far.
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The slope of a line through the points, by least squares.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (x, y) = (x / n, y / n);
    let (up, down) = points.iter().fold((0.0, 0.0), |(up, down), p| {
        (up + (p.0 - x) * (p.1 - y), down + (p.0 - x) * (p.0 - x))
    });
    if down == 0.0 { 0.0 } else { up / down }
}

/// A number from the environment.
pub fn number(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .replace('_', "")
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text}")),
        Err(_) => usual,
    }
}

/// Forgets the peak of resident memory so far, and returns what is resident now.
pub fn forget_peak_kib() -> u64 {
    // Without it the peak is an older one, and the figure worse than the truth.
    drop(fs::write("/proc/self/clear_refs", "5"));
    resident_kib()
}

/// The peak of resident memory.
pub fn peak_kib() -> u64 {
    status_kib("VmHWM:")
}

/// The origin as a process, killed when it is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the program and waits for its address.
    pub fn start(program: &str, port: u16) -> Server {
        let child = Command::new(program)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("the origin's program");
        let out = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("an address");
        Server { child, address }
    }

    /// Sends a signal, by the `kill` of the system.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {name}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
