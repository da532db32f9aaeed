//! The wheel against a sorted map, and where it is easily wrong.

use super::*;
use crate::clock;
use std::collections::BTreeMap;

/// C12: random arms, cancels and fires, against a sorted map.
#[test]
fn wheel_equals_btreemap_model() {
    let start = clock::system_now();
    let (mut timers, mut model, mut keys) = (Timers::new(start), BTreeMap::new(), Vec::new());
    let mut seed = 1_u64;
    for step in 0..40_000_u64 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let random = seed >> 33;
        let now = start + Duration::from_micros(step * 100);
        match random % 4 {
            0 | 1 => {
                // From nanoseconds to minutes away, often equal to another.
                let range = 10_u64.pow((random >> 4) as u32 % 11);
                let deadline = now + Duration::from_nanos(random % 97 * range);
                let key = timers.arm(deadline, Waker::noop().clone());
                model.insert((deadline, step), key);
                keys.push((deadline, step));
            }
            2 if !keys.is_empty() => {
                let rank = keys.swap_remove(random as usize % keys.len());
                let key = model.remove(&rank);
                assert_eq!(
                    key.is_some(),
                    key.is_some_and(|key| timers.cancel(key).is_some())
                );
            }
            _ => {
                let first = model.keys().next().map(|rank| rank.0);
                let next = timers.next();
                assert_eq!(next.is_some(), first.is_some());
                assert!(next <= first, "never too late");
                let due = model.first_key_value().filter(|(rank, _)| rank.0 <= now);
                let due = due.map(|(rank, key)| (*rank, *key));
                assert_eq!(timers.pop_due(timers.nanos(now)).is_some(), due.is_some());
                if let Some((rank, key)) = due {
                    model.remove(&rank);
                    assert!(timers.set_waker(key, Waker::noop().clone()).is_err());
                }
            }
        }
        assert_eq!(timers.len(), model.len());
    }
}

#[test]
fn the_next_deadline_is_exact_where_few_are_near() {
    let start = clock::system_now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut timers = Timers::new(start);
    let keys: Vec<_> = (30..40)
        .map(|seconds| timers.arm(at(seconds), Waker::noop().clone()))
        .collect();
    for (key, seconds) in keys.into_iter().zip(30..) {
        assert_eq!(timers.next(), Some(at(seconds)));
        assert!(timers.cancel(key).is_some());
    }
    assert_eq!(timers.next(), None);
}

#[test]
fn a_deadline_that_is_past_fires_at_once() {
    let start = clock::system_now();
    let mut timers = Timers::new(start);
    let now = start + Duration::from_secs(5);
    assert!(timers.pop_due(timers.nanos(now)).is_none());
    timers.arm(start, Waker::noop().clone());
    assert!(timers.next() <= Some(now));
    assert!(timers.pop_due(timers.nanos(now)).is_some());
    assert_eq!((timers.len(), timers.next()), (0, None));
}

#[test]
fn the_last_nanosecond_has_a_place() {
    let start = clock::system_now();
    let mut timers = Timers::new(start);
    let far = clock::instant_after(start, Duration::MAX);
    let key = timers.arm(far, Waker::noop().clone());
    let near = timers.arm(start + Duration::from_nanos(1), Waker::noop().clone());
    assert_eq!(timers.next(), Some(start + Duration::from_nanos(1)));
    assert!(timers.cancel(near).is_some() && timers.cancel(key).is_some());
}

/// C01: what was the earliest of a slot says nothing about who is left in it.
#[test]
fn a_timer_left_alone_in_its_slot_is_not_early() {
    let start = clock::system_now();
    let at = |millis| start + Duration::from_millis(millis);
    let mut timers = Timers::new(start);
    let earlier = timers.arm(at(1000), Waker::noop().clone());
    timers.arm(at(1006), Waker::noop().clone());
    assert_eq!(
        timers.place(timers.nanos(at(1000))),
        timers.place(timers.nanos(at(1006)))
    );
    assert!(timers.cancel(earlier).is_some());
    assert!(timers.pop_due(timers.nanos(at(1003))).is_none());
    assert!(timers.pop_due(timers.nanos(at(1006))).is_some());
}
