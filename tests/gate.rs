//! The gate: permits under a policy.

mod words;

use downbeat::policy::{
    Cause, Codel, Deadline, End, Fifo, Pace, Policy, Runnable, Sched, Size, Step, Traced, edf,
    fair_by_polls, parse, sjf,
};
use downbeat::runtime::Report;
use downbeat::testing::Rng;
use downbeat::time::{now, sleep, timeout};
use downbeat::{Gate, Runtime, Shed, SpawnOptions, gather, spawn, spawn_with, yield_now};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Runs on the virtual clock; returns the output and the reports.
fn run<F: Future>(future: F) -> (F::Output, Vec<String>) {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&reports);
    let builder = Runtime::builder().virtual_clock();
    let builder =
        builder.on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()));
    let output = builder.build().unwrap().block_on(future);
    (output, reports.take())
}

/// Holds the only permit, lets `tasks` line up, and returns their order.
async fn order<P: Policy + 'static>(
    policy: P,
    tasks: Vec<(&'static str, SpawnOptions)>,
) -> Vec<&'static str> {
    let gate = Gate::new(1, policy);
    let log = Rc::new(RefCell::new(Vec::new()));
    let first = gate.acquire().await.unwrap();
    let tasks: Vec<_> = tasks
        .into_iter()
        .map(|(name, options)| {
            let (gate, log) = (gate.clone(), Rc::clone(&log));
            let task = async move {
                let _permit = gate.acquire().await.unwrap();
                log.borrow_mut().push(name);
                sleep(MS).await;
            };
            spawn_with(task, options)
        })
        .collect();
    yield_now().await;
    assert_eq!(gate.waiting(), tasks.len());
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((gate.free(), gate.waiting()), (1, 0));
    log.take()
}

#[test]
fn the_policy_orders_the_waiters() {
    let options = SpawnOptions::new;
    let (_, reports) = run(async {
        let plain = || vec![("a", options()), ("b", options()), ("c", options())];
        assert_eq!(order(Fifo::new(), plain()).await, ["a", "b", "c"]);
        assert_eq!(
            order(parse("lifo").unwrap(), plain()).await,
            ["c", "b", "a"]
        );
        let sizes = vec![
            ("large", options().size(9)),
            ("unknown", options()),
            ("small", options().size(1)),
        ];
        assert_eq!(order(sjf(), sizes).await, ["small", "large", "unknown"]);
        let deadlines = vec![
            ("late", options().deadline(now() + MS * 9)),
            ("soon", options().deadline(now() + MS * 3)),
        ];
        assert_eq!(order(edf(), deadlines).await, ["soon", "late"]);
        let hosts = vec![
            ("1a", options().group(1)),
            ("1b", options().group(1)),
            ("1c", options().group(1)),
            ("2a", options().group(2)),
            ("2b", options().group(2)),
        ];
        let by_host = parse("groups(fair(polls)) > fifo").unwrap();
        assert_eq!(order(by_host, hosts).await, ["1a", "2a", "1b", "2b", "1c"]);
    });
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn cards_are_copied_from_the_task_and_may_say_otherwise() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    let policy = Traced::new(fair_by_polls(), move |step| {
        if let Step::Enqueued(card, cause) = step {
            let of_task = (card.name(), card.priority(), card.weight(), card.group());
            assert!(matches!(cause, Cause::Spawn(Some(_))));
            sink.borrow_mut()
                .push((of_task, card.size(), card.deadline()));
        }
    });
    run(async {
        let gate = Gate::new(2, policy);
        let at = now() + MS;
        let options = SpawnOptions::new()
            .name("task")
            .priority(1)
            .weight(2)
            .group(3)
            .size(4);
        let task = async move {
            drop(gate.acquire().await.unwrap());
            let other = gate.acquire().priority(5).weight(6).group(7).size(8);
            drop(other.deadline(at).name("other").await.unwrap());
        };
        spawn_with(task, options).await.unwrap();
        let seen = seen.borrow();
        let task = (Some("task".into()), 1, 2, 3);
        assert_eq!(seen[0], (task, Size::Of(4), Deadline::Never));
        let other = (Some("other".into()), 5, 6, 7);
        assert_eq!(seen[1], (other, Size::Of(8), Deadline::At(at)));
    });
}

