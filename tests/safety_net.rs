//! The safety net under policies: whatever a policy does, no task is lost, and the
//! report names it.

mod words;

use downbeat::policy::{Cause, End, Fifo, Lifo, Policy, Runnable, Sched, parse, priority};
use downbeat::runtime::{Pacing, Report, set_policy};
use downbeat::time::{sleep, work};
use downbeat::{Runtime, SpawnOptions, gather, spawn, spawn_with, yield_now};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Reports, as text.
type Reports = Rc<RefCell<Vec<String>>>;

/// A loop on the virtual clock that keeps its reports.
fn runtime<P: Policy + 'static>(policy: P) -> (Runtime<P>, Reports) {
    let reports = Reports::default();
    let hook = Rc::clone(&reports);
    let builder = Runtime::builder().virtual_clock().policy(policy);
    let builder = builder.on_report(move |report| hook.borrow_mut().push(report.to_string()));
    (builder.build().unwrap(), reports)
}

fn named(name: &'static str) -> SpawnOptions {
    SpawnOptions::new().name(name)
}

/// Ten tasks that yield and sleep; the sum of their numbers.
async fn sum() -> u32 {
    let outputs = gather((1..=10_u32).map(|i| async move {
        for _ in 0..3 {
            yield_now().await;
            sleep(MS * i).await;
        }
        i
    }));
    outputs.await.into_iter().map(Result::unwrap).sum()
}

/// What a bad policy does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sin {
    DropsInEnqueue,
    DropsInPick,
    DropsEverything,
    Hides,
    HidesEverything,
    Forgets,
    ForgetsAndPanics,
    AsksAgainNow,
    PanicsInEnqueue,
    PanicsInPick,
    PanicsInRan,
    PanicsInIdle,
    PanicsInNextAt,
    PanicsInWantsClock,
    PanicsInDrop,
}

/// A LIFO that sins at the seventh call.
struct Sinner {
    ready: Vec<Runnable>,
    hidden: Vec<Runnable>,
    sin: Sin,
    calls: u32,
}

impl Sinner {
    fn new(sin: Sin) -> Self {
        let (ready, hidden) = (Vec::new(), Vec::new());
        Self {
            ready,
            hidden,
            sin,
            calls: 0,
        }
    }

    /// Whether it is time.
    fn sins(&mut self, sin: Sin) -> bool {
        self.calls += u32::from(self.sin == sin);
        self.sin == sin && self.calls >= 7
    }
}

impl Policy for Sinner {
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        if self.sins(Sin::DropsInEnqueue) || self.sin == Sin::DropsEverything {
            drop(task);
        } else if self.sins(Sin::Hides) || self.sin == Sin::HidesEverything {
            self.hidden.push(task);
        } else if self.sins(Sin::Forgets) {
            // As `mem::forget`, which this crate's lints do not let stand.
            Box::leak(Box::new(task));
        } else if self.sin == Sin::ForgetsAndPanics {
            self.calls += 1;
            // Others of the same batch are still in flight when it panics.
            assert!(self.calls != 5, "sin");
            Box::leak(Box::new(task));
        } else {
            assert!(!self.sins(Sin::PanicsInEnqueue), "sin");
            self.ready.push(task);
        }
    }

    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        assert!(!self.sins(Sin::PanicsInPick), "sin");
        if self.sins(Sin::DropsInPick) {
            drop(self.ready.pop());
        }
        if self.sins(Sin::AsksAgainNow) || self.sins(Sin::PanicsInNextAt) {
            return None;
        }
        self.ready.pop()
    }

    fn ran(&mut self, _: &Sched, _: Duration, _: End) {
        assert!(!self.sins(Sin::PanicsInRan), "sin");
    }

    fn idle(&mut self, _: Instant, _: Instant) {
        assert!(!self.sins(Sin::PanicsInIdle), "sin");
    }

    fn next_at(&self) -> Option<Instant> {
        assert_ne!(self.sin, Sin::PanicsInNextAt, "sin");
        (self.sin == Sin::AsksAgainNow).then(|| self.ready.first().map(|task| task.ready_at()))?
    }

    fn wants_clock(&self) -> bool {
        assert_ne!(self.sin, Sin::PanicsInWantsClock, "sin");
        true
    }

    fn name(&self) -> String {
        "Sinner".into()
    }
}

impl Drop for Sinner {
    fn drop(&mut self) {
        assert!(
            self.sin != Sin::PanicsInDrop || std::thread::panicking(),
            "sin"
        );
    }
}

