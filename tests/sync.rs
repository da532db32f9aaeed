//! The tools of one thread, and the channel from other threads: who is served,
//! in what order, and what happens to those who go away.
//!
//! The two `model_` tests play thousands of random programs against a plain
//! model; a failure prints its seed.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread;

use downbeat::sync::channel::{SendError, TryRecvError, TrySendError};
use downbeat::sync::{Acquire, Closed, Notify, Permit, Semaphore, TryAcquireError};
use downbeat::sync::{channel, oneshot, remote};
use downbeat::testing::{Alarm, Probe, Rng, block_on};

/// Polls with two wakers in turn, lets `fire` happen, and checks that only the
/// second is woken and the first is kept nowhere.
fn latest_waker<F: Future>(future: F, fire: impl FnOnce()) {
    let mut probe = Probe::new(future);
    let (first, second) = (Alarm::new(), Alarm::new());
    assert!(probe.poll_with(&first.waker()).is_pending());
    assert!(probe.poll_with(&first.waker()).is_pending());
    assert_eq!(first.kept(), 1, "the same waker is kept once");
    assert!(probe.poll_with(&second.waker()).is_pending());
    assert_eq!(first.kept(), 0);
    fire();
    assert_eq!((first.wakes(), second.wakes()), (0, 1));
    assert!(probe.poll().is_ready());
    drop(probe);
    assert_eq!(second.kept(), 0);
}

#[test]
fn latest_waker_is_woken() {
    let semaphore = Semaphore::new(0);
    latest_waker(semaphore.acquire(), || semaphore.add_permits(1));
    let notify = Notify::new();
    latest_waker(notify.notified(), || notify.notify_one());
    latest_waker(notify.notified(), || notify.notify_waiters());
    let (tx, rx) = oneshot();
    latest_waker(rx, || tx.send(1).unwrap());
    let (mut tx, rx) = oneshot::<u8>();
    latest_waker(tx.closed(), || drop(rx));
    let (tx, rx) = channel(1);
    latest_waker(rx.recv(), || tx.try_send(1).unwrap());
    tx.try_send(1).unwrap();
    latest_waker(tx.send(2), || assert_eq!(rx.try_recv(), Ok(1)));
    let (tx, mut rx) = remote::channel(1);
    latest_waker(rx.recv(), || tx.try_send(1).unwrap());
}

#[test]
fn dropped_waiters_keep_no_waker() {
    let semaphore = Semaphore::new(0);
    let notify = Notify::new();
    let (tx, rx) = channel(1);
    let alarm = Alarm::new();
    for _ in 0..3 {
        let mut probes = (
            Probe::new(semaphore.acquire()),
            Probe::new(notify.notified()),
            Probe::new(rx.recv()),
        );
        assert!(probes.0.poll_with(&alarm.waker()).is_pending());
        assert!(probes.1.poll_with(&alarm.waker()).is_pending());
        assert!(probes.2.poll_with(&alarm.waker()).is_pending());
        assert_eq!(alarm.kept(), 3);
        drop(probes);
        assert_eq!(alarm.kept(), 0);
    }
    tx.try_send(0).unwrap();
    let mut probe = Probe::new(tx.send(1));
    assert!(probe.poll_with(&alarm.waker()).is_pending());
    drop(probe);
    assert_eq!((alarm.kept(), alarm.wakes()), (0, 0));
}

// ---- oneshot

#[test]
fn oneshot_delivers_or_says_why_not() {
    let (tx, rx) = oneshot();
    tx.send("a").unwrap();
    assert_eq!(block_on(rx), Ok("a"));

    let (tx, rx) = oneshot::<u8>();
    drop(tx);
    assert!(block_on(rx).is_err());

    let (tx, rx) = oneshot();
    assert!(!tx.is_closed());
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.send("back"), Err("back"));
}

#[test]
fn oneshot_receiver_may_be_polled_after_its_end() {
    let (tx, mut rx) = oneshot();
    assert_eq!(rx.try_recv(), Err(oneshot::TryRecvError::Empty));
    tx.send(1).unwrap();
    assert_eq!(block_on(&mut rx), Ok(1));
    assert_eq!(block_on(&mut rx), Err(oneshot::Closed));
    assert_eq!(rx.try_recv(), Err(oneshot::TryRecvError::Closed));
}

