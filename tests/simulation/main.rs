//! The real loop and the real client in a simulated world: virtual time, connections
//! in memory, a scripted origin, and everything that may go wrong, by a seed.
//!
//! ```text
//! cargo test --test simulation                                # 1,000 seeds
//! SEED=17 cargo test --test simulation                        # that seed alone
//! SEEDS=100000 cargo test --release --test simulation         # many seeds
//! REQUESTS=200 SEEDS=1000 cargo test --release --test simulation
//! FIRST=5000 SEEDS=1000 cargo test --test simulation          # others
//! ```
//!
//! A failure prints the one command that repeats it, byte for byte. What is held
//! against every run is in `verdict.rs`; what may go wrong, in `chance.rs`, `rough.rs`
//! and `plan.rs`.
#![cfg(all(feature = "tls", feature = "gzip"))]

mod caller;
mod certificates;
mod chance;
mod net;
mod plan;
mod rough;
mod run;
mod server;
mod verdict;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use run::Figures;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.replace('_', "")
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text}")),
    )
}

/// Runs a seed; what goes wrong comes with the command that repeats it.
fn try_seed(seed: u64, requests: usize) -> Result<Figures, String> {
    let outcome = catch_unwind(|| run::run(seed, requests)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("without a text")))
    });
    outcome.map_err(|wrong| {
        format!("seed {seed}: {wrong}\nagain: SEED={seed} REQUESTS={requests} cargo test --test simulation")
    })
}

#[test]
fn every_seed_holds() {
    let requests = usize::try_from(number("REQUESTS").unwrap_or(12)).expect("not so many");
    if let Some(seed) = number("SEED") {
        let figures = try_seed(seed, requests).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("seed {seed}: {figures:#?}");
        return;
    }
    let first = number("FIRST").unwrap_or(0);
    let last = first + number("SEEDS").unwrap_or(1000);
    let began = Instant::now();
    let (next, sum, wrong) = (AtomicU64::new(first), Mutex::default(), Mutex::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        break;
                    }
                    match try_seed(seed, requests) {
                        Ok(figures) => Figures::add(&mut sum.lock().unwrap(), &figures),
                        Err(text) => Vec::push(&mut wrong.lock().unwrap(), text),
                    }
                }
            });
        }
    });
    let sum: Figures = sum.into_inner().unwrap();
    let wrong: Vec<String> = wrong.into_inner().unwrap();
    println!("{sum:#?}\n{:.1} s", began.elapsed().as_secs_f64());
    let shown = wrong.iter().take(3).cloned().collect::<Vec<_>>();
    assert!(
        wrong.is_empty(),
        "{} seeds fail\n{}",
        wrong.len(),
        shown.join("\n\n")
    );
    assert!(
        sum.faulty_runs * 10 >= sum.runs * 4 - 20,
        "40 of 100 have faults"
    );
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in (0..400).step_by(13) {
        let runs = [(); 2].map(|()| try_seed(seed, 10).unwrap_or_else(|wrong| panic!("{wrong}")));
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}