#[test]
fn no_task_is_lost_whatever_a_policy_does() {
    use Sin::*;
    let cases = [
        (DropsInEnqueue, "dropped the ticket"),
        (DropsInPick, "dropped the ticket"),
        (DropsEverything, "dropped the ticket"),
        (Hides, "keeps the ticket"),
        (HidesEverything, "keeps the ticket"),
        (Forgets, "keeps the ticket"),
        (ForgetsAndPanics, ""),
        (AsksAgainNow, "keeps the ticket"),
        (PanicsInEnqueue, "a FIFO takes its place: sin"),
        (PanicsInPick, "a FIFO takes its place: sin"),
        (PanicsInRan, "a FIFO takes its place: sin"),
        (PanicsInIdle, "a FIFO takes its place: sin"),
        (PanicsInNextAt, "a FIFO takes its place: "),
        (PanicsInWantsClock, "a FIFO takes its place: "),
    ];
    for (sin, report) in cases {
        let (mut runtime, reports) = runtime(Sinner::new(sin));
        assert_eq!(runtime.block_on(sum()), 55, "{sin:?}");
        assert!(runtime.tasks().is_empty(), "{sin:?}");
        let reports = reports.take();
        let right = |text: &String| text.starts_with("policy Sinner") && text.contains(report);
        assert!(
            !reports.is_empty() && reports.iter().all(right),
            "{sin:?}: {reports:?}"
        );
    }
}

#[test]
fn names_and_drops_may_panic_too() {
    let (mut loop_, reports) = runtime(Sinner::new(Sin::PanicsInDrop));
    assert_eq!(loop_.block_on(sum()), 55);
    drop(loop_);
    assert_eq!(
        *reports.borrow(),
        ["a policy panicked while it was dropped: sin"]
    );
    // The name is asked for a report of something else.
    struct Nameless(Vec<Runnable>);
    impl Policy for Nameless {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            self.0.push(task);
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            (self.0.len() != 3).then(|| self.0.pop()).flatten()
        }
        fn name(&self) -> String {
            panic!("no name")
        }
    }
    let (mut loop_, reports) = runtime(Nameless(Vec::new()));
    assert_eq!(loop_.block_on(sum()), 55);
    let reports = reports.borrow();
    let expected = "policy (unnamed) panicked, a FIFO takes its place: no name";
    assert_eq!(*reports, [expected]);
}

#[test]
fn a_hidden_ticket_that_comes_back_is_void_and_costs_nobody() {
    /// Hides the first ticket of "victim", and hands it out later among others.
    struct Tricky(Fifo, Option<Runnable>, bool);
    impl Policy for Tricky {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            if !self.2 && task.name().is_some_and(|name| name == "victim") {
                self.1 = Some(task);
                self.2 = true;
                return;
            }
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            let late = self
                .1
                .as_ref()
                .is_some_and(|task| now >= task.ready_at() + 2 * MS);
            if late {
                self.1.take()
            } else {
                self.0.pick_next(now)
            }
        }
    }
    let (mut runtime, reports) = runtime(Tricky(Fifo::new(), None, false));
    let sum = runtime.block_on(async {
        let victim = spawn_with(async { 1 }, named("victim"));
        let others = (0..3).map(|_| {
            spawn(async {
                sleep(2 * MS).await;
                for _ in 0..4 {
                    yield_now().await;
                }
                2
            })
        });
        let others: Vec<_> = others.collect();
        let mut sum = victim.await.unwrap();
        for other in others {
            sum += other.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 7);
    let reports = reports.borrow();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[0].contains("Tricky has nothing to run but keeps the ticket of task 1"));
    assert!(reports[1].contains("Tricky picked a ticket that is not valid here"));
}

#[test]
fn a_void_ticket_is_not_counted() {
    /// Hides the first ticket of "victim" until two others are queued.
    struct Tricky(Vec<Runnable>, Option<Runnable>, bool);
    impl Policy for Tricky {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            if !self.2 && task.name().is_some_and(|name| name == "victim") {
                (self.1, self.2) = (Some(task), true);
            } else {
                self.0.push(task);
            }
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            let hidden = if self.0.len() == 2 {
                self.1.take()
            } else {
                None
            };
            hidden.or_else(|| self.0.pop())
        }
    }
    let mut runtime = Runtime::builder()
        .virtual_clock()
        // One pick per turn: a wrong count would let the loop sleep over the last one.
        .pacing(Pacing::Every(1))
        .policy(Tricky(Vec::new(), None, false))
        .on_report(|_| ())
        .build()
        .unwrap();
    runtime.block_on(async {
        spawn_with(async {}, named("victim")).await.unwrap();
        let first = spawn(async {});
        let second = spawn(async {});
        first.await.unwrap();
        second.await.unwrap();
    });
}

