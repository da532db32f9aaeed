//! The laws of the scheduler: who comes up when, and that nothing happens when
//! there is nothing to do. Those of the budget are in `laws_budget.rs`, those of
//! misbehaving policies in `laws_containment.rs`.

mod laws;

use downbeat::io::Registered;
use downbeat::policy::{Fifo, Lifo, Policy, Random, priority};
use downbeat::runtime::{Pacing, stats};
use downbeat::time::{sleep, work};
use downbeat::*;
use laws::{Count, MS, OnDrop, Reports, virtual_runtime, without_hanging};
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

/// One end of a pair of sockets for the loop, the other for whoever drives it.
fn socket() -> (Registered<mio::net::UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let ours = Registered::new(mio::net::UnixStream::from_std(ours)).unwrap();
    (ours, theirs)
}

async fn read(socket: &Registered<mio::net::UnixStream>) -> usize {
    let read = |mut socket: &mio::net::UnixStream| socket.read(&mut [0; 64]);
    poll_fn(|cx| socket.poll_read_with(cx, read)).await.unwrap()
}

/// The largest number of polls of others between two polls of one of ten tasks
/// that only yield.
fn worst_bypass(policy: impl Policy + 'static) -> usize {
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(policy)
        .build()
        .unwrap();
    let order = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let tasks = (0..10_usize).map(|i| {
            let order = Rc::clone(&order);
            async move {
                for _ in 0..200 {
                    order.borrow_mut().push(i);
                    yield_now().await;
                }
            }
        });
        gather(tasks).await;
    });
    let (mut last, mut worst) = ([0; 10], 0);
    for (at, &task) in order.borrow().iter().enumerate() {
        worst = worst.max(at - std::mem::replace(&mut last[task], at + 1).min(at));
    }
    worst
}

#[test]
fn s01_bounded_bypass() {
    // FIFO lets everybody else go first once. Random has no bound; this seed has one.
    assert_eq!(worst_bypass(Fifo::new()), 9);
    assert!(worst_bypass(Random::new(1)) < 150);
    // By design these two have none: one task runs to its end after the other.
    assert!(worst_bypass(Lifo::new()) >= 200);
    assert_eq!(worst_bypass(priority()), 9, "equal priorities are a FIFO");
}

#[test]
fn s02_reactor_timers_and_mail_are_looked_at_under_load() {
    let slice = Pacing::Slice(MS / 10);
    for pacing in [Pacing::Every(61), Pacing::Every(1), Pacing::Batch, slice] {
        without_hanging(move || {
            let mut runtime = Runtime::builder().pacing(pacing).build().unwrap();
            runtime.block_on(async {
                let waits = Count::default();
                let (timer, source, mail) = (waits.clone(), waits.clone(), waits.clone());
                spawn(async move {
                    sleep(MS).await;
                    timer.add();
                })
                .detach();
                let (socket, mut peer) = socket();
                let asked = Count::default();
                let asks = asked.clone();
                spawn(async move {
                    asks.add();
                    assert_eq!(read(&socket).await, 1);
                    source.add();
                })
                .detach();
                let handle = Handle::current().unwrap();
                let remote = thread::spawn(move || handle.spawn(async { 7 }).wait().unwrap());
                spawn(async move {
                    assert_eq!(spawn_blocking(|| 8).await.unwrap(), 8);
                    mail.add();
                })
                .detach();
                // Once it waits: else the first look finds the byte, and no event is needed.
                while asked.get() == 0 {
                    yield_now().await;
                }
                peer.write_all(b"x").unwrap();
                // Always ready, never tired.
                while waits.get() < 3 || !remote.is_finished() {
                    yield_now().await;
                }
                assert_eq!(remote.join().unwrap(), 7);
            });
        });
    }
}

#[test]
fn s02_a_slice_ends_also_under_the_virtual_clock() {
    without_hanging(|| {
        let builder = Runtime::builder().virtual_clock().pacing(Pacing::Slice(MS));
        builder.build().unwrap().block_on(async {
            let called = Arc::new(AtomicBool::new(false));
            let (handle, call) = (Handle::current().unwrap(), Arc::clone(&called));
            thread::spawn(move || handle.call(move || call.store(true, SeqCst)).unwrap());
            while !called.load(SeqCst) {
                yield_now().await;
            }
        });
    });
}

#[test]
fn s04_yield_now_is_fair() {
    let order = Rc::new(RefCell::new(String::new()));
    virtual_runtime().block_on(async {
        let tasks = ["a", "b", "c"].map(|name| {
            let order = Rc::clone(&order);
            async move {
                for _ in 0..3 {
                    order.borrow_mut().push_str(name);
                    yield_now().await;
                }
            }
        });
        gather(tasks).await;
    });
    assert_eq!(*order.borrow(), "abcabcabc");
}

#[test]
fn s08_idle_is_silent() {
    Runtime::new().unwrap().block_on(async {
        let (sockets, peers): (Vec<_>, Vec<_>) = (0..200).map(|_| socket()).unzip();
        let mut group = TaskGroup::new();
        for socket in sockets {
            group.spawn(async move { read(&socket).await });
        }
        // Counted are the turns before this one. The first events, that all of them may
        // be written to, come when the system sees fit.
        let mut before = stats();
        for _ in 0..100 {
            sleep(MS * 5).await;
            let turns = stats().turns - before.turns;
            before = stats();
            if turns <= 2 {
                break;
            }
        }
        sleep(MS * 100).await;
        let after = stats();
        assert!(after.turns - before.turns <= 2, "{before:?} {after:?}");
        assert!(after.polls - before.polls <= 2);
        drop(peers);
        while let Some((_, read)) = group.next().await {
            assert_eq!(read.unwrap(), 0);
        }
    });
}

#[test]
fn s09_many_tasks_one_after_the_other_use_one_place() {
    virtual_runtime().block_on(async {
        for _ in 0..30_000 {
            let task = spawn(async {});
            let name = task.id().unwrap().to_string();
            let place: u32 = name.split('.').next().unwrap().parse().unwrap();
            assert!(place <= 2, "{name}");
            task.await.unwrap();
        }
    });
}

#[test]
fn s10_no_recursion() {
    const CHAIN: usize = 30_000;
    let ended = Count::default();
    virtual_runtime().block_on(async {
        // Each one's drop ends the next.
        let mut next: Option<JoinHandle<()>> = None;
        for _ in 0..CHAIN {
            let (count, after) = (ended.clone(), next.take());
            let guard = OnDrop(move || {
                count.add();
                after.iter().for_each(JoinHandle::abort);
            });
            next = Some(spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
        }
        sleep(MS).await;
        next.as_ref().unwrap().abort();
        sleep(MS).await;
        assert_eq!(ended.get(), CHAIN);
    });
}

#[test]
fn nobody_is_blamed_for_what_others_do_between_two_polls() {
    let builder = Runtime::builder().virtual_clock().slow_poll(MS * 100);
    let (builder, reports) = Reports::of(builder);
    builder.build().unwrap().block_on(async {
        let slow_to_drop = || OnDrop(|| work(MS * 200));
        let guard = slow_to_drop();
        let aborted = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        sleep(MS).await;
        aborted.abort();
        yield_now().await;
        // An output that nobody wants, and a call from outside.
        spawn(async move { slow_to_drop() }).detach();
        yield_now().await;
        Handle::current().unwrap().call(|| work(MS * 200)).unwrap();
        sleep(MS).await;
        assert!(reports.take().is_empty());
        work(MS * 200);
        yield_now().await;
        assert!(reports.take()[0].contains("root"));
    });
}