#[test]
fn oneshot_close_refuses_what_was_not_sent_and_keeps_what_was() {
    let (mut tx, mut rx) = oneshot();
    {
        let mut closed = Probe::new(tx.closed());
        assert!(closed.poll().is_pending());
        rx.close();
        assert!(closed.is_woken());
        closed.unwrap();
    }
    assert_eq!(tx.send(1), Err(1));
    assert_eq!(block_on(rx), Err(oneshot::Closed));

    let (tx, mut rx) = oneshot();
    tx.send(2).unwrap();
    rx.close();
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn oneshot_wakes_once_and_drops_the_value_once() {
    let drops = Rc::new(Cell::new(0));
    let (tx, rx) = oneshot();
    let mut probe = Probe::new(rx);
    assert!(probe.poll().is_pending());
    assert!(tx.send(Counted(drops.clone())).is_ok());
    assert_eq!(
        probe.wakes(),
        1,
        "one wake for the value, none for the sender's end"
    );
    drop(probe);
    assert_eq!(drops.get(), 1);
}

// ---- semaphore

#[test]
fn semaphore_counts() {
    let semaphore = Semaphore::new(3);
    let two = block_on(semaphore.acquire_many(2)).unwrap();
    assert_eq!((two.permits(), semaphore.available_permits()), (2, 1));
    assert_eq!(
        semaphore.try_acquire(2).unwrap_err(),
        TryAcquireError::NoPermits
    );
    let one = semaphore.try_acquire(1).unwrap();
    drop(two);
    assert_eq!(semaphore.available_permits(), 2);
    one.forget();
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn semaphore_serves_in_order_and_nobody_overtakes() {
    let semaphore = Semaphore::new(2);
    let mut big = Probe::new(semaphore.acquire_many(3));
    let mut small = Probe::new(semaphore.acquire());
    assert!(big.poll().is_pending());
    assert!(
        small.poll().is_pending(),
        "two are free, but somebody came before"
    );
    assert_eq!(
        semaphore.try_acquire(1).unwrap_err(),
        TryAcquireError::NoPermits
    );
    semaphore.add_permits(1);
    assert!(big.is_woken() && !small.is_woken());
    let permits = big.unwrap().unwrap();
    drop(permits);
    assert!(small.is_woken());
    drop(small.unwrap().unwrap());
}

#[test]
fn semaphore_cancelled_waiters_pass_on() {
    let semaphore = Semaphore::new(0);
    let mut first = Probe::new(semaphore.acquire());
    let mut second = Probe::new(semaphore.acquire());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    semaphore.add_permits(1);
    assert!(first.is_woken() && !second.is_woken());
    drop(first); // Served, and gone before it looked.
    assert!(second.is_woken());
    drop(second.unwrap());
    assert_eq!(semaphore.available_permits(), 1);

    // A big wish that is given up lets the small ones behind it through.
    let mut big = Probe::new(semaphore.acquire_many(9));
    let mut small = Probe::new(semaphore.acquire());
    assert!(big.poll().is_pending());
    assert!(small.poll().is_pending());
    drop(big);
    assert!(small.is_woken());
}

#[test]
fn semaphore_close_fails_waiters_and_spares_the_served() {
    let semaphore = Semaphore::new(0);
    let mut served = Probe::new(semaphore.acquire());
    let mut waiting = Probe::new(semaphore.acquire());
    assert!(served.poll().is_pending());
    assert!(waiting.poll().is_pending());
    semaphore.add_permits(1);
    semaphore.close();
    assert_eq!(waiting.unwrap().unwrap_err(), Closed);
    let permit = served.unwrap().unwrap();
    assert_eq!(
        semaphore.try_acquire(1).unwrap_err(),
        TryAcquireError::Closed
    );
    assert_eq!(block_on(semaphore.acquire()).unwrap_err(), Closed);
    drop(permit);
    assert_eq!(semaphore.available_permits(), 1);
    assert!(semaphore.is_closed());
}

#[test]
fn semaphore_owned_permits_keep_it_alive() {
    let semaphore = Rc::new(Semaphore::new(1));
    let permit: Permit<Rc<Semaphore>> = block_on(semaphore.clone().acquire_owned(1)).unwrap();
    let weak = Rc::downgrade(&semaphore);
    drop(semaphore);
    assert_eq!(weak.upgrade().unwrap().available_permits(), 0);
    drop(permit);
    assert!(weak.upgrade().is_none());
}

#[test]
fn semaphore_refuses_to_overflow() {
    let semaphore = Semaphore::new(usize::MAX);
    let permit = semaphore.try_acquire(usize::MAX).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(1))).is_err());
    drop(permit);
    assert_eq!(semaphore.available_permits(), usize::MAX);
}

