//! The timer wheel against a sorted map.

use crate::clock;
use crate::driver::timers::{TimerKey, Timers};
use crate::http::fuzzing::bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A waker that writes its name down.
struct Named {
    name: usize,
    log: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.log.lock().unwrap().push(self.name);
    }
}

/// Two bytes per operation.
pub fn target(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let start = clock::system_now();
    let log = Arc::new(Mutex::new(Vec::new()));
    let waker = |name| {
        let log = Arc::clone(&log);
        Waker::from(Arc::new(Named { name, log }))
    };
    let (mut timers, mut now) = (Timers::new(start), start);
    // By deadline and order of arming: the key and the name of its waker.
    let mut model: BTreeMap<_, (TimerKey, usize)> = BTreeMap::new();
    let mut armed: Vec<(_, TimerKey)> = Vec::new();
    let mut names = 0;
    while !bytes.is_empty() {
        let (operation, argument) = (bytes.byte(), bytes.byte());
        match operation % 5 {
            0 | 1 => {
                let deadline = match operation / 5 % 4 {
                    // Many equal ones; the present; far away. (A sleep whose deadline has
                    // passed is over before it arms a timer.)
                    0 => now + Duration::from_millis(u64::from(argument % 4)),
                    1 => now.max(start + Duration::from_nanos(u64::from(argument))),
                    2 => clock::instant_after(now, Duration::MAX),
                    _ => now + Duration::from_micros(u64::from(argument) * 997),
                };
                names += 1;
                let key = timers.arm(deadline, waker(names));
                let rank = (deadline, armed.len());
                model.insert(rank, (key, names));
                armed.push((rank, key));
            }
            2 if !armed.is_empty() => {
                let (rank, key) = armed[usize::from(argument) % armed.len()];
                let live = model.remove(&rank).is_some();
                assert_eq!(timers.cancel(key).is_some(), live, "cancel of {rank:?}");
                assert!(timers.cancel(key).is_none(), "cancelled twice");
            }
            3 if !armed.is_empty() => {
                let (rank, key) = armed[usize::from(argument) % armed.len()];
                names += 1;
                let set = timers.set_waker(key, waker(names));
                match model.get_mut(&rank) {
                    Some((_, name)) => {
                        assert!(set.is_ok(), "{rank:?} is armed");
                        *name = names;
                    }
                    None => assert!(set.is_err(), "{rank:?} has fired"),
                }
            }
            _ => {
                now += Duration::from_micros(u64::from(argument) * 31);
                fire(&mut timers, &mut model, now, &log);
            }
        }
        let first = model.keys().next().map(|rank| rank.0);
        let next = timers.next();
        assert!(
            next.is_some() == first.is_some() && next <= first,
            "too late"
        );
        assert_eq!(timers.len(), model.len());
    }
    now = clock::instant_after(now, Duration::MAX);
    fire(&mut timers, &mut model, now, &log);
    assert_eq!(timers.next(), None, "all have fired");
}

/// All that are due, in order, and nothing else.
fn fire<R: Ord + Copy>(
    timers: &mut Timers,
    model: &mut BTreeMap<(std::time::Instant, R), (TimerKey, usize)>,
    now: std::time::Instant,
    log: &Mutex<Vec<usize>>,
) {
    let until = timers.nanos(now);
    while let Some(waker) = timers.pop_due(until) {
        waker.wake();
    }
    let mut want = Vec::new();
    while let Some(first) = model.first_entry().filter(|first| first.key().0 <= now) {
        want.push(first.remove().1);
    }
    assert_eq!(*log.lock().unwrap(), want, "at {now:?}");
    log.lock().unwrap().clear();
}
