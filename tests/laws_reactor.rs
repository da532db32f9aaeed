//! The laws of the reactor: which readiness is believed, and whom it wakes.

mod laws;

use downbeat::io::Registered;
use downbeat::policy::{Cause, Fifo, Policy, Runnable};
use downbeat::runtime::{Runtime, stats};
use downbeat::testing::Alarm;
use downbeat::time::{now, sleep, timeout};
use downbeat::{gather, spawn};
use laws::{MS, Reports, in_its_own_process, is_alone, virtual_runtime, without_hanging};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

type Socket = Registered<mio::net::UnixStream>;

/// One end for the loop, the other for whoever drives it.
fn pair() -> (mio::net::UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (mio::net::UnixStream::from_std(ours), theirs)
}

fn socket() -> (Socket, UnixStream) {
    let (ours, theirs) = pair();
    (Registered::new(ours).unwrap(), theirs)
}

async fn read(socket: &Socket) -> usize {
    let read = |mut socket: &mio::net::UnixStream| socket.read(&mut [0; 64]);
    poll_fn(|cx| socket.poll_read_with(cx, read)).await.unwrap()
}

/// Registers this waker for reading: nothing is there yet.
fn wait_to_read(socket: &Socket, alarm: &Alarm) {
    let waker = alarm.waker();
    let mut cx = Context::from_waker(&waker);
    let read = |mut socket: &mio::net::UnixStream| socket.read(&mut [0; 64]);
    assert!(socket.poll_read_with(&mut cx, read).is_pending());
}

#[test]
fn r01_stale_event_never_delivered() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let (first, mut to_first) = socket();
            let (second, mut to_second) = socket();
            let second = Rc::new(RefCell::new(Some(second)));
            let replace = Rc::clone(&second);
            let replaced = spawn(async move {
                read(&first).await;
                // Its event came in the same batch as ours. The new one takes its
                // descriptor and its place.
                drop(replace.take());
                let (third, to_third) = pair();
                let third = Registered::new_not_ready(third).unwrap();
                let alarm = Alarm::new();
                wait_to_read(&third, &alarm);
                sleep(MS * 20).await;
                // The new socket may be written to, and nothing more.
                assert_eq!(alarm.wakes(), 0);
                drop(to_third);
                read(&third).await
            });
            let alarm = Alarm::new();
            wait_to_read(second.borrow().as_ref().unwrap(), &alarm);
            sleep(MS).await;
            to_first.write_all(b"1").unwrap();
            to_second.write_all(b"2").unwrap();
            assert_eq!(replaced.await.unwrap(), 0);
        });
    });
}

#[test]
fn r02_no_readiness_is_lost_when_a_policy_panics_after_the_wait() {
    struct PanicsOnce(Fifo, Rc<Cell<bool>>);
    impl Policy for PanicsOnce {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            self.0.pick_next(now)
        }
        fn idle(&mut self, _: Instant, _: Instant) {
            assert!(!self.1.get(), "a policy in idle");
        }
    }
    without_hanging(|| {
        let armed = Rc::new(Cell::new(false));
        let policy = PanicsOnce(Fifo::new(), Rc::clone(&armed));
        let (builder, reports) = Reports::of(Runtime::builder().policy(policy));
        builder.build().unwrap().block_on(async {
            let (socket, mut peer) = socket();
            // The first event says that it may be written to.
            sleep(MS).await;
            let writer = std::thread::spawn(move || {
                std::thread::sleep(MS * 20);
                peer.write_all(b"x").unwrap();
                peer
            });
            armed.set(true);
            assert_eq!(read(&socket).await, 1);
            drop(writer.join());
        });
        assert!(reports.take()[0].contains("a policy in idle"));
    });
}

#[test]
fn r10_more_ready_sources_than_events_per_wait() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let (sockets, mut peers): (Vec<_>, Vec<_>) = (0..400).map(|_| socket()).unzip();
            let reads = gather(sockets.into_iter().map(|socket| async move {
                let bytes = read(&socket).await;
                (bytes, read(&socket).await)
            }));
            sleep(MS).await;
            for peer in &mut peers {
                peer.write_all(b"abc").unwrap();
            }
            drop(peers);
            assert!(reads.await.into_iter().all(|read| read.unwrap() == (3, 0)));
        });
    });
}