#[test]
fn the_policy_is_charged_with_the_time_inside() {
    let charges = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&charges);
    let policy = Traced::new(Fifo::new(), move |step| {
        if let Step::Ran(card, held, end) = step {
            assert_eq!((card.used(), card.polls(), end), (held, 1, End::Done));
            sink.borrow_mut().push(held);
        }
    });
    run(async {
        let gate = Gate::new(2, policy);
        let hold = |time| {
            let gate = gate.clone();
            async move {
                let _permit = gate.acquire().await.unwrap();
                sleep(time).await;
            }
        };
        gather([hold(3 * MS), hold(MS), hold(4 * MS)]).await;
    });
    assert_eq!(*charges.borrow(), [MS, 3 * MS, 4 * MS]);
}

/// Counts who is inside, whichever way out they take.
struct Inside(Rc<Cell<u32>>);

impl Inside {
    fn enter(count: Rc<Cell<u32>>) -> Self {
        count.set(count.get() + 1);
        assert!(count.get() <= 3);
        Self(count)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn permits_are_conserved_under_random_cancels() {
    // CoDel turns waiters away: a test of its own, below.
    let words = words::and_chains()
        .into_iter()
        .filter(|word| !word.starts_with("codel"));
    for (seed, policy) in (0..).zip(words) {
        let text = policy.clone();
        let ((), reports) = run(async {
            let inside = Rc::new(Cell::new(0));
            let served = Rc::new(Cell::new(0));
            let rng = Rc::new(RefCell::new(Rng::new(seed)));
            let gate = Gate::new(3, parse(&text).unwrap());
            let tasks: Vec<_> = (0..200)
                .map(|i| {
                    let (gate, inside, served) =
                        (gate.clone(), Rc::clone(&inside), Rc::clone(&served));
                    let rng = Rc::clone(&rng);
                    spawn(async move {
                        let below = |n| rng.borrow_mut().below(n) as u32;
                        sleep(MS * below(50)).await;
                        let acquire = gate.acquire().group(i % 5);
                        let Ok(permit) = timeout(MS * below(20), acquire).await else {
                            return;
                        };
                        let _permit = permit.unwrap();
                        let _inside = Inside::enter(inside);
                        sleep(MS * below(4)).await;
                        served.set(served.get() + 1);
                    })
                })
                .collect();
            for _ in 0..20 {
                sleep(MS * 2).await;
                let at = rng.borrow_mut().below(tasks.len());
                // Inside or in the line, wherever it is.
                tasks[at].abort();
            }
            let mut aborted = 0;
            for task in tasks {
                aborted += usize::from(task.await.is_err());
            }
            assert_eq!((gate.free(), gate.waiting()), (3, 0), "{text}");
            assert!(
                served.get() > 40 && aborted > 5,
                "{text}: {served:?} {aborted}"
            );
        });
        assert!(reports.is_empty(), "{policy}: {reports:?}");
    }
}

#[test]
fn a_granted_waiter_that_gives_up_returns_its_permit() {
    run(async {
        let gate = Gate::new(1, Fifo::new());
        let permit = gate.acquire().await.unwrap();
        let mut first = Box::pin(gate.acquire());
        assert!(downbeat::future::poll_once(first.as_mut()).await.is_none());
        let second = spawn({
            let gate = gate.clone();
            async move { drop(gate.acquire().await.unwrap()) }
        });
        yield_now().await;
        drop(permit);
        assert_eq!(
            (gate.free(), gate.waiting()),
            (0, 1),
            "the first has it, and does not know"
        );
        drop(first);
        second.await.unwrap();
        assert_eq!(gate.free(), 1);
        // Never polled: never in the line.
        drop(gate.acquire());
        gate.add_permits(2);
        assert_eq!((gate.free(), gate.waiting()), (3, 0));
    });
}

#[test]
fn a_bad_policy_loses_no_waiter() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Sin {
        Drops,
        Hides,
        Panics,
        PanicsInPick,
        PanicsInRan,
        PanicsInNextAt,
    }
    struct Bad(Vec<Runnable>, Vec<Runnable>, Sin, u32);
    impl Policy for Bad {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            self.3 += 1;
            match self.2 {
                Sin::Drops if self.3.is_multiple_of(2) => drop(task),
                Sin::Hides if self.3.is_multiple_of(2) => self.1.push(task),
                Sin::Panics if self.3 == 4 => panic!("sin"),
                _ => self.0.push(task),
            }
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            assert!(self.2 != Sin::PanicsInPick || self.3 < 4, "sin");
            let tired = self.2 == Sin::PanicsInNextAt && self.3 >= 4;
            if tired { None } else { self.0.pop() }
        }
        fn ran(&mut self, _: &Sched, _: Duration, _: End) {
            assert!(self.2 != Sin::PanicsInRan || self.3 < 4, "sin");
        }
        fn next_at(&self) -> Option<Instant> {
            assert_ne!(self.2, Sin::PanicsInNextAt, "sin");
            None
        }
        fn name(&self) -> String {
            "Bad".into()
        }
    }
    use Sin::*;
    for (sin, text) in [
        (Drops, "dropped the ticket"),
        (Hides, "keeps the ticket"),
        (Panics, "a FIFO takes its place: sin"),
        (PanicsInPick, "a FIFO takes its place: sin"),
        (PanicsInRan, "a FIFO takes its place: sin"),
        (PanicsInNextAt, "a FIFO takes its place: "),
    ] {
        let (done, reports) = run(async {
            let gate = Gate::new(2, Bad(Vec::new(), Vec::new(), sin, 0));
            let tasks = gather((0..10).map(|_| {
                let gate = gate.clone();
                async move {
                    let _permit = gate.acquire().await.unwrap();
                    sleep(MS).await;
                }
            }));
            let done = tasks.await.into_iter().filter(Result::is_ok).count();
            assert_eq!((gate.free(), gate.waiting()), (2, 0), "{sin:?}");
            done
        });
        assert_eq!(done, 10, "{sin:?}");
        let right = |report: &String| report.starts_with("policy Bad") && report.contains(text);
        assert!(
            !reports.is_empty() && reports.iter().all(right),
            "{sin:?}: {reports:?}"
        );
    }
}

