//! The laws of the blocking pool.

mod laws;

use downbeat::runtime::Runtime;
use downbeat::testing::block_on;
use downbeat::time::{now, sleep};
use downbeat::{BlockingError, gather, spawn_blocking};
use laws::{MS, in_its_own_process, is_alone, virtual_runtime, without_hanging};
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

fn one_thread() -> Runtime {
    Runtime::builder().blocking_threads(1).build().unwrap()
}

/// Counts drops on whatever thread they happen.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn b01_every_job_resolves_exactly_once() {
    let (begun, begins) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let mut runtime = one_thread();
    let late = runtime.block_on(async {
        let value = spawn_blocking(|| 7).await;
        assert!(matches!(value, Ok(7)));
        let panicked = spawn_blocking(|| panic!("a job")).await;
        assert!(matches!(panicked, Err(BlockingError::Panicked(_))));
        let first = spawn_blocking(move || {
            begun.send(()).unwrap();
            waits.recv().unwrap();
            "the first"
        });
        let drops = Arc::new(AtomicUsize::new(0));
        let counted = Counted(Arc::clone(&drops));
        let second = spawn_blocking(move || drop(counted));
        begins.recv().unwrap();
        // It runs, so it cannot be cancelled; the second one can.
        first.cancel();
        second.cancel();
        assert!(matches!(second.await, Err(BlockingError::Cancelled)));
        go_on.send(()).unwrap();
        assert_eq!(first.await.unwrap(), "the first");
        spawn_blocking(|| ()).await.unwrap();
        assert_eq!(drops.load(SeqCst), 1);
        [spawn_blocking(|| "late")]
    });
    drop(runtime);
    // Whichever came first, it is resolved.
    let [late] = late;
    let late = block_on(late);
    assert!(matches!(late, Ok("late") | Err(BlockingError::Cancelled)));
}

#[test]
#[cfg(target_os = "linux")]
fn b01_a_thread_that_the_system_refuses_is_an_error() {
    let mut child = in_its_own_process("b01_without_memory_for_threads");
    assert!(child.status().unwrap().success());
}

#[test]
#[ignore = "takes memory away from its process: started by the test above"]
#[cfg(target_os = "linux")]
fn b01_without_memory_for_threads() {
    let limit_memory = |spare: Option<usize>| {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = pages.split(' ').next().unwrap().parse().unwrap();
        let limit = spare.map(|spare| (pages * 4096 + spare).to_string());
        let limit = format!("--as={}:", limit.as_deref().unwrap_or("unlimited"));
        let pid = std::process::id().to_string();
        let mut prlimit = std::process::Command::new("prlimit");
        let status = prlimit.args(["--pid", &pid, &limit]).status();
        assert!(status.unwrap().success());
    };
    if !is_alone() {
        return;
    }
    Runtime::new().unwrap().block_on(async {
        limit_memory(Some(1 << 20)); // The stack of a thread takes 2 MiB.
        let refused = spawn_blocking(|| 1).await;
        limit_memory(None);
        assert!(matches!(refused, Err(BlockingError::NoThread(_))));
        assert_eq!(spawn_blocking(|| 2).await.unwrap(), 2);
        limit_memory(Some(1 << 20));
        // One thread is there already: it does the work of those that are refused.
        let jobs = gather((0..9).map(|i| async move { spawn_blocking(move || i).await.unwrap() }));
        assert!(jobs.await.into_iter().map(Result::unwrap).eq(0..9));
    });
}

#[test]
fn b02_a_panic_does_not_kill_the_worker() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            panic_any(laws::Bomb)
        }
    }
    without_hanging(|| {
        one_thread().block_on(async {
            let id = spawn_blocking(|| thread::current().id()).await.unwrap();
            assert!(spawn_blocking(|| panic!("a job")).await.is_err());
            // Dropped here or over there, whoever comes last.
            drop(spawn_blocking(|| panic_any(laws::Bomb)));
            drop(spawn_blocking(|| Loud));
            let unread = spawn_blocking(|| Loud);
            spawn_blocking(|| ()).await.unwrap();
            drop(unread);
            let loud = Loud;
            drop(spawn_blocking(move || drop(loud)));
            assert_eq!(spawn_blocking(|| thread::current().id()).await.unwrap(), id);
        });
    });
}

#[test]
fn b03_saturation_is_bounded_and_first_come_first_served() {
    saturate(1);
    saturate(2);
}

