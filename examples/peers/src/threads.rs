//! The cross-thread row: a task and another thread wake each other in turn.
//!
//! One operation is a round trip: the task hands the turn over and unparks the
//! thread; the thread takes it, hands it back and wakes the task. Neither side spins,
//! so the instructions and the system calls of both can be counted. Its time on the
//! wall is mostly the kernel's waking of a sleeping core.
//!
//! Read next: `executors/downbeat.rs`.

use crate::meter::Meter;
use crate::rows::{Executor, print_line};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

/// Whose turn it is, and how to wake the task.
#[derive(Default)]
struct Court {
    /// The ball is with the thread. Written with `Release`, read with `Acquire`.
    away: AtomicBool,
    /// The match is over.
    over: AtomicBool,
    /// Left by the task before it hands the turn over.
    task: Mutex<Option<Waker>>,
}

/// `n` round trips.
pub(crate) fn round_trips<E: Executor>(row: &str, n: u64) {
    let court = Arc::new(Court::default());
    let other = thread::spawn({
        let court = Arc::clone(&court);
        move || return_the_ball(&court)
    });
    let (partner, over) = (other.thread().clone(), Arc::clone(&court));
    let took = E::block_on(async move {
        let meter = Meter::start();
        for _ in 0..n {
            let mut served = false;
            std::future::poll_fn(|cx| {
                if !served {
                    served = true;
                    *court.task.lock().expect("no panic") = Some(cx.waker().clone());
                    court.away.store(true, Ordering::Release);
                    partner.unpark();
                }
                if court.away.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
        }
        meter.stop()
    });
    over.over.store(true, Ordering::Release);
    other.thread().unpark();
    other.join().expect("the other thread");
    print_line(row, n, took);
}

/// The other thread: takes each ball and plays it back.
fn return_the_ball(court: &Court) {
    while !court.over.load(Ordering::Acquire) {
        if court.away.load(Ordering::Acquire) {
            let waker = court.task.lock().expect("no panic").take();
            court.away.store(false, Ordering::Release);
            waker.expect("left before the turn").wake();
        } else {
            thread::park();
        }
    }
}
