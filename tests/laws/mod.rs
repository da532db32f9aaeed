//! What the tests of the laws share: guards that count their drops, a collector
//! of reports, a watchdog for tests that fail by hanging.
#![allow(dead_code)]

use downbeat::Runtime;
use downbeat::runtime::{Builder, Report};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

pub(crate) const MS: Duration = Duration::from_millis(1);

/// A loop with the virtual clock.
pub(crate) fn virtual_runtime() -> Runtime {
    Runtime::builder().virtual_clock().build().unwrap()
}

/// Runs `body` on a thread of its own and gives up after minutes: what hangs does so for
/// ever, and what is only slow because the machine is busy is no fault.
#[track_caller]
pub(crate) fn without_hanging<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = body();
        // After a timeout nobody listens any more.
        let _ = sender.send(());
        result
    });
    match receiver.recv_timeout(Duration::from_secs(180)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Does something when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Does what its two closures say when it is polled and when it is dropped.
pub(crate) struct ByHand<P, D: FnMut()> {
    pub(crate) poll: P,
    pub(crate) drop: D,
}

impl<T, P: FnMut(&mut Context<'_>) -> Poll<T> + Unpin, D: FnMut() + Unpin> Future for ByHand<P, D> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.poll)(cx)
    }
}

impl<P, D: FnMut()> Drop for ByHand<P, D> {
    fn drop(&mut self) {
        (self.drop)();
    }
}

/// A counter, and guards that add to it when they are dropped.
#[derive(Clone, Default)]
pub(crate) struct Count(Rc<Cell<usize>>);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.get()
    }

    pub(crate) fn add(&self) {
        self.0.set(self.0.get() + 1);
    }

    pub(crate) fn guard(&self) -> impl Sized + use<> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// The reports of a loop, as text.
#[derive(Clone, Default)]
pub(crate) struct Reports(Rc<RefCell<Vec<String>>>);

impl Reports {
    /// Takes the place of the builder's report hook.
    pub(crate) fn of<P>(builder: Builder<P>) -> (Builder<P>, Self) {
        let reports = Self::default();
        let hook = reports.clone();
        let builder = builder.on_report(move |report: &Report| {
            hook.0.borrow_mut().push(report.to_string());
        });
        (builder, reports)
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// A loop with the virtual clock, and its reports.
pub(crate) fn reporting_runtime() -> (Runtime, Reports) {
    let (builder, reports) = Reports::of(Runtime::builder().virtual_clock());
    (builder.build().unwrap(), reports)
}

/// A panic payload whose drop panics.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a payload's drop");
    }
}

/// Runs another test of this file in a process of its own, where it is the only one and
/// changes nothing for others. `cargo test` itself passes such tests over (they say
/// `ignore`): each is run by the test that calls this.
pub(crate) fn in_its_own_process(test: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args([
        test,
        "--exact",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(ALONE, "1");
    command
}

/// Whether this is such a process.
pub(crate) fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

const ALONE: &str = "DOWNBEAT_TEST_IS_ALONE";
