//! The frontier: URLs that were read and may not start yet, and which is next.
//!
//! Owns: one queue per host, the hosts that may start something, and two heaps of
//! those that must wait for a time: hosts (delay, `Retry-After`) and single jobs
//! (a retry). Generic over the job, and the caller says what time it is: a pure
//! data structure.
//!
//! Laws:
//! * A job is in one place: a queue, the heap of parked jobs, or the caller's hands.
//! * A host never has more than `cap` jobs out, and starts are `delay` apart. A job
//!   that is out may have to wait before it starts (`await_entry`); then the next one of
//!   a host with a delay comes out only after that.
//! * Hosts that can start take turns, so a host with many URLs delays no other.
//! * A host with nothing queued, out, parked or to wait for is forgotten: memory
//!   follows the jobs that are here, not the hosts that ever were.
//!
//! Absent on purpose: a bound. The scheduler reads no more than its window.
//!
//! Read next: `scheduler.rs`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// URLs that wait for their turn.
pub(crate) struct Frontier<J> {
    /// Jobs of one host that may be out at once.
    cap: usize,
    /// Time between two starts on one host.
    delay: Duration,
    /// Jobs that are out start when `entered` says so.
    await_entry: bool,
    /// Place of each known host.
    names: HashMap<Rc<str>, HostKey>,
    /// The hosts; `None` where one was forgotten.
    hosts: Vec<Option<Host<J>>>,
    /// Free places in `hosts`.
    free: Vec<usize>,
    /// Jobs that belong to no host.
    homeless: VecDeque<J>,
    /// Hosts that can start a job now.
    ready: VecDeque<HostKey>,
    /// Hosts that wait for a time. The number keeps ties in order.
    closed: BinaryHeap<Reverse<(Instant, u64, HostKey)>>,
    /// When each parked job may go back to its queue. The number names it.
    parked: BinaryHeap<Reverse<(Instant, u64, HostKey)>>,
    /// The parked jobs.
    parked_jobs: HashMap<u64, J>,
    /// Number of the next heap entry.
    entries: u64,
    /// Jobs in all queues.
    queued: usize,
}

/// The place of a host in a [`Frontier`]; valid while one of its jobs is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostKey(usize);

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<J> {
    /// Start this job; its host is told by `finished` or `park`.
    Start(Option<HostKey>, J),
    /// Nothing may start before this instant.
    At(Instant),
    /// Nothing may start before a job that is out has ended, or another comes.
    Nothing,
}

/// One host.
struct Host<J> {
    /// Its name.
    name: Rc<str>,
    /// Its jobs, next one first.
    queue: VecDeque<J>,
    /// How many of its jobs are out.
    out: usize,
    /// How many of those have not started.
    before_start: usize,
    /// How many of its jobs are parked.
    parked: usize,
    /// Nothing starts before.
    opens: Instant,
    /// Which list it is in.
    place: Place,
}

/// Where a host is; at most one list holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In no list.
    Nowhere,
    /// In `ready`.
    Ready,
    /// In `closed`.
    Closed,
}

impl HostKey {
    /// A number that no other host has at the same time; 0 is none's.
    pub(crate) fn number(self) -> u32 {
        u32::try_from(self.0 + 1).unwrap_or(u32::MAX)
    }
}

impl<J> Frontier<J> {
    /// An empty frontier. A `cap` of 0 is none.
    pub(crate) fn new(cap: usize, delay: Duration) -> Self {
        Self {
            cap: if cap == 0 { usize::MAX } else { cap },
            delay,
            await_entry: false,
            names: HashMap::new(),
            hosts: Vec::new(),
            free: Vec::new(),
            homeless: VecDeque::new(),
            ready: VecDeque::new(),
            closed: BinaryHeap::new(),
            parked: BinaryHeap::new(),
            parked_jobs: HashMap::new(),
            entries: 0,
            queued: 0,
        }
    }

    /// From now on a job that is out has started only when [`entered`](Self::entered)
    /// says so.
    pub(crate) fn await_entry(&mut self) {
        self.await_entry = true;
    }

    /// The next job that may start at `now`.
    pub(crate) fn next(&mut self, now: Instant) -> Next<J> {
        if let Some(job) = self.homeless.pop_front() {
            self.queued -= 1;
            return Next::Start(None, job);
        }
        self.unpark(now);
        self.open(now);
        while let Some(key) = self.ready.pop_front() {
            let (delay, await_entry) = (self.delay, self.await_entry);
            let Some(host) = self.host(key) else { continue };
            host.place = Place::Nowhere;
            if host.opens <= now
                && let Some(job) = host.queue.pop_front()
            {
                host.out += 1;
                if await_entry {
                    host.before_start += 1;
                } else {
                    host.opens = now.checked_add(delay).unwrap_or(host.opens);
                }
                self.queued -= 1;
                self.settle(key, now);
                return Next::Start(Some(key), job);
            }
            // It was held after it became ready.
            self.settle(key, now);
        }
        let closed = self.closed.peek().filter(|_| self.queued > 0);
        match [self.parked.peek(), closed]
            .into_iter()
            .flatten()
            .map(|Reverse((at, ..))| *at)
            .min()
        {
            Some(at) => Next::At(at),
            None => Next::Nothing,
        }
    }

