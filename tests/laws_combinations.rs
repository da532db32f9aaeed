//! One task, every combination: where it panics, what becomes of its handle, when
//! it is aborted, whether it ever ends. A model says what must come out.
//!
//! Laws: T02, T10, T15, T16, T19, J01, J02, J03, J06.

mod laws;

use downbeat::future::poll_once;
use downbeat::time::sleep;
use downbeat::{JoinError, JoinHandle, spawn};
use laws::{Count, MS, reporting_runtime};
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Where the task panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Panics {
    Nowhere,
    InSecondPoll,
    InItsDrop,
    InTheDropOfItsOutput,
}

/// What becomes of its handle.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Handle {
    DroppedAtOnce,
    DroppedWhileItWaits,
    DroppedAfterTheEnd,
    /// Polled once at the end.
    Asked,
    /// Polled from the beginning by another task.
    Awaited,
}

/// When it is aborted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Abort {
    Never,
    BeforeTheFirstPoll,
    WhileItWaits,
    /// By itself, in its second poll.
    WhileItRuns,
    AfterTheSecondPoll,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    panics: Panics,
    handle: Handle,
    abort: Abort,
    /// Ready in its second poll, or never.
    ends: bool,
}

#[derive(Clone, Default)]
struct Counts {
    polls: Count,
    polls_after_the_end: Count,
    drops: Count,
    outputs: Count,
    output_drops: Count,
}

/// The future: waits for a timer, then does what the case says.
struct Task {
    case: Case,
    counts: Counts,
    timer: Pin<Box<dyn Future<Output = ()>>>,
    ended: bool,
    own: Rc<Cell<Option<downbeat::AbortHandle>>>,
}

struct Output(Case, Counts);

impl Future for Task {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        if self.ended {
            self.counts.polls_after_the_end.add();
        }
        self.counts.polls.add();
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.timer = Box::pin(std::future::pending());
        if self.case.abort == Abort::WhileItRuns {
            self.own.take().unwrap().abort();
        }
        // Wakes of its own come too late to matter.
        cx.waker().wake_by_ref();
        if self.case.panics == Panics::InSecondPoll {
            self.ended = true;
            panic!("a poll");
        }
        if !self.case.ends {
            return Poll::Pending;
        }
        self.ended = true;
        self.counts.outputs.add();
        Poll::Ready(Output(self.case, self.counts.clone()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.counts.drops.add();
        assert_ne!(self.case.panics, Panics::InItsDrop, "a drop");
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.1.output_drops.add();
        assert_ne!(self.0.panics, Panics::InTheDropOfItsOutput, "a drop");
    }
}

type Joined = Result<Output, JoinError>;

/// What must come out of a case.
#[derive(Debug, PartialEq)]
struct Outcome {
    polls: usize,
    outputs: usize,
    reports: usize,
    joined: Option<&'static str>,
}

impl Case {
    fn outcome(self) -> Outcome {
        let panicked = self.panics == Panics::InSecondPoll;
        let early = matches!(self.abort, Abort::BeforeTheFirstPoll | Abort::WhileItWaits);
        let over = self.ends || panicked;
        let cancelled = early || (self.abort != Abort::Never && !over);
        let produced = !cancelled && self.ends && !panicked;
        let kept = matches!(self.handle, Handle::Asked | Handle::Awaited);
        let result = match (cancelled, produced) {
            (true, _) => Some("cancelled"),
            (_, true) => Some("value"),
            _ if panicked => Some("panicked"),
            _ => None,
        };
        let reports = match self.panics {
            Panics::Nowhere => 0,
            // Whoever asks gets it; otherwise the hook does.
            Panics::InSecondPoll => usize::from(!cancelled && !kept),
            Panics::InItsDrop => 1,
            // If it is handed out it is the receiver's.
            Panics::InTheDropOfItsOutput => usize::from(produced && !kept),
        };
        Outcome {
            polls: match self.abort {
                Abort::BeforeTheFirstPoll => 0,
                Abort::WhileItWaits => 1,
                // Its own wake in the second poll brings a third, if it still waits;
                // what an `AbortHandle` asks for is done in the next collect.
                _ if over => 2,
                _ => 3,
            },
            outputs: usize::from(produced),
            reports,
            joined: result.filter(|_| kept),
        }
    }
}

fn name(joined: Joined) -> &'static str {
    let name = match &joined {
        Ok(_) => "value",
        Err(JoinError::Cancelled) => "cancelled",
        Err(JoinError::Panicked(_)) => "panicked",
        Err(JoinError::RuntimeGone) => "gone",
    };
    // An output may panic in its drop.
    drop(catch_unwind(AssertUnwindSafe(|| drop(joined))));
    name
}

/// Runs a case: its task is polled at 0 and at 2 ms; the handle is looked at at 4.
fn run(case: Case) {
    let (counts, joined) = (Counts::default(), Rc::new(Cell::new(None)));
    let (mut runtime, reports) = reporting_runtime();
    runtime.block_on(async {
        let own: Rc<Cell<Option<downbeat::AbortHandle>>> = Rc::default();
        let task: JoinHandle<Output> = spawn(Task {
            case,
            counts: counts.clone(),
            timer: Box::pin(sleep(MS * 2)),
            ended: false,
            own: Rc::clone(&own),
        });
        let abort = task.abort_handle().unwrap();
        own.set(Some(abort.clone()));
        if case.abort == Abort::BeforeTheFirstPoll {
            task.abort();
        }
        let mut task = Some(task);
        if case.handle == Handle::DroppedAtOnce {
            task = None;
        }
        if case.handle == Handle::Awaited {
            let (task, joined) = (task.take().unwrap(), Rc::clone(&joined));
            spawn(async move { joined.set(Some(name(task.await))) }).detach();
        }
        sleep(MS).await;
        if case.abort == Abort::WhileItWaits {
            abort.abort();
        }
        if case.handle == Handle::DroppedWhileItWaits {
            task = None;
        }
        sleep(MS * 2).await;
        if case.abort == Abort::AfterTheSecondPoll {
            abort.abort();
        }
        sleep(MS).await;
        if case.handle == Handle::Asked {
            joined.set(poll_once(task.as_mut().unwrap()).await.map(name));
        }
        drop(task);
        sleep(MS).await;
    });
    drop(runtime);
    let found = Outcome {
        polls: counts.polls.get(),
        outputs: counts.outputs.get(),
        reports: reports.take().len(),
        joined: joined.get(),
    };
    assert_eq!(found, case.outcome(), "{case:?}");
    assert_eq!(counts.drops.get(), 1, "{case:?}");
    assert_eq!(counts.polls_after_the_end.get(), 0, "{case:?}");
    assert_eq!(counts.output_drops.get(), found.outputs, "{case:?}");
}

#[test]
fn task_combinations() {
    use {Abort::*, Handle::*, Panics::*};
    let mut cases = 0;
    for panics in [Nowhere, InSecondPoll, InItsDrop, InTheDropOfItsOutput] {
        for handle in [
            DroppedAtOnce,
            DroppedWhileItWaits,
            DroppedAfterTheEnd,
            Asked,
            Awaited,
        ] {
            for abort in [
                Never,
                BeforeTheFirstPoll,
                WhileItWaits,
                WhileItRuns,
                AfterTheSecondPoll,
            ] {
                for ends in [true, false] {
                    let case = Case {
                        panics,
                        handle,
                        abort,
                        ends,
                    };
                    run(case);
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 200);
}
