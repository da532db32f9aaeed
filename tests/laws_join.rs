//! The laws of joins, cancellation and groups.

mod laws;

use downbeat::sync::Semaphore;
use downbeat::testing::Probe;
use downbeat::time::sleep;
use downbeat::{JoinError, JoinHandle, Runtime, TaskGroup, run, spawn, yield_now};
use laws::{Count, MS, OnDrop, reporting_runtime, virtual_runtime};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

#[test]
fn j01_join_value_xor_typed_error() {
    let mut runtime = virtual_runtime();
    let (waiting, ready) = runtime.block_on(async {
        assert_eq!(spawn(async { 7 }).await.unwrap(), 7);
        let cancelled = spawn(pending::<()>());
        cancelled.abort();
        assert!(matches!(cancelled.await, Err(JoinError::Cancelled)));
        let panicked = spawn(async { panic!("a task") }).await;
        assert!(matches!(panicked, Err(JoinError::Panicked(_))));
        let handles = (spawn(pending::<()>()), spawn(async { 8 }));
        sleep(MS).await;
        handles
    });
    // Between two runs, nothing would ever wake a handle that is not ready.
    assert_eq!(Probe::new(ready).unwrap().unwrap(), 8);
    let (late, still) = runtime.block_on(async { (spawn(async { 9 }), spawn(pending::<()>())) });
    let polled = catch_unwind(AssertUnwindSafe(|| Probe::new(still).poll()));
    assert!(polled.is_err());
    drop(runtime);
    for handle in [
        Probe::new(waiting).unwrap(),
        Probe::new(late).unwrap().map(drop),
    ] {
        assert!(matches!(handle, Err(JoinError::RuntimeGone)));
    }
}

#[test]
fn j02_dropping_a_handle_detaches_in_every_state() {
    let ended = Count::default();
    virtual_runtime().block_on(async {
        let start = || {
            let ended = ended.clone();
            spawn(async move {
                sleep(MS * 2).await;
                ended.add();
            })
        };
        start().detach(); // Never polled.
        let pending = start();
        sleep(MS).await;
        drop(pending);
        sleep(MS * 3).await;
        assert_eq!(ended.get(), 2);
        let done = start();
        sleep(MS * 3).await;
        drop(done);
        // While it runs: the task drops its own handle.
        let own: Rc<Cell<Option<JoinHandle<()>>>> = Rc::default();
        let (inside, count) = (Rc::clone(&own), ended.clone());
        own.set(Some(spawn(async move {
            drop(inside.take());
            sleep(MS).await;
            count.add();
        })));
        sleep(MS * 3).await;
        assert_eq!(ended.get(), 4);
        assert_eq!(downbeat::runtime::tasks().len(), 1, "only the root is left");
    });
}

#[test]
fn j03_cancel_idempotent_and_late_cancel_keeps_value() {
    virtual_runtime().block_on(async {
        let drops = Count::default();
        let guard = drops.guard();
        let task = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let remote = task.abort_handle().unwrap();
        for _ in 0..3 {
            task.abort();
            remote.abort();
        }
        sleep(MS).await;
        task.abort();
        assert_eq!(drops.get(), 1);
        assert!(task.await.unwrap_err().is_cancelled());
        remote.abort();
        // The place has a new tenant, and the old name means nobody.
        let tenant = spawn(async {
            sleep(MS).await;
            1
        });
        remote.abort();
        assert_eq!(tenant.await.unwrap(), 1);
        let task = spawn(async { 2 });
        sleep(MS).await;
        task.abort();
        sleep(MS).await;
        assert_eq!(task.await.unwrap(), 2);
    });
}