#[test]
fn a_policy_without_tickets_cannot_keep_the_loop_up() {
    /// Always wants to be asked again, in an hour.
    struct Eager(Fifo, Instant);
    impl Policy for Eager {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            self.1 = now + 3_600_000 * MS;
            self.0.pick_next(now)
        }
        fn next_at(&self) -> Option<Instant> {
            Some(self.1)
        }
    }
    let (mut runtime, _) = runtime(Eager(Fifo::new(), downbeat::time::now()));
    assert!(runtime.try_block_on(std::future::pending::<()>()).is_err());
}

/// A place where a policy leaves a ticket for another one.
type Basket = Rc<RefCell<Vec<Runnable>>>;

/// Steals the tickets of "victim" into a basket, or hands out what is in there.
struct Smuggler {
    ready: Fifo,
    basket: Basket,
    steals: bool,
}

impl Policy for Smuggler {
    fn enqueue(&mut self, task: Runnable, cause: Cause) {
        if self.steals && task.name().is_some_and(|name| name == "victim") {
            self.basket.borrow_mut().push(task);
        } else {
            self.ready.enqueue(task, cause);
        }
    }

    fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
        let foreign = if self.steals {
            None
        } else {
            self.basket.borrow_mut().pop()
        };
        foreign.or_else(|| self.ready.pick_next(now))
    }
}

#[test]
fn a_ticket_in_another_loop_goes_home() {
    let basket = Basket::default();
    let smuggler = |steals| Smuggler {
        ready: Fifo::new(),
        basket: Rc::clone(&basket),
        steals,
    };
    let (mut from, from_reports) = runtime(smuggler(true));
    let (mut to, to_reports) = runtime(smuggler(false));
    from.block_on(async {
        spawn_with(async {}, named("victim")).detach();
        spawn(async {}).await.unwrap();
    });
    assert_eq!(
        basket.borrow().len(),
        1,
        "stolen, and the loop ended before it was missed"
    );
    to.block_on(async {});
    assert!(basket.borrow().is_empty());
    assert!(to_reports.borrow()[0].contains("Smuggler picked a ticket that is not valid here"));
    assert!(to_reports.borrow()[0].contains("\"victim\""));
    // At home it was dropped, so it is reported and run.
    from.block_on(async {
        yield_now().await;
        sleep(MS).await;
    });
    assert!(from.tasks().is_empty());
    assert!(from_reports.borrow()[0].contains("dropped the ticket of task 1 \"victim\""));
    // Without its loop a ticket just vanishes.
    from.block_on(async { spawn_with(async {}, named("victim")).detach() });
    from.block_on(yield_now());
    drop(from);
    to.block_on(yield_now());
    assert!(basket.borrow().is_empty());
}

#[test]
fn custody_holds_under_cancel_and_swap() {
    for text in words::and_chains() {
        let text = text.as_str();
        let (mut runtime, reports) = runtime(parse("fifo").unwrap());
        let (done, cancelled) = runtime.block_on(async {
            let tasks: Vec<_> = (0..40_u32)
                .map(|i| {
                    spawn(async move {
                        for _ in 0..5 {
                            sleep(MS * (i % 3)).await;
                            yield_now().await;
                        }
                    })
                })
                .collect();
            yield_now().await;
            for (i, task) in tasks.iter().enumerate() {
                if i % 3 == 0 {
                    task.abort();
                }
                if i % 10 == 5 {
                    // The second one replaces the first before it served.
                    set_policy(Box::new(Lifo::new())).unwrap();
                    set_policy(parse(text).unwrap()).unwrap();
                    yield_now().await;
                }
            }
            let (mut done, mut cancelled) = (0, 0);
            for task in tasks {
                match task.await {
                    Ok(()) => done += 1,
                    Err(error) => cancelled += u32::from(error.is_cancelled()),
                }
            }
            (done, cancelled)
        });
        // One that is asked to stop may be done by then, under some orders.
        assert!(done + cancelled == 40 && done >= 26, "{text}: {done}");
        assert!(cancelled > 0, "{text}: {cancelled}");
        assert!(runtime.tasks().is_empty(), "{text}");
        assert!(
            reports.borrow().is_empty(),
            "{text}: {:?}",
            reports.borrow()
        );
    }
}