#[test]
fn model_semaphore_conserves_permits_under_random_cancel() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let semaphore = Semaphore::new(rng.below(4));
        // The model: what is free, who waits for how many, who was served.
        let mut free = semaphore.available_permits();
        let mut waiting: VecDeque<(usize, Probe<Acquire<&Semaphore>>)> = VecDeque::new();
        let mut served: Vec<(usize, Probe<Acquire<&Semaphore>>)> = Vec::new();
        let mut held: Vec<Permit<&Semaphore>> = Vec::new();
        for _ in 0..120 {
            match rng.below(8) {
                0..=2 => {
                    let wanted = rng.below(4);
                    let mut probe = Probe::new(semaphore.acquire_many(wanted));
                    match probe.poll() {
                        Poll::Ready(permit) => {
                            assert!(
                                waiting.is_empty() && free >= wanted,
                                "seed {seed}: overtook"
                            );
                            free -= wanted;
                            held.push(permit.unwrap());
                        }
                        Poll::Pending => waiting.push_back((wanted, probe)),
                    }
                }
                3 if !waiting.is_empty() => {
                    let cancelled = waiting.remove(rng.below(waiting.len()));
                    drop(cancelled);
                }
                4 if !served.is_empty() => {
                    let (permits, cancelled) = served.swap_remove(rng.below(served.len()));
                    free += permits;
                    drop(cancelled);
                }
                5 if !served.is_empty() => {
                    let (permits, mut probe) = served.swap_remove(rng.below(served.len()));
                    held.push(probe.unwrap().unwrap());
                    assert_eq!(held.last().unwrap().permits(), permits);
                }
                6 if !held.is_empty() => {
                    let permit = held.swap_remove(rng.below(held.len()));
                    free += permit.permits();
                    drop(permit);
                }
                _ => {
                    let wanted = rng.below(3);
                    match semaphore.try_acquire(wanted) {
                        Ok(permit) => {
                            assert!(
                                waiting.is_empty() && free >= wanted,
                                "seed {seed}: overtook"
                            );
                            free -= wanted;
                            held.push(permit);
                        }
                        Err(_) => assert!(!waiting.is_empty() || free < wanted, "seed {seed}"),
                    }
                }
            }
            while waiting.front().is_some_and(|(wanted, _)| *wanted <= free) {
                let (wanted, probe) = waiting.pop_front().unwrap();
                assert!(probe.is_woken(), "seed {seed}: served and not woken");
                free -= wanted;
                served.push((wanted, probe));
            }
            assert!(
                !waiting.iter().any(|(_, probe)| probe.is_woken()),
                "seed {seed}"
            );
            assert_eq!(semaphore.available_permits(), free, "seed {seed}");
        }
    }
}

// ---- notify

#[test]
fn notify_one_is_stored_once_or_wakes_the_first() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    let mut first = Probe::new(notify.notified());
    let mut second = Probe::new(notify.notified());
    first.unwrap();
    assert!(second.poll().is_pending());
    let mut third = Probe::new(notify.notified());
    assert!(third.poll().is_pending());
    notify.notify_one();
    assert!(second.is_woken() && !third.is_woken());
}

#[test]
fn notify_one_survives_a_cancelled_waiter() {
    let notify = Notify::new();
    let mut first = Probe::new(notify.notified());
    let mut second = Probe::new(notify.notified());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    notify.notify_one();
    drop(first);
    assert!(second.is_woken(), "handed on");
    drop(second);
    Probe::new(notify.notified()).unwrap(); // Stored, as nobody was left.
}

#[test]
fn notify_waiters_wakes_all_who_asked_and_nobody_later() {
    let notify = Notify::new();
    let mut polled = Probe::new(notify.notified());
    assert!(polled.poll().is_pending());
    let mut made = Probe::new(notify.notified());
    notify.notify_waiters();
    assert!(polled.is_woken());
    polled.unwrap();
    made.unwrap();
    let mut later = Probe::new(notify.notified());
    assert!(later.poll().is_pending());
    drop(polled); // Woken by the round: there is nothing to hand on.
    assert!(!later.is_woken());
}

