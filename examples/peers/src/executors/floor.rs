//! The floor: the least that running boxed futures on one thread can cost.
//!
//! It keeps no wakers and no queue of the woken: every task is polled in every round,
//! until it is done. No one would use it, for a task that waits costs as much as one
//! that runs; so it has no timers, and the rows about waiting tasks are not for it.
//! What a runtime costs above it is the price of waking: names, queues, fairness,
//! panics kept apart, cancellation, other threads.

use peers::rows::{self, Executor};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A task: its future and the cell where its handle looks for the end.
struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    done: Rc<Cell<bool>>,
}

thread_local! {
    /// Tasks to poll, in the order of their turns.
    static TASKS: RefCell<VecDeque<Task>> = const { RefCell::new(VecDeque::new()) };
}

/// Ready when its task is done.
struct Join(Rc<Cell<bool>>);

impl Future for Join {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.get() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

fn spawn(future: impl Future<Output = ()> + 'static) -> Join {
    let done = Rc::new(Cell::new(false));
    let task = Task {
        future: Box::pin(future),
        done: Rc::clone(&done),
    };
    TASKS.with_borrow_mut(|tasks| tasks.push_back(task));
    Join(done)
}

/// Polls the root, then every task once, and again.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut root = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = root.as_mut().poll(&mut cx) {
            return output;
        }
        for _ in 0..TASKS.with_borrow(VecDeque::len) {
            let Some(mut task) = TASKS.with_borrow_mut(VecDeque::pop_front) else {
                break;
            };
            match task.future.as_mut().poll(&mut cx) {
                Poll::Ready(()) => task.done.set(true),
                Poll::Pending => TASKS.with_borrow_mut(|tasks| tasks.push_back(task)),
            }
        }
    }
}

struct Floor;

impl Executor for Floor {
    const TIMERS: bool = false;
    type Join = Join;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        block_on(future)
    }

    fn spawn<F>(future: F) -> Join
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(future)
    }

    fn detach(join: Join) {
        drop(join);
    }

    fn sleep(_: Duration) -> impl Future + 'static {
        std::future::pending::<()>()
    }

    fn spawn_sleep(_: Duration) -> Join {
        unreachable!("TIMERS is false")
    }

    /// A ring without wakers: each side looks again in its next turn.
    async fn channel(count: u64) -> u64 {
        let ring = Rc::new(RefCell::new(VecDeque::with_capacity(1024)));
        let sum = Rc::new(Cell::new(0));
        let (inlet, outlet, total) = (Rc::clone(&ring), ring, Rc::clone(&sum));
        let producer = spawn(async move {
            for number in 0..count {
                when(|| inlet.borrow().len() < 1024).await;
                inlet.borrow_mut().push_back(number);
            }
        });
        let consumer = spawn(async move {
            for _ in 0..count {
                when(|| !outlet.borrow().is_empty()).await;
                total.set(total.get() + outlet.borrow_mut().pop_front().unwrap_or(0));
            }
        });
        producer.await;
        consumer.await;
        sum.get()
    }
}

/// Ready at the first poll that finds the condition true.
fn when(mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    std::future::poll_fn(move |_| {
        if condition() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

fn main() {
    rows::main::<Floor>();
}
