//! The laws of the scheduler: what a misbehaving policy cannot do, where tasks may
//! be spawned, and that the same program has the same schedule.

mod laws;

use downbeat::policy::{Cause, End, Fifo, Policy, Random, Runnable, Sched};
use downbeat::runtime::Observer;
use downbeat::sync::Semaphore;
use downbeat::time::sleep;
use downbeat::*;
use laws::{Count, MS, OnDrop, Reports, virtual_runtime};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// Which of its methods a policy panics in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum In {
    Enqueue,
    PickNext,
    Ran,
    Idle,
    NextAt,
    Drop,
}

/// A FIFO that panics in one of its methods, the fifth time, and is asked for its
/// name then, which panics too.
struct Panics(Fifo, In, Cell<u32>);

impl Panics {
    fn maybe(&self, here: In) {
        if here == self.1 {
            self.2.set(self.2.get() + 1);
            let fatal = if here == In::NextAt { 1 } else { 5 };
            assert_ne!(self.2.get(), fatal, "a policy");
        }
    }
}

impl Policy for Panics {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        self.maybe(In::Enqueue);
        self.0.enqueue(task, cause);
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        self.maybe(In::PickNext);
        // Only a policy that keeps its tickets back is asked when to come again.
        if self.1 == In::NextAt && self.2.get() == 0 {
            return None;
        }
        self.0.pick_next(now)
    }

    fn ran(&mut self, _: &Sched, _: Duration, _: End) {
        self.maybe(In::Ran);
    }

    fn idle(&mut self, _: Instant, _: Instant) {
        self.maybe(In::Idle);
    }

    fn next_at(&self) -> Option<Instant> {
        self.maybe(In::NextAt);
        None
    }

    fn name(&self) -> String {
        panic!("a policy's name")
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert_ne!(self.1, In::Drop, "a policy's drop");
    }
}

#[test]
fn s05_policy_callback_panic_is_contained() {
    for here in [
        In::Enqueue,
        In::PickNext,
        In::Ran,
        In::Idle,
        In::NextAt,
        In::Drop,
    ] {
        let policy = Panics(Fifo::new(), here, Cell::new(0));
        let (builder, reports) = Reports::of(Runtime::builder().virtual_clock().policy(policy));
        let mut runtime = builder.build().unwrap();
        let sum: u32 = runtime.block_on(async {
            let tasks = gather((0..50_u32).map(|i| async move {
                for round in 0..5 {
                    sleep(MS * (i % 7 + round)).await;
                    yield_now().await;
                }
                i
            }));
            tasks.await.into_iter().map(Result::unwrap).sum()
        });
        assert_eq!(sum, 49 * 25, "{here:?}");
        drop(runtime);
        let reports = reports.take();
        assert_eq!(reports.len(), 1, "{here:?}: {reports:?}");
    }
}

#[test]
fn s06_same_seed_same_trace() {
    let trace = |seed| {
        let builder = Runtime::builder().virtual_clock().policy(Random::new(seed));
        let mut runtime = builder.build().unwrap();
        runtime.block_on(async {
            let mut group = TaskGroup::new();
            for i in 0..60_u32 {
                group.spawn(async move {
                    sleep(MS * (i % 5)).await;
                    let _yields = OnDrop(|| spawn(yield_now()).detach());
                    sleep(MS * (i % 3)).await;
                });
            }
            sleep(MS * 3).await;
            drop(group);
            sleep(MS).await;
        });
        runtime.schedule_hash()
    };
    assert!((0..5).all(|seed| trace(seed) == trace(seed)));
    assert_ne!(trace(1), trace(2));
    assert!(trace(1).repeatable);
}

