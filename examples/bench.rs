//! Microbenchmarks of the executor, one per name.
//!
//! `cargo run --profile measured --example bench`          all of them, in ns of CPU time
//! `cargo run --profile measured --example bench NAME N`   one of them, N operations, nothing
//! printed: for `valgrind --tool=callgrind` (the slope between two values of N is the cost of
//! an operation)
//! `cargo run --profile measured --example bench rows`     the names, each with two such values
//!
//! `.ci/instructions` counts them all and compares with `docs/reference/instructions.tsv`.

use downbeat::future::join_all;
use downbeat::time::sleep;
use downbeat::{Runtime, spawn};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// One benchmark.
struct Row {
    name: &'static str,
    /// Operations of a timed run.
    operations: u64,
    /// Operations of the two runs under callgrind.
    counted: [u64; 2],
    run: fn(u64),
}

const ROWS: &[Row] = &[
    row("yield_1", 3_000_000, [20_000, 60_000], yield_1),
    row("yield_1000", 3_000_000, [20_000, 60_000], yield_1000),
    row("spawn_join", 400_000, [2_000, 6_000], spawn_join),
    row("spawn_await", 1_000_000, [5_000, 15_000], spawn_await),
    row("ping_pong", 1_000_000, [5_000, 15_000], ping_pong),
    row("channel", 3_000_000, [10_000, 30_000], channel),
    row("join_1000", 300_000, [3_000, 9_000], join_1000),
    row("spawn_join_1000", 300_000, [3_000, 9_000], spawn_join_1000),
    row("timers", 300_000, [2_000, 6_000], timers),
    row("timer_cancel", 1_000_000, [5_000, 15_000], timer_cancel),
];

const fn row(name: &'static str, operations: u64, counted: [u64; 2], run: fn(u64)) -> Row {
    Row {
        name,
        operations,
        counted,
        run,
    }
}

/// A loop with default settings but for the watchdog: its scans come by the wall clock,
/// and under callgrind a second has fifty times fewer instructions.
fn run<F: Future>(future: F) -> F::Output {
    let builder = Runtime::builder().passed_over_after(None);
    builder.build().unwrap().block_on(future)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [name, operations] => {
            let row = ROWS
                .iter()
                .find(|row| row.name == name)
                .expect("a benchmark of this name");
            (row.run)(operations.parse().expect("a number of operations"));
        }
        [word] if word == "rows" => {
            for row in ROWS {
                println!("{} {} {}", row.name, row.counted[0], row.counted[1]);
            }
        }
        _ => {
            for row in ROWS {
                println!("{:15} {:8.1} ns", row.name, best_of_five(row));
            }
        }
    }
}

/// The fastest of five runs, per operation.
fn best_of_five(row: &Row) -> f64 {
    let time = || {
        let start = Instant::now();
        (row.run)(row.operations);
        start.elapsed().as_nanos() as f64 / row.operations as f64
    };
    (0..5).map(|_| time()).fold(f64::INFINITY, f64::min)
}

/// A future that is pending once and wakes itself: the smallest yield.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// One task yields n times.
fn yield_1(n: u64) {
    run(async move {
        let task = spawn(async move {
            for _ in 0..n {
                Yield(false).await;
            }
        });
        task.await.unwrap();
    });
}

/// A thousand tasks yield n times in all.
fn yield_1000(n: u64) {
    run(async move {
        let yielder = |_| {
            spawn(async move {
                for _ in 0..n / 1000 {
                    Yield(false).await;
                }
            })
        };
        let tasks: Vec<_> = (0..1000).map(yielder).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Spawns n tasks, then joins all.
fn spawn_join(n: u64) {
    run(async move {
        let tasks: Vec<_> = (0..n).map(|i| spawn(async move { i })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        black_box(sum);
    });
}

/// Spawns a task and awaits it, n times.
fn spawn_await(n: u64) {
    run(async move {
        let mut sum = 0;
        for i in 0..n {
            sum += spawn(async move { i }).await.unwrap();
        }
        black_box(sum);
    });
}

thread_local! {
    /// What the two players of `ping_pong` ring, and who listens.
    static BELLS: [RefCell<(bool, Option<Waker>)>; 2] = const {
        [RefCell::new((false, None)), RefCell::new((false, None))]
    };
}

fn ring(bell: usize) {
    BELLS.with(|bells| {
        let mut bell = bells[bell].borrow_mut();
        bell.0 = true;
        if let Some(waker) = bell.1.take() {
            waker.wake();
        }
    });
}

async fn rung(bell: usize) {
    poll_fn(|cx| {
        BELLS.with(|bells| {
            let mut bell = bells[bell].borrow_mut();
            if std::mem::take(&mut bell.0) {
                return Poll::Ready(());
            }
            bell.1 = Some(cx.waker().clone());
            Poll::Pending
        })
    })
    .await;
}

/// Two tasks wake each other; there and back, n times.
fn ping_pong(n: u64) {
    run(async move {
        let ping = spawn(async move {
            for _ in 0..n {
                ring(0);
                rung(1).await;
            }
        });
        for _ in 0..n {
            rung(0).await;
            ring(1);
        }
        ping.await.unwrap();
    });
}

/// n numbers go through a bounded channel.
fn channel(n: u64) {
    run(async move {
        let (sender, receiver) = downbeat::sync::channel(1024);
        let producer = spawn(async move {
            for number in 0..n {
                sender.send(number).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(number) = receiver.recv().await {
            sum += number;
        }
        producer.await.unwrap();
        black_box(sum);
    });
}

/// One task joins a thousand children inside itself, which yield three times each.
fn join_1000(n: u64) {
    run(async move {
        for _ in 0..n.div_ceil(1000) {
            join_all((0..1000).map(|_| three_yields())).await;
        }
    });
}

/// The same children, each a task.
fn spawn_join_1000(n: u64) {
    run(async move {
        for _ in 0..n.div_ceil(1000) {
            let tasks: Vec<_> = (0..1000).map(|_| spawn(three_yields())).collect();
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
}

async fn three_yields() {
    for _ in 0..3 {
        Yield(false).await;
    }
}

/// n tasks sleep for pseudo-random times below a second of virtual time.
fn timers(n: u64) {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(async move {
        let sleeper = |i: u64| {
            let micros = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44;
            spawn(async move { sleep(Duration::from_micros(micros)).await })
        };
        let tasks: Vec<_> = (0..n).map(sleeper).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Arms and cancels a timer n times.
fn timer_cancel(n: u64) {
    run(async move {
        for _ in 0..n {
            let mut timer = sleep(Duration::from_secs(3600));
            poll_fn(|cx| {
                let _ = Pin::new(&mut timer).poll(cx);
                Poll::Ready(())
            })
            .await;
        }
    });
}
