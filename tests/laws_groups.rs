//! The laws of groups, and of work that other threads send to a loop.

mod laws;

use downbeat::future::poll_once;
use downbeat::policy::Sched;
use downbeat::runtime::{WaitError, current_task};
use downbeat::time::sleep;
use downbeat::{JoinError, Runtime, SpawnOptions, TaskGroup, gather, spawn, try_gather, yield_now};
use laws::{Count, MS, virtual_runtime, without_hanging};
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;

#[test]
fn j07_groups_are_linear() {
    const CHILDREN: u64 = 25_000;
    let mut runtime = virtual_runtime();
    runtime.block_on(async {
        let mut group = TaskGroup::new();
        for i in 0..CHILDREN {
            group.spawn(async move {
                if i % 2 == 0 {
                    yield_now().await;
                }
                i
            });
        }
        let mut sum = 0;
        while let Some((_, result)) = group.next().await {
            sum += result.unwrap();
        }
        assert_eq!(sum, CHILDREN * (CHILDREN - 1) / 2);
        let all = gather((0..CHILDREN).map(|i| async move { i })).await;
        assert!(all.into_iter().map(Result::unwrap).eq(0..CHILDREN));
    });
    assert!(runtime.stats().polls < 4 * CHILDREN);
}

#[test]
fn j07_a_group_that_is_aborted_or_dropped_ends_all() {
    for abort in [true, false] {
        let drops = Count::default();
        virtual_runtime().block_on(async {
            let mut group = TaskGroup::new();
            for i in 0..10_u32 {
                let guard = drops.guard();
                group.spawn(async move {
                    let _guard = guard;
                    sleep(MS * i).await;
                });
            }
            sleep(MS * 4 + MS / 2).await;
            if abort {
                group.abort_all();
                let mut ended = (0, 0);
                while let Some((_, result)) = group.next().await {
                    match result {
                        Ok(()) => ended.0 += 1,
                        Err(error) => ended.1 += u32::from(error.is_cancelled()),
                    }
                }
                assert_eq!(ended, (5, 5));
            } else {
                drop(group);
                yield_now().await;
            }
            assert_eq!(drops.get(), 10);
            // A child that was never polled.
            let mut group = TaskGroup::new();
            group.spawn(pending::<()>());
            group.abort_all();
            let (_, result) = group.next().await.unwrap();
            assert!(result.unwrap_err().is_cancelled());
            assert!(group.next().await.is_none() && group.is_empty());
        });
    }
}

#[test]
fn j08_an_error_cancels_and_awaits_the_siblings() {
    let drops = Count::default();
    let result: Result<Vec<()>, JoinError> = virtual_runtime().block_on(async {
        let siblings = (0..10_u32).map(|i| {
            let guard = drops.guard();
            async move {
                let _guard = guard;
                sleep(MS * (i % 5 + 1)).await;
                assert_ne!(i, 5, "the first to end");
                sleep(MS).await;
                Ok(())
            }
        });
        let result = try_gather(siblings).await;
        assert_eq!(drops.get(), 10, "all of them, before it returns");
        result
    });
    assert!(result.unwrap_err().is_panic());
}

#[test]
fn waiting_for_remote_work_on_the_loops_own_thread_is_an_error_also_while_it_rests() {
    laws::without_hanging(|| {
        let mut runtime = Runtime::new().unwrap();
        let handle = runtime.handle();
        let refused = handle.spawn(async {}).wait();
        assert!(matches!(refused, Err(WaitError::WouldDeadlock)));
        // What is there already is handed out.
        let done = handle.spawn(async { 7 });
        runtime.block_on(sleep(MS));
        assert_eq!(done.wait().unwrap(), 7);
        // On another thread it is a wait like any other.
        let other = thread::spawn(move || handle.spawn(async { 8 }).wait().unwrap());
        runtime.block_on(async {
            while !other.is_finished() {
                sleep(MS).await;
            }
        });
        assert_eq!(other.join().unwrap(), 8);
    });
}