#[test]
fn a_bad_policy_can_be_replaced_while_it_hides_tickets() {
    let (mut runtime, reports) = runtime::<Box<dyn Policy>>(Box::new(Sinner::new(Sin::Hides)));
    let total = runtime.block_on(async {
        let total = spawn(sum());
        sleep(MS).await;
        set_policy(parse("edf").unwrap()).unwrap();
        total.await.unwrap()
    });
    assert_eq!(total, 55);
    assert!(runtime.tasks().is_empty());
    assert!(reports.borrow().iter().all(|text| text.contains("Sinner")));
    // What it hid came home void, and every place is free again.
    runtime.block_on(yield_now());
    assert!(format!("{runtime:?}").contains("tasks: 0"), "{runtime:?}");
}

#[test]
fn places_are_free_once_what_a_policy_hid_has_come_back() {
    let (mut runtime, _) = runtime::<Box<dyn Policy>>(Box::new(Sinner::new(Sin::HidesEverything)));
    assert_eq!(runtime.block_on(sum()), 55);
    assert!(!format!("{runtime:?}").contains("tasks: 0"), "{runtime:?}");
    runtime.block_on(async { set_policy(parse("lifo").unwrap()).unwrap() });
    assert_eq!(runtime.block_on(sum()), 55);
    assert!(format!("{runtime:?}").contains("tasks: 0"), "{runtime:?}");
}

/// Serves the root and turns everybody else away in its own drop.
struct Leaves {
    root: Option<Runnable>,
    others: Vec<Runnable>,
    panics: bool,
}

impl Policy for Leaves {
    fn name(&self) -> String {
        "Leaves".into()
    }
    fn enqueue(&mut self, task: Runnable, _: Cause) {
        match task.name().is_some_and(|name| name == "root") {
            true => self.root = Some(task),
            false => self.others.push(task),
        }
    }
    fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
        let root = self.root.take();
        assert!(root.is_some() || !self.panics, "nobody but the root");
        root
    }
    fn next_at(&self) -> Option<Instant> {
        // In no hurry: else the loop takes the tickets back.
        Some(Instant::now() + Duration::from_secs(1 << 20))
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.others.drain(..).for_each(Runnable::shed);
    }
}

#[test]
fn who_is_shed_in_the_drop_of_a_policy_does_not_run() {
    for panics in [false, true] {
        let (mut runtime, reports) = runtime::<Box<dyn Policy>>(Box::new(Leaves {
            root: None,
            others: Vec::new(),
            panics,
        }));
        let ran = Rc::new(Cell::new(0));
        let ends = runtime.block_on(async {
            let tasks = (0..3).map(|_| {
                let ran = Rc::clone(&ran);
                spawn(async move { ran.set(ran.get() + 1) })
            });
            let tasks: Vec<_> = tasks.collect();
            yield_now().await;
            match panics {
                true => sleep(MS).await,
                false => set_policy(Box::new(Fifo::new())).unwrap(),
            }
            let mut ends = Vec::new();
            for task in tasks {
                ends.push(task.await.unwrap_err().is_cancelled());
            }
            ends
        });
        assert_eq!(ends, [true; 3], "{:?}", reports.borrow());
        assert_eq!(ran.get(), 0);
        let reports = reports.borrow();
        let shed: Vec<_> = reports
            .iter()
            .filter(|report| report.contains("turned away"))
            .collect();
        assert_eq!(shed.len(), 1, "{reports:?}");
        assert!(shed[0].contains("Leaves"), "{reports:?}");
    }
}

#[test]
fn shed_tasks_are_cancelled_and_the_root_is_not() {
    /// Turns away whoever it does not know, when it should pick.
    struct Bouncer(Fifo);
    impl Policy for Bouncer {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            loop {
                let task = self.0.pick_next(now)?;
                if task.name().is_some_and(|name| name == "friend") {
                    return Some(task);
                }
                task.shed();
            }
        }
    }
    let (mut runtime, reports) = runtime(Bouncer(Fifo::new()));
    let dropped = Rc::new(Cell::new(false));
    struct OnDrop(Rc<Cell<bool>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let guard = OnDrop(Rc::clone(&dropped));
    runtime.block_on(async {
        let stranger = async move {
            let _guard = guard;
            unreachable!("never polled");
        };
        let stranger = spawn_with(stranger, named("stranger"));
        let friend = spawn_with(async { 1 }, named("friend"));
        assert!(stranger.await.unwrap_err().is_cancelled());
        assert_eq!(friend.await.unwrap(), 1);
    });
    assert!(dropped.get());
    assert!(runtime.tasks().is_empty());
    let reports = reports.borrow();
    assert!(
        reports
            .iter()
            .all(|text| text.starts_with("policy Bouncer turned away task"))
    );
    assert!(reports.iter().any(|text| text.contains("\"stranger\"")));
}