/// A process that was stopped and goes on finds its wait interrupted, in every
/// thread and without a handler (signal(7)).
#[test]
#[cfg(target_os = "linux")]
fn r11_eintr_retried_with_recomputed_timeout() {
    let mut child = in_its_own_process("r11_sleeps_while_it_is_stopped");
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("ready") {}
    let pid = child.id();
    // Until the process is gone.
    let storm = format!("while kill -STOP {pid} && kill -CONT {pid}; do sleep 0.002; done");
    let mut storm = Command::new("sh").args(["-c", &storm]).spawn().unwrap();
    let status = child.wait().unwrap();
    storm.wait().unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "expects to be stopped: started by the test above"]
fn r11_sleeps_while_it_is_stopped() {
    if !is_alone() {
        return;
    }
    println!("ready");
    Runtime::new().unwrap().block_on(async {
        for sleeps in 1..=200 {
            let before = now();
            sleep(MS * 30).await;
            assert!(now() - before >= MS * 30, "never early");
            // More waits than sleeps: some were interrupted. That is enough of it.
            let waits = stats().waits;
            assert!(waits < sleeps * 100, "{waits} waits");
            if waits > sleeps + 5 {
                return;
            }
        }
        panic!("nothing was interrupted");
    });
}

#[test]
fn r13_a_source_that_cannot_be_taken_out_gives_its_place_back() {
    without_hanging(|| {
        let (mut one, mut other) = (virtual_runtime(), virtual_runtime());
        let alarm = Alarm::new();
        let (socket, _peer) = one.block_on(async {
            let (socket, peer) = socket();
            wait_to_read(&socket, &alarm);
            (socket, peer)
        });
        let refused = other.block_on(async move { socket.into_source() });
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("loop"), "{text}");
        // Virtual time jumps only if no source has a waiter.
        one.block_on(sleep(MS));
        assert_eq!(alarm.kept(), 0);
    });
}

#[test]
fn operations_on_a_wrong_loop_are_errors_that_name_both() {
    let try_it = |socket: &Socket| {
        let mut cx = Context::from_waker(Waker::noop());
        match socket.poll_readable(&mut cx) {
            Poll::Ready(Err(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let (socket, _peer) = Runtime::new().unwrap().block_on(async { socket() });
    assert!(try_it(&socket).contains("no loop runs"));
    let elsewhere = Runtime::new().unwrap().block_on(async { try_it(&socket) });
    assert!(elsewhere.contains("belongs to loop") && elsewhere.contains("but loop"));
    assert!(Registered::new(pair().0).is_err());
}

#[test]
fn r17_a_source_that_is_dropped_forgets_its_wakers() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let alarm = Alarm::new();
            let (here, _peer) = socket();
            wait_to_read(&here, &alarm);
            assert_eq!(alarm.kept(), 1);
            drop(here);
            assert_eq!(alarm.kept(), 0);
            let (elsewhere, mut peer) = socket();
            wait_to_read(&elsewhere, &alarm);
            std::thread::spawn(move || drop(elsewhere)).join().unwrap();
            peer.write_all(b"closed").unwrap_err();
            // The letter is read in this turn, and virtual time goes on.
            timeout(MS, std::future::pending::<()>()).await.unwrap_err();
            assert_eq!((alarm.kept(), alarm.wakes()), (0, 0));
        });
    });
}

#[test]
fn r09_r18_a_hot_source_wakes_one_task_and_no_other() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let (hot, mut peer) = socket();
            let quiet: Vec<_> = (0..50).map(|_| socket()).collect();
            let alarm = Alarm::new();
            for (quiet, _) in &quiet {
                wait_to_read(quiet, &alarm);
            }
            let before = stats().turns;
            for _ in 0..100 {
                peer.write_all(b"x").unwrap();
                assert_eq!(read(&hot).await, 1);
            }
            assert_eq!((alarm.wakes(), alarm.kept()), (0, 50));
            assert!(stats().turns - before < 500);
        });
    });
}