// ---- channel

#[test]
fn channel_is_a_queue_with_exact_length() {
    let (tx, rx) = channel(2);
    assert!(tx.is_empty() && rx.is_empty());
    block_on(tx.send(1)).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(
        (tx.len(), rx.len(), tx.capacity(), rx.capacity()),
        (2, 2, 2, 2)
    );
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(block_on(rx.recv()), Some(1));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn channel_values_arrive_in_the_order_of_their_sends() {
    let (tx, rx) = channel(1);
    let mut sends: Vec<_> = (0..4).map(|n| Probe::new(tx.send(n))).collect();
    assert!(sends[0].poll().is_ready());
    assert!(sends[1..].iter_mut().all(|send| send.poll().is_pending()));
    assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
    for n in 0..4 {
        assert_eq!(
            rx.try_recv(),
            Ok(n),
            "the senders need not be polled for it"
        );
        assert_eq!(tx.len(), usize::from(n < 3));
    }
    assert!(sends[1..].iter_mut().all(|send| send.unwrap() == Ok(())));
}

#[test]
fn channel_a_promise_is_not_taken_by_others_and_is_handed_on() {
    let (tx, rx) = channel(4);
    let mut first = Probe::new(rx.recv());
    let mut second = Probe::new(rx.recv());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    tx.try_send('a').unwrap();
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(
        rx.try_recv(),
        Err(TryRecvError::Empty),
        "promised to the first"
    );
    let mut newcomer = Probe::new(rx.recv());
    assert!(newcomer.poll().is_pending());
    drop(first);
    assert!(second.is_woken() && !newcomer.is_woken());
    assert_eq!(second.unwrap(), Some('a'));
    tx.try_send('b').unwrap();
    drop(newcomer);
    assert_eq!(rx.try_recv(), Ok('b'), "nobody waits: the value stays");
}

#[test]
fn channel_close_drains_then_ends() {
    let (tx, rx) = channel(1);
    tx.try_send(1).unwrap();
    let mut blocked = Probe::new(tx.send(2));
    assert!(blocked.poll().is_pending());
    rx.close();
    assert_eq!(blocked.unwrap(), Err(SendError(2)));
    assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(block_on(tx.send(4)), Err(SendError(4)));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(block_on(rx.recv()), None);
}

#[test]
fn channel_ends_only_when_no_promise_can_come_back() {
    let (tx, rx) = channel(1);
    let mut first = Probe::new(rx.recv());
    let mut second = Probe::new(rx.recv());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    tx.try_send(1).unwrap();
    drop(tx);
    assert!(
        !second.is_woken(),
        "the promise of the first may still be handed on"
    );
    drop(first);
    assert_eq!(second.unwrap(), Some(1));
    assert_eq!(block_on(rx.recv()), None);
}

#[test]
fn channel_ends_when_one_side_is_gone() {
    let (tx, rx) = channel::<u8>(1);
    let other = tx.clone();
    let mut waits = Probe::new(rx.recv());
    assert!(waits.poll().is_pending());
    drop(tx);
    assert!(!waits.is_woken());
    drop(other);
    assert!(waits.is_woken());
    assert_eq!(waits.unwrap(), None);

    let (tx, rx) = channel(1);
    let other = rx.clone();
    drop(rx);
    tx.try_send(Rc::new(())).unwrap();
    assert!(!tx.is_closed());
    let mut blocked = Probe::new(tx.send(Rc::new(())));
    assert!(blocked.poll().is_pending());
    drop(other);
    assert!(
        tx.is_closed() && tx.is_empty(),
        "what was queued is dropped with the last receiver"
    );
    assert!(blocked.unwrap().is_err());
}

#[test]
fn channel_a_cancelled_send_gives_the_value_back_unless_it_went() {
    let (tx, rx) = channel(1);
    assert_eq!(tx.send('x').cancel(), Some('x'), "never polled");
    tx.try_send('a').unwrap();
    let mut send = tx.send('b');
    {
        let mut probe = Probe::new(&mut send);
        assert!(probe.poll().is_pending());
    }
    assert_eq!(send.cancel(), Some('b'));
    let mut send = tx.send('c');
    {
        let mut probe = Probe::new(&mut send);
        assert!(probe.poll().is_pending());
        assert_eq!(rx.try_recv(), Ok('a'));
    }
    assert_eq!(send.cancel(), None, "it went in when there was room");
    assert_eq!(rx.try_recv(), Ok('c'));
}

#[test]
#[should_panic(expected = "room for one value")]
fn channel_without_room_is_a_clear_panic() {
    let _ = channel::<u8>(0);
}

/// Counts its drops.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn model_channel_loses_and_doubles_nothing_under_random_cancel() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let capacity = 1 + rng.below(3);
        let drops = Rc::new(Cell::new(0));
        let (tx, rx) = channel(capacity);
        let mut sends: Vec<Probe<Pin<Box<_>>>> = Vec::new();
        let mut receives: Vec<Probe<Pin<Box<_>>>> = Vec::new();
        let (mut made, mut taken, mut returned) = (0, 0, 0);
        let mut newest = None;
        let mut check = |(number, value): (usize, Counted)| {
            assert!(
                newest < Some(number),
                "seed {seed}: {number} came after {newest:?}"
            );
            newest = Some(number);
            taken += 1;
            drop(value);
        };
        for round in 0..150 {
            match rng.below(9) {
                0 | 1 => {
                    let mut send = Probe::new(Box::pin(tx.send((made, Counted(drops.clone())))));
                    made += 1;
                    match send.poll() {
                        Poll::Ready(result) => returned += usize::from(result.is_err()),
                        Poll::Pending => sends.push(send),
                    }
                }
                2 => {
                    match tx.try_send((made, Counted(drops.clone()))) {
                        Ok(()) => assert!(!tx.is_closed()),
                        Err(_) => returned += 1,
                    }
                    made += 1;
                }
                3 | 4 => {
                    let mut receive = Probe::new(Box::pin(rx.recv()));
                    match receive.poll() {
                        Poll::Ready(value) => value.into_iter().for_each(&mut check),
                        Poll::Pending => receives.push(receive),
                    }
                }
                5 => rx.try_recv().into_iter().for_each(&mut check),
                6 if !sends.is_empty() => {
                    // Dropped: the value is in the queue already, or goes with it.
                    let (queued, before) = (sends.swap_remove(rng.below(sends.len())), drops.get());
                    drop(queued);
                    returned += drops.get() - before;
                }
                7 if !receives.is_empty() => {
                    let cancelled = receives.swap_remove(rng.below(receives.len()));
                    drop(cancelled);
                }
                _ if round > 100 && rng.one_in(20) => rx.close(),
                _ => {}
            }
            // Those who were woken look, in random order, and some not yet.
            for _ in 0..rng.below(3) {
                if !receives.is_empty() {
                    let index = rng.below(receives.len());
                    if let Poll::Ready(value) = receives[index].poll() {
                        value.into_iter().for_each(&mut check);
                        drop(receives.swap_remove(index));
                    }
                }
                if !sends.is_empty() {
                    let index = rng.below(sends.len());
                    if let Poll::Ready(result) = sends[index].poll() {
                        returned += usize::from(result.is_err());
                        drop(sends.swap_remove(index));
                    }
                }
            }
            assert!(tx.len() <= capacity, "seed {seed}");
            let asleep = |probes: &[Probe<_>]| probes.iter().any(|probe| !probe.is_woken());
            let promised = receives.iter().filter(|probe| probe.is_woken()).count();
            assert!(
                !asleep(&receives) || tx.len() <= promised,
                "seed {seed}: lost wake"
            );
            if sends.iter().any(|probe| !probe.is_woken()) {
                assert!(
                    tx.len() == capacity && !tx.is_closed(),
                    "seed {seed}: lost wake"
                );
            }
        }
        for mut send in sends {
            // In its place in line, or in the queue; dropping tells which.
            let before = drops.get();
            if let Poll::Ready(result) = send.poll() {
                returned += usize::from(result.is_err());
            } else {
                drop(send);
                returned += drops.get() - before;
            }
        }
        drop(receives);
        rx.close();
        while let Some(value) = block_on(rx.recv()) {
            check(value);
        }
        assert_eq!(taken + returned, made, "seed {seed}: lost or doubled");
        assert_eq!(drops.get(), made, "seed {seed}: dropped once each");
    }
}

