//! Pictures of a run (`--trace`): what the loop did, one row per URL.
//!
//! Owns: what is recorded, and the words on the page: the numbers that the program
//! prints, with the command that makes the page again.
//!
//! Laws: without `--trace` nothing is recorded and nothing is paid.
//!
//! Read next: `../pictures/mod.rs`.

use super::cli::Cli;
use super::console::say;
use super::pictures::{self, Run, Summary};
use super::run::Done;
use super::stop::Stop;
use super::summary;
use std::time::Duration;

/// What the page claims.
const CLAIM: &str = "While one response is awaited, the loop asks for the others and serves those \
     that have come: the waits overlap, on one thread.";

/// Writes the pictures that were asked for, of these runs by name.
///
/// # Errors
/// Output: those of the file system, with the file.
pub(crate) fn write(cli: &Cli, runs: Vec<(String, Done)>) -> Result<(), Stop> {
    if cli.trace.is_empty() {
        return Ok(());
    }
    let mut page = Summary::new("What the scraper's loop did");
    page.claim = CLAIM.into();
    page.command = command(std::env::args().skip(1));
    page.columns = runs.iter().map(|(name, _)| name.clone()).collect();
    let slowest = runs.first().filter(|_| runs.len() > 1);
    let sequential = slowest.map(|(_, done)| done.tally.elapsed);
    fill(&mut page, &runs, sequential);
    let left_out: u64 = runs.iter().map(|(_, done)| done.recording.left_out).sum();
    let events: usize = (runs.iter())
        .map(|(_, done)| done.recording.events.len())
        .sum();
    let runs: Vec<Run> = (runs.into_iter())
        .map(|(name, done)| Run::new(name, done.recording))
        .collect();
    for path in &cli.trace {
        pictures::write(path, &runs, &page)
            .map_err(|error| Stop::output(format!("--trace {}: {error}", path.display())))?;
        if !cli.quiet {
            say(&format!("wrote {}: {events} events", path.display()));
        }
    }
    if left_out > 0 && !cli.quiet {
        say(&format!(
            "the pictures end early: {left_out} later events are left out"
        ));
    }
    Ok(())
}

/// The table: a row for each number, a column for each run.
fn fill(page: &mut Summary, runs: &[(String, Done)], sequential: Option<Duration>) {
    let (mut fetched, mut took) = (Vec::new(), Vec::new());
    for (_, Done { tally, .. }) in runs {
        fetched.push(format!("{} of {} URLs", tally.fetched, tally.wanted()));
        took.push(format!("{:.2} seconds", tally.elapsed.as_secs_f64()));
    }
    page.row("fetched", fetched);
    page.row("total time", took);
    let last = runs.len().saturating_sub(1);
    let columns: Vec<_> = (runs.iter().enumerate())
        .map(|(at, (_, Done { tally, stats, .. }))| {
            summary::rows(tally, stats, sequential.filter(|_| at == last))
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in columns.iter().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let value = |rows: &Vec<summary::Row>| {
            let found = rows.iter().find(|row| row.0 == name);
            found.map_or("-".into(), |row| row.1.clone())
        };
        page.row(name, columns.iter().map(value));
    }
}

/// The command line, as a shell reads it.
fn command(args: impl Iterator<Item = String>) -> String {
    let mut command = String::from("cargo run --release --example scraper --");
    for arg in args {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@".contains(c);
        command.push(' ');
        if !arg.is_empty() && arg.chars().all(plain) {
            command += &arg;
        } else {
            command += &format!("'{}'", arg.replace('\'', r"'\''"));
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_command_back() {
        let args = ["-c", "10", "it's", "slot(3) > edf", ""].map(str::to_owned);
        let expected = r"-- -c 10 'it'\''s' 'slot(3) > edf' ''";
        assert!(command(args.into_iter()).ends_with(expected));
    }
}
