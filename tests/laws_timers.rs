//! The laws of single timers: order, memory, wakers, ties.

mod laws;

use downbeat::testing::Alarm;
use downbeat::time::{Sleep, now, sleep, sleep_until, timeout, work};
use downbeat::{TaskGroup, spawn, yield_now};
use laws::{MS, virtual_runtime};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

/// Polls a timer with a waker.
fn poll(timer: &mut Sleep, alarm: &Alarm) -> Poll<()> {
    let waker = alarm.waker();
    Pin::new(timer).poll(&mut Context::from_waker(&waker))
}

#[test]
fn c02_equal_deadlines_fifo() {
    let order = Rc::new(RefCell::new(Vec::new()));
    virtual_runtime().block_on(async {
        let deadline = now() + MS;
        let mut group = TaskGroup::new();
        for i in 0..100 {
            let order = Rc::clone(&order);
            group.spawn(async move {
                sleep_until(deadline).await;
                order.borrow_mut().push(i);
            });
            // Those in between are cancelled and leave no mark on the order.
            let extra = spawn(sleep_until(deadline));
            yield_now().await;
            extra.abort();
        }
        while group.next().await.is_some() {}
    });
    assert_eq!(*order.borrow(), (0..100).collect::<Vec<_>>());
}

#[test]
fn c03_cancel_frees_memory() {
    virtual_runtime().block_on(async {
        let alarm = Alarm::new();
        for _ in 0..1000 {
            let mut timers: Vec<_> = (0..100_u32).map(|i| sleep(MS * i + MS)).collect();
            for timer in &mut timers {
                assert!(poll(timer, &alarm).is_pending());
            }
            assert_eq!(alarm.kept(), 100);
            drop(timers);
            assert_eq!(alarm.kept(), 0);
        }
        // Also on another thread, where the loop hears of it by letter.
        let mut timer = sleep(MS);
        assert!(poll(&mut timer, &alarm).is_pending());
        thread::spawn(move || drop(timer)).join().unwrap();
        yield_now().await;
        sleep(MS * 2).await;
        assert_eq!((alarm.kept(), alarm.wakes()), (0, 0));
    });
}

#[test]
fn c08_a_timer_dropped_when_it_fires_wakes_nobody_and_names_nobody_else() {
    virtual_runtime().block_on(async {
        let alarm = Alarm::new();
        let mut fired = sleep(MS);
        assert!(poll(&mut fired, &alarm).is_pending());
        sleep(MS).await;
        assert_eq!((alarm.wakes(), alarm.kept()), (1, 0));
        // Its place goes to another one, which its drop must not cancel.
        let mut other = sleep(MS);
        assert!(poll(&mut other, &alarm).is_pending());
        drop(fired);
        sleep(MS).await;
        assert_eq!(alarm.wakes(), 2);
        // Moved while it is armed: the old deadline is forgotten.
        other.reset(now() + MS * 2);
        assert!(poll(&mut other, &alarm).is_pending());
        other.reset(now() + MS * 4);
        assert!(poll(&mut other, &alarm).is_pending());
        sleep(MS * 3).await;
        assert_eq!(alarm.wakes(), 2);
        sleep(MS).await;
        assert!(alarm.wakes() == 3 && poll(&mut other, &alarm).is_ready());
    });
}

#[test]
fn c09_completion_beats_timeout_on_tie() {
    virtual_runtime().block_on(async {
        assert!(timeout(MS, sleep(MS)).await.is_ok());
        assert!(timeout(Duration::ZERO, async {}).await.is_ok());
        // Both late, and both due when the task comes up.
        let mut late = Box::pin(timeout(MS, sleep(MS * 2)));
        poll_fn(|cx| Poll::Ready(late.as_mut().poll(cx).is_pending())).await;
        work(MS * 3);
        assert!(late.await.is_ok());
    });
}

#[test]
fn t07_the_latest_waker_of_a_timer_is_woken() {
    virtual_runtime().block_on(async {
        let (old, new) = (Alarm::new(), Alarm::new());
        let mut timer = sleep(MS);
        assert!(poll(&mut timer, &old).is_pending());
        assert!(poll(&mut timer, &new).is_pending());
        assert_eq!((old.kept(), new.kept()), (0, 1));
        sleep(MS).await;
        assert_eq!((old.wakes(), new.wakes()), (0, 1));
        assert!(poll(&mut timer, &new).is_ready());
    });
}
