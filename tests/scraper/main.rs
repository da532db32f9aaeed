//! The scraper as a process: what it prints, writes, returns and survives.
//!
//! The program is the example `scraper`, which `cargo test` builds before it runs
//! this; with `--test scraper` alone, `cargo build --example scraper` comes first.
//! The servers are origins in this process, so a test sees both sides.
//!
//! Laws: nothing here waits for a time. What must have happened first is told by the
//! server, or by a line of the program.

#![cfg(unix)]

mod basics;
mod ending;
mod failing;
mod limits;
mod lists;
mod order;
mod program;
