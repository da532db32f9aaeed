//! Work that never waits: on the loop it stalls everyone, on threads it does not.
//!
//! A heartbeat ticks every 5 ms beside each kind of work; its longest silence shows
//! who had to wait. The reports in between are the runtime's own.
//!
//! What it teaches: the loop overlaps *waiting*. Computing gains nothing from it and
//! belongs on threads (`spawn_blocking`), and so do files: the operating system has no
//! way to read one without making the thread wait.
#![forbid(unsafe_code)]

use downbeat::time::{MissedTicks, interval, now};
use downbeat::{Runtime, gather, spawn, spawn_blocking};
use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// The size of the file: enough for a read to be seen.
const FILE_MIB: usize = 64;

fn main() -> std::io::Result<()> {
    let file = Temporary::new()?;
    let primes = calibrate();
    let mut runtime = Runtime::builder()
        .slow_poll(Duration::from_millis(15))
        .on_report(|report| println!("      report: {report}"))
        .build()?;
    runtime.block_on(async {
        println!("computing, twice, about 100 ms each:");
        beside_a_heartbeat("on the loop", async move {
            gather((0..2).map(|_| async move { count_primes(primes) })).await;
        })
        .await;
        beside_a_heartbeat("spawn_blocking", async move {
            gather((0..2).map(|_| spawn_blocking(move || count_primes(primes)))).await;
        })
        .await;

        println!("reading a file of {FILE_MIB} MiB:");
        let path = file.0.clone();
        beside_a_heartbeat("on the loop", async move {
            drop(std::fs::read(path));
        })
        .await;
        let path = file.0.clone();
        beside_a_heartbeat("spawn_blocking", async move {
            drop(spawn_blocking(move || std::fs::read(path)).await);
        })
        .await;
    });
    println!("the rule: await what waits, spawn_blocking what computes or reads files");
    Ok(())
}

/// Runs `work` in a task of its own beside a heartbeat, and says what both saw.
async fn beside_a_heartbeat(name: &str, work: impl Future<Output = ()> + 'static) {
    let silence = Rc::new(Cell::new(Duration::ZERO));
    let heartbeat = spawn(tick(Rc::clone(&silence)));
    // Let it tick before the work begins.
    downbeat::time::sleep(Duration::from_millis(10)).await;
    let began = now();
    let worker = spawn(work);
    drop(worker.await);
    let took = now().duration_since(began).as_millis();
    // The tick that is late comes first, then the abort.
    downbeat::time::sleep(Duration::from_millis(10)).await;
    heartbeat.abort();
    let silence = silence.get().as_millis();
    println!("   {name:<14} took {took:3} ms, longest silence of the heartbeat {silence:3} ms");
}

/// Ticks every 5 ms and notes the longest time between two ticks.
async fn tick(silence: Rc<Cell<Duration>>) {
    let mut ticks = interval(Duration::from_millis(5)).missed_ticks(MissedTicks::Skip);
    let mut last = now();
    loop {
        ticks.tick().await;
        let gap = now().duration_since(last);
        silence.set(silence.get().max(gap));
        last = now();
    }
}

/// How many numbers to test for some 100 ms of work on this machine.
fn calibrate() -> u32 {
    let mut limit = 10_000;
    loop {
        let began = now();
        count_primes(limit);
        if now().duration_since(began) >= Duration::from_millis(70) {
            return limit;
        }
        limit += limit / 2;
    }
}

/// Pure computation: nothing in it waits.
fn count_primes(limit: u32) -> usize {
    let is_prime = |n: &u32| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    std::hint::black_box((2..limit).filter(is_prime).count())
}

/// A file that is gone when the program ends.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("downbeat-blocking-{}", std::process::id()));
        let made = Self(path);
        fill(&made.0)?;
        Ok(made)
    }
}

fn fill(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    for _ in 0..FILE_MIB {
        file.write_all(&[b'x'; 1 << 20])?;
    }
    Ok(())
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now, the system removes later.
        let _ = std::fs::remove_file(&self.0);
    }
}
