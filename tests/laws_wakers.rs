//! The laws of wakers: what a wake means, from wherever it comes, and what it must
//! never do.

mod laws;

use downbeat::testing::{Alarm, Rng};
use downbeat::time::sleep;
use downbeat::{Handle, Runtime, TaskGroup, spawn, spawn_blocking};
use laws::{Count, MS, OnDrop, virtual_runtime, without_hanging};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::TryRecvError;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

#[test]
fn t03_wake_during_poll_reschedules_exactly_once() {
    for n in [1, 2, 100] {
        for remote in [false, true] {
            let polls = Count::default();
            let count = polls.clone();
            virtual_runtime().block_on(async {
                spawn(poll_fn(move |cx| {
                    count.add();
                    if count.get() == 1 {
                        let waker = cx.waker().clone();
                        let wake = move || (0..n).for_each(|_| waker.wake_by_ref());
                        if remote {
                            thread::spawn(wake).join().unwrap();
                        } else {
                            wake();
                        }
                    }
                    Poll::<()>::Pending
                }))
                .detach();
                sleep(MS).await;
            });
            assert_eq!(polls.get(), 2, "{n} wakes, remote: {remote}");
        }
    }
}

#[test]
fn t03_a_second_wake_takes_nobody_off_the_list() {
    let order: Rc<RefCell<Vec<usize>>> = Rc::default();
    virtual_runtime().block_on(async {
        let (sender, wakers) = mpsc::channel();
        for task in 0..3 {
            let (sender, order) = (sender.clone(), Rc::clone(&order));
            spawn(poll_fn(move |cx| {
                sender.send(cx.waker().clone()).unwrap();
                order.borrow_mut().push(task);
                Poll::<()>::Pending
            }))
            .detach();
        }
        sleep(MS).await;
        let wakers: Vec<Waker> = wakers.try_iter().collect();
        order.take();
        for task in [2, 0, 1, 0, 2, 2] {
            wakers[task].wake_by_ref();
        }
        sleep(MS).await;
    });
    assert_eq!(
        *order.borrow(),
        [2, 0, 1],
        "in the order of their first wakes"
    );
}

#[test]
fn t04_t05_no_wake_between_check_and_pending_is_lost_and_it_carries_what_was_written() {
    const ROUNDS: usize = 5_000;
    without_hanging(|| {
        let (written, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (write, watch) = (Arc::clone(&written), Arc::clone(&seen));
        let (sender, receiver) = mpsc::channel::<Waker>();
        let thread = thread::spawn(move || {
            let waker = receiver.recv().unwrap();
            for round in 1..=ROUNDS {
                // Only the wake orders this store.
                write.store(round, Relaxed);
                waker.wake_by_ref();
                while round % 3 == 0 && watch.load(Relaxed) < round {
                    std::hint::spin_loop();
                }
            }
        });
        Runtime::new().unwrap().block_on(poll_fn(|cx| {
            if seen.load(Relaxed) == 0 {
                let _ = sender.send(cx.waker().clone());
            }
            let now = written.load(Relaxed);
            seen.store(now, Relaxed);
            if now < ROUNDS {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        thread.join().unwrap();
    });
}

#[test]
fn t06_wakes_coalesce() {
    // While the loop is busy, four threads wake one task as often as they can.
    const WAKES: usize = 50_000;
    let polls = Count::default();
    let count = polls.clone();
    virtual_runtime().block_on(async {
        let mut shared = None;
        let (sender, receiver) = mpsc::channel();
        spawn(poll_fn(move |cx| {
            count.add();
            sender.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }))
        .detach();
        sleep(MS).await;
        for round in 1..=3 {
            assert_eq!(polls.get(), round, "one poll for all those wakes");
            let waker = shared.insert(receiver.recv().unwrap());
            thread::scope(|threads| {
                for _ in 0..4 {
                    let waker = waker.clone();
                    threads.spawn(move || (0..WAKES).for_each(|_| waker.wake_by_ref()));
                }
            });
            sleep(MS).await;
        }
        assert_eq!(polls.get(), 4);
        // There are two doors: those of this thread cost one more, however many.
        let waker = receiver.recv().unwrap();
        let other = waker.clone();
        thread::spawn(move || other.wake()).join().unwrap();
        (0..WAKES).for_each(|_| waker.wake_by_ref());
        sleep(MS).await;
    });
    assert!((5..=6).contains(&polls.get()), "{}", polls.get());
}

#[test]
fn t07_latest_waker_is_woken() {
    /// Polls with one waker, then with another; `fire` makes it ready.
    async fn check<F: Future>(what: &str, future: F, fire: impl AsyncFnOnce()) {
        let mut future = Box::pin(future);
        let (old, new) = (Alarm::new(), Alarm::new());
        for alarm in [&old, &new] {
            let waker = alarm.waker();
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "{what}");
        }
        assert_eq!((old.kept(), new.kept()), (0, 1), "{what}");
        fire().await;
        while new.wakes() == 0 {
            sleep(MS).await;
        }
        assert_eq!((old.wakes(), new.wakes(), new.kept()), (0, 1, 0), "{what}");
    }
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let wait = async || sleep(MS * 2).await;
            check("join", spawn(sleep(MS)), wait).await;
            let mut group = TaskGroup::new();
            group.spawn(sleep(MS));
            check("group", group.next(), wait).await;
            check("gather", downbeat::gather([sleep(MS)]), wait).await;
            let (hold, held) = mpsc::channel::<()>();
            let job = spawn_blocking(move || held.recv().is_err());
            check("blocking", job, async || drop(hold)).await;
            let handle = Handle::current().unwrap();
            check("remote", handle.spawn(sleep(MS)), wait).await;
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let socket = mio::net::UnixStream::from_std(ours);
            let socket = downbeat::io::Registered::new(socket).unwrap();
            let read =
                poll_fn(|cx| socket.poll_read_with(cx, |mut socket| socket.read(&mut [0; 8])));
            check("socket", read, async || (&theirs).write_all(b"x").unwrap()).await;
        });
    });
}

