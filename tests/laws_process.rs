//! The laws of beginnings and ends: what a loop leaves behind, and what its types
//! promise about threads.

mod laws;

use downbeat::policy::{Cause, Fifo, Policy, Runnable};
use downbeat::runtime::{Observer, Runtime};
use downbeat::time::{Sleep, sleep};
use downbeat::*;
use laws::{Bomb, Count, MS, OnDrop, Reports, in_its_own_process, is_alone, without_hanging};
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn x01_shutdown_terminates() {
    without_hanging(|| {
        /// Spawns, arms a timer, aborts and panics when it is dropped.
        struct Hydra(Count, JoinHandle<()>);
        impl Drop for Hydra {
            fn drop(&mut self) {
                let head = self.0.guard();
                let refused = spawn(async move {
                    let _head = head;
                    sleep(MS).await;
                });
                self.1.abort();
                drop(timer());
                assert!(refused.id().is_some(), "refused");
            }
        }
        /// An armed timer.
        fn timer() -> Sleep {
            let mut timer = sleep(MS);
            let mut cx = std::task::Context::from_waker(Waker::noop());
            assert!(std::pin::Pin::new(&mut timer).poll(&mut cx).is_pending());
            timer
        }
        let (builder, reports) = Reports::of(Runtime::builder());
        let mut runtime = builder.build().unwrap();
        let drops = Count::default();
        runtime.block_on(async {
            for _ in 0..100 {
                let hydra = Hydra(drops.clone(), spawn(pending()));
                spawn(async move {
                    let _hydra = hydra;
                    sleep(Duration::MAX).await;
                })
                .detach();
            }
            sleep(MS).await;
        });
        drop(runtime);
        // What was refused was dropped, in each of them.
        assert_eq!(drops.get(), 100);
        assert_eq!(reports.take().len(), 100);
    });
}

/// Descriptors and threads of this process.
#[cfg(target_os = "linux")]
fn holdings() -> (usize, usize) {
    let count = |dir| std::fs::read_dir(dir).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[cfg(target_os = "linux")]
fn use_everything(runtime: &mut Runtime) -> (Waker, JoinHandle<()>) {
    runtime.block_on(async {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let left = spawn(async {
            let _timer = Box::pin(sleep(Duration::MAX));
            pending::<()>().await;
        });
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let socket = mio::net::UnixStream::from_std(ours);
        let socket = io::Registered::new(socket).unwrap();
        spawn(async move {
            let _peer = theirs;
            poll_fn(|cx| socket.poll_read_with(cx, |_| Err::<(), _>(would_block()))).await
        })
        .detach();
        spawn_blocking(|| ()).await.unwrap();
        drop(spawn_blocking(|| thread::sleep(MS)));
        let mut group = TaskGroup::new();
        group.spawn(sleep(MS));
        group.next().await;
        (waker, left)
    })
}

#[cfg(target_os = "linux")]
fn would_block() -> std::io::Error {
    std::io::ErrorKind::WouldBlock.into()
}

#[test]
#[cfg(target_os = "linux")]
fn x02_baseline_after_drop_x03_many_runtimes_in_sequence() {
    let mut child = in_its_own_process("x02_x03_alone");
    assert!(child.status().unwrap().success());
}

#[test]
#[ignore = "counts the descriptors of its process: started by the test above"]
#[cfg(target_os = "linux")]
fn x02_x03_alone() {
    if !is_alone() {
        return;
    }
    struct Refuses;
    impl Policy for Refuses {
        fn enqueue(&mut self, _: Runnable, _: Cause) {}
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            None
        }
        fn wants_clock(&self) -> bool {
            panic!("a policy in wants_clock")
        }
    }
    let baseline = holdings();
    // Whether or not a loop comes of it, nothing stays behind.
    let built = std::panic::catch_unwind(|| Runtime::builder().policy(Refuses).build());
    drop(built);
    assert_eq!(holdings(), baseline);
    // Nor does the handle of a future that was refused and panics in its drop.
    let runtime = Runtime::builder().on_report(|_| ()).build().unwrap();
    let refused = OnDrop(|| {
        let bomb = Bomb;
        spawn(async move { drop(bomb) }).detach();
    });
    let task = async move {
        let _refused = refused;
        pending::<()>().await;
    };
    runtime.spawn(task).detach();
    drop(runtime);
    assert_eq!(holdings(), baseline);
    for _ in 0..1000 {
        let mut runtime = Runtime::new().unwrap();
        let (waker, left) = use_everything(&mut runtime);
        assert!(holdings() > baseline);
        drop(runtime);
        waker.wake_by_ref();
        drop((waker, left));
        // The system takes a moment to bury a thread that has returned.
        let began = Instant::now();
        while holdings() != baseline && began.elapsed() < Duration::from_secs(60) {
            thread::sleep(MS);
        }
        assert_eq!(holdings(), baseline);
    }
}

