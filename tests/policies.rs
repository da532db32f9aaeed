//! Every policy through the public interface: its order on a hand-made schedule.
//! The laws that all of them keep are in `policy_laws.rs`.

use downbeat::policy::{
    Cause, Check, Codel, Decisions, Delay, Eevdf, Groups, Policy, Record, Replay, Runnable, Slot,
    Step, Traced, by, fair, fair_by_polls, las, mlfq, oracle, parse, pct,
};
use downbeat::runtime::{Pacing, Report, current_task};
use downbeat::sync::Notify;
use downbeat::time::{now, sleep, sleep_until, work};
use downbeat::{Runtime, SpawnOptions, spawn, spawn_with, yield_now};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Which task was polled, in order; a task enters itself.
type Log = Rc<RefCell<Vec<&'static str>>>;

fn options() -> SpawnOptions {
    SpawnOptions::new()
}

/// Runs `main` on the virtual clock under a policy; returns what it logged.
fn run<P: Policy + 'static, F: Future>(
    policy: P,
    main: impl FnOnce(Log) -> F,
) -> Vec<&'static str> {
    let log = Log::default();
    // Timers are looked at after every poll.
    let builder = Runtime::builder().virtual_clock().policy(policy);
    let builder = builder.pacing(Pacing::Every(1));
    let mut runtime = builder
        .on_report(|report| panic!("{report}"))
        .build()
        .unwrap();
    runtime.block_on(main(Rc::clone(&log)));
    log.take()
}