#[test]
fn t08_waker_ops_safe_from_any_thread_any_time() {
    without_hanging(|| {
        for seed in 0..20 {
            let (senders, threads): (Vec<_>, Vec<_>) = (0..4)
                .map(|thread| {
                    let (sender, receiver) = mpsc::channel::<Waker>();
                    let mut rng = Rng::new(seed * 4 + thread);
                    let run = move || {
                        let mut wakers = Vec::new();
                        loop {
                            // Goes on until the loop is long gone.
                            match receiver.try_recv() {
                                Ok(waker) => wakers.push(waker),
                                Err(TryRecvError::Disconnected) if rng.one_in(500) => break,
                                Err(_) => thread::yield_now(),
                            }
                            if wakers.is_empty() {
                                continue;
                            }
                            let at = rng.below(wakers.len());
                            match rng.below(4) {
                                0 => wakers[at].wake_by_ref(),
                                1 => wakers.push(wakers[at].clone()),
                                2 => wakers.swap_remove(at).wake(),
                                _ => drop(wakers.swap_remove(at)),
                            }
                        }
                    };
                    (sender, thread::spawn(run))
                })
                .unzip();
            let mut runtime = Runtime::new().unwrap();
            let drops = Count::default();
            runtime.block_on(async {
                for i in 0..200_u64 {
                    let (senders, guard) = (senders.clone(), drops.guard());
                    let (mut rng, mut left) = (Rng::new(i), i % 5);
                    let task = spawn(poll_fn(move |cx| {
                        let _guard = &guard;
                        let waker = cx.waker().clone();
                        senders[rng.below(4)].send(waker).unwrap();
                        left = left.saturating_sub(1);
                        if left == 0 && i % 7 != 0 {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    }));
                    match i % 3 {
                        0 => task.abort(),
                        _ => task.detach(),
                    }
                    if i % 16 == 0 {
                        sleep(MS / 10).await;
                    }
                }
            });
            drop(senders);
            drop(runtime);
            assert_eq!(drops.get(), 200);
            for thread in threads {
                thread.join().unwrap();
            }
        }
    });
}

#[test]
fn t4_a_place_that_was_closed_off_wakes_its_next_tenant() {
    virtual_runtime().block_on(async {
        for _ in 0..3 {
            // Their wakers outlive them, so nobody may have their places yet.
            let handles: Vec<_> = (0..100)
                .map(|_| {
                    let task = spawn(sleep(MS));
                    let handle = task.abort_handle();
                    (task, handle)
                })
                .collect();
            let mut held = Vec::new();
            for (task, handle) in handles {
                task.await.unwrap();
                held.push(handle);
            }
            drop(held);
            // More than there are other places: all must be woken.
            let (bells, waiters): (Vec<_>, Vec<_>) = (0..300)
                .map(|_| {
                    let (bell, rung) = downbeat::sync::oneshot();
                    (bell, spawn(rung))
                })
                .unzip();
            sleep(MS).await;
            for bell in bells {
                bell.send(()).unwrap();
            }
            for waiter in waiters {
                waiter.await.unwrap().unwrap();
            }
        }
    });
}

#[test]
fn t11_the_last_waker_on_another_thread_frees_no_more_than_itself() {
    let here = thread::current().id();
    let dropped = Rc::new(Cell::new(false));
    let mut runtime = Runtime::new().unwrap();
    let (sender, receiver) = mpsc::channel::<Waker>();
    let waits = thread::spawn(move || {
        let wakers: Vec<Waker> = receiver.iter().collect();
        // The loop is gone, and its task with it.
        for waker in &wakers {
            waker.wake_by_ref();
        }
        wakers.len()
    });
    runtime.block_on(async {
        let guard = OnDrop({
            let dropped = Rc::clone(&dropped);
            move || {
                assert_eq!(thread::current().id(), here);
                dropped.set(true);
            }
        });
        spawn(async move {
            let _guard = guard;
            poll_fn(|cx| {
                sender.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            })
            .await;
        })
        .detach();
        sleep(MS).await;
    });
    assert!(!dropped.get());
    drop(runtime);
    // With the future went the sender, so the thread goes on only now.
    assert!(dropped.get());
    assert_eq!(waits.join().unwrap(), 1);
}

#[test]
fn t12_wake_never_runs_or_drops_user_code() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let lock = Arc::new(Mutex::new(0));
            let kept: Rc<Cell<Option<Waker>>> = Rc::default();
            let (in_poll, in_drop, keep) = (Arc::clone(&lock), Arc::clone(&lock), Rc::clone(&kept));
            let guard = OnDrop(move || *in_drop.lock().unwrap() += 10);
            let task = spawn(poll_fn(move |cx| {
                let _guard = &guard;
                *in_poll.lock().unwrap() += 1;
                keep.set(Some(cx.waker().clone()));
                Poll::<()>::Pending
            }));
            sleep(MS).await;
            {
                let (held, waker) = (lock.lock().unwrap(), kept.take().unwrap());
                waker.wake_by_ref();
                thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
                task.abort();
                // Its last waker: nothing is dropped in here either.
                waker.wake();
                assert_eq!(*held, 1);
            }
            sleep(MS).await;
            assert_eq!(*lock.lock().unwrap() / 10, 1);
        });
    });
}