#[test]
fn x08_wake_in_tls_destructor() {
    struct WakesInDrop(Waker);
    impl Drop for WakesInDrop {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }
    thread_local! {
        static BEFORE: RefCell<Vec<WakesInDrop>> = const { RefCell::new(Vec::new()) };
        static AFTER: RefCell<Vec<WakesInDrop>> = const { RefCell::new(Vec::new()) };
    }
    let own_waker = || poll_fn(|cx| Poll::Ready(cx.waker().clone()));
    let mut runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let other = own_waker().await;
        let thread = thread::spawn(move || {
            // Dropped in an order that is not ours to choose: before and after the
            // thread-locals of the loop. One of a loop that lives, one of its own.
            BEFORE.with_borrow_mut(|kept| kept.push(WakesInDrop(other.clone())));
            let own = run(own_waker());
            BEFORE.with_borrow_mut(|kept| kept.push(WakesInDrop(own.clone())));
            AFTER.with_borrow_mut(|kept| kept.extend([own, other].map(WakesInDrop)));
        });
        // Nothing else wakes this task.
        let mut polls = 0;
        poll_fn(|_| {
            polls += 1;
            if polls > 1 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        thread.join().unwrap();
    });
}

#[test]
fn x08_a_loop_kept_in_a_thread_local_ends_with_its_thread() {
    thread_local! {
        static LOOP: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        LOOP.with_borrow_mut(|kept| {
            let runtime = kept.insert(Runtime::new().unwrap());
            runtime.block_on(async {
                let dropped = OnDrop(move || sender.send(()).unwrap());
                spawn(async move {
                    let _dropped = dropped;
                    sleep(Duration::MAX).await;
                })
                .detach();
                sleep(MS).await;
            });
        });
    });
    thread.join().unwrap();
    receiver.recv().unwrap();
}

#[test]
fn t16_whatever_of_the_users_panics_in_its_drop_the_end_comes() {
    struct Watches(#[allow(dead_code)] Bomb);
    impl Observer for Watches {}
    impl Policy for Watches {
        fn enqueue(&mut self, _: Runnable, _: Cause) {}
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            None
        }
    }
    let policy: Box<dyn Policy> = Box::new(Fifo::new());
    let (builder, reports) = Reports::of(Runtime::builder().policy(policy));
    let mut runtime = builder.observer(Watches(Bomb)).build().unwrap();
    runtime.block_on(async {
        // Comes too late to come into service.
        runtime::set_policy(Box::new(Watches(Bomb))).unwrap();
    });
    drop(runtime);
    assert_eq!(reports.take().len(), 2);
    let bomb = Bomb;
    let hook = move |_: &runtime::Report| {
        let _bomb = &bomb;
    };
    drop(Runtime::builder().on_report(hook).build().unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn x04_a_program_that_is_started_inherits_nothing() {
    let mut runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let any = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        let listener = net::TcpListener::bind(any).unwrap();
        let address = listener.local_addr().unwrap();
        let stream = net::TcpStream::connect(address).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let datagrams = net::UdpSocket::bind(any).unwrap();
        let job = spawn_blocking(|| {
            let program = std::process::Command::new("ls")
                .args(["-l", "/proc/self/fd"])
                .output();
            String::from_utf8(program.unwrap().stdout).unwrap()
        });
        let open = job.await.unwrap();
        for kind in ["socket:", "eventpoll", "eventfd"] {
            assert!(!open.contains(kind), "{kind} in {open}");
        }
        drop((listener, stream, accepted, datagrams));
    });
}

#[test]
fn x10_an_exit_in_the_middle_of_everything_is_an_exit() {
    let out = in_its_own_process("x10_alone").output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(7), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
#[ignore = "ends its process: started by the test above"]
fn x10_alone() {
    if !is_alone() {
        return;
    }
    let (never, waits) = std::sync::mpsc::channel::<()>();
    let mut runtime = Runtime::new().unwrap();
    runtime.block_on(async move {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let _never = never;
        for _ in 0..100 {
            spawn(pending::<()>()).detach();
            spawn(sleep(Duration::MAX)).detach();
        }
        drop(spawn_blocking(move || waits.recv()));
        spawn(async move {
            yield_now().await;
            std::process::exit(7)
        })
        .detach();
        thread::spawn(move || {
            loop {
                waker.wake_by_ref();
                thread::yield_now();
            }
        });
        pending::<()>().await;
    });
}
