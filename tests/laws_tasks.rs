//! The laws of tasks and wakers: who owns a future, who may poll it, and that no
//! panic takes another task with it. Wakers are in `laws_wakers.rs`.

mod laws;

use downbeat::time::sleep;
use downbeat::{Handle, Runtime, TaskGroup, spawn};
use laws::{ByHand, Count, MS, OnDrop, virtual_runtime};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::catch_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

#[test]
fn t01_task_never_polled_reentrantly() {
    let (polls, inside) = (Count::default(), Rc::new(Cell::new(false)));
    virtual_runtime().block_on(async {
        let (count, inside) = (polls.clone(), Rc::clone(&inside));
        let other = spawn(async {});
        let task = spawn(poll_fn(move |cx| {
            assert!(!inside.replace(true), "polled inside its own poll");
            count.add();
            // Whatever a poll may ask of its loop.
            cx.waker().wake_by_ref();
            let another = cx.waker().clone();
            spawn(async move { another.wake() }).detach();
            spawn(async {}).detach();
            other.abort();
            let nested = catch_unwind(|| downbeat::run(async {}));
            assert!(nested.is_err());
            assert!(downbeat::runtime::tasks().len() >= 2);
            inside.set(false);
            if count.get() < 10 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        task.await.unwrap();
    });
    assert_eq!(polls.get(), 10);
}

#[test]
fn t10_future_dropped_exactly_once_on_owner() {
    let (owner, drops) = (thread::current().id(), Count::default());
    let guard = || {
        let drops = drops.clone();
        OnDrop(move || {
            assert_eq!(thread::current().id(), owner);
            drops.add();
        })
    };
    let mut runtime = Runtime::new().unwrap();
    let remote = runtime.handle();
    let made = runtime.block_on(async {
        let mut aborts = Vec::new();
        for i in 0..100 {
            let guard = guard();
            let task = spawn(async move {
                let _guard = guard;
                if i % 4 == 3 {
                    panic!("a task")
                } else {
                    pending::<()>().await
                }
            });
            aborts.extend(task.abort_handle().filter(|_| i % 2 == 0));
            task.detach();
        }
        let remote = remote.clone();
        let threads: Vec<_> = aborts
            .chunks(13)
            .map(|aborts| {
                let (aborts, remote) = (aborts.to_vec(), remote.clone());
                thread::spawn(move || {
                    aborts.iter().for_each(downbeat::AbortHandle::abort);
                    // Made, polled and dropped over there; only its number comes back.
                    drop(remote.spawn_with(|| async {
                        let local = Rc::new(1);
                        pending::<()>().await;
                        *local
                    }));
                })
            })
            .collect();
        sleep(MS * 5).await;
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        sleep(MS).await;
        100
    });
    drop(runtime);
    assert_eq!(drops.get(), made);
}

#[test]
fn t19_join_ready_only_after_future_dropped() {
    virtual_runtime().block_on(async {
        for end in ["value", "panic", "abort"] {
            let drops = Count::default();
            let mut guard = Some(drops.guard());
            let task = spawn(ByHand {
                poll: move |_: &mut Context<'_>| match end {
                    "value" => Poll::Ready(()),
                    "panic" => panic!("a poll"),
                    _ => Poll::Pending,
                },
                drop: move || drop(guard.take()),
            });
            downbeat::yield_now().await;
            if end == "abort" {
                task.abort();
            }
            let result = task.await;
            assert_eq!((drops.get(), result.is_ok()), (1, end == "value"));
        }
    });
}

#[test]
fn t22_layouts() {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    struct Nothing;
    impl Future for Nothing {
        type Output = Nothing;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Nothing> {
            Poll::Ready(Nothing)
        }
    }
    // A future of 1 MiB, and what has to be moved on the way, take stack.
    let big = thread::Builder::new().stack_size(64 << 20).spawn(|| {
        virtual_runtime().block_on(async {
            let Nothing = spawn(Nothing).await.unwrap();
            let page = Page([7; 4096]);
            let page = spawn(async move {
                let here = &page;
                assert!((&raw const *here).addr().is_multiple_of(4096));
                downbeat::yield_now().await;
                page
            });
            let page = page.await.unwrap();
            assert!(page.0.iter().all(|byte| *byte == 7));
            let large = [1_u8; 1 << 20];
            let sum = spawn(async move {
                downbeat::yield_now().await;
                large.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            });
            assert_eq!(sum.await.unwrap(), 1 << 20);
            let output = spawn(async { [9_u8; 64 << 10] }).await.unwrap();
            assert!(output.iter().all(|byte| *byte == 9));
        });
    });
    big.unwrap().join().unwrap();
}

/// What is forgotten leaks, and harms nobody.
#[test]
fn t24_forget_is_safe() {
    fn forget<T>(value: T) {
        Box::leak(Box::new(value));
    }
    fn polled<F: Future + Unpin>(mut future: F) -> F {
        drop(Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())));
        future
    }
    let ended = Count::default();
    let mut runtime = virtual_runtime();
    runtime.block_on(async {
        forget(polled(sleep(MS)));
        forget(sleep(MS));
        for _ in 0..2 {
            let count = ended.clone();
            forget(polled(spawn(async move { count.add() })));
        }
        let mut group = TaskGroup::new();
        let count = ended.clone();
        group.spawn(async move { count.add() });
        forget(group);
        let count = ended.clone();
        forget(polled(downbeat::gather([async move { count.add() }])));
        let handle = Handle::current().unwrap();
        forget(polled(handle.spawn(async {})));
        forget(polled(downbeat::spawn_blocking(|| ())));
        forget(handle);
        sleep(MS * 10).await;
        assert_eq!(ended.get(), 4);
        // Nobody asks for their results, and nothing goes wrong with that.
        forget(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
    });
    assert_eq!(
        runtime.block_on(async { spawn(async { 1 }).await.unwrap() }),
        1
    );
    drop(runtime);
    let runtime = Runtime::new().unwrap();
    drop(runtime.spawn(pending::<()>()));
    forget(runtime);
    let mut runtime = virtual_runtime();
    runtime.block_on(sleep(Duration::from_secs(1)));
}
