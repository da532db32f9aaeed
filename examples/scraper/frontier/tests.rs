//! Tests of `frontier.rs`.

use super::*;

/// Starts all that may start now; jobs in order, and what `next` said then.
fn start_all(frontier: &mut Frontier<u32>, now: Instant) -> (Vec<u32>, Next<u32>) {
    let mut started = Vec::new();
    loop {
        match frontier.next(now) {
            Next::Start(_, job) => started.push(job),
            other => return (started, other),
        }
    }
}

fn key(frontier: &Frontier<u32>, name: &str) -> HostKey {
    frontier.names[name]
}

fn begin() -> Instant {
    downbeat::time::now()
}

#[test]
fn hosts_take_turns_and_keep_their_cap() {
    let now = begin();
    let mut frontier = Frontier::new(2, Duration::ZERO);
    for job in [10, 11, 12, 13] {
        frontier.push(Some("a"), job, now);
    }
    frontier.push(Some("b"), 20, now);
    frontier.push(None, 1, now);
    let (started, next) = start_all(&mut frontier, now);
    assert_eq!(started, [1, 10, 20, 11]);
    assert_eq!(next, Next::Nothing);
    let a = key(&frontier, "a");
    frontier.finished(a, now);
    assert_eq!(start_all(&mut frontier, now).0, [12]);
    assert_eq!(frontier.len(), 1);
}

#[test]
fn starts_on_one_host_are_a_delay_apart() {
    let now = begin();
    let second = Duration::from_secs(1);
    let mut frontier = Frontier::new(0, second);
    for job in [10, 11, 12] {
        frontier.push(Some("a"), job, now);
    }
    let (started, next) = start_all(&mut frontier, now);
    assert_eq!((started, next), (vec![10], Next::At(now + second)));
    let (started, next) = start_all(&mut frontier, now + second);
    assert_eq!((started, next), (vec![11], Next::At(now + 2 * second)));
}

#[test]
fn the_delay_begins_when_a_job_has_entered() {
    let now = begin();
    let second = Duration::from_secs(1);
    let mut frontier = Frontier::new(0, second);
    frontier.await_entry();
    for job in [10, 11, 12] {
        frontier.push(Some("a"), job, now);
    }
    assert_eq!(start_all(&mut frontier, now), (vec![10], Next::Nothing));
    let a = key(&frontier, "a");
    let later = now + 5 * second;
    assert_eq!(start_all(&mut frontier, later).0, [0; 0]);
    frontier.entered(a, later);
    let next = Next::At(later + second);
    assert_eq!(start_all(&mut frontier, later), (vec![], next));
    assert_eq!(start_all(&mut frontier, later + second).0, [11]);
    // One that was sent away has not used the host.
    frontier.will_not_enter(a, later + second);
    assert_eq!(start_all(&mut frontier, later + second).0, [12]);
}

#[test]
fn the_delay_outlives_the_queue() {
    let now = begin();
    let second = Duration::from_secs(1);
    let mut frontier = Frontier::new(1, second);
    frontier.push(Some("a"), 10, now);
    assert_eq!(start_all(&mut frontier, now).0, [10]);
    let a = key(&frontier, "a");
    frontier.finished(a, now);
    // Nothing of it is here, so nothing is worth waiting for.
    assert_eq!(frontier.next(now), Next::Nothing);
    frontier.push(Some("a"), 11, now);
    assert_eq!(frontier.next(now), Next::At(now + second));
    assert_eq!(start_all(&mut frontier, now + second).0, [11]);
}

#[test]
fn a_parked_job_waits_alone_and_comes_first() {
    let now = begin();
    let second = Duration::from_secs(1);
    let mut frontier = Frontier::new(1, Duration::ZERO);
    for job in [10, 11, 12] {
        frontier.push(Some("a"), job, now);
    }
    assert_eq!(start_all(&mut frontier, now).0, [10]);
    let a = key(&frontier, "a");
    frontier.park(a, 10, now + second, now);
    assert_eq!(frontier.len(), 3);
    // The next URL of the host takes the place at once.
    let (started, next) = start_all(&mut frontier, now);
    assert_eq!((started, next), (vec![11], Next::At(now + second)));
    frontier.finished(a, now);
    assert_eq!(start_all(&mut frontier, now + second).0, [10]);
}

#[test]
fn a_held_host_starts_nothing_though_it_was_ready() {
    let now = begin();
    let second = Duration::from_secs(1);
    let mut frontier = Frontier::new(2, Duration::ZERO);
    for job in [10, 11] {
        frontier.push(Some("a"), job, now);
    }
    frontier.push(Some("b"), 20, now);
    assert_eq!(frontier.next(now), Next::Start(Some(HostKey(0)), 10));
    frontier.hold(HostKey(0), now + second);
    let (started, next) = start_all(&mut frontier, now);
    assert_eq!((started, next), (vec![20], Next::At(now + second)));
    assert_eq!(start_all(&mut frontier, now + second).0, [11]);
}

#[test]
fn hosts_are_forgotten() {
    let now = begin();
    let mut frontier = Frontier::new(6, Duration::ZERO);
    for number in 0..1000 {
        let name = format!("host{number}");
        frontier.push(Some(&name), number, now);
        let Next::Start(Some(host), _) = frontier.next(now) else {
            panic!("a lone job of a new host can start");
        };
        frontier.finished(host, now);
    }
    assert!(frontier.names.is_empty());
    assert_eq!(frontier.hosts.len(), 1);
}

#[test]
fn clearing_leaves_what_is_out() {
    let now = begin();
    let mut frontier = Frontier::new(1, Duration::ZERO);
    for job in [10, 11, 12] {
        frontier.push(Some("a"), job, now);
    }
    frontier.push(Some("b"), 20, now);
    assert_eq!(frontier.next(now), Next::Start(Some(HostKey(0)), 10));
    frontier.park(HostKey(0), 10, now + Duration::from_secs(1), now);
    assert_eq!(frontier.next(now), Next::Start(Some(HostKey(1)), 20));
    assert_eq!(frontier.clear(), 3);
    frontier.finished(HostKey(1), now);
    assert_eq!(frontier.next(now), Next::Nothing);
    assert_eq!(frontier.len(), 0);
}
