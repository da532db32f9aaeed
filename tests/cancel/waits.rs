//! Time, and what tasks of one loop wait for of each other.

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use downbeat::future::{OneOf, join, join_all, poll_once, race};
use downbeat::policy::Lifo;
use downbeat::{Gate, spawn, sync, time, yield_now};

use super::cut::{at_every_poll, cut};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn timers() {
    // CUTS time/sleep.rs Sleep, time/timeout.rs Timeout, time/interval.rs tick
    at_every_poll("sleep", |k| {
        Box::pin(async move {
            let began = time::now();
            let done = cut(k, time::sleep(ms(10))).await.is_some();
            assert_eq!(time::now() - began, if done { ms(10) } else { ms(0) });
            done
        })
    });
    at_every_poll("timeout", |k| {
        Box::pin(async move {
            let inner = Rc::new(());
            let held = inner.clone();
            let slow = async move {
                time::sleep(ms(50)).await;
                drop(held);
            };
            let done = cut(k, time::timeout(ms(10), slow)).await;
            assert_eq!(Rc::strong_count(&inner), 1, "the future inside is dropped");
            done.is_some_and(|result| result.is_err())
        })
    });
    at_every_poll("interval", |k| {
        Box::pin(async move {
            let began = time::now();
            let mut interval = time::interval_at(began + ms(10), ms(10));
            let done = cut(k, interval.tick()).await.is_some();
            let next = if done { 20 } else { 10 };
            assert_eq!(interval.tick().await - began, ms(next), "no tick is lost");
            done
        })
    });
}

#[test]
fn combinators() {
    // CUTS future/yield_now.rs YieldNow, future/poll_once.rs poll_once, future/join.rs join
    // CUTS future/race.rs race, future/join_all.rs JoinAll
    at_every_poll("yield_now", |k| {
        Box::pin(async move { cut(k, yield_now()).await.is_some() })
    });
    at_every_poll("poll_once", |k| {
        Box::pin(async move { cut(k, poll_once(pending::<()>())).await.is_some() })
    });
    let guarded = |count: &Rc<()>, after: u64| {
        let held = count.clone();
        async move {
            time::sleep(ms(after)).await;
            held
        }
    };
    at_every_poll("join", move |k| {
        Box::pin(async move {
            let count = Rc::new(());
            let both = join((guarded(&count, 3), guarded(&count, 6)));
            let done = cut(k, both).await.is_some();
            assert_eq!(Rc::strong_count(&count), 1);
            done
        })
    });
    at_every_poll("join_all", move |k| {
        Box::pin(async move {
            let count = Rc::new(());
            let all = join_all((0..5).map(|n| guarded(&count, n)));
            let done = cut(k, all).await.is_some();
            assert_eq!(Rc::strong_count(&count), 1);
            done
        })
    });
    at_every_poll("race", move |k| {
        Box::pin(async move {
            let count = Rc::new(());
            let first = race((guarded(&count, 9), guarded(&count, 3)));
            let done = cut(k, first).await;
            let won = done.is_some_and(|one| matches!(one, OneOf::Second(_)));
            assert_eq!(Rc::strong_count(&count), 1);
            won
        })
    });
}

