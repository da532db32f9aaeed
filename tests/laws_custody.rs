//! Tickets, places and wakers when a policy, a waker or a drop panics at the worst
//! moment: none is lost, and every place is free again.

mod laws;

use downbeat::policy::{Cause, Fifo, Policy, Runnable, Sched};
use downbeat::runtime::{Observer, Report, set_policy};
use downbeat::time::sleep;
use downbeat::{
    AbortHandle, Gate, JoinError, JoinHandle, Runtime, SpawnOptions, spawn, spawn_with, yield_now,
};
use laws::{MS, Reports, virtual_runtime};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

/// Whether every place of the loop's table is free.
fn is_empty<P: Policy + 'static>(runtime: &Runtime<P>) -> bool {
    format!("{runtime:?}").contains("tasks: 0")
}

/// A queue that panics over a ticket while its fuse burns.
struct Bomb {
    queue: VecDeque<Runnable>,
    burns: Rc<Cell<bool>>,
}

impl Policy for Bomb {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        assert!(!self.burns.get(), "bomb");
        self.queue.push_back(task);
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.queue.pop_front()
    }

    fn wants_clock(&self) -> bool {
        false
    }
}

fn bomb() -> (Runtime<Bomb>, Rc<Cell<bool>>) {
    let burns = Rc::new(Cell::new(false));
    let policy = Bomb {
        queue: VecDeque::new(),
        burns: Rc::clone(&burns),
    };
    let builder = Runtime::builder().virtual_clock().on_report(|_| ());
    (builder.policy(policy).build().unwrap(), burns)
}

#[test]
fn s01_a_yielding_task_survives_a_policy_that_panics_over_what_it_woke() {
    let (mut runtime, burns) = bomb();
    let polls = runtime.block_on(async move {
        let polls = Rc::new(Cell::new(0));
        let count = Rc::clone(&polls);
        let yielder = async move {
            loop {
                count.set(count.get() + 1);
                if count.get() == 3 {
                    burns.set(true);
                    spawn(async {}).detach();
                }
                yield_now().await;
            }
        };
        spawn(yielder).detach();
        for _ in 0..1000 {
            yield_now().await;
        }
        polls.get()
    });
    assert!(polls > 500, "{polls} polls while another task had 1000");
}

