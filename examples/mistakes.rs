//! Five mistakes everyone makes once, and what the runtime says about each.
//!
//! Each part has the mistake, the report in the runtime's own words, and the cure.
//!
//! Read next: `examples/blocking.rs` for the first one at length.
#![forbid(unsafe_code)]

use downbeat::policy::Fifo;
use downbeat::runtime::Stuck;
use downbeat::sync::{Notify, channel};
use downbeat::time::sleep;
use downbeat::{Runtime, SpawnOptions, spawn, spawn_with, yield_now};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

fn main() -> io::Result<()> {
    blocks()?;
    burns()?;
    lost_wake()?;
    deadlock()?;
    guard_across_await()
}

/// A loop that reports polls of more than 20 ms to standard output, and that ends
/// when it has waited in vain for 100 ms: here no thread will come to help.
fn runtime() -> io::Result<Runtime<Fifo>> {
    Runtime::builder()
        .slow_poll(Duration::from_millis(20))
        .on_report(|report| says(&report.to_string()))
        .stuck_after(Duration::from_millis(100))
        .end_when_stuck(true)
        .build()
}

/// A task with a name, so that reports can name it.
#[track_caller]
fn task<F: Future<Output = ()> + 'static>(
    name: &'static str,
    future: F,
) -> downbeat::JoinHandle<()> {
    spawn_with(future, SpawnOptions::new().name(name))
}

fn blocks() -> io::Result<()> {
    title("1. It blocks: a call that waits, without `.await`");
    runtime()?.block_on(async {
        let bad = task("blocks", async {
            std::thread::sleep(Duration::from_millis(50))
        });
        drop(bad.await);
    });
    cure("time::sleep, the async socket, or spawn_blocking");
    Ok(())
}

fn burns() -> io::Result<()> {
    title("2. It burns: it asks again and again instead of waiting");
    let polls = |wait: fn(Rc<Notify>) -> downbeat::JoinHandle<()>| -> io::Result<(u64, f64)> {
        let mut runtime = runtime()?;
        runtime.block_on(async {
            let ready = Rc::new(Notify::new());
            let waiter = wait(Rc::clone(&ready));
            sleep(Duration::from_millis(20)).await;
            ready.notify_one();
            drop(waiter.await);
        });
        let stats = runtime.stats();
        let share = stats.busy().as_secs_f64() / stats.running.as_secs_f64();
        Ok((stats.polls, 100.0 * share))
    };
    let (asked, busy) = polls(|ready| {
        task("burns", async move {
            let mut notified = std::pin::pin!(ready.notified());
            // Looks, and says "I can go on" whatever the answer is.
            while poll_fn(|cx| Poll::Ready(notified.as_mut().poll(cx).is_pending())).await {
                yield_now().await;
            }
        })
    })?;
    says(&format!(
        "{asked} polls in 20 ms, the loop was busy {busy:.0} % of the time"
    ));
    let (asked, busy) = polls(|ready| task("waits", async move { ready.notified().await }))?;
    cure(&format!("await it: {asked} polls, busy {busy:.0} %"));
    Ok(())
}

fn lost_wake() -> io::Result<()> {
    title("3. It loses its wake: `Pending` without keeping the waker");
    let stuck = runtime()?.try_block_on(async {
        let forgets = poll_fn(|_| Poll::<()>::Pending);
        drop(task("forgets its waker", forgets).await);
    });
    report(stuck);
    cure("before Pending, store cx.waker().clone() where the event finds it");
    Ok(())
}

fn deadlock() -> io::Result<()> {
    title("4. They wait for each other");
    let stuck = runtime()?.try_block_on(async {
        let (to_left, left) = channel::<u8>(1);
        let (to_right, right) = channel::<u8>(1);
        let one = task("left", async move {
            let Some(value) = left.recv().await else {
                return;
            };
            let _ = to_right.send(value).await;
        });
        let other = task("right", async move {
            let Some(value) = right.recv().await else {
                return;
            };
            let _ = to_left.send(value).await;
        });
        drop((one.await, other.await));
    });
    report(stuck);
    cure("one of them speaks first");
    Ok(())
}

/// The lint that finds this mistake is on in this crate; here it is made on purpose.
#[allow(clippy::await_holding_refcell_ref)]
fn guard_across_await() -> io::Result<()> {
    title("5. It keeps a guard while it waits");
    // The runtime catches the panic and hands it over: no need for Rust's own report.
    std::panic::set_hook(Box::new(|_| {}));
    runtime()?.block_on(async {
        let count = Rc::new(RefCell::new(0));
        let shared = Rc::clone(&count);
        let keeper = task("keeps the guard", async move {
            let mut guard = shared.borrow_mut();
            sleep(Duration::from_millis(1)).await; // The others run, the guard lives.
            *guard += 1;
        });
        let second = spawn(async move { *count.borrow_mut() += 1 });
        if let Err(error) = second.await {
            says(&error.to_string());
        }
        drop(keeper.await);
    });
    drop(std::panic::take_hook());
    cure("end the borrow before the await; clippy's await_holding_refcell_ref finds it");
    Ok(())
}

fn title(text: &str) {
    println!("{text}");
}

/// What the runtime says.
fn says(text: &str) {
    println!("   says: {}", text.replace('\n', "\n        "));
}

fn report(result: Result<(), Stuck>) {
    match result {
        Err(stuck) => says(&stuck.to_string()),
        Ok(()) => says("nothing: it went well"),
    }
}

fn cure(text: &str) {
    println!("   cure: {text}\n");
}
