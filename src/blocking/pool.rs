//! The pool: a mutex, a queue, and threads that come when needed and leave when
//! idle.
//!
//! Owns: the queued jobs and the count of threads.
//!
//! Laws: B02, a job that panics does not end its thread. B03, at most so many
//! threads; look-ups of names get half of them, so a dead name server cannot stop
//! file I/O. B04, at the end queued jobs are cancelled, running ones get a grace
//! and are then left alone. B06, idle threads leave.
//!
//! Absent on purpose: work stealing and lock-free queues. A job costs a system
//! call or a millisecond; the lock is noise.
//!
//! Read next: `net/resolve.rs`.

use crate::primitives::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use crate::runtime::state::{OutsideWork, PoolLimits};
use crate::task::join::drop_caught;
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// A closure on its way to a thread.
pub(crate) struct Job {
    /// What kind of work it is.
    pub(super) class: Class,
    /// The work. Dropped unrun, it resolves itself as cancelled.
    pub(super) run: Box<dyn FnOnce() + Send>,
}

/// What kind of work a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Anything.
    General,
    /// A look-up of a name: at most half of the threads.
    Resolve,
}

/// The threads of one loop.
pub(crate) struct Pool {
    /// Shared with the threads.
    shared: Arc<Shared>,
}

/// What the loop and the threads share.
struct Shared {
    /// The queue and the counts.
    queue: Mutex<Queue>,
    /// Rings for idle threads.
    work: Condvar,
    /// Rings when a thread has ended.
    ended: Condvar,
    /// The limits.
    limits: PoolLimits,
    /// Wakes the loop.
    ring: Box<dyn Fn() + Send + Sync>,
}

/// What the lock protects.
#[derive(Default)]
struct Queue {
    /// Jobs no thread has begun, oldest first.
    jobs: VecDeque<Job>,
    /// Threads that exist.
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    /// Threads that look up names.
    resolving: usize,
    /// Jobs that have not resolved.
    pending: usize,
    /// The loop sleeps until no job is left.
    watched: bool,
    /// The loop is gone.
    closed: bool,
}

impl Pool {
    /// A pool without threads.
    pub(crate) fn new(limits: PoolLimits, ring: Box<dyn Fn() + Send + Sync>) -> Self {
        let (queue, work, ended) = (Mutex::default(), Condvar::new(), Condvar::new());
        Self {
            shared: Arc::new(Shared {
                queue,
                work,
                ended,
                limits,
                ring,
            }),
        }
    }

    /// Takes a job, and a thread for it where none is idle.
    ///
    /// # Errors
    /// When the loop is gone, or the system refuses the pool its first thread; the
    /// job is dropped then.
    pub(crate) fn submit(&self, job: Job) -> io::Result<()> {
        let mut queue = self.shared.lock();
        if queue.closed {
            drop(queue);
            return Err(io::Error::other("the loop is gone"));
        }
        queue.jobs.push_back(job);
        queue.pending += 1;
        if queue.idle >= queue.jobs.len() || queue.threads >= self.shared.limits.threads {
            drop(queue);
            self.shared.work.notify_one();
            return Ok(());
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::clone(&self.shared);
        let spawned = thread::Builder::new()
            .name("downbeat-blocking".into())
            .spawn(move || work(&shared));
        match spawned {
            Ok(_) => Ok(()),
            Err(error) => self.thread_refused(error),
        }
    }

    /// The system gives us no thread: others may do the job; otherwise it fails.
    fn thread_refused(&self, error: io::Error) -> io::Result<()> {
        let mut queue = self.shared.lock();
        queue.threads -= 1;
        if queue.threads > 0 {
            drop(queue);
            self.shared.work.notify_one();
            return Ok(());
        }
        let job = queue.jobs.pop_back();
        queue.pending -= usize::from(job.is_some());
        drop(queue);
        drop(job); // User code: outside the lock.
        Err(error)
    }
}

impl OutsideWork for Pool {
    fn watch(&self) -> usize {
        let mut queue = self.shared.lock();
        queue.watched = queue.pending > 0;
        queue.pending
    }

