//! The rows of the executor measurements, generic over the executor.
//!
//! `PROGRAM ROW OPERATIONS` runs one row in a process of its own and prints one line
//! of JSON: the number of operations done (rounded to whole rounds of the row), the
//! CPU and the wall time they took. Set-up and the end of the process are outside the
//! clock; under callgrind, where they would count, two sizes are run and the slope
//! between them is the cost of one operation.
//!
//! Absent on purpose: warm-up and repetition. The driver runs each row often, in turn
//! with the same row of the other competitors.
//!
//! Read next: `executors/downbeat.rs`, then `threads.rs`.

use crate::futures::{all_started, never, ring, rung, yield_now};
use crate::meter::{Meter, Took, resident};
use crate::threads;
use futures_util::future;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// What a competitor has to show to be measured.
pub trait Executor: 'static {
    /// Whether it has timers.
    const TIMERS: bool;

    /// What spawning returns.
    type Join: Future + 'static;

    /// Runs a future to its end on this thread.
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static;

    /// Spawns a task on this thread.
    fn spawn<F>(future: F) -> Self::Join
    where
        F: Future<Output = ()> + Send + 'static;

    /// Lets a task go on without its handle.
    fn detach(join: Self::Join);

    /// Waits for all of `futures` inside one task.
    fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> impl Future {
        future::join_all(futures)
    }

    /// A timer.
    fn sleep(duration: Duration) -> impl Future + 'static;

    /// Spawns a task that calls [`crate::futures::started`] and then sleeps.
    fn spawn_sleep(duration: Duration) -> Self::Join;

    /// The runtime's usual bounded channel: one task sends `0..count` through a
    /// capacity of 1024, another receives them and returns the sum.
    fn channel(count: u64) -> impl Future<Output = u64> + 'static;
}

/// Runs the row that the command line names.
pub fn main<E: Executor>() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [row, operations] = arguments.as_slice() else {
        eprintln!("usage: PROGRAM ROW OPERATIONS");
        std::process::exit(2);
    };
    let n: u64 = operations.parse().expect("a number of operations");
    match row.as_str() {
        "spawn" => timed::<E>(row, spawn::<E>(n)),
        "spawn1" => timed::<E>(row, spawn_one::<E>(n)),
        "yield1" => timed::<E>(row, yields::<E>(1, n)),
        "yield1000" => timed::<E>(row, yields::<E>(1000, n)),
        "pingpong" => timed::<E>(row, pingpong::<E>(n)),
        "mpsc" => timed::<E>(row, channel::<E>(n)),
        "join1000" => timed::<E>(row, joined::<E>(1000, n)),
        "join100000" => timed::<E>(row, joined::<E>(100_000, n)),
        "spawnjoin1000" => timed::<E>(row, spawned::<E>(1000, n)),
        "spawnjoin100000" => timed::<E>(row, spawned::<E>(100_000, n)),
        "timers" if E::TIMERS => timed::<E>(row, timers::<E>(n)),
        "timercancel" if E::TIMERS => timed::<E>(row, timer_cancel::<E>(n)),
        "xwake" => threads::round_trips::<E>(row, n),
        "memnever" => memory::<E>(row, n, || E::spawn(never())),
        "memsleep" if E::TIMERS => {
            let mut random = Random::new();
            let hour = move || Duration::from_millis(3_600_000 + random.below(60_000));
            memory::<E>(row, n, with(hour, E::spawn_sleep));
        }
        _ => println!(r#"{{"row":"{row}","skip":true}}"#),
    }
}

/// Spawns `n` tasks, then joins all.
async fn spawn<E: Executor>(n: u64) -> u64 {
    let tasks: Vec<_> = (0..n).map(|_| E::spawn(async {})).collect();
    for task in tasks {
        task.await;
    }
    n
}

/// Spawns a task and awaits it, `n` times: the hot path with all in cache.
async fn spawn_one<E: Executor>(n: u64) -> u64 {
    for _ in 0..n {
        E::spawn(async {}).await;
    }
    n
}

/// `tasks` tasks yield `n` times in all.
async fn yields<E: Executor>(tasks: u64, n: u64) -> u64 {
    let each = n.div_ceil(tasks);
    let yielder = |_| {
        E::spawn(async move {
            for _ in 0..each {
                yield_now().await;
            }
        })
    };
    let joins: Vec<_> = (0..tasks).map(yielder).collect();
    for join in joins {
        join.await;
    }
    each * tasks
}