#[test]
fn t21_will_wake_true_for_clones() {
    virtual_runtime().block_on(poll_fn(|cx| {
        assert!(cx.waker().clone().will_wake(cx.waker()));
        assert!(!cx.waker().will_wake(Waker::noop()));
        Poll::Ready(())
    }));
}

/// Waits for ever; counts its polls and shows its waker.
fn shows_its_waker(polls: &Count, shown: &Shown) -> impl Future<Output = ()> + use<> {
    let (polls, shown) = (polls.clone(), Rc::clone(shown));
    poll_fn(move |cx| {
        polls.add();
        *shown.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
}

type Shown = Rc<RefCell<Option<Waker>>>;

#[test]
fn t3_a_wake_where_another_loop_is_goes_to_the_loop_of_its_task() {
    let (polls, shown, others) = (Count::default(), Rc::default(), Count::default());
    let (mut runtime, mut other) = (virtual_runtime(), virtual_runtime());
    // Both tasks have the same place.
    let task = runtime.spawn(shows_its_waker(&polls, &shown));
    let bystander = other.spawn(shows_its_waker(&others, &Rc::default()));
    assert_eq!(task.id(), bystander.id());
    runtime.block_on(sleep(MS));
    let waker = shown.take().unwrap();
    other.block_on(async {
        sleep(MS).await;
        waker.wake_by_ref();
        sleep(MS).await;
    });
    runtime.block_on(sleep(MS));
    assert_eq!((polls.get(), others.get()), (2, 1));
    // The other one ends within a poll of ours.
    let late = waker.clone();
    let woken = OnDrop(move || late.wake_by_ref());
    other.spawn(async move { drop(woken) }).detach();
    runtime.block_on(async {
        sleep(MS).await;
        drop(other);
        sleep(MS).await;
    });
    assert_eq!((polls.get(), others.get()), (3, 1));
    // The loop is gone, and another one may be where it was.
    drop(runtime);
    let mut last = virtual_runtime();
    last.spawn(shows_its_waker(&others, &Rc::default()))
        .detach();
    last.block_on(async {
        sleep(MS).await;
        waker.wake_by_ref();
        sleep(MS).await;
    });
    assert_eq!((polls.get(), others.get()), (3, 2));
    drop(task);
}
