//! What happens while a task, or its name, is in somebody else's hands.

use downbeat::policy::{Cause, End, Policy, Runnable, Sched};
use downbeat::runtime::Observer;
use downbeat::{AbortHandle, JoinError, Runtime, SpawnOptions, spawn, spawn_with, time};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// A waker that is left for somebody.
type Left = Rc<RefCell<Option<Waker>>>;

/// Waits for one wake by whoever finds its waker.
fn reader(left: Left) -> impl Future<Output = ()> {
    let mut asked = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        *left.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
}

/// Wakes the reader when its poll has ended.
struct Wakes(Left);

impl Wakes {
    fn ended(&self) {
        if let Some(waker) = self.0.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Observer for Wakes {
    fn poll_ended(&mut self, _: &Sched, _: Duration, _: End, _: Instant) {
        self.ended();
    }
}

/// A FIFO that does the same when it is told of a poll.
struct WakesInRan(VecDeque<Runnable>, Wakes);

impl Policy for WakesInRan {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        self.0.push_back(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.0.pop_front()
    }

    fn ran(&mut self, _: &Sched, _: Duration, _: End) {
        self.1.ended();
    }
}

#[test]
fn t04_a_wake_by_an_observer_at_the_end_of_the_poll_counts() {
    let left = Left::default();
    let watcher = Wakes(Rc::clone(&left));
    let builder = Runtime::builder().virtual_clock().observer(watcher);
    let mut runtime = builder.build().unwrap();
    let done = runtime.try_block_on(async { spawn(reader(left)).await.is_ok() });
    assert_eq!(done.ok(), Some(true), "the wake was lost");
}

#[test]
fn t04_a_wake_by_the_policy_at_the_end_of_the_poll_counts() {
    let left = Left::default();
    let policy = WakesInRan(VecDeque::new(), Wakes(Rc::clone(&left)));
    let builder = Runtime::builder().virtual_clock().policy(policy);
    let mut runtime = builder.build().unwrap();
    let done = runtime.try_block_on(async { spawn(reader(left)).await.is_ok() });
    assert_eq!(done.ok(), Some(true), "the wake was lost");
}

#[test]
fn t4_a_stale_waker_is_not_taken_for_the_next_tenant_of_its_place() {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    let polls = runtime.block_on(async {
        let left = Left::default();
        let keeps = Rc::clone(&left);
        let first = spawn(poll_fn(move |cx| {
            *keeps.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        }));
        let place = first.id();
        first.await.unwrap();
        let stale = left.take().unwrap();
        let mut sleep = Box::pin(time::sleep(Duration::from_secs(1)));
        let mut polls = 0;
        let second = spawn(poll_fn(move |cx| {
            polls += 1;
            stale.wake_by_ref();
            if polls == 1000 {
                return Poll::Ready(polls); // It spins, and time stands still.
            }
            sleep.as_mut().poll(cx).map(|()| polls)
        }));
        assert_ne!(second.id(), place, "a name is not used twice");
        second.await.unwrap()
    });
    assert_eq!(polls, 2, "once to wait, once when the time has come");
}

#[test]
fn an_abort_handle_on_another_thread_may_yet_help() {
    let (handle_out, handle_in) = mpsc::channel::<AbortHandle>();
    let (asleep_out, asleep_in) = mpsc::channel();
    let helper = std::thread::spawn(move || {
        let handle = handle_in.recv().unwrap();
        asleep_in.recv().unwrap();
        handle.abort();
    });
    // Not certain, so the loop only says that it may be stuck, and goes on waiting.
    let builder = Runtime::builder().stuck_after(Duration::from_millis(1));
    let told = builder.on_report(move |_| asleep_out.send(()).unwrap());
    let mut runtime = told.build().unwrap();
    let ended = runtime.try_block_on(async move {
        let task = spawn(pending::<()>());
        handle_out.send(task.abort_handle().unwrap()).unwrap();
        task.await
    });
    assert!(matches!(ended, Ok(Err(JoinError::Cancelled))), "not stuck");
    helper.join().unwrap();
}

/// A FIFO that panics when the joiner is woken.
struct Panics(VecDeque<Runnable>);

impl Policy for Panics {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        let woken = task.polls() > 0;
        assert!(!woken || task.name().as_deref() != Some("joiner"), "no");
        self.0.push_back(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.0.pop_front()
    }
}

#[test]
fn s05_no_cancellation_is_lost_when_a_policy_panics_over_another() {
    let policy = Panics(VecDeque::new());
    let builder = Runtime::builder().virtual_clock().policy(policy);
    let mut runtime = builder.on_report(|_| ()).build().unwrap();
    let ended = runtime.try_block_on(async {
        let (first, second) = (spawn(pending::<()>()), spawn(pending::<()>()));
        let handles = [&first, &second].map(|task| task.abort_handle().unwrap());
        let named = SpawnOptions::new().name("joiner");
        let joiner = spawn_with(async move { first.await.is_err() }, named);
        time::sleep(Duration::from_secs(1)).await;
        for handle in handles {
            handle.abort();
        }
        (joiner.await.unwrap(), second.await.is_err())
    });
    assert_eq!(ended.ok(), Some((true, true)));
}
