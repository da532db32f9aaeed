//! The scraper: fetches many URLs at once, on one thread, and says how long it took.
//!
//! ```text
//!   source ──► scheduler ──► attempt (a task per URL) ──► journal
//!   (thread)   │  frontier   │  client, retry, save        (threads of the pool)
//!              └─ signals    └─► outcome ──► tally ──► summary
//! ```
//!
//! One loop does all of that; only what blocks is elsewhere: reading lists, writing
//! files, drawing the progress bar, waiting for signals.
//!
//! Laws: every URL given has exactly one outcome. Memory does not depend on how many
//! there are. The exit code says how it went.
//!
//! Absent on purpose: crawling (following links) and robots.txt. It fetches the URLs
//! it is given.
//!
//! Read in this order: `cli.rs`, `scheduler.rs`, `attempt.rs`, then what they name.
#![forbid(unsafe_code)]

mod attempt;
mod cli;
mod client;
mod console;
mod demo;
mod dice;
mod ending;
mod files;
mod frontier;
mod histogram;
mod job;
mod journal;
mod opening;
mod outcome;
#[path = "../pictures/mod.rs"]
mod pictures;
mod process;
mod resume;
mod retry;
mod run;
mod save;
mod scheduler;
mod signals;
mod source;
mod starting;
mod stdout;
mod stop;
mod summary;
mod tally;
mod trace;
mod turnstile;
mod units;

use clap::Parser;
use cli::{Cli, SummaryFormat};
use console::say;
use run::{Done, Setup};
use std::io::{self, Write};
use std::process::ExitCode;
use stop::Stop;
use tally::Broken;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match work(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(Stop { code, message }) => {
            say(&format!("scraper: {message}"));
            ExitCode::from(code)
        }
    }
}

/// Everything between the command line and the exit code.
fn work(cli: &Cli) -> Result<u8, Stop> {
    let mut setup = Setup::new(cli)?;
    let sequential = match cli.compare {
        true => Some(setup.run_sequentially()?),
        false => None,
    };
    // An interrupted comparison has nothing to compare.
    let finished = match sequential {
        Some(finished) if finished.tally.is_interrupted() => return report(cli, &finished, None),
        _ => setup.run()?,
    };
    let elapsed = sequential.as_ref().map(|finished| finished.tally.elapsed);
    let code = report(cli, &finished, elapsed)?;
    let sequential = sequential.map(|finished| ("one at a time".to_owned(), finished));
    let order = match &cli.gate {
        Some(gate) => format!("{}, gate {gate}", cli.policy),
        None => cli.policy.to_string(),
    };
    let together = std::iter::once((order, finished));
    trace::write(cli, sequential.into_iter().chain(together).collect())?;
    Ok(code)
}

/// Prints the summary; the exit code.
fn report(cli: &Cli, finished: &Done, sequential: Option<std::time::Duration>) -> Result<u8, Stop> {
    let Done { tally, stats, .. } = finished;
    match &tally.broken {
        Some(Broken::Input(why)) => say(&format!("scraper: the list cannot be read: {why}")),
        Some(Broken::Output(why)) => say(&format!("scraper: the output cannot be written: {why}")),
        Some(Broken::Pipe) | None => {}
    }
    let text = match cli.summary {
        SummaryFormat::Text => summary::lines(tally),
        SummaryFormat::Json => summary::object(tally, stats, sequential),
    };
    let code = tally.exit_code();
    if cli.output_is_stdout() {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    } else if let Err(error) = stdout::write(text.as_bytes()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Ok(4);
        }
        return Err(Stop::output(format!("standard output: {error}")));
    }
    if !cli.quiet && cli.summary == SummaryFormat::Text {
        let text = summary::explanation(tally, stats, sequential);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
    Ok(code)
}