#[test]
fn t2_such_a_task_gives_its_place_back() {
    let (mut runtime, burns) = bomb();
    runtime.block_on(async move {
        let mut polls = 0;
        let yielder = poll_fn(move |cx| {
            polls += 1;
            match polls {
                2 => {
                    burns.set(true);
                    spawn(async {}).detach();
                }
                6 => return Poll::Ready(()),
                _ => {}
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        spawn(yielder).await.unwrap();
    });
    assert!(is_empty(&runtime), "{runtime:?}");
}

/// A policy that hides the ticket of "hidden", gives it back too late, and has no name
/// from then on.
struct Nameless {
    queue: VecDeque<Runnable>,
    hidden: Option<Runnable>,
    gives_back: Rc<Cell<bool>>,
    panics: Cell<bool>,
}

impl Policy for Nameless {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        if matches!(cause, Cause::Spawn(_)) && task.name().as_deref() == Some("hidden") {
            self.hidden = Some(task);
        } else {
            self.queue.push_back(task);
        }
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        if self.gives_back.get() && self.hidden.is_some() {
            self.panics.set(true);
            return self.hidden.take();
        }
        self.queue.pop_front()
    }

    fn wants_clock(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        assert!(!self.panics.get(), "no name");
        "nameless".into()
    }
}

#[test]
fn t2_a_void_ticket_is_struck_off_also_when_the_policy_has_no_name() {
    let gives_back = Rc::new(Cell::new(false));
    let policy = Nameless {
        queue: VecDeque::new(),
        hidden: None,
        gives_back: Rc::clone(&gives_back),
        panics: Cell::new(false),
    };
    let builder = Runtime::builder().virtual_clock().on_report(|_| ());
    let mut runtime = builder.policy(policy).build().unwrap();
    runtime.block_on(async move {
        let options = SpawnOptions::new().name("hidden");
        spawn_with(async {}, options).await.unwrap();
        gives_back.set(true);
        for _ in 0..10 {
            yield_now().await;
        }
    });
    assert!(is_empty(&runtime), "{runtime:?}");
}

#[test]
fn s01_a_fifo_that_goes_gives_its_tickets_back_in_their_order() {
    let policy: Box<dyn Policy> = Box::new(Fifo::new());
    let builder = Runtime::builder().virtual_clock();
    let mut runtime = builder.policy(policy).build().unwrap();
    let order: Rc<RefCell<Vec<usize>>> = Rc::default();
    for number in 0..6 {
        let order = Rc::clone(&order);
        let task = async move {
            for _ in 0..3 {
                order.borrow_mut().push(number);
                if number == 2 {
                    set_policy(Box::new(Fifo::new())).unwrap();
                }
                yield_now().await;
            }
        };
        runtime.spawn(task).detach();
    }
    runtime.block_on(async {
        for _ in 0..10 {
            yield_now().await;
        }
    });
    let fair: Vec<_> = (0..18).map(|turn| turn % 6).collect();
    assert_eq!(*order.borrow(), fair);
}

/// A policy that keeps the tickets of "hidden" outside itself, and panics over "bad".
struct Hides(Rc<RefCell<Vec<Runnable>>>, VecDeque<Runnable>);

impl Policy for Hides {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        match task.name().as_deref() {
            Some("hidden") => self.0.borrow_mut().push(task),
            Some("bad") => panic!("hides"),
            _ => self.1.push_back(task),
        }
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        self.1.pop_front()
    }

    fn wants_clock(&self) -> bool {
        false
    }
}

#[test]
fn s01_what_a_policy_hid_is_replaced_also_after_one_such_ticket_came_home() {
    let hidden: Rc<RefCell<Vec<Runnable>>> = Rc::default();
    let first: Box<dyn Policy> = Box::new(Fifo::new());
    let builder = Runtime::builder().virtual_clock().on_report(|_| ());
    let mut runtime = builder.policy(first).build().unwrap();
    let ran = runtime.block_on(async move {
        let ran = Rc::new(Cell::new(0));
        for name in ["hidden", "hidden", "bad", "other", "other"] {
            let ran = Rc::clone(&ran);
            let options = SpawnOptions::new().name(name);
            spawn_with(async move { ran.set(ran.get() + 1) }, options).detach();
        }
        let hides = Hides(Rc::clone(&hidden), VecDeque::new());
        set_policy(Box::new(hides)).unwrap();
        yield_now().await; // It panics while it takes over.
        let one = hidden.borrow_mut().pop();
        drop(one);
        for _ in 0..3 {
            sleep(1000 * MS).await;
        }
        ran.get()
    });
    assert_eq!(ran, 5);
}

#[test]
fn s01_what_a_policy_hid_is_replaced_also_while_others_run() {
    let first: Box<dyn Policy> = Box::new(Fifo::new());
    let (builder, reports) = Reports::of(Runtime::builder().virtual_clock());
    let mut runtime = builder.policy(first).build().unwrap();
    let hidden: Rc<RefCell<Vec<Runnable>>> = Rc::default();
    let hides = Rc::clone(&hidden);
    let order = runtime.block_on(async move {
        let order: Rc<RefCell<Vec<&str>>> = Rc::default();
        // The places of two come before those of the others.
        for name in ["hidden", "hidden", "bad", "one", "two"] {
            let order = Rc::clone(&order);
            let task = async move {
                for _ in 0..3 {
                    order.borrow_mut().push(name);
                    yield_now().await;
                }
            };
            spawn_with(task, SpawnOptions::new().name(name)).detach();
        }
        set_policy(Box::new(Hides(hides, VecDeque::new()))).unwrap();
        // It panics while it takes over; and there is never nothing to run.
        for _ in 0..6 {
            yield_now().await;
        }
        order.take()
    });
    assert_eq!(hidden.borrow().len(), 2, "still hidden, and void");
    let first = |name| order.iter().position(|other| *other == name);
    assert!(first("one") < first("two"), "{order:?}");
    let ran = |name| order.iter().filter(|other| **other == name).count();
    assert_eq!(
        (ran("hidden"), ran("bad"), ran("one"), ran("two")),
        (6, 3, 3, 3)
    );
    let named = |report: &String| report.contains("keeps") && report.contains("\"hidden\"");
    assert!(reports.take().iter().any(named));
}

/// Where a task finds its own handle.
type Handle = Rc<RefCell<Option<JoinHandle<()>>>>;

#[test]
fn t4_an_abort_handle_made_in_a_drop_holds_no_waker_of_another_task() {
    /// Makes an abort handle of its task when it is dropped.
    struct Make(Handle, Rc<RefCell<Option<AbortHandle>>>);
    impl Drop for Make {
        fn drop(&mut self) {
            let handle = self.0.borrow();
            *self.1.borrow_mut() = handle.as_ref().and_then(JoinHandle::abort_handle);
        }
    }
    let aborts: Rc<RefCell<Option<AbortHandle>>> = Rc::default();
    let kept = Rc::clone(&aborts);
    // A loop that is not certain would wait that long.
    let (patience, began) = (30_000 * MS, Instant::now());
    let builder = Runtime::builder()
        .stuck_after(patience)
        .end_when_stuck(true);
    let mut runtime = builder.on_report(|_| ()).build().unwrap();
    let result = runtime.try_block_on(async move {
        let slot = Handle::default();
        let mut make = Some(Make(Rc::clone(&slot), kept));
        let task = poll_fn(move |_| -> Poll<()> {
            let _held = &mut make;
            panic!("in the first poll")
        });
        *slot.borrow_mut() = Some(spawn(task));
        yield_now().await;
        yield_now().await;
        spawn(pending::<()>()).await.unwrap();
    });
    assert!(result.is_err());
    assert!(
        began.elapsed() < patience,
        "nobody holds a waker of a live task"
    );
    assert!(aborts.borrow().is_some());
}

/// Takes an abort handle of a task just before its first poll.
struct AtStart(Handle, mpsc::Sender<AbortHandle>);

impl Observer for AtStart {
    fn poll_started(&mut self, task: &Sched, _: Instant) {
        if let Some(handle) = self.0.borrow().as_ref()
            && handle.id() == Some(task.id())
            && task.polls() == 0
        {
            self.1.send(handle.abort_handle().unwrap()).unwrap();
        }
    }
}

#[test]
fn t4_an_abort_handle_made_before_the_first_poll_may_yet_abort() {
    let (handles, sent) = mpsc::channel();
    let (stuck, said) = mpsc::channel();
    let slot = Handle::default();
    let builder = Runtime::builder().stuck_after(Some(20 * MS));
    let builder = builder.on_report(move |report| {
        if let Report::Stuck(_) = report {
            stuck.send(()).unwrap();
        }
    });
    let observer = AtStart(Rc::clone(&slot), handles);
    let mut runtime = builder.observer(observer).build().unwrap();
    let thread = std::thread::spawn(move || {
        let abort: AbortHandle = sent.recv().unwrap();
        said.recv().unwrap();
        abort.abort();
    });
    let result = runtime.try_block_on(async move {
        *slot.borrow_mut() = Some(spawn(pending::<()>()));
        poll_fn(|cx| Pin::new(slot.borrow_mut().as_mut().unwrap()).poll(cx)).await
    });
    assert!(
        matches!(result, Ok(Err(JoinError::Cancelled))),
        "{result:?}"
    );
    thread.join().unwrap();
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn t16_a_waker_that_panics_in_a_gate_takes_no_other_wake_along() {
    virtual_runtime().block_on(async {
        let gate = Gate::new(0, Fifo::new());
        let counts = Arc::new(Counts(AtomicUsize::new(0)));
        let (bad, good) = (
            Waker::from(Arc::new(Panics)),
            Waker::from(Arc::clone(&counts)),
        );
        let (mut one, mut two) = (pin!(gate.acquire()), pin!(gate.acquire()));
        assert!(
            one.as_mut()
                .poll(&mut Context::from_waker(&bad))
                .is_pending()
        );
        assert!(
            two.as_mut()
                .poll(&mut Context::from_waker(&good))
                .is_pending()
        );
        let added = catch_unwind(AssertUnwindSafe(|| gate.add_permits(2)));
        assert!(added.is_ok());
        assert_eq!(counts.0.load(Relaxed), 1);
    });
}
