//! The kernel through its public interface: tasks, joins, time, threads.

use downbeat::policy::{Cause, Policy, Runnable};
use downbeat::runtime::{Report, WaitError};
use downbeat::time::{self, sleep, timeout};
use downbeat::{JoinError, Runtime, TaskGroup, gather, run, spawn, spawn_blocking, try_gather};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

fn virtual_runtime() -> Runtime {
    Runtime::builder().virtual_clock().build().unwrap()
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn gather_keeps_the_order_and_overlaps_the_waits() {
    let mut runtime = virtual_runtime();
    let (outputs, took) = runtime.block_on(async {
        let start = time::now();
        let outputs = gather((0..100_u64).map(|i| async move {
            sleep(MS * (200 - i as u32)).await;
            i
        }))
        .await;
        (outputs, time::now() - start)
    });
    let outputs: Vec<u64> = outputs.into_iter().map(Result::unwrap).collect();
    assert_eq!(outputs, (0..100).collect::<Vec<_>>());
    assert_eq!(took, MS * 200);
}

#[test]
fn hours_of_sleeps_finish_at_once_in_exact_order() {
    let mut runtime = virtual_runtime();
    let began = Instant::now();
    let order = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let tasks = [5_u64, 1, 3, 2, 4].map(|hours| {
            let order = Rc::clone(&order);
            async move {
                sleep(Duration::from_secs(3600 * hours)).await;
                order.borrow_mut().push(hours);
            }
        });
        gather(tasks).await;
    });
    assert_eq!(*order.borrow(), [1, 2, 3, 4, 5]);
    assert!(began.elapsed() < Duration::from_secs(3600));
}

#[test]
fn an_aborted_task_is_dropped_and_says_so() {
    struct OnDrop(Rc<Cell<u32>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(Cell::new(0));
    let mut runtime = virtual_runtime();
    runtime.block_on(async {
        let guard = OnDrop(Rc::clone(&drops));
        let task = spawn(async move {
            let _guard = guard;
            sleep(Duration::MAX).await;
        });
        sleep(MS).await;
        task.abort();
        assert_eq!(drops.get(), 0, "the loop drops it, not the aborter");
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(drops.get(), 1);
        // A value already produced is kept.
        let task = spawn(async { 7 });
        sleep(MS).await;
        task.abort();
        assert_eq!(task.await.unwrap(), 7);
    });
    assert!(runtime.tasks().is_empty());
}

#[test]
fn a_panic_is_delivered_once() {
    let mut runtime = virtual_runtime();
    let error = runtime
        .block_on(async { spawn(async { panic!("boom {}", 1) }).await })
        .unwrap_err();
    assert_eq!(error.to_string(), "the task panicked: boom 1");
}

#[test]
fn unread_panics_reach_the_hook() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&seen);
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()))
        .build()
        .unwrap();
    runtime.block_on(async {
        spawn(async { panic!("nobody listens") }).detach();
        sleep(MS).await;
    });
    let seen = seen.borrow();
    assert_eq!(seen.len(), 1);
    assert!(
        seen[0].contains("nobody listens") && seen[0].contains("kernel.rs"),
        "{}",
        seen[0]
    );
}

#[test]
fn try_gather_cancels_the_rest() {
    #[derive(Debug)]
    struct Failed(String);
    impl From<JoinError> for Failed {
        fn from(error: JoinError) -> Self {
            Self(error.to_string())
        }
    }
    let finished = Rc::new(Cell::new(0));
    let mut runtime = virtual_runtime();
    let result: Result<Vec<u64>, Failed> = runtime.block_on(async {
        let count = Rc::clone(&finished);
        try_gather((0..10_u64).map(move |i| {
            let count = Rc::clone(&count);
            async move {
                sleep(MS * i as u32).await;
                if i == 3 {
                    return Err(Failed("three".into()));
                }
                count.set(count.get() + 1);
                Ok(i)
            }
        }))
        .await
    });
    assert_eq!(result.unwrap_err().0, "three");
    assert_eq!(finished.get(), 3);
    let all: Result<Vec<u64>, Failed> =
        runtime.block_on(async { try_gather((0..4).map(|i| async move { Ok(i) })).await });
    assert_eq!(all.unwrap(), [0, 1, 2, 3]);
}