/// The order in which one-poll tasks run that became runnable together.
fn order(policy: &str, tasks: Vec<(&'static str, SpawnOptions)>) -> String {
    let log = run(parse(policy).unwrap(), |log| async move {
        let spawn_one = |(name, options)| {
            let log = Rc::clone(&log);
            spawn_with(async move { log.borrow_mut().push(name) }, options)
        };
        let tasks: Vec<_> = tasks.into_iter().map(spawn_one).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    log.join(" ")
}

/// Logs its name, works and yields, `polls` times.
async fn busy(log: Log, name: &'static str, polls: usize, length: Duration) {
    for _ in 0..polls {
        log.borrow_mut().push(name);
        work(length);
        yield_now().await;
    }
}

/// How many of the first `polls` entries are `name`'s.
fn share(log: &[&str], polls: usize, name: &str) -> usize {
    assert!(log.len() >= polls, "{} polls only", log.len());
    log[..polls].iter().filter(|entry| **entry == name).count()
}

#[test]
fn orders_of_one_batch() {
    let plain = || vec![("a", options()), ("b", options()), ("c", options())];
    assert_eq!(order("fifo", plain()), "a b c");
    assert_eq!(order("lifo", plain()), "c b a");
    let priorities = [1, 3, 2, 3].map(|priority| options().priority(priority));
    let tasks = || ["a", "b", "c", "d"].into_iter().zip(priorities.clone());
    assert_eq!(order("priority", tasks().collect()), "b d c a");
    assert_eq!(order("ageing(1ms)", tasks().collect()), "b d c a");
    assert_eq!(
        order("groups(priority) > lifo", tasks().collect()),
        "d c b a"
    );
    let sizes = vec![
        ("a", options().size(3_000_000)),
        ("b", options()),
        ("c", options().size(1_000_000)),
        ("d", options().size(3_000_000)),
    ];
    assert_eq!(order("sjf", sizes.clone()), "c a d b");
    assert_eq!(order("srpt", sizes.clone()), "c a d b");
    assert_eq!(order("boost(1ms)", sizes), "c a d b");
}

#[test]
fn orders_by_deadline() {
    let tasks = || {
        let at = |ms: u32| now() + MS * ms;
        vec![
            ("none", options().size(1)),
            ("early start", options().deadline(at(12)).size(8_000_000)),
            ("early end", options().deadline(at(10)).size(1_000_000)),
            ("no size", options().deadline(at(11))),
        ]
    };
    assert_eq!(order("edf", tasks()), "early end no size early start none");
    assert_eq!(
        order("slack", tasks()),
        "early start early end no size none"
    );
}

/// The root spawns tasks at different times while it goes first.
async fn staggered(log: Log, tasks: Vec<(&'static str, SpawnOptions, Duration)>) {
    current_task(|root| root.set_priority(1000));
    let mut handles = Vec::new();
    for (name, options, pause) in tasks {
        let log = Rc::clone(&log);
        handles.push(spawn_with(
            async move { log.borrow_mut().push(name) },
            options,
        ));
        yield_now().await;
        work(pause);
    }
    for handle in handles {
        handle.await.unwrap();
    }
}

#[test]
fn ageing_lets_waiting_earn_priority() {
    let tasks = || {
        vec![
            ("low", options(), 5 * MS),
            ("high", options().priority(1), 10 * MS),
            ("late high", options().priority(1), 5 * MS),
        ]
    };
    let policy = || parse("ageing(10ms)").unwrap();
    let log = run(policy(), |log| staggered(log, tasks()));
    assert_eq!(log, ["high", "low", "late high"]);
    let log = run(parse("priority").unwrap(), |log| staggered(log, tasks()));
    assert_eq!(log, ["high", "late high", "low"]);
}

#[test]
fn srpt_counts_what_is_left() {
    let log = run(parse("srpt").unwrap(), |log| async move {
        let long = options().size(4_000_000);
        let long = spawn_with(busy(Rc::clone(&log), "long", 4, MS), long);
        yield_now().await; // An unknown size comes last: the long task has ended.
        assert_eq!(log.borrow().len(), 4);
        let (a, b) = (Rc::clone(&log), log);
        let a = spawn_with(busy(a, "3", 3, MS), options().size(3_000_000));
        let b = spawn_with(busy(b, "2", 2, MS), options().size(2_000_000));
        for task in [long, a, b] {
            task.await.unwrap();
        }
    });
    assert_eq!(log[4..], ["2", "2", "3", "3", "3"]);
}

/// Two tasks that always want to run.
fn two<P: Policy + 'static>(
    policy: P,
    a: (SpawnOptions, Duration),
    b: (SpawnOptions, Duration),
) -> Vec<&'static str> {
    run(policy, |log| async move {
        let a = spawn_with(busy(Rc::clone(&log), "a", 400, a.1), a.0);
        let b = spawn_with(busy(log, "b", 400, b.1), b.0);
        a.await.unwrap();
        b.await.unwrap();
    })
}

#[test]
fn las_serves_who_had_least() {
    let log = two(las(Duration::MAX), (options(), 3 * MS), (options(), MS));
    assert_eq!(log[..9], ["a", "b", "b", "b", "a", "b", "b", "b", "a"]);
    // With no window all count as equal: turns.
    let log = two(las(Duration::ZERO), (options(), 3 * MS), (options(), MS));
    assert_eq!(log[..6], ["a", "b", "a", "b", "a", "b"]);
}

#[test]
fn a_late_comer_is_behind_by_the_window_at_most() {
    let late = |window| {
        let log = run(las(window), |log| async move {
            let old = spawn(busy(Rc::clone(&log), "old", 40, MS));
            sleep(20 * MS).await;
            spawn(busy(log, "new", 19, MS)).await.unwrap();
            old.await.unwrap();
        });
        let first = log.iter().position(|name| *name == "new").unwrap();
        log[first..].iter().position(|name| *name == "old").unwrap()
    };
    assert_eq!(late(Duration::MAX), 19, "it catches up with all there was");
    assert_eq!(late(5 * MS), 5);
}

#[test]
fn mlfq_sinks_and_lifts() {
    let log = two(
        mlfq(&[2 * MS, 4 * MS], 1000 * MS),
        (options(), MS),
        (options(), MS / 100),
    );
    // Both sink in their time: a after 2 polls, b after 200 and 400 more.
    assert_eq!(log[..5], ["a", "b", "a", "b", "b"]);
    assert_eq!(share(&log, 202, "b"), 200);
    // New tasks keep coming at the top; the boost lifts the one at the bottom.
    let log = run(mlfq(&[MS], 20 * MS), |log| async move {
        let sunk = spawn(busy(Rc::clone(&log), "sunk", 2, MS));
        for _ in 0..100 {
            spawn(busy(Rc::clone(&log), "new", 1, MS)).detach();
            yield_now().await;
        }
        sunk.await.unwrap();
    });
    let second = log.iter().rposition(|name| *name == "sunk").unwrap();
    assert!((19..=23).contains(&second), "{second}");
}

#[test]
fn shares_follow_the_weights() {
    let heavy = || (options().weight(3), MS);
    let light = || (options().group(1), MS);
    for policy in [
        "fair",
        "fair(polls)",
        "eevdf(1ms)",
        "drr(1ms)",
        "groups(fair) > fifo",
    ] {
        let log = two(parse(policy).unwrap(), heavy(), light());
        for polls in [40, 200, 400] {
            let got = share(&log, polls, "a");
            assert!(
                got.abs_diff(polls * 3 / 4) <= 2,
                "{policy}: {got} of {polls}"
            );
        }
    }
    let log = two(parse("lottery(1)").unwrap(), heavy(), light());
    let got = share(&log, 400, "a");
    assert!(got.abs_diff(300) <= 35, "4 standard errors: {got}"); // sqrt(400 x 3/16) = 8.7
}

#[test]
fn shares_by_time_and_by_polls_differ() {
    let (long, short) = ((options(), 3 * MS), (options(), MS));
    let log = two(fair(), long.clone(), short.clone());
    assert!(share(&log, 400, "a").abs_diff(100) <= 2);
    let log = two(Eevdf::new(MS), long.clone(), short.clone());
    assert!(share(&log, 400, "a").abs_diff(100) <= 2);
    let log = two(fair_by_polls(), long, short);
    assert!(share(&log, 400, "a").abs_diff(200) <= 2);
}

#[test]
fn a_nap_does_not_forgive_a_debt() {
    for policy in ["fair", "eevdf(1ms)"] {
        let log = run(parse(policy).unwrap(), |log| async move {
            let honest = options().weight(10);
            let honest = spawn_with(busy(Rc::clone(&log), "honest", 600, MS), honest);
            let cheater = spawn(async move {
                loop {
                    log.borrow_mut().push("cheater");
                    work(MS);
                    sleep(MS / 1000).await;
                }
            });
            honest.await.unwrap();
            cheater.abort();
        });
        let got = share(&log, 550, "cheater");
        assert!(
            (45..=52).contains(&got),
            "{policy}: {got} of 550, fair is 50"
        );
    }
}

#[test]
fn groups_share_whatever_their_size() {
    let policy = Groups::new(fair_by_polls(), |_| downbeat::policy::Fifo::new());
    let log = run(policy, |log| async move {
        let single = options().weight(3).group(1);
        let single = spawn_with(busy(Rc::clone(&log), "single", 900, MS), single);
        for _ in 0..30 {
            let many = busy(Rc::clone(&log), "many", 40, MS);
            spawn_with(many, options().group(2)).detach();
        }
        single.await.unwrap();
    });
    assert!(share(&log, 1000, "single").abs_diff(750) <= 3);
}

#[test]
fn drr_pays_for_long_polls() {
    let long = (options().group(1), 7 * MS);
    let log = two(parse("drr(1ms)").unwrap(), long, (options().group(2), MS));
    assert!(share(&log, 400, "a").abs_diff(50) <= 2);
}

#[test]
fn skip_is_a_ratio_between_classes() {
    let counts = |normal: usize| {
        let log = run(parse("skip(8)").unwrap(), |log| async move {
            current_task(|root| root.set_priority(1));
            for _ in 0..normal {
                let task = busy(Rc::clone(&log), "normal", 900, MS);
                spawn_with(task, options().priority(1)).detach();
            }
            let low = spawn(busy(log, "low", 100, MS));
            low.await.unwrap();
        });
        let low = share(&log, 900, "low");
        (low, (900 - low) / normal)
    };
    assert_eq!(counts(4), (100, 200));
    let (low, each_normal) = counts(16);
    assert!(
        low > each_normal,
        "more than 8 to 1: low ones run more often"
    );
}

#[test]
fn the_slot_is_fast_and_capped() {
    let hops = |policy: Box<dyn Policy>| {
        let log = run(policy, |log| async move {
            let (ping, pong) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
            let player = |mine: &Rc<Notify>, other: &Rc<Notify>| {
                let (mine, other, log) = (Rc::clone(mine), Rc::clone(other), Rc::clone(&log));
                spawn(async move {
                    for _ in 0..60 {
                        mine.notified().await;
                        log.borrow_mut().push("hop");
                        other.notify_one();
                    }
                })
            };
            let players = [player(&ping, &pong), player(&pong, &ping)];
            for _ in 0..10 {
                spawn(busy(Rc::clone(&log), "busy", 100, MS)).detach();
            }
            ping.notify_one();
            for player in players {
                player.await.unwrap();
            }
        });
        share(&log, 100, "hop")
    };
    assert!(hops(parse("fifo").unwrap()) <= 12);
    let none = hops(parse("slot(0) > fifo").unwrap());
    let fifo = hops(parse("fifo").unwrap());
    assert_eq!(none, fifo, "a slot that never goes first must keep nobody");
    let capped = hops(parse("slot(3) > fifo").unwrap());
    assert!((70..=77).contains(&capped), "3 of 4: {capped}");
    let fifo = downbeat::policy::Fifo::new();
    assert!(hops(Box::new(Slot::new(u32::MAX, fifo))) >= 98);
}

#[test]
fn codel_turns_to_the_newest_and_sheds() {
    let shed = Rc::new(RefCell::new(0));
    let hook = Rc::clone(&shed);
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .pacing(Pacing::Every(1))
        .policy(Codel::new(5 * MS, 20 * MS))
        .on_report(move |report: &Report| match report {
            Report::PolicyShed { tasks, policy } => {
                assert_eq!(policy, "codel");
                *hook.borrow_mut() += tasks.len();
            }
            other => panic!("{other}"),
        })
        .build()
        .unwrap();
    let (in_time, cancelled) = runtime.block_on(async {
        // Load 1.5: one task of 1.5 ms per millisecond.
        let start = now();
        let mut tasks = Vec::new();
        for i in 0..300 {
            let came = start + MS * i;
            sleep_until(came).await;
            tasks.push(spawn(async move {
                work(MS * 3 / 2);
                now() - came
            }));
        }
        let (mut in_time, mut cancelled) = (0, 0);
        for task in tasks {
            match task.await {
                Ok(took) => in_time += usize::from(took <= 10 * MS),
                Err(error) => cancelled += usize::from(error.is_cancelled()),
            }
        }
        (in_time, cancelled)
    });
    assert_eq!(cancelled, *shed.borrow());
    assert!(
        (80..=140).contains(&cancelled),
        "a third of the load: {cancelled}"
    );
    assert!(in_time >= 150, "newest first: {in_time}");
}

/// Runs two tasks, one of 12 polls and one of 1; says after how many polls of the
/// first the second ran.
fn race(policy: impl Policy + 'static) -> usize {
    let log = run(policy, |log| async move {
        let long = spawn(busy(Rc::clone(&log), "a", 12, MS));
        spawn(busy(log, "b", 1, MS)).await.unwrap();
        long.await.unwrap();
    });
    log.iter().position(|name| *name == "b").unwrap()
}

#[test]
fn pct_finds_what_fair_orders_cannot() {
    assert_eq!(race(parse("fifo").unwrap()), 1);
    // Depth 1: "b only after all of a" needs one constraint: 1/2 of the seeds.
    let found = (0..200)
        .filter(|seed| race(pct(1, 20, *seed)) == 12)
        .count();
    assert!((70..=130).contains(&found), "{found} of 200");
    // Depth 2: "b after exactly 8 polls of a": at least 1/(n k), with the root.
    let found = (0..600).filter(|seed| race(pct(2, 20, *seed)) == 8).count();
    assert!(found >= 600 / (3 * 20), "{found} of 600");
}

#[test]
fn a_closure_sees_everything() {
    let last = oracle(|ready: &[Runnable], _: Instant| {
        assert!(!ready.is_empty());
        usize::MAX
    });
    let plain = vec![("a", options()), ("b", options()), ("c", options())];
    let log = run(last, |log| async move {
        let spawn_one = |(name, _)| spawn(busy(Rc::clone(&log), name, 1, MS));
        for task in plain.into_iter().map(spawn_one).collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    assert_eq!(log, ["c", "b", "a"]);
    let why = by(|task, cause| (cause != Cause::Timer, task.id()));
    let log = run(why, |log| async move {
        let sleeper = Rc::clone(&log);
        let sleeper = spawn(async move {
            sleep(MS * 3 / 2).await;
            sleeper.borrow_mut().push("sleeper");
        });
        busy(Rc::clone(&log), "root", 3, MS).await;
        sleeper.await.unwrap();
    });
    // The timer is looked at once per turn, and then its task goes first.
    assert_eq!(log.last(), Some(&"sleeper"));
}

#[test]
fn a_schedule_is_recorded_and_replayed() {
    let program = |log: Log| async move {
        let tasks = ["a", "b", "c", "d"].map(|name| spawn(busy(Rc::clone(&log), name, 5, MS)));
        for task in tasks {
            task.await.unwrap();
        }
    };
    let (record, decisions) = Record::new(parse("random(3)").unwrap());
    let log = run(record, program);
    let text = decisions.borrow().to_string();
    let replayed: Decisions = text.parse().unwrap();
    assert_eq!(run(Replay::new(replayed), program), log);
    let fifo = run(Replay::new(Decisions::default()), program);
    assert_eq!(fifo, run(parse("fifo").unwrap(), program));
    assert_ne!(fifo, log);
    assert_eq!(Decisions(vec![0, 0, 2, 0, 1]).to_string(), "2:2 4:1");
    for bad in ["x", "1:", ":1", "1:1:1", "99999999999:1"] {
        assert!(bad.parse::<Decisions>().is_err(), "{bad}");
    }
}

#[test]
fn delay_deviates() {
    let program = |log: Log| async move {
        let tasks = ["a", "b", "c"].map(|name| spawn(busy(Rc::clone(&log), name, 5, MS)));
        for task in tasks {
            task.await.unwrap();
        }
    };
    let fifo = || parse("fifo").unwrap();
    let expected = run(fifo(), program);
    assert_eq!(run(Delay::new(0, 15, 1, fifo()), program), expected);
    let logs = (0..20).map(|seed| run(Delay::new(1, 15, seed, fifo()), program));
    let mut different = 0;
    for mut log in logs {
        different += usize::from(log != expected);
        // Everybody still has all polls.
        log.sort();
        let mut expected = expected.clone();
        expected.sort();
        assert_eq!(log, expected);
    }
    assert!(different >= 15, "{different} of 20");
}

#[test]
fn chaos_and_pace_wait_with_work_in_hand() {
    let took = |policy: &str| {
        let mut runtime = Runtime::builder()
            .virtual_clock()
            .policy(parse(policy).unwrap())
            .build()
            .unwrap();
        runtime.block_on(async {
            let start = now();
            spawn_with(async {}, options().name("victim"))
                .await
                .unwrap();
            now() - start
        })
    };
    assert_eq!(took("fifo"), Duration::ZERO);
    assert_eq!(took("chaos(victim, 7ms) > fifo"), 7 * MS);
    // The root, the victim, and the root again.
    assert_eq!(took("pace(5ms) > fifo"), 10 * MS);
}

/// Several tickets are let go at once, the turn ends after the first, and there is no
/// other timer: the loop must ask again and not call itself stuck.
#[test]
fn what_a_shaping_policy_lets_go_is_picked_over_several_turns() {
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .pacing(Pacing::Every(1))
        .policy(parse("chaos(victim, 7ms) > fifo").unwrap())
        .build()
        .unwrap();
    let ended = Rc::new(RefCell::new(0));
    let took = runtime.try_block_on(async {
        let start = now();
        let victims: Vec<_> = (0..3)
            .map(|_| {
                let ended = Rc::clone(&ended);
                let victim = async move { *ended.borrow_mut() += 1 };
                spawn_with(victim, options().name("victim"))
            })
            .collect();
        // The last one first: the root sleeps until then.
        for victim in victims.into_iter().rev() {
            victim.await.unwrap();
        }
        now() - start
    });
    assert_eq!(took.expect("nobody is stuck"), 7 * MS);
    assert_eq!(*ended.borrow(), 3);
}

#[test]
fn traced_shows_every_call() {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&steps);
    let policy = Traced::new(parse("fifo").unwrap(), move |step| {
        let name = |task: &downbeat::policy::Sched| task.name().unwrap().into_owned();
        sink.borrow_mut().push(match step {
            Step::Enqueued(task, cause) => format!("{} {cause:?}", name(task)),
            Step::Picked(task, _) => format!("pick {}", name(task)),
            Step::Ran(task, took, end) => format!("{} {took:?} {end:?}", name(task)),
            Step::Slept(from, to) => format!("slept {:?}", to - from),
            _ => return,
        });
    });
    run(policy, |_| async {
        let child = async { sleep(MS).await };
        spawn_with(child, options().name("child")).await.unwrap();
        work(MS);
        yield_now().await;
    });
    let expected = [
        "root Spawn(None)",
        "pick root",
        "root 0ns Wait",
        "child Spawn(Some(0))",
        "pick child",
        "child 0ns Wait",
        "slept 1ms",
        "child Timer",
        "pick child",
        "child 0ns Done",
        "root Task(1)",
        "pick root",
        "root 1ms Yield",
        "root Yield",
        "pick root",
        "root 0ns Done",
    ];
    assert_eq!(*steps.borrow(), expected);
}

#[test]
fn check_names_the_broken_law() {
    /// Serves the newest only when nothing older is left, and then says `None`.
    struct Forgetful(Vec<Runnable>);
    impl Policy for Forgetful {
        fn enqueue(&mut self, task: Runnable, _: Cause) {
            self.0.push(task);
        }
        fn pick_next(&mut self, _: Instant) -> Option<Runnable> {
            (self.0.len() != 2).then(|| self.0.pop()).flatten()
        }
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&seen);
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .policy(Check::new(Forgetful(Vec::new())))
        .on_report(move |report: &Report| hook.borrow_mut().push(report.to_string()))
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks = [spawn(async {}), spawn(async {})];
        for task in tasks {
            task.await.unwrap();
        }
    });
    let seen = seen.borrow();
    let expected = "policy Forgetful panicked, a FIFO takes its place: \
                    `None` with 2 inside (task 1 first) and no `next_at`";
    assert_eq!(*seen, [expected]);
}