#[test]
fn s06_the_seed_decides_what_is_left_to_chance() {
    let run = |seed: Option<u64>| {
        let mut builder = Runtime::builder().virtual_clock();
        if let Some(seed) = seed {
            builder = builder.seed(seed);
        }
        let mut runtime = builder.build().unwrap();
        let numbers = runtime.block_on(async {
            let numbers: Vec<u64> = (0..4).map(|_| runtime::random()).collect();
            sleep(MS * (numbers[0] % 1000) as u32).await;
            let winner = future::race([std::future::ready(()), std::future::ready(())])
                .await
                .0;
            (numbers, winner)
        });
        (numbers, runtime.schedule_hash())
    };
    for seed in [None, Some(1), Some(2)] {
        assert_eq!(run(seed), run(seed), "{seed:?}");
    }
    assert_eq!(run(None), run(Some(0)));
    let (((one, first), hash), ((two, second), other)) = (run(Some(1)), run(Some(2)));
    assert!(one != two && first != second && hash != other);
    // Nobody's chance repeats itself under the real clock, unless asked to.
    let real = || {
        Runtime::new()
            .unwrap()
            .block_on(async { runtime::random() })
    };
    assert_ne!(real(), real());
    assert_eq!(runtime::random(), 0, "no loop, no chance");
}

