//! The laws of clocks and timers.

mod laws;

use downbeat::runtime::{Pacing, stats};
use downbeat::testing::Rng;
use downbeat::time::{MissedTicks, interval, now, sleep, sleep_until, timeout, work};
use downbeat::{Handle, Runtime, gather, run, spawn, spawn_blocking, yield_now};
use laws::{Count, MS, virtual_runtime, without_hanging};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn c01_never_early() {
    run(async {
        let sleeps = (0..40_u32).map(|i| async move {
            let (start, wanted) = (Instant::now(), MS * (i % 20) + Duration::from_nanos(1));
            sleep(wanted).await;
            assert!(start.elapsed() >= wanted);
        });
        assert!(gather(sleeps).await.into_iter().all(|task| task.is_ok()));
    });
}

#[test]
fn c01_virtual_time_stops_exactly_at_every_deadline() {
    virtual_runtime().block_on(async {
        let mut rng = Rng::new(7);
        for _ in 0..1000 {
            let (start, wanted) = (now(), Duration::from_nanos(rng.next_u64() >> 24));
            sleep(wanted).await;
            assert_eq!(now() - start, wanted);
        }
    });
}

#[test]
fn c04_earlier_timer_shortens_sleep() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let _long = spawn(sleep(Duration::from_secs(3600)));
            sleep(MS * 5).await;
            // From another thread, while the loop sleeps for an hour.
            let handle = Handle::current().unwrap();
            let elsewhere = spawn_blocking(move || {
                thread::sleep(MS * 10);
                handle.spawn(sleep(MS * 5)).wait().is_ok()
            });
            assert!(elsewhere.await.unwrap());
        });
    });
}

/// Durations at which something has overflowed in some event loop.
fn extremes() -> Vec<Duration> {
    let mut extremes = vec![
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_secs(u64::MAX / 2),
        Duration::from_secs(i64::MAX as u64),
        Duration::from_nanos(u64::MAX),
        Duration::from_millis(1 << 32),
        Duration::from_millis((1 << 31) - 1),
        Duration::from_millis(1 << 31),
        Duration::from_secs(25 * 24 * 3600),
        Duration::from_secs(100 * 365 * 24 * 3600),
    ];
    extremes.extend((32..64).map(|bit| Duration::from_secs(1 << bit)));
    extremes
}

#[test]
fn c05_extreme_durations() {
    without_hanging(|| {
        // In the wait of the operating system: alone, so that nothing shortens it.
        for extreme in extremes() {
            Runtime::new().unwrap().block_on(async {
                let long = spawn(sleep(extreme));
                yield_now().await;
                let before = stats().turns;
                spawn_blocking(|| thread::sleep(MS * 2)).await.unwrap();
                assert!(timeout(extreme, sleep(MS)).await.is_ok());
                let turns = stats().turns - before;
                assert!(turns < 20, "{extreme:?}: {turns} turns");
                assert!(!long.is_finished());
            });
        }
    });
}

#[test]
fn c05_extreme_durations_under_the_virtual_clock() {
    without_hanging(|| {
        for extreme in extremes() {
            let mut runtime = virtual_runtime();
            let century = Duration::from_secs(100 * 365 * 24 * 3600);
            let ended = runtime.try_block_on(async {
                let start = now();
                sleep(extreme).await;
                now() - start
            });
            match ended {
                Ok(slept) => assert_eq!(slept, extreme),
                // Never: nothing will wake it, and the loop says so.
                Err(stuck) => assert!(extreme >= century && stuck.tasks.len() == 1),
            }
            runtime.block_on(async {
                let mut ticks = interval(extreme);
                ticks.tick().await;
                work(extreme.min(Duration::from_secs(1)));
                assert!(timeout(MS, ticks.tick()).await.is_err());
            });
        }
        virtual_runtime().block_on(async {
            for _ in 0..10 {
                sleep(Duration::ZERO).await;
                interval(Duration::ZERO).tick().await;
                sleep_until(now()).await;
            }
        });
    });
}

#[test]
fn c06_sub_ms_no_spin() {
    Runtime::new().unwrap().block_on(async {
        let before = stats().turns;
        for micros in 1..50 {
            sleep(Duration::from_micros(micros * 10)).await;
        }
        let turns = stats().turns - before;
        assert!(turns <= 49 * 3, "{turns} turns for 49 sleeps");
    });
}

#[test]
fn c07_clock_jump() {
    virtual_runtime().block_on(async {
        let fired = Count::default();
        for i in 0..10_u32 {
            let fired = fired.clone();
            spawn(async move {
                sleep(MS * i + MS).await;
                fired.add();
            })
            .detach();
        }
        let mut rhythms = [MissedTicks::Skip, MissedTicks::Burst, MissedTicks::Delay]
            .map(|missed| interval(MS * 10).missed_ticks(missed));
        let start = now();
        for ticks in &mut rhythms {
            assert_eq!(ticks.tick().await, start);
        }
        sleep(Duration::from_nanos(1)).await;
        work(MS * 35);
        let mut next: Vec<Vec<u32>> = Vec::new();
        for ticks in &mut rhythms {
            let mut due = Vec::new();
            for _ in 0..5 {
                let tick = timeout(Duration::ZERO, ticks.tick()).await;
                due.extend(tick.map(|at| (at - start).as_millis() as u32));
            }
            next.push(due);
        }
        // Skip and Delay give one late tick, Burst all of them.
        assert_eq!(next, [vec![10], vec![10, 20, 30], vec![10]]);
        let [skip, burst, delay] = &mut rhythms;
        assert_eq!(skip.tick().await - start, MS * 40);
        assert_eq!(burst.tick().await - start, MS * 40);
        assert_eq!((delay.tick().await - start).as_millis(), 45);
        assert_eq!(fired.get(), 10, "every overdue timer, once");
    });
}

#[test]
fn c10_timeout_fires_despite_always_ready_inner() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            // Spends the budget of every poll.
            let greedy = async {
                loop {
                    sleep(Duration::ZERO).await;
                }
            };
            assert!(timeout(MS * 5, greedy).await.is_err());
            let yields = async {
                loop {
                    yield_now().await;
                }
            };
            assert!(timeout(MS * 5, yields).await.is_err());
        });
    });
}

#[test]
fn c10_timeout_fires_in_a_turn_that_is_long() {
    for pacing in [Pacing::Every(u32::MAX), Pacing::Drain] {
        // Nothing else that looks at the clock.
        let builder = Runtime::builder().pacing(pacing).slow_poll(None);
        builder.build().unwrap().block_on(async {
            let busy = async {
                for _ in 0..5_000 {
                    std::thread::sleep(MS / 10);
                    yield_now().await;
                }
            };
            assert!(timeout(MS * 5, busy).await.is_err(), "{pacing:?}");
        });
    }
}

#[test]
fn c11_virtual_clock_autojump() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let start = now();
            let tasks = (0..1000_u32).map(|i| async move {
                for round in 1..10 {
                    sleep(Duration::from_secs(u64::from(i * round))).await;
                }
                i
            });
            let ended = gather(tasks).await;
            assert!(ended.into_iter().map(Result::unwrap).eq(0..1000));
            assert_eq!(now() - start, Duration::from_secs(999 * 45));
            // It stands still while tasks run.
            let before = now();
            for _ in 0..1000 {
                yield_now().await;
            }
            assert_eq!(now(), before);
        });
    });
}