/// Two tasks wake each other; one operation is there and back.
async fn pingpong<E: Executor>(n: u64) -> u64 {
    let ping = E::spawn(async move {
        for _ in 0..n {
            ring(0);
            rung(1).await;
        }
    });
    let pong = E::spawn(async move {
        for _ in 0..n {
            rung(0).await;
            ring(1);
        }
    });
    ping.await;
    pong.await;
    n
}

/// `n` numbers go through a bounded channel.
async fn channel<E: Executor>(n: u64) -> u64 {
    let sum = E::channel(n).await;
    assert_eq!(sum, n * (n - 1) / 2);
    n
}

/// A child of the join rows: three yields.
async fn three_yields() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// One task joins `width` children inside itself, over and over.
async fn joined<E: Executor>(width: u64, n: u64) -> u64 {
    let rounds = n.div_ceil(width);
    for _ in 0..rounds {
        E::join_all((0..width).map(|_| three_yields())).await;
    }
    rounds * width
}

/// The same children, each a task.
async fn spawned<E: Executor>(width: u64, n: u64) -> u64 {
    let rounds = n.div_ceil(width);
    for _ in 0..rounds {
        let tasks: Vec<_> = (0..width).map(|_| E::spawn(three_yields())).collect();
        for task in tasks {
            task.await;
        }
    }
    rounds * width
}

/// `n` tasks sleep for pseudo-random times below a second.
async fn timers<E: Executor>(n: u64) -> u64 {
    let mut random = Random::new();
    let below_a_second = move || Duration::from_nanos(random.below(1_000_000_000));
    let tasks: Vec<_> = std::iter::repeat_with(with(below_a_second, E::spawn_sleep))
        .take(n as usize)
        .collect();
    for task in tasks {
        task.await;
    }
    n
}

/// Arms ten thousand timers and drops them, over and over.
async fn timer_cancel<E: Executor>(n: u64) -> u64 {
    const ARMED: u64 = 10_000;
    let mut random = Random::new();
    let mut sleep = move || {
        Box::pin(E::sleep(Duration::from_millis(
            10_000 + random.below(50_000),
        )))
    };
    let rounds = n.div_ceil(ARMED);
    for _ in 0..rounds {
        let mut armed: Vec<Pin<Box<_>>> = (0..ARMED).map(|_| sleep()).collect();
        std::future::poll_fn(|cx| {
            for timer in &mut armed {
                assert!(timer.as_mut().poll(cx).is_pending());
            }
            Poll::Ready(())
        })
        .await;
    }
    rounds * ARMED
}

/// Spawns `n` tasks that stay, and prints what each costs in resident memory.
fn memory<E: Executor>(row: &str, n: u64, mut spawn: impl FnMut() -> E::Join + 'static) {
    let row = row.to_string();
    E::block_on(async move {
        E::spawn(async {}).await;
        let before = resident();
        for _ in 0..n {
            E::detach(spawn());
        }
        E::spawn(all_started(n)).await;
        let bytes = resident().saturating_sub(before) as f64 / n as f64;
        println!(r#"{{"row":"{row}","operations":{n},"bytes":{bytes:.1}}}"#);
        // What is measured would take long to tear down.
        std::process::exit(0);
    });
}

/// Runs a row, which returns how many operations it did, and prints its line.
fn timed<E: Executor>(row: &str, body: impl Future<Output = u64> + 'static) {
    let (operations, took) = E::block_on(async move {
        let body = pin!(body);
        let meter = Meter::start();
        let operations = body.await;
        (operations, meter.stop())
    });
    print_line(row, operations, took);
}

/// The line every timed row prints.
pub(crate) fn print_line(row: &str, operations: u64, took: Took) {
    let (cpu, wall) = (took.cpu.as_nanos(), took.wall.as_nanos());
    println!(r#"{{"row":"{row}","operations":{operations},"cpu_ns":{cpu},"wall_ns":{wall}}}"#);
}

/// `f` of what `make` makes.
fn with<A, B>(mut make: impl FnMut() -> A, mut f: impl FnMut(A) -> B) -> impl FnMut() -> B {
    move || f(make())
}

/// Marsaglia's xorshift: the same durations for every competitor.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Random(88_172_645_463_325_252)
    }

    #[inline]
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