    fn shut_down(&self, grace: Duration) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let cancelled = std::mem::take(&mut queue.jobs);
        queue.pending -= cancelled.len();
        drop(queue);
        self.shared.work.notify_all();
        for job in cancelled {
            drop(drop_caught(job));
        }
        let queue = self.shared.lock();
        // What still runs after the grace keeps only its own half of the shared
        // state; its result is dropped there.
        let still = |queue: &mut Queue| queue.threads > 0;
        drop(self.shared.ended.wait_timeout_while(queue, grace, still));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks up names at most on half of the threads (at least one).
    fn may_resolve(&self, queue: &Queue) -> bool {
        queue.resolving < (self.limits.threads / 2).max(1)
    }
}

impl Queue {
    /// The oldest job that may run now.
    fn take_job(&mut self, may_resolve: bool) -> Option<Job> {
        let at = self
            .jobs
            .iter()
            .position(|job| may_resolve || job.class != Class::Resolve)?;
        self.jobs.remove(at)
    }
}

/// The life of a thread: jobs, then a while without, then the end.
fn work(shared: &Shared) {
    let mut queue = shared.lock();
    loop {
        let may_resolve = shared.may_resolve(&queue);
        if let Some(job) = queue.take_job(may_resolve) {
            let resolves = usize::from(job.class == Class::Resolve);
            queue.resolving += resolves;
            drop(queue);
            // LAW B02: the job catches its own panic; this one is for its drop.
            drop(drop_caught(catch_unwind(AssertUnwindSafe(job.run))));
            queue = shared.lock();
            queue.resolving -= resolves;
            // After the job's wake was posted: see `wait.rs`.
            queue.pending -= 1;
            if queue.pending == 0 && std::mem::take(&mut queue.watched) {
                // The job may have woken nobody, or the loop heard of it too early.
                (shared.ring)();
            }
            continue;
        }
        if queue.closed {
            break;
        }
        queue.idle += 1;
        let waited = shared.work.wait_timeout(queue, shared.limits.idle);
        let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        queue = guard;
        queue.idle -= 1;
        let may_resolve = shared.may_resolve(&queue);
        let has_job = queue
            .jobs
            .iter()
            .any(|job| may_resolve || job.class != Class::Resolve);
        if timeout.timed_out() && !has_job {
            break;
        }
    }
    queue.threads -= 1;
    shared.ended.notify_all();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn b06_idle_threads_leave_and_others_come() {
        let limits = PoolLimits {
            threads: 4,
            grace: Duration::ZERO,
            idle: Duration::from_millis(5),
        };
        let pool = Pool::new(limits, Box::new(|| {}));
        for _ in 0..3 {
            for _ in 0..4 {
                let (class, run) = (Class::General, Box::new(|| {}));
                pool.submit(Job { class, run }).unwrap();
            }
            let queue = pool.shared.lock();
            let busy = |queue: &mut Queue| queue.threads > 0;
            let waited = pool.shared.ended.wait_while(queue, busy).unwrap();
            assert_eq!((waited.pending, waited.idle), (0, 0));
        }
    }

    #[test]
    fn b03_names_get_half_of_the_threads() {
        let limits = PoolLimits {
            threads: 4,
            grace: Duration::from_secs(10),
            idle: Duration::from_secs(10),
        };
        let pool = Pool::new(limits, Box::new(|| {}));
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        for _ in 0..8 {
            let held = Arc::clone(&held);
            // A name server that does not answer, until `hold` is dropped.
            let run = Box::new(move || {
                let _ = held.lock().unwrap().recv();
            });
            let class = Class::Resolve;
            pool.submit(Job { class, run }).unwrap();
        }
        let (done, other) = std::sync::mpsc::channel();
        let run = Box::new(move || done.send(()).unwrap());
        let class = Class::General;
        pool.submit(Job { class, run }).unwrap();
        other.recv_timeout(Duration::from_secs(120)).unwrap();
        let queue = pool.shared.lock();
        assert!(queue.resolving <= 2 && queue.threads <= 4);
        drop(queue);
        drop(hold);
        let began = Instant::now();
        pool.shut_down(Duration::from_secs(120));
        assert!(began.elapsed() < Duration::from_secs(120));
        assert_eq!(pool.shared.lock().threads, 0);
    }
}