// ---- user code that strikes back

thread_local! {
    /// What the hostile waker does when it is woken or dropped.
    static STRIKE: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// A waker that calls back into the structure that wakes or drops it.
struct Hostile;

fn strike() {
    if let Some(mut action) = STRIKE.take() {
        action();
        STRIKE.replace(Some(action));
    }
}

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        strike();
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        strike();
    }
}

fn hostile() -> Waker {
    Waker::from(Arc::new(Hostile))
}

#[test]
fn wakers_may_call_back_into_everything() {
    let semaphore = Rc::new(Semaphore::new(0));
    let notify = Rc::new(Notify::new());
    let (tx, rx) = channel(1);
    let strikes = Rc::new(Cell::new(0));
    let action = {
        let (semaphore, notify, tx, rx) =
            (semaphore.clone(), notify.clone(), tx.clone(), rx.clone());
        let strikes = strikes.clone();
        move || {
            strikes.set(strikes.get() + 1);
            semaphore.add_permits(1);
            drop(semaphore.try_acquire(1));
            let mut waits = Probe::new(semaphore.acquire_many(1_000_000));
            assert!(waits.poll().is_pending());
            drop(waits);
            notify.notify_one();
            notify.notify_waiters();
            let _ = tx.try_send(Strike(strikes.clone()));
            let _ = rx.try_recv();
            let mut send = Probe::new(tx.send(Strike(strikes.clone())));
            let _ = send.poll();
            let mut receive = Probe::new(rx.recv());
            let _ = receive.poll();
        }
    };
    STRIKE.replace(Some(Box::new(action)));
    for second in [hostile(), Alarm::new().waker()] {
        let mut acquire = Probe::new(semaphore.acquire_many(1_000));
        let mut notified = Probe::new(notify.notified());
        let mut receive = Probe::new(rx.recv());
        let _ = acquire.poll_with(&hostile());
        let _ = notified.poll_with(&hostile());
        let _ = receive.poll_with(&hostile());
        // Replacing drops the old waker.
        let _ = acquire.poll_with(&second);
        let _ = notified.poll_with(&second);
        let _ = receive.poll_with(&second);
        let mut sends: Vec<_> = (0..3)
            .map(|_| Probe::new(tx.send(Strike(strikes.clone()))))
            .collect();
        for send in &mut sends {
            let _ = send.poll_with(&hostile());
        }
        semaphore.add_permits(1_000);
        notify.notify_waiters();
        drop((acquire, notified, receive));
        let _ = rx.try_recv();
        drop(sends);
    }
    let (oneshot_tx, oneshot_rx) = oneshot();
    let mut receiver = Probe::new(oneshot_rx);
    assert!(receiver.poll_with(&hostile()).is_pending());
    oneshot_tx.send(Strike(strikes.clone())).ok().unwrap();
    drop(receiver);
    assert!(strikes.get() > 10, "struck {} times", strikes.get());
    STRIKE.take();
}

