//! `launch COMMAND...`: runs a command and says what it took.
//!
//! Prints one line of JSON on standard error when the command has ended: its exit code,
//! its time on the wall, its CPU time and its peak of resident memory.
//!
//! WHY NOT from Python: the kernel begins a child's peak with the size of the process
//! that started it, and Python is larger than most of what is measured here.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::process::Command;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("launch COMMAND...");
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .status()
        .expect("a program that starts");
    let wall = began.elapsed().as_nanos();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage of children");
    let (user, system) = (
        usage.user_time().num_microseconds(),
        usage.system_time().num_microseconds(),
    );
    let (exit, kib) = (status.code().unwrap_or(128), usage.max_rss());
    eprintln!(
        r#"{{"exit":{exit},"process_ns":{wall},"user_us":{user},"system_us":{system},"peak_kib":{kib}}}"#
    );
}
