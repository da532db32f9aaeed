//! The combinators: order, fairness, who is polled how often, who is dropped when.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use downbeat::future::{OneOf, join, join_all, poll_once, race, yield_now};
use downbeat::sync::{channel, oneshot};
use downbeat::testing::{Alarm, Probe, Rng, block_on};

/// Counts its drops, and writes its name on a list when it is dropped.
struct Guard(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

#[test]
fn yield_now_wakes_first_and_is_pending_once() {
    let mut probe = Probe::new(yield_now());
    assert!(probe.poll().is_pending());
    assert!(probe.is_woken());
    assert!(probe.poll().is_ready());
    assert_eq!(probe.wakes(), 1);
}

#[test]
fn poll_once_looks_and_keeps_what_it_borrows() {
    let (tx, mut rx) = oneshot();
    assert_eq!(block_on(poll_once(&mut rx)), None);
    tx.send(7).unwrap();
    assert_eq!(block_on(poll_once(&mut rx)), Some(Ok(7)));
}

#[test]
fn join_returns_outputs_in_order_whoever_was_first() {
    let (tx, rx) = oneshot();
    let late = async { rx.await.unwrap() };
    let mut probe = Probe::new(join((late, ready("b"), async { 3_u8 })));
    assert!(probe.poll().is_pending());
    tx.send(1_i64).unwrap();
    assert_eq!(probe.unwrap(), (1, "b", 3));
}

#[test]
fn join_takes_eight() {
    let r = ready::<u8>;
    let all = join((r(1), r(2), r(3), r(4), r(5), r(6), r(7), r(8)));
    assert_eq!(block_on(all), (1, 2, 3, 4, 5, 6, 7, 8));
}

#[test]
fn join_drops_a_child_when_it_finishes_and_never_polls_it_again() {
    let drops = Rc::new(RefCell::new(Vec::new()));
    let guard = Guard("first", drops.clone());
    let first = async move {
        let _guard = guard;
    };
    let mut probe = Probe::new(join((first, pending::<()>())));
    assert!(probe.poll().is_pending());
    assert_eq!(*drops.borrow(), ["first"]);
    // An async block panics when it is polled after it has finished.
    assert!(probe.poll().is_pending());
}

#[test]
fn dropping_a_join_drops_children_and_early_outputs() {
    let drops = Rc::new(RefCell::new(Vec::new()));
    let (output, waiting) = (
        Guard("output", drops.clone()),
        Guard("waiting", drops.clone()),
    );
    let waits = async move {
        let _guard = waiting;
        pending::<()>().await;
    };
    let mut probe = Probe::new(join((ready(output), waits)));
    assert!(probe.poll().is_pending());
    assert!(drops.borrow().is_empty());
    drop(probe);
    drops.borrow_mut().sort_unstable();
    assert_eq!(*drops.borrow(), ["output", "waiting"]);
}

#[test]
fn join_all_keeps_the_order_for_few_and_for_many() {
    for count in [0, 1, 2, 15, 16, 17, 500] {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| oneshot()).unzip();
        let mut probe = Probe::new(join_all(receivers));
        assert_eq!(probe.poll().is_pending(), count > 0);
        if count == 0 {
            continue;
        }
        let mut senders: Vec<_> = senders.into_iter().enumerate().collect();
        let mut rng = Rng::new(count as u64);
        while !senders.is_empty() {
            let (index, sender) = senders.swap_remove(rng.below(senders.len()));
            sender.send(index).unwrap();
            assert!(probe.is_woken());
            let polled = probe.poll();
            assert_eq!(polled.is_ready(), senders.is_empty());
            if let Poll::Ready(outputs) = polled {
                let outputs: Vec<_> = outputs.into_iter().map(Result::unwrap).collect();
                assert_eq!(outputs, (0..count).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn join_all_takes_nothing_behind_the_end_of_an_iterator() {
    for end in [0, 1, 7, 8, 9, 20] {
        let mut asked = 0;
        // As that of a channel, which may be filled again at any time.
        let goes_on = std::iter::from_fn(|| {
            asked += 1;
            (asked != end + 1 && asked < 40).then(|| ready(asked))
        });
        let mut probe = Probe::new(join_all(goes_on));
        assert_eq!(probe.poll(), Poll::Ready((1..=end).collect::<Vec<_>>()));
        drop(probe);
        assert_eq!(asked, end + 1);
    }
}

#[test]
fn join_all_of_many_polls_only_who_was_woken() {
    let polls = Rc::new(Cell::new(0));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..1_000).map(|_| oneshot::<()>()).unzip();
    let counted = receivers.into_iter().map(|mut rx| {
        let polls = polls.clone();
        poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            Pin::new(&mut rx).poll(cx)
        })
    });
    let mut probe = Probe::new(join_all(counted));
    assert!(probe.poll().is_pending());
    for sender in senders {
        sender.send(()).unwrap();
        let _ = probe.poll();
    }
    assert_eq!(
        polls.get(),
        2_000,
        "one poll at first, and one for each wake"
    );
    assert_eq!(probe.polls(), 1_001);
}

#[test]
fn join_all_visits_a_child_once_per_poll() {
    let spin = || {
        let mut rounds = 0;
        poll_fn(move |cx: &mut Context<'_>| {
            rounds += 1;
            cx.waker().wake_by_ref();
            if rounds == 5 {
                Poll::Ready(rounds)
            } else {
                Poll::Pending
            }
        })
    };
    let mut probe = Probe::new(join_all((0..40).map(|_| spin())));
    for _ in 0..4 {
        assert!(probe.poll().is_pending());
        assert!(
            probe.is_woken(),
            "children that woke themselves wake the parent"
        );
    }
    assert_eq!(probe.unwrap(), vec![5; 40]);
}

#[test]
fn latest_waker_is_woken_join_all() {
    for count in [3, 100] {
        let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| oneshot()).unzip();
        let mut probe = Probe::new(join_all(receivers));
        let (first, second) = (Alarm::new(), Alarm::new());
        assert!(probe.poll_with(&first.waker()).is_pending());
        assert!(probe.poll_with(&second.waker()).is_pending());
        senders.pop().unwrap().send(()).unwrap();
        assert_eq!((first.wakes(), second.wakes()), (0, 1));
        assert_eq!(first.kept(), 0, "an old waker is dropped");
        drop(probe);
        assert_eq!(second.kept(), 0, "nothing keeps the parent's waker");
    }
}