#[test]
fn j04_cancel_releases_within_one_turn() {
    virtual_runtime().block_on(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let drops = Count::default();
        let (permits, guard) = (Rc::clone(&semaphore), drops.guard());
        let task = spawn(async move {
            let _permit = permits.acquire().await;
            let mut group = TaskGroup::new();
            group.spawn(async move {
                let _guard = guard;
                sleep(Duration::from_secs(3600)).await;
            });
            group.next().await;
        });
        sleep(MS).await;
        assert_eq!(semaphore.available_permits(), 0);
        task.abort();
        yield_now().await;
        assert_eq!(semaphore.available_permits(), 1);
        // Its child was told to end in that drop, and has.
        yield_now().await;
        assert_eq!(drops.get(), 1);
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn j05_cancel_complete_tie() {
    const READY_AT: u32 = 3;
    for abort_in_poll in 1..=READY_AT + 1 {
        let (mut runtime, outputs) = (virtual_runtime(), Count::default());
        let output = Cell::new(Some(outputs.guard()));
        let joined = runtime.block_on(async {
            let own: Rc<RefCell<Option<JoinHandle<_>>>> = Rc::default();
            let inside = Rc::clone(&own);
            let mut polls = 0;
            *own.borrow_mut() = Some(spawn(poll_fn(move |cx| {
                polls += 1;
                if polls == abort_in_poll {
                    inside.borrow().as_ref().unwrap().abort();
                }
                cx.waker().wake_by_ref();
                if polls < READY_AT {
                    Poll::Pending
                } else {
                    Poll::Ready(output.take())
                }
            })));
            sleep(MS).await;
            let task = own.take().unwrap();
            task.abort();
            task.await
        });
        // The value wins the tie.
        assert_eq!(joined.is_ok(), abort_in_poll >= READY_AT);
        drop(joined);
        assert_eq!(
            outputs.get(),
            1,
            "dropped once: as an output or with its future"
        );
    }
}

#[test]
fn j06_panic_payload_delivered_once_and_unobserved_ones_go_to_the_hook() {
    let (mut runtime, reports) = reporting_runtime();
    let late = runtime.block_on(async {
        let error = spawn(async { panic!("read") }).await.unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: read");
        let late = spawn(async { panic!("read late") });
        sleep(MS).await;
        [late]
    });
    let [late] = late;
    let error = Probe::new(late).unwrap().unwrap_err();
    assert!(error.is_panic());
    assert!(reports.take().is_empty());
    runtime.block_on(async {
        spawn(async { panic!("detached before") }).detach();
        let after = spawn(async { panic!("dropped after") });
        sleep(MS).await;
        drop(after);
        sleep(MS).await;
    });
    let reports = reports.take();
    assert!(reports.len() == 2, "{reports:?}");
    assert!(reports[0].contains("detached before") && reports[1].contains("dropped after"));
}

#[test]
fn j10_reentrant_block_on_clear_error() {
    struct Reenters(std::sync::mpsc::Sender<String>);
    impl Reenters {
        fn try_it(&self) {
            let mut other = Runtime::new().unwrap();
            let nested = catch_unwind(AssertUnwindSafe(|| other.block_on(async {})));
            let text = *nested.unwrap_err().downcast::<&str>().unwrap();
            self.0.send(text.to_owned()).unwrap();
        }
    }
    impl Wake for Reenters {
        fn wake(self: Arc<Self>) {
            self.try_it();
        }
    }
    let (sender, texts) = std::sync::mpsc::channel();
    let reenters = || Reenters(sender.clone());
    let (in_task, in_drop) = (reenters(), reenters());
    let in_waker = Waker::from(Arc::new(reenters()));
    let mut runtime = virtual_runtime();
    runtime.block_on(async {
        spawn(async move { in_task.try_it() }).await.unwrap();
        let guard = OnDrop(move || in_drop.try_it());
        let cancelled = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        cancelled.abort();
        let mut timer = std::pin::pin!(sleep(MS));
        let mut cx = std::task::Context::from_waker(&in_waker);
        assert!(timer.as_mut().poll(&mut cx).is_pending());
        sleep(MS * 2).await;
    });
    // After all that, and after a panic that left it.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { run(async {}) })
    }));
    assert!(panicked.is_err());
    assert_eq!(runtime.block_on(async { 1 }), 1);
    assert_eq!(run(async { 2 }), 2);
    let texts: Vec<_> = texts.try_iter().collect();
    assert_eq!(texts.len(), 3);
    assert!(
        texts
            .iter()
            .all(|text| text.contains("block_on inside a running loop"))
    );
}
