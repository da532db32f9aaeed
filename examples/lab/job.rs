//! Jobs: the unit of a load, and the async program that works one off.
//!
//! Owns: `Job` (what is planned), `Out` (what happened), the arrivals.
//!
//! Laws: the program is an ordinary one. A job is a task that uses the processor by
//! `time::work` and yields between its polls; the arrivals are a task that sleeps
//! until the next one and spawns it. Waiting is counted from the planned instant.
//!
//! Absent on purpose: any engine. Who runs next, and when, is the loop's business.
//!
//! Read next: `bench.rs`.

use downbeat::policy::Sched;
use downbeat::runtime::{current_task, spawn_with};
use downbeat::sync::Notify;
use downbeat::time::{now, sleep_until, work};
use downbeat::{SpawnOptions, yield_now};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Tasks of this group are the laboratory's own: arrivals, stop watches. They come
/// before all others (see `door.rs`), since the world outside waits for no policy.
pub(crate) const LAB: u32 = u32::MAX;

/// The group of the watchman, who comes after all others.
const WATCH: u32 = u32::MAX - 1;

/// One piece of work, as planned. Times in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its arrival, after the beginning.
    pub(crate) at: u64,
    /// Its work.
    pub(crate) size: u64,
    /// The longest poll it does.
    pub(crate) poll: u64,
    /// Larger is more urgent.
    pub(crate) priority: u32,
    /// Its share.
    pub(crate) weight: u32,
    /// Its group.
    pub(crate) group: u32,
    /// Its deadline, after the beginning.
    pub(crate) deadline: Option<u64>,
}

/// What became of a job. Times in nanoseconds after the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Out {
    /// Its spawn: at or shortly after its arrival.
    pub(crate) spawned: u64,
    /// The start of its first poll.
    pub(crate) start: u64,
    /// Its end; 0 for a job that was turned away.
    pub(crate) end: u64,
    /// When it left: its end, or when it was turned away.
    pub(crate) left: u64,
}

/// A job that is there. Its drop, at the end or on the way, is its leave.
struct Stay {
    number: usize,
    site: Rc<Site>,
}

/// What all jobs share.
struct Site {
    /// The beginning.
    zero: Instant,
    /// By number of the job.
    outs: RefCell<Vec<Out>>,
    /// How many are not done yet.
    left: Cell<usize>,
    /// Told when none is.
    done: Notify,
}

/// The most jobs spawned without a breath.
const ONE_POLL: u64 = u64::MAX;

impl Job {
    /// A job of one poll.
    pub(crate) fn new(at: u64, size: u64) -> Self {
        Self {
            at,
            size,
            poll: ONE_POLL,
            priority: 0,
            weight: 1,
            group: 0,
            deadline: None,
        }
    }

    /// The same job in polls of at most this length.
    pub(crate) fn cut(mut self, poll: u64) -> Self {
        self.poll = poll;
        self
    }

    fn options(&self, zero: Instant, number: usize) -> SpawnOptions {
        let options = SpawnOptions::new()
            .name(format!("job {number}"))
            .priority(self.priority)
            .weight(self.weight)
            .group(self.group)
            .size(self.size);
        match self.deadline {
            Some(deadline) => options.deadline(zero + Duration::from_nanos(deadline)),
            None => options,
        }
    }
}

/// The program: all jobs arrive, are worked off, and it ends with the last one.
pub(crate) async fn open(jobs: Rc<[Job]>) -> Vec<Out> {
    let site = Rc::new(Site {
        zero: now(),
        outs: RefCell::new(vec![Out::default(); jobs.len()]),
        left: Cell::new(jobs.len()),
        done: Notify::new(),
    });
    drop(spawn_with(
        arrivals(Rc::clone(&jobs), Rc::clone(&site)),
        SpawnOptions::new().name("arrivals").group(LAB),
    ));
    if !jobs.is_empty() {
        site.done.notified().await;
    }
    site.outs.take()
}

/// Sleeps until the next arrival and spawns it.
async fn arrivals(jobs: Rc<[Job]>, site: Rc<Site>) {
    for (number, job) in jobs.iter().enumerate() {
        let at = site.zero + Duration::from_nanos(job.at);
        if at > now() {
            sleep_until(at).await;
        }
        site.outs.borrow_mut()[number].spawned = since(site.zero);
        let site_of_job = Rc::clone(&site);
        let stay = Stay {
            number,
            site: site_of_job,
        };
        drop(spawn_with(
            work_off(stay, job.size, job.poll),
            job.options(site.zero, number),
        ));
    }
}

/// Works one job off.
async fn work_off(stay: Stay, size: u64, poll: u64) {
    stay.note(|out, now| out.start = now);
    let mut left = size;
    loop {
        let step = left.min(poll);
        work(Duration::from_nanos(step));
        left -= step;
        if left == 0 {
            break;
        }
        yield_now().await;
    }
    stay.note(|out, now| out.end = now);
}

impl Stay {
    /// Writes into what became of the job.
    fn note(&self, write: impl FnOnce(&mut Out, u64)) {
        let now = since(self.site.zero);
        if let Some(out) = self.site.outs.borrow_mut().get_mut(self.number) {
            write(out, now);
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.note(|out, now| out.left = now);
        self.site.left.set(self.site.left.get() - 1);
        if self.site.left.get() == 0 {
            self.site.done.notify_one();
        }
    }
}

/// Nanoseconds since `zero`.
pub(crate) fn since(zero: Instant) -> u64 {
    now().saturating_duration_since(zero).as_nanos() as u64
}

/// Makes the running task one of the laboratory's own.
pub(crate) fn join_the_lab() {
    current_task(|task| task.set_group(LAB));
}

/// Whether a task is the laboratory's own, and no job.
pub(crate) fn is_of_the_lab(task: &Sched) -> bool {
    task.group() >= WATCH
}

/// Whether a task goes only when nobody else can.
pub(crate) fn is_last(task: &Sched) -> bool {
    task.group() == WATCH
}

/// Keeps the loop from sleeping, so that on the machine arrivals are seen at their
/// instants: a timer of the system has a grain of a millisecond.
pub(crate) fn stay_awake() {
    let watch = async {
        loop {
            yield_now().await;
        }
    };
    let options = SpawnOptions::new().name("watchman").group(WATCH);
    drop(spawn_with(watch, options));
}

/// A task that is always ready: works for `poll`, yields, again, until `end`.
/// `each` is told when the work of every poll began and ended.
pub(crate) async fn busy(poll: Duration, end: Instant, mut each: impl FnMut(Instant, Instant)) {
    while now() < end {
        let began = now();
        work(poll);
        each(began, now());
        yield_now().await;
    }
}