#[test]
fn a_shaping_gate_sleeps_on_the_timers() {
    let (took, reports) = run(async {
        // Plenty of permits, but one every 10 ms.
        let gate = Gate::new(100, Pace::new(10 * MS, Fifo::new()));
        let start = now();
        let times = gather((0..5).map(|_| {
            let gate = gate.clone();
            async move {
                let _permit = gate.acquire().await.unwrap();
                (now() - start).as_millis()
            }
        }));
        let times: Vec<u128> = times.await.into_iter().map(Result::unwrap).collect();
        assert_eq!(times, [0, 10, 20, 30, 40]);
        // One that gives up leaves a husk and a timer, which hurt nobody.
        assert!(timeout(MS, gate.acquire()).await.is_err());
        sleep(30 * MS).await;
        drop(gate.acquire().await.unwrap());
        now() - start
    });
    assert_eq!(took, 71 * MS);
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn a_shaping_gate_outlives_its_loop() {
    let gate = Gate::new(1, Pace::new(10 * MS, Fifo::new()));
    for _ in 0..3 {
        let gate = gate.clone();
        run(async move {
            drop(gate.acquire().await.unwrap());
            // The loop ends while a timer of the gate is armed.
            assert!(timeout(MS, gate.acquire()).await.is_err());
        });
    }
    assert_eq!(gate.free(), 1);
}

#[test]
fn late_waiters_are_turned_away() {
    let ((served, shed), reports) = run(async {
        let gate = Gate::new(1, Codel::new(5 * MS, 20 * MS));
        let outcomes = gather((0..100_u32).map(|i| {
            let gate = gate.clone();
            async move {
                sleep(MS * i).await;
                match gate.acquire().await {
                    Ok(_permit) => {
                        sleep(2 * MS).await;
                        true
                    }
                    Err(Shed) => false,
                }
            }
        }));
        let outcomes = outcomes.await;
        let served = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Ok(true)))
            .count();
        assert_eq!(gate.free(), 1);
        (served, outcomes.len() - served)
    });
    assert!((45..=65).contains(&served), "half of the load: {served}");
    assert!(
        shed > 0
            && reports
                .iter()
                .all(|text| text.starts_with("policy codel turned away"))
    );
}

#[test]
fn a_policy_may_use_its_own_gate() {
    type Slot = Rc<RefCell<Option<Gate<Recursive>>>>;
    struct Recursive(Fifo, Slot, bool);
    impl Policy for Recursive {
        fn enqueue(&mut self, task: Runnable, cause: Cause) {
            self.0.enqueue(task, cause);
        }
        fn pick_next(&mut self, now: Instant) -> Option<Runnable> {
            if !std::mem::replace(&mut self.2, true) {
                let gate = self.1.borrow().clone().unwrap();
                gate.add_permits(1);
            }
            self.0.pick_next(now)
        }
    }
    run(async {
        let slot = Slot::default();
        let gate = Gate::new(1, Recursive(Fifo::new(), Rc::clone(&slot), false));
        *slot.borrow_mut() = Some(gate.clone());
        let permits = [gate.acquire().await.unwrap(), gate.acquire().await.unwrap()];
        assert_eq!(gate.free(), 0);
        drop(permits);
        assert_eq!(gate.free(), 2);
        *slot.borrow_mut() = None; // It held itself.
    });
}