/// A value whose drop counts as a strike.
struct Strike(Rc<Cell<usize>>);

impl Drop for Strike {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn values_may_call_back_when_they_are_dropped() {
    struct Knocks(Option<channel::Sender<Knocks>>, Rc<Cell<usize>>);
    impl Drop for Knocks {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            if let Some(tx) = self.0.take() {
                let again = tx.try_send(Knocks(None, self.1.clone()));
                assert!(again.is_err() && tx.is_closed());
            }
        }
    }
    let drops = Rc::new(Cell::new(0));
    let (tx, rx) = channel(3);
    for _ in 0..3 {
        tx.try_send(Knocks(Some(tx.clone()), drops.clone()))
            .unwrap();
    }
    drop(rx);
    assert_eq!(
        drops.get(),
        6,
        "three values, and three that they could not send"
    );
}

#[test]
fn buffered_items_are_dropped_once_even_if_a_drop_panics() {
    struct Bomb(Rc<Cell<usize>>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            assert!(!self.1, "the bomb");
        }
    }
    for armed in 0..5 {
        let drops = Rc::new(Cell::new(0));
        let (tx, rx) = channel(5);
        for n in 0..5 {
            tx.try_send(Bomb(drops.clone(), n == armed)).unwrap();
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
        assert_eq!(drops.get(), 5);
        assert!(tx.is_closed() && tx.is_empty());

        let drops = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        struct Mine(Arc<std::sync::atomic::AtomicUsize>, bool);
        impl Drop for Mine {
            fn drop(&mut self) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                assert!(!self.1, "the mine");
            }
        }
        let (tx, rx) = remote::channel(5);
        for n in 0..5 {
            tx.try_send(Mine(drops.clone(), n == armed)).unwrap();
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
        assert_eq!(drops.load(std::sync::atomic::Ordering::SeqCst), 5);
        assert!(tx.is_closed() && tx.is_empty());
    }
}

