//! The laws of panics: each stays with its task, and whatever must be dropped is.

mod laws;

use downbeat::runtime::Observer;
use downbeat::time::sleep;
use downbeat::{Handle, JoinError, JoinHandle, Runtime, SpawnOptions, spawn, spawn_with};
use laws::{
    Bomb, ByHand, Count, MS, OnDrop, in_its_own_process, is_alone, reporting_runtime,
    virtual_runtime,
};
use std::any::Any;
use std::cell::RefCell;
use std::future::{Future, pending};
use std::panic::panic_any;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

#[test]
fn t15_a_panicked_future_is_dropped_before_anybody_asks() {
    let drops = Count::default();
    let guard: Box<dyn Any> = Box::new(drops.guard());
    virtual_runtime().block_on(async {
        let task = spawn(ByHand {
            poll: |_: &mut Context<'_>| -> Poll<()> { panic!("a poll") },
            drop: {
                let mut guard = Some(guard);
                move || drop(guard.take())
            },
        });
        sleep(MS).await;
        assert_eq!(drops.get(), 1);
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn t16_a_panic_in_the_drop_of_a_finished_future_is_reported_and_the_output_stands() {
    let (mut runtime, reports) = reporting_runtime();
    let output = runtime.block_on(spawn_by_hand(|| panic!("a drop")));
    assert_eq!(output.unwrap(), 7);
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("a drop"), "{reports:?}");
}

/// A task that is ready at once with 7, and does `drop` when it is dropped.
async fn spawn_by_hand(drop: fn()) -> Result<u32, JoinError> {
    spawn(ByHand {
        poll: |_: &mut Context<'_>| Poll::Ready(7),
        drop,
    })
    .await
}

#[test]
fn t16_the_report_of_an_output_that_panics_in_its_drop_names_its_task() {
    let (mut runtime, reports) = reporting_runtime();
    let loud = || OnDrop(|| panic!("an output"));
    runtime.block_on(async move {
        // Nobody wants it when it comes, and nobody wants it any more.
        let named = SpawnOptions::new().name("early");
        spawn_with(async move { loud() }, named).detach();
        let named = SpawnOptions::new().name("late");
        let late = spawn_with(async move { loud() }, named);
        sleep(MS).await;
        drop(late);
        sleep(MS).await;
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 2, "{reports:?}");
    for (report, name) in reports.iter().zip(["early", "late"]) {
        for part in ["the output of task", name, "laws_panics.rs", "an output"] {
            assert!(report.contains(part), "{part} in {report}");
        }
    }
}

#[test]
fn t16_a_payload_whose_drop_panics_takes_nobody_with_it() {
    let (mut runtime, reports) = reporting_runtime();
    runtime.block_on(async {
        // Read by nobody.
        spawn(async { panic_any(Bomb) }).detach();
        sleep(MS).await;
        // From the drop of a finished future, which is still read as a value.
        assert_eq!(spawn_by_hand(|| panic_any(Bomb)).await.unwrap(), 7);
        // From the drop of a cancelled one, and from the drop of an output.
        let cancelled = spawn(ByHand {
            poll: |_: &mut Context<'_>| Poll::<()>::Pending,
            drop: || panic_any(Bomb),
        });
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        spawn(async { OnDrop(|| panic_any(Bomb)) }).detach();
        sleep(MS).await;
        // From a waker that is not ours, and from a call of another thread.
        struct Loud;
        impl Wake for Loud {
            fn wake(self: Arc<Self>) {
                panic_any(Bomb)
            }
        }
        let mut timer = sleep(MS);
        let loud = Waker::from(Arc::new(Loud));
        let polled = Pin::new(&mut timer).poll(&mut Context::from_waker(&loud));
        assert!(polled.is_pending());
        Handle::current().unwrap().call(|| panic_any(Bomb)).unwrap();
        sleep(MS * 2).await;
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 6, "{reports:#?}");
    assert!(reports.iter().all(|report| !report.contains("policy")));
}

#[test]
fn t15_poll_panic_isolated() {
    let mut runtime = virtual_runtime();
    let ended = Count::default();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..1000_u32)
            .map(|i| {
                let ended = ended.clone();
                spawn(async move {
                    sleep(MS * (i % 10)).await;
                    if i == 500 {
                        panic_any(i);
                    }
                    sleep(MS * (i % 7)).await;
                    ended.add();
                })
            })
            .collect();
        for (i, task) in tasks.into_iter().enumerate() {
            match task.await {
                Ok(()) => assert_ne!(i, 500),
                Err(JoinError::Panicked(payload)) => {
                    assert_eq!(payload.downcast_ref(), Some(&500_u32))
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    assert_eq!(ended.get(), 999);
    assert_eq!(
        runtime.block_on(async { spawn(async { 1 }).await.unwrap() }),
        1
    );
}

#[test]
fn t17_shutdown_drops_all_even_if_some_panic() {
    for k in 0..10 {
        let drops = Count::default();
        let (mut runtime, reports) = reporting_runtime();
        runtime.block_on(async {
            for i in 0..10 {
                let (count, polled) = (drops.clone(), i % 2 == 0);
                let guard = OnDrop(move || {
                    count.add();
                    assert_ne!(i, k, "a drop");
                });
                spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                })
                .detach();
                if polled {
                    sleep(MS).await;
                }
            }
        });
        assert_eq!(drops.get(), 0);
        drop(runtime);
        assert_eq!((drops.get(), reports.take().len()), (10, 1));
    }
}

#[test]
fn j06_a_panic_is_reported_even_if_its_handle_outlives_the_loop() {
    let out = in_its_own_process("j06_alone").output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}");
    for line in [
        "\"poll\" (tests/laws_panics.rs:",
        "nobody reads its result: in a poll",
        "the output of task",
        "panicked while it was dropped: in a drop",
        "nobody reads its result: in the observer's hands",
    ] {
        let count = text.matches(line).count();
        assert_eq!(count, 1, "{line} in {text}");
    }
}

#[test]
#[ignore = "writes to standard error: started by the test above"]
fn j06_alone() {
    if !is_alone() {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    /// An observer is dropped after all tasks.
    struct Keeps {
        _handle: Rc<RefCell<Option<JoinHandle<()>>>>,
    }
    impl Observer for Keeps {}
    let kept = Rc::new(RefCell::new(None));
    let observer = Keeps {
        _handle: Rc::clone(&kept),
    };
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .observer(observer)
        .on_report(|report| panic!("the hook got {report}"))
        .build()
        .unwrap();
    let (poll, output) = runtime.block_on(async {
        let poll: JoinHandle<()> = spawn_with(
            async { panic!("in a poll") },
            SpawnOptions::new().name("poll"),
        );
        let output = spawn(async { OnDrop(|| panic!("in a drop")) });
        *kept.borrow_mut() = Some(spawn(async { panic!("in the observer's hands") }));
        sleep(MS).await;
        (poll, output)
    });
    drop(kept);
    drop(runtime);
    drop(poll);
    drop(output);
}