#[test]
fn join_all_survives_wakes_after_its_end() {
    let kept: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let child = |done: bool| {
        let kept = kept.clone();
        poll_fn(move |cx: &mut Context<'_>| {
            kept.lock().unwrap().push(cx.waker().clone());
            if done { Poll::Ready(()) } else { Poll::Pending }
        })
    };
    let mut probe = Probe::new(join_all((0..20).map(|_| child(true))));
    assert_eq!(probe.unwrap().len(), 20);
    let mut dropped = Probe::new(join_all((0..20).map(|_| child(false))));
    assert!(dropped.poll().is_pending());
    let alarm = dropped.alarm().clone();
    drop(dropped);
    for waker in kept.lock().unwrap().drain(..) {
        waker.wake();
    }
    assert_eq!(alarm.wakes(), 0);
}

/// A join takes over the wakers of the one before it, whatever their numbers.
#[test]
fn join_all_loses_no_wake_after_another_has_ended() {
    for [first, second] in [[20, 30], [30, 20], [2000, 20], [20, 2000]] {
        let kept: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let leaves_its_waker = |_| {
            let kept = kept.clone();
            poll_fn(move |cx: &mut Context<'_>| {
                kept.lock().unwrap().push(cx.waker().clone());
                Poll::<()>::Pending
            })
        };
        let mut old = Probe::new(join_all((0..first).map(leaves_its_waker)));
        assert!(old.poll().is_pending());
        let alarm = old.alarm().clone();
        drop(old);
        assert_eq!(alarm.kept(), 0, "what is kept for the next knows no parent");
        kept.lock().unwrap().iter().for_each(Waker::wake_by_ref);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..second).map(|_| oneshot()).unzip();
        let mut new = Probe::new(join_all(receivers));
        assert!(new.poll().is_pending());
        // Those who have kept a waker wake somebody for nothing.
        for waker in kept.lock().unwrap().drain(..) {
            waker.wake();
        }
        assert!(new.poll().is_pending());
        for (number, sender) in senders.into_iter().enumerate() {
            assert!(!new.is_woken(), "{first} {second} {number}");
            sender.send(number).unwrap();
            assert!(new.is_woken());
            assert_eq!(new.poll().is_ready(), number + 1 == second);
        }
    }
}

#[test]
fn join_all_is_woken_from_other_threads() {
    for round in 0..20 {
        let count = 64;
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let children = (0..count).map(|index| {
            let wakers = wakers.clone();
            let mut polls = 0;
            poll_fn(move |cx: &mut Context<'_>| {
                polls += 1;
                if polls > 3 {
                    return Poll::Ready(index);
                }
                wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            })
        });
        let done = Arc::new(AtomicBool::new(false));
        let thread = |_| {
            let (wakers, done) = (wakers.clone(), done.clone());
            thread::spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    // In its own statement: the lock ends before the wake.
                    let waker = wakers.lock().unwrap().pop();
                    waker.map_or_else(thread::yield_now, Waker::wake);
                }
            })
        };
        let threads: Vec<_> = (0..2).map(thread).collect();
        let outputs = block_on(join_all(children));
        assert_eq!(outputs, (0..count).collect::<Vec<_>>(), "round {round}");
        done.store(true, Ordering::SeqCst);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn join_all_is_whole_after_a_child_panics() {
    let (tx, rx) = oneshot::<()>();
    let mut rx = Some(rx);
    let mut panicked = false;
    let children: Vec<Pin<Box<dyn Future<Output = ()>>>> = (0..20)
        .map(|index| -> Pin<Box<dyn Future<Output = ()>>> {
            match index {
                7 => Box::pin(poll_fn(move |_| {
                    assert!(
                        std::mem::replace(&mut panicked, true),
                        "the first poll panics"
                    );
                    Poll::Ready(())
                })),
                19 => {
                    let rx = rx.take().unwrap();
                    Box::pin(async move { rx.await.unwrap() })
                }
                _ => Box::pin(ready(())),
            }
        })
        .collect();
    let mut probe = Probe::new(join_all(children));
    assert!(catch_unwind(AssertUnwindSafe(|| probe.poll())).is_err());
    assert!(
        probe.poll().is_pending(),
        "the children after it are polled"
    );
    tx.send(()).unwrap();
    assert!(probe.is_woken());
}