#[test]
fn a_panicking_waker_leaves_the_rest_woken_and_the_structure_whole() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("the waker");
        }
    }
    let panics = || Waker::from(Arc::new(Panics));
    let semaphore = Semaphore::new(0);
    let notify = Notify::new();
    let mut bad = (
        Probe::new(semaphore.acquire()),
        Probe::new(notify.notified()),
    );
    let mut good = (
        Probe::new(semaphore.acquire()),
        Probe::new(notify.notified()),
    );
    assert!(bad.0.poll_with(&panics()).is_pending());
    assert!(bad.1.poll_with(&panics()).is_pending());
    assert!(good.0.poll().is_pending());
    assert!(good.1.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(2))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| notify.notify_waiters())).is_err());
    assert!(good.0.is_woken() && good.1.is_woken());
    drop(bad.0.unwrap());
    drop(good.0.unwrap());
    assert_eq!(semaphore.available_permits(), 2);
    good.1.unwrap();

    let (tx, rx) = channel(1);
    let mut receive = Probe::new(rx.recv());
    assert!(receive.poll_with(&panics()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| tx.try_send(1))).is_err());
    assert_eq!(receive.unwrap(), Some(1), "the value is in");
}

// ---- remote

#[test]
fn remote_brings_values_from_threads_in_order() {
    let (tx, mut rx) = remote::channel(4);
    let threads: Vec<_> = (0..3)
        .map(|thread| {
            let tx = tx.clone();
            thread::spawn(move || {
                for n in 0..500 {
                    tx.send_blocking((thread, n)).unwrap();
                }
            })
        })
        .collect();
    drop(tx);
    let mut next = [0; 3];
    block_on(async {
        while let Some((thread, n)) = rx.recv().await {
            assert_eq!(n, next[thread]);
            next[thread] += 1;
        }
    });
    assert_eq!(next, [500; 3]);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn remote_says_full_and_closed_and_returns_the_value() {
    let (tx, mut rx) = remote::channel(1);
    tx.try_send(1).unwrap();
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(
        tx.send_blocking(2),
        Err(TrySendError::Full(2)),
        "this thread receives"
    );
    assert_eq!((tx.len(), rx.len(), tx.capacity()), (1, 1, 1));
    rx.close();
    assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(tx.send_blocking(3), Err(TrySendError::Closed(3)));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(block_on(rx.recv()), None);
}

#[test]
fn cross_thread_sender_with_dead_receiver_returns_error() {
    let (tx, rx) = remote::channel(1);
    tx.try_send(0).unwrap();
    let (ready_tx, ready_rx) = std::sync::mpsc::channel();
    let blocked = thread::spawn(move || {
        ready_tx.send(()).unwrap();
        tx.send_blocking(1)
    });
    ready_rx.recv().unwrap();
    drop(rx);
    assert_eq!(blocked.join().unwrap(), Err(TrySendError::Closed(1)));
}

#[test]
fn remote_ends_after_the_last_sender() {
    let (tx, mut rx) = remote::channel(2);
    let other = tx.clone();
    other.try_send('a').unwrap();
    drop(tx);
    assert_eq!(rx.try_recv(), Ok('a'));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut probe = Probe::new(rx.recv());
    assert!(probe.poll().is_pending());
    thread::spawn(move || drop(other)).join().unwrap();
    assert!(probe.is_woken());
    assert_eq!(probe.unwrap(), None);
}

#[test]
fn auto_traits() {
    fn send_sync<T: Send + Sync>() {}
    fn send<T: Send>() {}
    send_sync::<remote::Sender<u8>>();
    send::<remote::Receiver<u8>>();
}
