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
//! Read in this order: `job.rs` (the unit of a load), `bench.rs`, `door.rs`, `meter.rs`
//! (how it is run and watched), `lab.rs`, `row.rs`, `experiments/mod.rs`; then the commands.
#![forbid(unsafe_code)]

mod bench;
mod chance;
mod demo;
mod door;
mod duel;
mod experiments;
mod fetch;
mod files;
mod find;
mod job;
mod lab;
mod load;
mod meter;
mod orders;
mod own;
#[path = "../pictures/mod.rs"]
mod pictures;
mod play;
mod programs;
mod row;
mod runner;
mod shrink;
mod stats;
mod story;
mod table;
mod targets;
mod theory;
mod whatif;

use clap::{Parser, Subcommand};
use files::Files;
use lab::Lab;
use std::path::PathBuf;
use std::process::ExitCode;

/// A laboratory for scheduling policies: theory, virtual time and real time side by side
#[derive(Parser)]
#[command(name = "lab")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where all chance comes from
    #[arg(
        long,
        global = true,
        default_value_t = 7,
        allow_negative_numbers = true
    )]
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
        /// Hold this policy to the laws for all policies too: conservation, srpt
        #[arg(long)]
        policy: Vec<String>,
    },
    /// Two policies on the same load
    Duel {
        first: String,
        second: String,
        #[arg(long, default_value = "poisson(.8) h2(.2ms,8.2ms,.9)")]
        load: String,
    },
    /// Fetch URLs for real, with an order for the run queue and one for the gate
    Fetch(fetch::Wish),
    /// A recorded fetch under other policies, in virtual time
    Whatif {
        /// What `lab fetch --record` wrote
        file: PathBuf,
        /// A policy, or `all`
        #[arg(long, default_value = "all")]
        policy: String,
    },
    /// Look for a schedule under which a program is wrong
    Find {
        program: String,
        #[arg(long, default_value = "pct(3)")]
        policy: String,
        #[arg(long, default_value_t = 1000)]
        runs: u64,
    },
    /// Cut a failing schedule down to what matters
    Shrink {
        program: String,
        #[arg(long, default_value = "pct(3)")]
        policy: String,
        /// Its exceptions from FIFO, as `find` printed them
        #[arg(long)]
        schedule: Option<String>,
    },
    /// You choose who runs next
    Play {
        #[arg(
            long,
            default_value = "poisson(1.2) uniform(1ms,9ms) polls(2ms) jobs(6)"
        )]
        load: String,
    },
}

fn main() -> ExitCode {
    end_with_the_reader();
    let cli = Cli::parse();
    match obey(&cli) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
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

/// `lab list | head`: when nobody reads any more, nothing is wrong.
fn end_with_the_reader() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<String>();
        if message.is_some_and(|message| message.starts_with("failed printing to stdout")) {
            std::process::exit(0);
        }
        hook(panic);
    }));
}

/// Does what was asked; returns broken laws that count.
fn obey(cli: &Cli) -> Result<Vec<String>, String> {
    let (seed, files) = (cli.seed, &cli.files);
    let nothing = |()| Vec::new();
    files.can_be_written()?;
    match &cli.command {
        Command::List => runner::list(seed, files).map(nothing),
        Command::Run {
            name,
            check,
            virtual_only,
            policy,
        } => {
            let lab = Lab::new(seed, !virtual_only, files.want_pictures());
            let broken = runner::run(name, &lab.guests(policy)?, files)?;
            Ok(if *check { broken } else { Vec::new() })
        }
        Command::Duel {
            first,
            second,
            load,
        } => duel::duel([first, second], load, seed, files),
        Command::Fetch(wish) => fetch::fetch(wish, seed, files),
        Command::Whatif { file, policy } => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
            whatif::whatif(&text, policy, seed, files)
        }
        Command::Find {
            program,
            policy,
            runs,
        } => find::find(program, policy, *runs, seed, files).map(nothing),
        Command::Shrink {
            program,
            policy,
            schedule,
        } => shrink::shrink(program, policy, schedule.as_deref(), seed, files).map(nothing),
        Command::Play { load } => play::play(load, seed, files),
    }
}