#[test]
fn s06_a_group_cancels_its_children_in_order() {
    let order = Rc::new(RefCell::new(Vec::new()));
    virtual_runtime().block_on(async {
        let mut group = TaskGroup::new();
        for i in 0..50 {
            let order = Rc::clone(&order);
            let guard = OnDrop(move || order.borrow_mut().push(i));
            group.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        sleep(MS).await;
        drop(group);
        sleep(MS).await;
    });
    assert_eq!(*order.borrow(), (0..50).collect::<Vec<_>>());
}

#[test]
fn s06_what_the_loops_own_thread_asks_by_letter_is_repeatable() {
    let run = |thread: bool| {
        let (observer, log) = Causes::new();
        let mut runtime = Runtime::builder()
            .virtual_clock()
            .observer(observer)
            .build()
            .unwrap();
        let handle = runtime.handle();
        // Between two runs, when no loop runs here, a wake is a letter too.
        let waker = runtime.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        waker.wake();
        runtime.block_on(async {
            let waits = spawn(pending::<()>());
            waits.abort_handle().unwrap().abort();
            assert!(waits.await.unwrap_err().is_cancelled());
            if thread {
                let other = handle.clone();
                std::thread::spawn(move || drop(other.spawn(async {})))
                    .join()
                    .unwrap();
            }
            assert!(handle.spawn(async {}).await.is_ok());
            handle.call(|| ()).unwrap();
            sleep(MS).await;
        });
        drop(log);
        runtime.schedule_hash()
    };
    assert!(run(false).repeatable && run(false) == run(false));
    assert!(!run(true).repeatable);
}

/// Writes down why tasks became runnable.
struct Causes(Rc<RefCell<Vec<(String, Cause)>>>);

impl Causes {
    #[allow(clippy::type_complexity)]
    fn new() -> (Self, Rc<RefCell<Vec<(String, Cause)>>>) {
        let log = Rc::default();
        (Self(Rc::clone(&log)), log)
    }
}

impl Observer for Causes {
    fn task_runnable(&mut self, task: &Sched, cause: Cause, _: Instant) {
        let name = task.name().unwrap_or_default().into_owned();
        self.0.borrow_mut().push((name, cause));
    }
}

#[test]
fn whom_a_cancellation_wakes_the_cancelled_task_woke() {
    let (observer, log) = Causes::new();
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .observer(observer)
        .build()
        .unwrap();
    let (ids, freed) = runtime.block_on(async {
        let named = |name: &'static str| SpawnOptions::new().name(name);
        let permits = Rc::new(Semaphore::new(1));
        let (one, two) = (Rc::clone(&permits), permits);
        let holder = spawn_with(
            async move {
                let _permit = one.acquire().await;
                let _spawns =
                    OnDrop(|| spawn_with(async {}, SpawnOptions::new().name("born")).detach());
                pending::<()>().await;
            },
            named("holder"),
        );
        let waiter = spawn_with(async move { drop(two.acquire().await) }, named("waiter"));
        sleep(MS).await;
        let id = holder.id().unwrap();
        log.borrow_mut().clear();
        holder.abort();
        assert!(holder.await.unwrap_err().is_cancelled());
        waiter.await.unwrap();
        (id, log.take())
    });
    let cause = |name: &str| freed.iter().find(|(who, _)| who == name).unwrap().1;
    assert_eq!(cause("waiter"), Cause::Task(ids));
    assert_eq!(cause("root"), Cause::Task(ids));
    assert_eq!(cause("born"), Cause::Spawn(Some(ids)));
}

/// Spawns a task that counts, from wherever it is called.
fn spawn_counter(count: &Count) {
    let count = count.clone();
    spawn(async move { count.add() }).detach();
}

#[test]
fn s07_spawn_from_anywhere() {
    /// Spawns once per method.
    struct Spawns(Fifo, Count, u8);
    impl Spawns {
        fn once(&mut self, bit: u8) {
            if self.2 & bit == 0 {
                self.2 |= bit;
                spawn_counter(&self.1);
            }
        }
    }
    impl Policy for Spawns {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            self.once(1);
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            self.once(2);
            self.0.pick_next(now)
        }
        fn ran(&mut self, _: &Sched, _: Duration, _: End) {
            self.once(4);
        }
        fn idle(&mut self, _: Instant, _: Instant) {
            self.once(8);
        }
    }
    impl Observer for Spawns {
        fn loop_started(&mut self, _: Instant) {
            self.once(1);
        }
        fn task_spawned(&mut self, _: &Sched, _: Instant) {
            self.once(2);
        }
        fn poll_started(&mut self, _: &Sched, _: Instant) {
            self.once(4);
        }
        fn task_done(&mut self, _: &Sched, _: Instant) {
            self.once(8);
        }
        fn before_wait(&mut self, _: Option<Instant>, _: Instant) {
            self.once(16);
        }
    }
    struct SpawnsWhenWoken;
    thread_local!(static COUNT: Count = Count::default());
    impl Wake for SpawnsWhenWoken {
        fn wake(self: Arc<Self>) {
            COUNT.with(spawn_counter);
        }
    }
    let (count, in_hook) = (COUNT.with(Count::clone), COUNT.with(Count::clone));
    let spawns = || Spawns(Fifo::new(), COUNT.with(Count::clone), 0);
    let builder = Runtime::builder()
        .virtual_clock()
        .policy(spawns())
        .observer(spawns());
    let mut runtime = builder
        .on_report(move |_| spawn_counter(&in_hook))
        .build()
        .unwrap();
    let refused = Count::default();
    // How often the handle said that it was refused.
    let refusals = Rc::new(Cell::new(0));
    let said = Rc::clone(&refusals);
    runtime.block_on(async {
        let in_drop = count.clone();
        drop(spawn(async move {
            let _in_drop = OnDrop(move || spawn_counter(&in_drop));
        }));
        spawn(async { panic!("for the hook") }).detach();
        let waker = Waker::from(Arc::new(SpawnsWhenWoken));
        let mut timer = Box::pin(sleep(MS));
        assert!(
            timer
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        sleep(MS * 2).await;
        assert_eq!(count.get(), 4 + 5 + 3);
        let (held, last) = (refused.guard(), Rc::new(Cell::new(None)));
        let told = Rc::clone(&last);
        let mut held = Some(held);
        let at_shutdown = OnDrop(move || {
            let held = held.take();
            told.set(Some(spawn(async move { drop(held) })));
            // Refused: dropped at once, and the handle knows.
            let mut refused = Box::pin(told.take().unwrap());
            assert_eq!(refused.id(), None);
            // As often as it is asked.
            for _ in 0..2 {
                let mut cx = Context::from_waker(Waker::noop());
                let polled = refused.as_mut().poll(&mut cx);
                assert!(matches!(polled, Poll::Ready(Err(JoinError::RuntimeGone))));
                said.set(said.get() + 1);
            }
        });
        spawn(async move {
            let _at_shutdown = at_shutdown;
            pending::<()>().await;
        })
        .detach();
        sleep(MS).await;
    });
    assert_eq!(refused.get(), 0);
    drop(runtime);
    assert_eq!((count.get(), refused.get(), refusals.get()), (12, 1, 2));
    assert!(try_spawn(async {}, SpawnOptions::new()).is_err());
}
