//! The harness: polls a future k times and drops it.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use downbeat::{Runtime, time};

/// A scenario: what is done around one cut, and whether the future ended before it.
pub(crate) type Scenario = Pin<Box<dyn Future<Output = bool>>>;

/// Polls `future` at most `polls` times, each time when it was woken, then drops it.
pub(crate) async fn cut<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                if left == 0 {
                    // The last poll is behind us: cut now, not at the next wake.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs a scenario with 0, 1, 2 ... polls, until its future ends by itself.
pub(crate) fn at_every_poll(name: &str, scenario: impl Fn(usize) -> Scenario) {
    for polls in 0..5000 {
        let mut runtime = Runtime::builder().virtual_clock().build().expect("a loop");
        let ended = runtime.block_on(scenario(polls));
        // What was cancelled or posted leaves within a turn or two.
        let now = runtime.block_on(async {
            time::sleep(Duration::from_secs(100)).await;
            time::now()
        });
        let tasks = runtime.tasks();
        assert!(tasks.is_empty(), "{name}, {polls} polls: {tasks:?}");
        // LAW X02: with nothing left to wait for, a loop is stuck at once.
        assert!(runtime.try_block_on(pending::<()>()).is_err(), "{name}");
        let later = runtime.block_on(async { time::now() }) - now;
        assert!(later.is_zero(), "{name}, {polls} polls: a timer is left");
        if ended {
            assert!(polls > 0, "{name} ends without a poll");
            return;
        }
    }
    panic!("{name} never ends");
}