#[test]
fn notify_and_oneshot() {
    // CUTS sync/notify.rs Notified, sync/oneshot.rs Receiver, sync/oneshot.rs closed
    at_every_poll("notified", |k| {
        Box::pin(async move {
            let notify = Rc::new(sync::Notify::new());
            let (bell, waits) = (notify.clone(), notify.clone());
            let served = Rc::new(Cell::new(false));
            let by_other = served.clone();
            let ring = spawn(async move {
                time::sleep(ms(1)).await;
                bell.notify_one();
            });
            let done = cut(k, notify.notified()).await.is_some();
            let other = spawn(async move {
                waits.notified().await;
                by_other.set(true);
            });
            ring.await.unwrap();
            time::sleep(ms(1)).await;
            assert_eq!(served.get(), !done, "one wake serves one");
            other.abort();
            done
        })
    });
    at_every_poll("oneshot", |k| {
        Box::pin(async move {
            let (sender, mut receiver) = sync::oneshot();
            let sending = spawn(async move {
                time::sleep(ms(1)).await;
                sender.send(7).unwrap();
            });
            let done = cut(k, &mut receiver).await;
            match done {
                Some(value) => assert_eq!(value, Ok(7)),
                None => assert_eq!(receiver.await, Ok(7), "the value is not lost"),
            }
            sending.await.unwrap();
            done.is_some()
        })
    });
    at_every_poll("closed", |k| {
        Box::pin(async move {
            let (mut sender, receiver) = sync::oneshot::<u8>();
            drop(spawn(async move {
                time::sleep(ms(1)).await;
                drop(receiver);
            }));
            let done = cut(k, sender.closed()).await.is_some();
            sender.closed().await;
            assert_eq!(sender.send(1), Err(1));
            done
        })
    });
}

#[test]
fn channels() {
    // CUTS sync/channel/waiting.rs Sending, sync/channel/waiting.rs Receiving
    // CUTS sync/remote.rs recv
    at_every_poll("send", |k| {
        Box::pin(async move {
            let (sender, receiver) = sync::channel(1);
            sender.try_send(0).unwrap();
            let drain = spawn(async move {
                time::sleep(ms(1)).await;
                let mut all = Vec::new();
                while let Some(value) = receiver.recv().await {
                    all.push(value);
                }
                all
            });
            let done = cut(k, sender.send(1)).await;
            drop(sender);
            let all = drain.await.unwrap();
            assert_eq!(all.len(), 1 + usize::from(done.is_some()));
            done.is_some()
        })
    });
    at_every_poll("recv", |k| {
        Box::pin(async move {
            let (sender, receiver) = sync::channel(1);
            let sending = spawn(async move {
                time::sleep(ms(1)).await;
                sender.send(5).await.unwrap();
            });
            let done = cut(k, receiver.recv()).await;
            match done {
                Some(value) => assert_eq!(value, Some(5)),
                None => assert_eq!(receiver.recv().await, Some(5)),
            }
            sending.await.unwrap();
            done.is_some()
        })
    });
    at_every_poll("remote recv", |k| {
        Box::pin(async move {
            let (sender, mut receiver) = sync::remote::channel(1);
            let sending = spawn(async move {
                time::sleep(ms(1)).await;
                sender.try_send(5).unwrap();
            });
            let done = cut(k, receiver.recv()).await;
            match done {
                Some(value) => assert_eq!(value, Some(5)),
                None => assert_eq!(receiver.recv().await, Some(5)),
            }
            sending.await.unwrap();
            done.is_some()
        })
    });
}

#[test]
fn permits() {
    // CUTS sync/semaphore/mod.rs Acquire, gate/mod.rs Acquire
    at_every_poll("semaphore", |k| {
        Box::pin(async move {
            let permits = Rc::new(sync::Semaphore::new(2));
            let held = permits.clone();
            drop(spawn(async move {
                let _permits = held.acquire_many(2).await.unwrap();
                time::sleep(ms(1)).await;
            }));
            yield_now().await;
            let one = cut(k, permits.acquire()).await.is_some();
            let two = cut(k, permits.acquire_many(2)).await.is_some();
            let own = cut(k, permits.clone().acquire_owned(1)).await.is_some();
            time::sleep(ms(5)).await;
            assert_eq!(permits.available_permits(), 2, "all permits are back");
            one && two && own
        })
    });
    at_every_poll("gate", |k| {
        Box::pin(async move {
            let gate = Rc::new(Gate::new(1, Lifo::new()));
            let theirs = gate.clone();
            drop(spawn(async move {
                let _permit = theirs.acquire().await.unwrap();
                time::sleep(ms(1)).await;
            }));
            yield_now().await;
            let done = cut(k, gate.acquire()).await.is_some();
            time::sleep(ms(5)).await;
            assert_eq!((gate.free(), gate.waiting()), (1, 0));
            drop(gate.acquire().await.unwrap());
            ready(done).await
        })
    });
}
