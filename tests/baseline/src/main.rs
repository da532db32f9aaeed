//! Runs each scenario three times and compares what is left after the second run with
//! what is left after the third: not one byte, descriptor or thread may differ.
//!
//! ```text
//! cargo test            # all scenarios
//! cargo test -- timers  # those whose name contains the word
//! ```
//!
//! The first run is not compared: it fills what is made once per process (thread-local
//! state, name tables, buffers of the standard output).
//!
//! Laws: X02, dropping the loop gives everything back; X03, a scenario on a loop that
//! lives on leaves nothing behind either.
//!
//! Read next: `ledger.rs`, what is counted, then `scenarios.rs`.

mod ledger;
mod scenarios;

use ledger::Ledger;
use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    println!(
        "{:<28} {:>12} {:>5} {:>8}   after the third run",
        "scenario", "heap bytes", "fds", "threads"
    );
    for (name, scenario) in scenarios::ALL {
        if !name.contains(&wanted) {
            continue;
        }
        scenario();
        Ledger::settle(None);
        scenario();
        let second = Ledger::settle(None);
        scenario();
        let third = Ledger::settle(Some(second));
        if second == third {
            println!("{name:<28} {third}   as before");
            passed += 1;
        } else {
            println!("{name:<28} {third}   BEFORE:  {second}");
            failed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 || passed == 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
