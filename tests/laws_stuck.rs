//! When a loop is stuck, and what it says; and when it says that a poll was slow.

mod laws;

use downbeat::policy::{Cause, Fifo, Policy, Runnable};
use downbeat::runtime::{Report, Stuck};
use downbeat::sync::channel;
use downbeat::time::work;
use downbeat::{Runtime, SpawnOptions, gather, spawn_with};
use laws::{MS, Reports, reporting_runtime, without_hanging};
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// Two tasks, each of which waits for what the other would send after that.
async fn on_each_others_channels() {
    let ((to_one, one), (to_two, two)) = (channel::<()>(1), channel::<()>(1));
    let named = |name: &'static str| SpawnOptions::new().name(name);
    let left = async move {
        one.recv().await;
        to_two.send(()).await.unwrap();
    };
    let right = async move {
        two.recv().await;
        to_one.send(()).await.unwrap();
    };
    let left = spawn_with(left, named("left"));
    let right = spawn_with(right, named("right"));
    gather([left, right]).await;
}

fn names_both(stuck: &Stuck) {
    let text = stuck.to_string();
    for name in [
        "\"left\" (tests/laws_stuck.rs:",
        "\"right\" (tests/laws_stuck.rs:",
        "\"root\"",
    ] {
        assert!(text.contains(name), "{text}");
    }
    assert!(text.contains("waits after 1 poll(s)"), "{text}");
}

#[test]
fn two_tasks_on_each_others_channels_are_stuck() {
    without_hanging(|| {
        let (mut runtime, _) = reporting_runtime();
        names_both(&runtime.try_block_on(on_each_others_channels()).unwrap_err());
        // The same list is what `block_on` panics with.
        let (mut runtime, _) = reporting_runtime();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(on_each_others_channels())
        }));
        let text = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(
            text.contains("\"left\"") && text.contains("\"right\""),
            "{text}"
        );
    });
}

#[test]
fn under_the_real_clock_the_list_goes_to_the_hook_and_may_be_the_end() {
    without_hanging(|| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let hook = Rc::clone(&seen);
        let builder = Runtime::builder().stuck_after(MS).on_report(move |report| {
            if let Report::Stuck(stuck) = report {
                names_both(stuck);
                hook.borrow_mut().push(stuck.tasks.len());
            }
        });
        // A channel's waker might as well be on another thread.
        let mut runtime = builder.end_when_stuck(true).build().unwrap();
        names_both(&runtime.try_block_on(on_each_others_channels()).unwrap_err());
        assert!(seen.take().is_empty(), "an end is no report");
    });
}

#[test]
fn a_policy_that_hides_a_ticket_for_ever_does_not_make_the_loop_unsure() {
    /// Serves everybody but takes the tickets of some away for good.
    #[derive(Default)]
    struct Magpie {
        queue: Fifo,
        nest: Vec<Runnable>,
    }
    impl Policy for Magpie {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            let shiny = task.name().is_some_and(|name| name == "shiny");
            match shiny && task.polls() == 0 {
                false => self.queue.enqueue(task, cause),
                true => self.nest.push(task),
            }
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            self.queue.pick_next(now)
        }
    }
    without_hanging(|| {
        let (builder, reports) = Reports::of(Runtime::builder());
        // Patience that no test has: only certainty ends it.
        let builder = builder
            .policy(Magpie::default())
            .stuck_after(MS * 1_000_000);
        let mut runtime = builder.build().unwrap();
        let stuck = runtime.try_block_on(async {
            let shiny = SpawnOptions::new().name("shiny");
            spawn_with(std::future::pending::<()>(), shiny).await
        });
        let text = stuck.unwrap_err().to_string();
        assert!(text.contains("\"shiny\" (tests/laws_stuck.rs:"), "{text}");
        assert!(text.contains("waits after 1 poll(s)"), "{text}");
        let reports = reports.take();
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].contains("keeps the ticket"), "{reports:?}");
    });
}

#[test]
fn a_bare_thread_that_wakes_after_three_seconds_is_not_killed() {
    without_hanging(|| {
        let (builder, reports) = Reports::of(Runtime::builder());
        let mut runtime = builder.build().unwrap();
        let woken = Arc::new(AtomicBool::new(false));
        let mut thread = None;
        runtime.block_on(poll_fn(|cx| {
            if woken.load(SeqCst) {
                return Poll::Ready(());
            }
            let (waker, woken) = (cx.waker().clone(), Arc::clone(&woken));
            thread.get_or_insert_with(|| {
                thread::spawn(move || {
                    thread::sleep(Duration::from_secs(3));
                    woken.store(true, SeqCst);
                    waker.wake();
                })
            });
            Poll::Pending
        }));
        let reports = reports.take();
        assert_eq!(reports.len(), 1, "after 1 s, once: {reports:?}");
        assert!(reports[0].contains("\"root\""), "{reports:?}");
    });
}

#[test]
fn a_slow_poll_is_reported_with_name_site_and_duration() {
    let (builder, reports) = Reports::of(Runtime::builder().virtual_clock().slow_poll(MS * 10));
    let mut runtime = builder.build().unwrap();
    runtime.block_on(async {
        let busy = |length| async move { work(length) };
        let slow = spawn_with(busy(MS * 10), SpawnOptions::new().name("slow"));
        let quick = spawn_with(busy(MS * 9), SpawnOptions::new().name("quick"));
        gather([slow, quick]).await;
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    for part in ["\"slow\" (tests/laws_stuck.rs:", "10.0ms"] {
        assert!(reports[0].contains(part), "{reports:?}");
    }
}