#[test]
fn a_group_hands_out_in_order_of_completion() {
    let mut runtime = virtual_runtime();
    let order = runtime.block_on(async {
        let mut group = TaskGroup::new();
        for delay in [3_u32, 1, 2] {
            group.spawn(async move {
                sleep(MS * delay).await;
                delay
            });
        }
        let mut order = Vec::new();
        while let Some((_, result)) = group.next().await {
            order.push(result.unwrap());
        }
        order
    });
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn on_a_tie_the_value_wins() {
    let mut runtime = virtual_runtime();
    runtime.block_on(async {
        assert!(timeout(MS, sleep(MS)).await.is_ok());
        assert!(timeout(MS, sleep(MS * 2)).await.is_err());
        assert!(timeout(Duration::MAX, sleep(MS)).await.is_ok());
    });
}

#[test]
fn blocking_jobs_resolve_panics_included() {
    run(async {
        assert_eq!(spawn_blocking(|| 6 * 7).await.unwrap(), 42);
        let error = spawn_blocking(|| panic!("in a thread")).await.unwrap_err();
        assert_eq!(error.to_string(), "the blocking job panicked: in a thread");
        let many =
            gather((0..100).map(|i| async move { spawn_blocking(move || i).await.unwrap() }));
        let sum: i32 = many.await.into_iter().map(Result::unwrap).sum();
        assert_eq!(sum, 4950);
    });
}

#[test]
fn a_handle_spawns_from_another_thread() {
    let mut runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let thread = std::thread::spawn(move || {
        let sum = handle.spawn(async { 20 + 1 }).wait().unwrap();
        let not_send = handle
            .spawn_with(|| async {
                let local = Rc::new(21);
                sleep(MS).await;
                *local
            })
            .wait()
            .unwrap();
        let panicked = handle.spawn(async { panic!("remote") }).wait();
        assert!(matches!(
            panicked,
            Err(WaitError::Join(JoinError::Panicked(_)))
        ));
        (sum + not_send, handle)
    });
    let (sum, handle) = runtime.block_on(async {
        loop {
            if thread.is_finished() {
                return thread.join().unwrap();
            }
            sleep(MS).await;
        }
    });
    assert_eq!(sum, 42);
    let stuck = runtime.block_on(async {
        let join = downbeat::Handle::current().unwrap().spawn(async {});
        join.wait().unwrap_err().to_string()
    });
    assert!(stuck.contains("never end"), "{stuck}");
    drop(runtime);
    let refused = handle.spawn(async { 1 }).wait();
    assert!(matches!(
        refused,
        Err(WaitError::Join(JoinError::RuntimeGone))
    ));
}

#[test]
fn a_deadlock_is_reported_with_names() {
    let mut runtime = virtual_runtime();
    let stuck = runtime
        .try_block_on(async {
            let handle = downbeat::spawn_with(
                std::future::pending::<()>(),
                downbeat::SpawnOptions::new().name("waits for ever"),
            );
            handle.await.unwrap();
        })
        .unwrap_err();
    let text = stuck.to_string();
    assert!(
        text.contains("\"waits for ever\"") && text.contains("\"root\""),
        "{text}"
    );
    // Without the virtual clock: nobody holds a waker, so it is certain too.
    let mut runtime = Runtime::new().unwrap();
    assert!(runtime.try_block_on(std::future::pending::<()>()).is_err());
    assert_eq!(runtime.block_on(async { 1 }), 1);
}

#[test]
fn the_root_may_borrow_and_may_panic() {
    let mut runtime = virtual_runtime();
    let mut text = String::from("a");
    runtime.block_on(async { text.push('b') });
    assert_eq!(text, "ab");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async { panic!("root") });
    }));
    assert!(panicked.is_err());
    assert_eq!(runtime.block_on(async { 2 }), 2);
    assert!(runtime.tasks().is_empty());
}

#[test]
#[should_panic(expected = "block_on inside a running loop")]
fn a_loop_inside_a_loop_is_refused() {
    run(async { run(async {}) });
}

/// A policy that misbehaves in a chosen way.
struct Bad {
    ready: Vec<Runnable>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Drops,
    Hoards,
    PanicsOnEnqueue,
    PanicsOnPick,
}

impl Policy for Bad {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        let bad = task.name().is_some_and(|name| name == "victim");
        match self.how {
            How::Drops if bad => drop(task),
            How::PanicsOnEnqueue if bad => panic!("bad policy"),
            _ => self.ready.insert(0, task),
        }
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        if self.how == How::PanicsOnPick && self.ready.len() > 1 {
            panic!("bad policy");
        }
        if self.how == How::Hoards
            && self
                .ready
                .last()
                .is_some_and(|task| task.name().is_some_and(|name| name == "victim"))
        {
            return None;
        }
        self.ready.pop()
    }
}

#[test]
fn no_policy_loses_a_task() {
    for how in [
        How::Drops,
        How::Hoards,
        How::PanicsOnEnqueue,
        How::PanicsOnPick,
    ] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let hook = Rc::clone(&seen);
        let mut runtime = Runtime::builder()
            .virtual_clock()
            .policy(Bad {
                ready: Vec::new(),
                how,
            })
            .on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()))
            .build()
            .unwrap();
        let sum = runtime.block_on(async {
            let victim = downbeat::spawn_with(
                async {
                    sleep(MS).await;
                    1
                },
                downbeat::SpawnOptions::new().name("victim"),
            );
            let other = spawn(async { 2 });
            victim.await.unwrap() + other.await.unwrap()
        });
        assert_eq!(sum, 3, "{how:?}");
        let seen = seen.borrow();
        assert!(
            !seen.is_empty() && seen.iter().all(|text| text.contains("policy Bad")),
            "{how:?}: {seen:?}"
        );
    }
}

#[test]
fn the_same_program_has_the_same_schedule() {
    let hash = || {
        let mut runtime = Runtime::builder()
            .virtual_clock()
            .policy(downbeat::policy::Random::new(7))
            .build()
            .unwrap();
        runtime.block_on(async {
            gather((0..50_u32).map(|i| async move {
                for round in 0..5 {
                    sleep(MS * (i % 7 + round)).await;
                }
            }))
            .await;
        });
        runtime.schedule_hash()
    };
    assert_eq!(hash(), hash());
    assert!(hash().repeatable);
}

#[test]
fn the_policy_is_changed_while_the_loop_runs() {
    let policy: Box<dyn Policy> = Box::new(downbeat::policy::Fifo::new());
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(policy)
        .build()
        .unwrap();
    let order = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|i| {
                let order = Rc::clone(&order);
                spawn(async move { order.borrow_mut().push(i) })
            })
            .collect();
        downbeat::runtime::set_policy(Box::new(downbeat::policy::Lifo::new())).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(order.borrow().len(), 4);
    let mut fixed = virtual_runtime();
    let refused = fixed
        .block_on(async { downbeat::runtime::set_policy(Box::new(downbeat::policy::Lifo::new())) });
    assert_eq!(refused, Err(downbeat::runtime::SetPolicyError::Fixed));
}