/// Fifty jobs for so many threads, all held until all threads are taken.
fn saturate(threads: usize) {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let counts = Arc::new((running, most));
    let order = Arc::new(Mutex::new(Vec::new()));
    let (hold, held) = mpsc::channel::<()>();
    let mut runtime = Runtime::builder()
        .blocking_threads(threads)
        .build()
        .unwrap();
    runtime.block_on(async {
        let held = Arc::new(Mutex::new(held));
        let jobs: Vec<_> = (0..50)
            .map(|i| {
                let (counts, order) = (Arc::clone(&counts), Arc::clone(&order));
                let held = Arc::clone(&held);
                spawn_blocking(move || {
                    order.lock().unwrap().push(i);
                    counts
                        .1
                        .fetch_max(counts.0.fetch_add(1, SeqCst) + 1, SeqCst);
                    let _ = held.lock().unwrap().recv();
                    counts.0.fetch_sub(1, SeqCst);
                })
            })
            .collect();
        // All threads are taken, and timers go on.
        while counts.0.load(SeqCst) < threads {
            sleep(MS).await;
        }
        drop(hold);
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert_eq!(counts.1.load(SeqCst), threads);
    let mut order = order.lock().unwrap().clone();
    if threads > 1 {
        order.sort_unstable(); // Who notes its number first is up to the system.
    }
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}

#[test]
fn b04_the_end_cancels_what_is_queued_and_leaves_what_runs_after_a_grace() {
    let (begun, begins) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let builder = Runtime::builder().blocking_threads(1);
    let mut runtime = builder.blocking_grace(MS * 20).build().unwrap();
    let (runs, queued) = runtime.block_on(async {
        let runs = spawn_blocking(move || {
            begun.send(()).unwrap();
            waits.recv().unwrap();
            7
        });
        (runs, spawn_blocking(|| 8))
    });
    begins.recv().unwrap();
    let began = Instant::now();
    drop(runtime);
    let took = began.elapsed();
    assert!(
        (MS * 20..Duration::from_secs(120)).contains(&took),
        "{took:?}"
    );
    assert!(matches!(block_on(queued), Err(BlockingError::Cancelled)));
    // Left alone, it still resolves.
    go_on.send(()).unwrap();
    assert_eq!(block_on(runs).unwrap(), 7);
}

#[test]
fn b04_the_end_does_not_wait_for_idle_threads() {
    let grace = Duration::from_secs(300);
    let mut runtime = Runtime::builder().blocking_grace(grace).build().unwrap();
    runtime.block_on(async { spawn_blocking(|| ()).await.unwrap() });
    let began = Instant::now();
    drop(runtime);
    assert!(began.elapsed() < grace);
}

#[test]
fn b05_a_result_nobody_wants_is_dropped_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    one_thread().block_on(async {
        let counted = Counted(Arc::clone(&drops));
        drop(spawn_blocking(move || counted));
        spawn_blocking(|| ()).await.unwrap();
        assert_eq!(drops.load(SeqCst), 1);
        // Ready, but never asked for.
        let counted = Counted(Arc::clone(&drops));
        let ready = spawn_blocking(move || counted);
        spawn_blocking(|| ()).await.unwrap();
        assert_eq!(drops.load(SeqCst), 1);
        drop(ready);
        assert_eq!(drops.load(SeqCst), 2);
    });
}

#[test]
fn c11_virtual_time_goes_on_after_a_job_that_wakes_nobody() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            drop(spawn_blocking(|| thread::sleep(MS * 20)));
            sleep(MS).await;
        });
    });
}

#[test]
fn c11_virtual_time_goes_on_after_a_job_that_still_counts_when_its_wake_arrives() {
    struct Slow(Waker);
    impl Wake for Slow {
        fn wake(self: Arc<Self>) {
            self.0.wake_by_ref();
            thread::sleep(MS * 50);
        }
    }
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let start = now();
            let mut job = spawn_blocking(|| ());
            let slowly = poll_fn(|cx| {
                let waker = Waker::from(Arc::new(Slow(cx.waker().clone())));
                Pin::new(&mut job).poll(&mut Context::from_waker(&waker))
            });
            slowly.await.unwrap();
            sleep(MS).await;
            assert_eq!(now() - start, MS);
        });
    });
}

#[test]
fn a_loop_that_waits_for_a_job_that_wakes_nobody_notices_that_it_is_stuck() {
    without_hanging(|| {
        let mut runtime = Runtime::new().unwrap();
        let stuck = runtime.try_block_on(async {
            drop(spawn_blocking(|| thread::sleep(MS * 20)));
            pending::<()>().await;
        });
        assert_eq!(stuck.unwrap_err().tasks.len(), 1);
    });
}

#[test]
fn b06_the_builder_says_how_long_a_thread_may_idle() {
    let builder = Runtime::builder()
        .blocking_threads(1)
        .blocking_idle(Duration::ZERO);
    builder.build().unwrap().block_on(async {
        let (left, has_left) = mpsc::channel();
        struct Tells(mpsc::Sender<()>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        thread_local! {
            static GUARD: RefCell<Option<Tells>> = const { RefCell::new(None) };
        }
        spawn_blocking(move || GUARD.set(Some(Tells(left))))
            .await
            .unwrap();
        // The loop is still there, but its thread goes.
        has_left.recv_timeout(Duration::from_secs(120)).unwrap();
    });
}
