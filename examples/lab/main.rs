//! The scheduling laboratory: claims about orders, held against two clocks.
//!
//! ```text
//! cargo run --release --example lab -- list
//! cargo run --release --example lab -- run convoy
//! cargo run --release --example lab -- run all --check
//! cargo run --release --example lab -- duel fifo srpt --load 'poisson(.8) h2(.2ms,8.2ms,.9)'
//! ```
//!
//! Every program it runs is an ordinary async program on the public interface.
//!
//! Read in this order: `job.rs` (the unit of a load), `bench.rs` (how it is run and
//! watched), `lab.rs`, `table.rs`, `experiments/mod.rs`; then the commands.
#![forbid(unsafe_code)]

mod bench;
mod chance;
mod duel;
mod experiments;
mod files;
mod job;
mod lab;
mod load;
mod runner;
mod stats;
mod table;
mod theory;

use clap::{Parser, Subcommand};
use files::Files;
use std::process::ExitCode;

/// A laboratory for scheduling policies: theory, virtual time and real time side by side
#[derive(Parser)]
#[command(name = "lab")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where all chance comes from
    #[arg(long, global = true, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    files: Files,
}

#[derive(Subcommand)]
enum Command {
    /// The experiments, each with its claim, and the policies
    List,
    /// Run an experiment, or all
    Run {
        /// Its name or number, or `all`
        name: String,
        /// End with 1, naming the laws, if any broke
        #[arg(long)]
        check: bool,
        /// Leave the real column out
        #[arg(long)]
        virtual_only: bool,
    },
    /// Two policies on the same load
    Duel {
        first: String,
        second: String,
        #[arg(long, default_value = "poisson(.8) h2(.2ms,8.2ms,.9)")]
        load: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (result, check) = match &cli.command {
        Command::List => {
            runner::list();
            return ExitCode::SUCCESS;
        }
        Command::Run {
            name,
            check,
            virtual_only,
        } => (
            runner::run(name, cli.seed, !virtual_only, &cli.files),
            *check,
        ),
        Command::Duel {
            first,
            second,
            load,
        } => (
            duel::duel([first, second], load, cli.seed, &cli.files),
            true,
        ),
    };
    match result {
        Ok(broken) if broken.is_empty() || !check => ExitCode::SUCCESS,
        Ok(broken) => {
            eprintln!("{} broken:", broken.len());
            for law in broken {
                eprintln!("  {law}");
            }
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("lab: {problem}");
            ExitCode::from(2)
        }
    }
}