#[test]
fn a_report_names_ten_tasks_and_counts_the_rest() {
    /// Turns everybody away who came in a crowd.
    struct Bouncer(Vec<Runnable>);
    impl Policy for Bouncer {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            self.0.push(task);
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            if self.0.len() > 1 {
                let crowd = self
                    .0
                    .drain(..)
                    .filter(|task| task.name().as_deref() != Some("root"));
                crowd.for_each(Runnable::shed);
            }
            self.0.pop()
        }
    }
    let (mut runtime, reports) = runtime(Bouncer(Vec::new()));
    runtime.block_on(async {
        let crowd: Vec<_> = (0..25)
            .map(|_| spawn_with(async {}, named("one")))
            .collect();
        for one in crowd {
            assert!(one.await.unwrap_err().is_cancelled());
        }
    });
    let reports = reports.borrow();
    let told = reports.iter().find(|text| text.contains("turned away"));
    let told = told.expect("it is reported");
    assert_eq!(told.matches("\"one\"").count(), 10, "{told}");
    assert!(told.ends_with(" and 15 more"), "{told}");
}

/// Two busy tasks and one that nobody lets run; returns the reports.
fn starve<P: Policy + 'static>(
    policy: P,
    pacing: Pacing,
    polls: u32,
    length: Duration,
    retire: bool,
) -> Vec<String> {
    let reports = Reports::default();
    let hook = Rc::clone(&reports);
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(policy)
        .pacing(pacing)
        .retire_unfair_policy(retire)
        .on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()))
        .build()
        .unwrap();
    runtime.block_on(async {
        let busy = |_| {
            let options = named("busy").priority(2);
            spawn_with(
                async move {
                    for _ in 0..polls {
                        work(length);
                        yield_now().await;
                    }
                },
                options,
            )
        };
        let busy: Vec<_> = (0..2).map(busy).collect();
        spawn_with(async {}, named("victim")).await.unwrap();
        for task in busy {
            task.await.unwrap();
        }
    });
    reports.take()
}

#[test]
fn who_is_passed_over_is_reported() {
    let priority = || priority();
    let expected = |texts: &[String]| {
        let one = |text: &String| {
            text.contains("priority passes over task") && text.contains("\"victim\"")
        };
        texts.iter().all(one)
    };
    // No clock in the policy: polls alone count, and one report per minute.
    for pacing in [Pacing::Every(61), Pacing::Drain] {
        let texts = starve(priority(), pacing, 80_000, Duration::ZERO, false);
        assert!(texts.len() == 1 && expected(&texts), "{texts:?}");
    }
    // 200 s of virtual time: once in each minute.
    let texts = starve(priority(), Pacing::Every(61), 10_000, 10 * MS, false);
    assert!(texts.len() == 4 && expected(&texts), "{texts:?}");
    assert!(texts[0].contains("while") && texts[0].contains("other polls ran"));
    // With a clock the time counts: 1 s, and not polls alone.
    let timed = || parse("ageing(1000s)").unwrap();
    assert_eq!(
        starve(timed(), Pacing::Every(61), 80_000, Duration::ZERO, false),
        [""; 0]
    );
    assert_eq!(starve(timed(), Pacing::Every(61), 400, MS, false), [""; 0]);
    assert_eq!(starve(timed(), Pacing::Every(61), 2000, MS, false).len(), 1);
    // The builder may say that such a policy has to go.
    let texts = starve(priority(), Pacing::Every(61), 10_000, 10 * MS, true);
    assert_eq!(texts.len(), 1, "{texts:?}");
    // Fair orders are never blamed.
    for fair in ["fifo", "random(1)", "fair", "slot(3) > fifo", "lottery(1)"] {
        let texts = starve(parse(fair).unwrap(), Pacing::Every(61), 5000, MS, false);
        assert_eq!(texts, [""; 0], "{fair}");
    }
}

#[test]
fn nobody_is_passed_over_by_tasks_that_came_before_and_have_ended() {
    for policy in ["fifo", "random(1)", "fair"] {
        let reports = Reports::default();
        let hook = Rc::clone(&reports);
        let mut runtime = Runtime::builder()
            .virtual_clock()
            .policy(parse(policy).unwrap())
            .on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()))
            .build()
            .unwrap();
        runtime.block_on(async {
            // 5 s of work. Late in it, few tasks are left, and many have run.
            let all = gather((0..50_000).map(|_| async { work(MS / 10) })).await;
            assert!(all.iter().all(Result::is_ok));
        });
        assert_eq!(reports.take(), [""; 0], "{policy}");
    }
}