#[test]
fn j01_remote_work_that_its_loop_drops_says_that_the_loop_is_gone() {
    let mut runtime = Runtime::new().unwrap();
    let (begun, handle) = (runtime.handle().spawn(pending::<()>()), runtime.handle());
    runtime.block_on(sleep(MS));
    let queued = handle.spawn(pending::<()>());
    drop(runtime);
    for join in [begun, queued, handle.spawn(pending())] {
        let error = join.wait().unwrap_err();
        assert!(
            matches!(error, WaitError::Join(JoinError::RuntimeGone)),
            "{error:?}"
        );
    }
    assert!(handle.is_gone() && handle.call(|| ()).is_err());
}

#[test]
fn j02_an_iterator_that_panics_in_gather_leaves_no_child_behind() {
    let drops = Count::default();
    virtual_runtime().block_on(async {
        let mut guards = vec![drops.guard()];
        let futures = (0..2).map(|_| {
            let guard = guards.pop().expect("the iterator panics");
            async move {
                let _guard = guard;
                pending::<()>().await;
            }
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| drop(gather(futures))));
        assert!(panicked.is_err());
        assert!(poll_once(sleep(MS)).await.is_none());
        sleep(MS).await;
        assert_eq!(drops.get(), 1);
    });
}

/// What a root waits for whose child waits for ever.
#[test]
fn a_root_that_joins_a_task_that_waits_for_ever_is_stuck_for_certain() {
    let forever = || pending::<Result<(), JoinError>>();
    fn check(what: &str, root: Pin<Box<dyn Future<Output = ()>>>) {
        // No patience: nothing but certainty ends this.
        let mut runtime = Runtime::builder().stuck_after(None).build().unwrap();
        let stuck = runtime.try_block_on(root).unwrap_err();
        assert!(stuck.tasks.len() >= 2, "{what}: {stuck}");
    }
    without_hanging(move || {
        let chain = async move {
            let inner = spawn(forever());
            let outer = spawn(async move { drop(inner.await) });
            outer.await.unwrap();
        };
        check("a chain of handles", Box::pin(chain));
        check(
            "gather",
            Box::pin(async move { drop(gather([forever(), forever()]).await) }),
        );
        check(
            "try_gather",
            Box::pin(async move { drop(try_gather([forever()]).await) }),
        );
        let group = async move {
            let mut group = TaskGroup::new();
            group.spawn(async { Ok(()) });
            group.spawn(forever());
            group.spawn(forever());
            while group.next().await.is_some() {}
        };
        check("a group", Box::pin(group));
    });
}

#[test]
fn a_waker_in_other_hands_is_no_certainty() {
    without_hanging(|| {
        let mut runtime = Runtime::builder()
            .stuck_after(MS)
            .end_when_stuck(true)
            .build()
            .unwrap();
        let kept = Rc::new(RefCell::new(None));
        let keeper = Rc::clone(&kept);
        let began = downbeat::time::now();
        let stuck = runtime.try_block_on(async {
            let child = spawn(poll_fn(move |cx| {
                *keeper.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            }));
            child.await.unwrap();
        });
        assert!(stuck.is_err() && downbeat::time::now() - began >= MS);
        drop(kept);
    });
}

#[test]
fn work_from_afar_has_the_name_and_the_site_its_sender_gave_it() {
    let mut runtime = virtual_runtime();
    let handle = runtime.handle();
    let named = |name: &'static str| SpawnOptions::new().name(name).priority(7);
    let here = runtime.spawn_with(current_card(), named("from outside"));
    let line = line!() + 1;
    let afar = thread::spawn(move || handle.spawn_with_options(current_card, named("from afar")));
    let afar = afar.join().unwrap();
    runtime.block_on(async {
        assert_eq!(here.await.unwrap().0, "from outside");
        let (name, priority, site) = afar.await.unwrap();
        assert_eq!((name.as_str(), priority), ("from afar", 7));
        assert_eq!((site.file(), site.line()), (file!(), line));
    });
}

/// The name, the priority and the spawn site of the task that runs this.
async fn current_card() -> (String, u32, &'static Location<'static>) {
    let look = |card: &Sched| {
        let name = card.name().unwrap_or_default().into_owned();
        (name, card.priority(), card.site())
    };
    current_task(look).expect("a task runs this")
}