#[test]
fn race_matches_completely_with_two_places() {
    let won = block_on(race((ready(1), pending::<&str>())));
    let value = match won {
        OneOf::First(number) => number,
        OneOf::Second(text) => text.len(),
    };
    assert_eq!(value, 1);
}

#[test]
fn race_takes_eight() {
    let p = pending::<()>;
    let won = block_on(race((p(), p(), p(), p(), p(), p(), p(), ready('h'))));
    assert_eq!(won, OneOf::Eighth('h'));
}

#[test]
fn race_drops_the_losers_before_the_output_is_seen() {
    let drops = Rc::new(RefCell::new(Vec::new()));
    let guard = Guard("loser", drops.clone());
    let loser = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let (tx, rx) = oneshot();
    let mut probe = Probe::new(race((loser, rx)));
    assert!(probe.poll().is_pending());
    tx.send(5).unwrap();
    assert_eq!(probe.unwrap(), OneOf::Second(Ok(5)));
    assert_eq!(
        *drops.borrow(),
        ["loser"],
        "the probe still holds the race itself"
    );
}

#[test]
fn race_made_anew_each_round_is_fair() {
    let (a_tx, a) = channel(1_000);
    let (b_tx, b) = channel(1_000);
    for n in 0..1_000 {
        a_tx.try_send(n).unwrap();
        b_tx.try_send(n).unwrap();
    }
    let mut won = [0, 0];
    block_on(async {
        for _ in 0..600 {
            match race((a.recv(), b.recv())).await {
                OneOf::First(_) => won[0] += 1,
                OneOf::Second(_) => won[1] += 1,
            }
        }
    });
    assert_eq!(won, [300, 300]);
    assert_eq!(
        (a.len(), b.len()),
        (700, 700),
        "nothing was taken from a loser"
    );
}

#[test]
fn race_begins_each_poll_one_place_further_on() {
    let order = RefCell::new(Vec::new());
    let child = |name| {
        poll_fn({
            let order = &order;
            move |_| -> Poll<()> {
                order.borrow_mut().push(name);
                Poll::Pending
            }
        })
    };
    let mut probe = Probe::new(race((child('a'), child('b'), child('c'))));
    for _ in 0..6 {
        assert!(probe.poll().is_pending());
    }
    drop(probe);
    let order = order.into_inner();
    let firsts: Vec<_> = order.chunks(3).map(|round| round[0]).collect();
    assert_eq!(firsts[..3], firsts[3..]);
    let mut names = firsts[..3].to_vec();
    names.sort_unstable();
    assert_eq!(names, ['a', 'b', 'c']);
}

#[test]
fn race_of_a_list_says_who_won_and_is_fair() {
    let mut won = [0; 3];
    for _ in 0..300 {
        won[block_on(race(vec![ready(()), ready(()), ready(())])).0] += 1;
    }
    assert_eq!(won, [100; 3]);
    let (tx, rx) = oneshot();
    let (_other, never) = oneshot();
    tx.send(4).unwrap();
    assert_eq!(block_on(race([never, rx])), (1, Ok(4)));
}

#[test]
fn race_of_a_slice_leaves_the_losers_with_the_caller() {
    let (a_tx, a) = oneshot();
    let (b_tx, b) = oneshot();
    let mut receivers = [a, b];
    b_tx.send('b').unwrap();
    assert_eq!(block_on(race(&mut receivers[..])), (1, Ok('b')));
    a_tx.send('a').unwrap();
    let [a, _] = receivers;
    assert_eq!(block_on(a), Ok('a'));
}

#[test]
#[should_panic(expected = "race of no futures")]
fn race_of_nothing_is_a_clear_panic() {
    let nobody: Vec<std::future::Ready<()>> = Vec::new();
    block_on(race(nobody));
}

#[test]
fn latest_waker_is_woken_race_and_join() {
    let (tx, rx) = oneshot();
    let mut probe = Probe::new(race((rx, pending::<()>())));
    let (first, second) = (Alarm::new(), Alarm::new());
    assert!(probe.poll_with(&first.waker()).is_pending());
    assert!(probe.poll_with(&second.waker()).is_pending());
    tx.send(()).unwrap();
    assert_eq!((first.wakes(), first.kept(), second.wakes()), (0, 0, 1));

    let (tx, rx) = oneshot();
    let mut probe = Probe::new(join((rx, pending::<()>())));
    let (first, second) = (Alarm::new(), Alarm::new());
    assert!(probe.poll_with(&first.waker()).is_pending());
    assert!(probe.poll_with(&second.waker()).is_pending());
    tx.send(()).unwrap();
    assert_eq!((first.wakes(), first.kept(), second.wakes()), (0, 0, 1));
}
