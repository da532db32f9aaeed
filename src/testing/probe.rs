//! `Probe`: one future, polled by hand, with every poll and every wake counted;
//! and `block_on`, the shortest executor there is.
//!
//! Owns: the future in the probe, and a waker that only counts.
//!
//! Read next: `rng.rs`.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Polls a future by hand.
///
/// ```
/// use downbeat::testing::Probe;
///
/// let notify = downbeat::sync::Notify::new();
/// let mut probe = Probe::new(notify.notified());
/// assert!(probe.poll().is_pending());
/// notify.notify_one();
/// assert!(probe.is_woken());
/// assert!(probe.poll().is_ready());
/// ```
pub struct Probe<F> {
    future: Pin<Box<F>>,
    alarm: Alarm,
    /// How many wakes there had been when it was last polled.
    seen: usize,
    polls: usize,
}

impl<F: Future> Probe<F> {
    /// Takes the future; nothing is polled yet.
    pub fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            alarm: Alarm::new(),
            seen: 0,
            polls: 0,
        }
    }

    /// Polls once.
    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.alarm.waker();
        self.poll_with(&waker)
    }

    /// Polls once with another waker, as if the future had moved to another task.
    pub fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        self.seen = self.alarm.wakes();
        self.polls += 1;
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls once and expects the output.
    ///
    /// # Panics
    /// If the future is not ready.
    #[track_caller]
    pub fn unwrap(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future is not ready"),
        }
    }

    /// Polls as often as it is woken, until it is ready or waits.
    ///
    /// # Panics
    /// After a million polls: the future spins.
    pub fn run(&mut self) -> Poll<F::Output> {
        for _ in 0..1_000_000 {
            if let Poll::Ready(output) = self.poll() {
                return Poll::Ready(output);
            }
            if !self.is_woken() {
                return Poll::Pending;
            }
        }
        panic!("the future spins: polled a million times and woken each time");
    }

    /// Whether it was woken since it was last polled.
    pub fn is_woken(&self) -> bool {
        self.alarm.wakes() > self.seen
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.alarm.wakes()
    }

    /// How often it was polled.
    pub fn polls(&self) -> usize {
        self.polls
    }

    /// The waker it is polled with.
    pub fn alarm(&self) -> &Alarm {
        &self.alarm
    }
}

impl<F> fmt::Debug for Probe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("polls", &self.polls)
            .field("wakes", &self.alarm.wakes())
            .finish()
    }
}

/// A waker that counts, and knows how many clones of it are kept.
#[derive(Clone, Debug)]
pub struct Alarm {
    bell: Arc<Bell>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Bell {
    wakes: AtomicUsize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // ORDER: SeqCst because nothing here is hot and a test wants no puzzles.
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

impl Alarm {
    /// Never woken so far.
    pub fn new() -> Self {
        let bell = Arc::new(Bell::default());
        Self {
            waker: bell.clone().into(),
            bell,
        }
    }

    /// A waker of it; all of them are `will_wake`.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        // ORDER: SeqCst, as in `wake_by_ref`.
        self.bell.wakes.load(Ordering::SeqCst)
    }

    /// How many wakers of it are kept somewhere (its own not counted).
    pub fn kept(&self) -> usize {
        Arc::strong_count(&self.bell) - 2
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a future on this thread with nothing but `std`: poll, park, repeat.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        thread::park();
    }
}