    /// Adds a job of this host; `None` for one that needs no host.
    pub(crate) fn push(&mut self, host: Option<&str>, job: J, now: Instant) {
        self.queued += 1;
        let Some(name) = host else {
            return self.homeless.push_back(job);
        };
        let key = match self.names.get(name) {
            Some(key) => *key,
            None => self.meet(name, now),
        };
        if let Some(host) = self.host(key) {
            host.queue.push_back(job);
        }
        self.settle(key, now);
    }

    /// A job of this host has started.
    pub(crate) fn entered(&mut self, key: HostKey, now: Instant) {
        let delay = self.delay;
        if let Some(host) = self.host(key) {
            let opens = now.checked_add(delay).unwrap_or(host.opens);
            host.opens = host.opens.max(opens);
        }
        self.will_not_enter(key, now);
    }

    /// A job of this host will not start before it is back here.
    pub(crate) fn will_not_enter(&mut self, key: HostKey, now: Instant) {
        if let Some(host) = self.host(key) {
            host.before_start = host.before_start.saturating_sub(1);
        }
        self.settle(key, now);
    }

    /// A job of this host has ended.
    pub(crate) fn finished(&mut self, key: HostKey, now: Instant) {
        if let Some(host) = self.host(key) {
            host.out -= 1;
        }
        self.settle(key, now);
    }

    /// A job of this host comes back, to be started not before `until`.
    pub(crate) fn park(&mut self, key: HostKey, job: J, until: Instant, now: Instant) {
        if let Some(host) = self.host(key) {
            host.parked += 1;
        }
        let entry = self.entry();
        self.parked.push(Reverse((until, entry, key)));
        self.parked_jobs.insert(entry, job);
        self.finished(key, now);
    }

    /// Nothing of this host starts before `until`.
    pub(crate) fn hold(&mut self, key: HostKey, until: Instant) {
        if let Some(host) = self.host(key) {
            host.opens = host.opens.max(until);
        }
    }

    /// Jobs that are here.
    pub(crate) fn len(&self) -> usize {
        self.queued + self.parked_jobs.len()
    }

    /// Forgets all jobs that are here, and says how many that were.
    pub(crate) fn clear(&mut self) -> usize {
        let here = self.len();
        for host in self.hosts.iter_mut().flatten() {
            host.queue.clear();
            host.parked = 0;
        }
        self.homeless.clear();
        self.parked.clear();
        self.parked_jobs.clear();
        self.queued = 0;
        here
    }

    /// Puts a host where it belongs, if it is in no list.
    fn settle(&mut self, key: HostKey, now: Instant) {
        let (cap, undelayed) = (self.cap, self.delay.is_zero());
        let Some(host) = self.host(key) else { return };
        if host.place != Place::Nowhere {
            return;
        }
        let idle = host.queue.is_empty() && host.out == 0 && host.parked == 0;
        let unlocked = undelayed || host.before_start == 0;
        let startable = !host.queue.is_empty() && host.out < cap && unlocked;
        let opens = host.opens;
        if opens > now && (idle || startable) {
            // An idle host is kept too: its delay runs.
            host.place = Place::Closed;
            let entry = self.entry();
            self.closed.push(Reverse((opens, entry, key)));
        } else if startable {
            host.place = Place::Ready;
            self.ready.push_back(key);
        } else if idle {
            self.forget(key);
        }
    }

    /// Parked jobs whose time has come go to the front of their queues.
    fn unpark(&mut self, now: Instant) {
        while let Some(Reverse((at, entry, key))) = self.parked.peek().copied()
            && at <= now
        {
            self.parked.pop();
            let job = self.parked_jobs.remove(&entry);
            if let (Some(job), Some(host)) = (job, self.host(key)) {
                host.parked -= 1;
                host.queue.push_front(job);
                self.queued += 1;
                self.settle(key, now);
            }
        }
    }

    /// Closed hosts whose time has come are settled again.
    fn open(&mut self, now: Instant) {
        while let Some(Reverse((at, _, key))) = self.closed.peek().copied()
            && at <= now
        {
            self.closed.pop();
            if let Some(host) = self.host(key) {
                host.place = Place::Nowhere;
            }
            self.settle(key, now);
        }
    }

    /// A host that is not known yet.
    fn meet(&mut self, name: &str, now: Instant) -> HostKey {
        let name: Rc<str> = Rc::from(name);
        let host = Host {
            name: Rc::clone(&name),
            queue: VecDeque::new(),
            out: 0,
            before_start: 0,
            parked: 0,
            opens: now,
            place: Place::Nowhere,
        };
        let at = self.free.pop().unwrap_or(self.hosts.len());
        if at == self.hosts.len() {
            self.hosts.push(None);
        }
        self.hosts[at] = Some(host);
        self.names.insert(name, HostKey(at));
        HostKey(at)
    }

    fn forget(&mut self, key: HostKey) {
        if let Some(host) = self.hosts.get_mut(key.0).and_then(Option::take) {
            self.names.remove(&host.name);
            self.free.push(key.0);
        }
    }

    fn host(&mut self, key: HostKey) -> Option<&mut Host<J>> {
        self.hosts.get_mut(key.0)?.as_mut()
    }

    fn entry(&mut self) -> u64 {
        self.entries += 1;
        self.entries
    }
}

#[cfg(test)]
mod tests;
