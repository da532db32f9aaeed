//! Work that would block the loop goes to threads.
//!
//! Owns: `spawn_blocking` and its handle; the pool itself is `pool.rs`. On top of
//! it, `Reader` and `Writer` make streams of files and other things that block.
//!
//! Laws: B01, every job resolves exactly once: a value, a panic, a cancellation,
//! or no thread. B05, a result nobody wants is dropped once, where it is. B07, the
//! loop's thread never waits for the pool, except for the grace of its end.
//!
//! Absent on purpose: a process-wide pool. A loop's threads end with the loop.
//!
//! Read next: `pool.rs`, then `reader.rs`, then `net/mod.rs`.

mod pool;
mod reader;
mod writer;

pub(crate) use pool::Class;
pub use reader::Reader;
pub use writer::Writer;

use crate::primitives::{Arc, Mutex, MutexGuard, PoisonError};
use crate::runtime::state::LoopState;
use crate::runtime::{Report, current};
use crate::task::join::drop_caught;
use pool::{Job, Pool};
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A job on the pool: a future of its result.
///
/// # Cancel safety
/// Dropping it lets the job run on; its result is dropped where it ends. A job
/// that no thread has begun is taken out by [`BlockingHandle::cancel`].
#[must_use = "dropping a BlockingHandle lets the job run on by itself"]
pub struct BlockingHandle<T> {
    /// Shared with the job.
    shared: Arc<Shared<T>>,
}

/// Why a job has no result.
pub enum BlockingError {
    /// It was cancelled before a thread began it, or its loop is gone.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// The system refused the pool its first thread.
    NoThread(std::io::Error),
}

/// Between a job and its handle.
struct Shared<T>(Mutex<Content<T>>);

/// What the lock protects.
struct Content<T> {
    /// The result, once it is there.
    result: Option<Result<T, BlockingError>>,
    /// A thread has taken the job.
    begun: bool,
    /// Who waits.
    waker: Option<Waker>,
}

/// The job's side; resolves it once, by a result or by its drop.
struct Resolver<T> {
    /// `None` once it was resolved.
    shared: Option<Arc<Shared<T>>>,
}

/// Runs `job` on a thread of this loop's pool.
///
/// # Panics
/// When no loop runs on this thread.
#[track_caller]
#[doc(alias = "to_thread")]
#[doc(alias = "run_in_executor")]
pub fn spawn_blocking<T, F>(job: F) -> BlockingHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match try_spawn_blocking(Class::General, job) {
        Ok(handle) => handle,
        Err(error) => panic!("spawn_blocking: {error}"),
    }
}

/// [`spawn_blocking`] for a class of jobs, with an error where no loop runs.
pub(crate) fn try_spawn_blocking<T, F>(
    class: Class,
    job: F,
) -> Result<BlockingHandle<T>, crate::runtime::WrongLoop>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let state = current::state()?;
    let content = Content {
        result: None,
        begun: false,
        waker: None,
    };
    let shared = Arc::new(Shared(Mutex::new(content)));
    let mut resolver = Resolver {
        shared: Some(Arc::clone(&shared)),
    };
    let run = move || {
        if resolver.begin() == Begun::Now {
            let result = catch_unwind(AssertUnwindSafe(job));
            resolver.resolve(result.map_err(BlockingError::Panicked));
        }
    };
    let run = Box::new(run);
    if let Err(error) = submit(&state, Job { class, run }) {
        // The job was dropped, which resolved it as cancelled: say it better.
        shared.lock().result = Some(Err(BlockingError::NoThread(error)));
    }
    Ok(BlockingHandle { shared })
}

/// Gives a job to the loop's pool, which is made for the first one.
fn submit(state: &LoopState, job: Job) -> std::io::Result<()> {
    let pool = state.outside.get_or_init(|| {
        let mailbox = Arc::clone(&state.mailbox);
        let ring = Box::new(move || mailbox.ring());
        Box::new(Pool::new(state.pool_limits, ring))
    });
    match pool.as_any().downcast_ref::<Pool>() {
        Some(pool) => pool.submit(job),
        None => Err(std::io::ErrorKind::Unsupported.into()),
    }
}

impl<T> BlockingHandle<T> {
    /// Cancels the job if no thread has begun it: the handle is then ready with
    /// [`BlockingError::Cancelled`], and the job is dropped when a thread meets it.
    pub fn cancel(&self) {
        let mut content = self.shared.lock();
        if content.begun || content.result.is_some() {
            return;
        }
        content.result = Some(Err(BlockingError::Cancelled));
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> BlockingHandle<T> {
    /// Nobody waits for the job any more, for now.
    fn forget_waker(&self) {
        let waker = self.shared.lock().waker.take();
        drop(waker); // User code: outside the lock.
    }
}

impl<T> Future for BlockingHandle<T> {
    type Output = Result<T, BlockingError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // LAW T5: a foreign waker's clone and drop are user code, outside the lock.
        let waker = cx.waker().clone();
        let mut content = self.shared.lock();
        if let Some(result) = content.result.take() {
            drop(content);
            return Poll::Ready(result);
        }
        let old = content.waker.replace(waker);
        drop(content);
        drop(old);
        Poll::Pending
    }
}

impl<T> Drop for BlockingHandle<T> {
    fn drop(&mut self) {
        let mut content = self.shared.lock();
        let waker = content.waker.take();
        // The result of a job that was never begun says so to the pool.
        let unread = content.begun.then(|| content.result.take());
        drop(content);
        drop(waker);
        // LAW T16: a result that panics in its drop takes nobody with it.
        if let Err(message) = drop_caught(unread)
            && let Ok(state) = current::state()
        {
            let what = "the result of a blocking job".into();
            state.report(&Report::DropPanicked { what, message });
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Content<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a thread may begin a job.
#[derive(PartialEq, Eq)]
enum Begun {
    /// It is ours now.
    Now,
    /// It was cancelled.
    Never,
}

impl<T> Resolver<T> {
    /// A thread wants to begin the job.
    fn begin(&self) -> Begun {
        let Some(shared) = &self.shared else {
            return Begun::Never;
        };
        let mut content = shared.lock();
        if content.result.is_some() {
            return Begun::Never;
        }
        content.begun = true;
        Begun::Now
    }

    fn resolve(&mut self, result: Result<T, BlockingError>) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        let mut content = shared.lock();
        if content.result.is_some() {
            return; // It was cancelled before it began.
        }
        content.result = Some(result);
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        self.resolve(Err(BlockingError::Cancelled));
    }
}

impl BlockingError {
    /// Goes on with the job's panic on this side.
    ///
    /// # Panics
    /// With the job's payload, or with the error's text.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(payload) => std::panic::resume_unwind(payload),
            other => panic!("{other}"),
        }
    }
}

impl<T> fmt::Debug for BlockingHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingHandle")
    }
}

impl fmt::Display for BlockingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the blocking job was cancelled"),
            Self::Panicked(payload) => {
                write!(
                    f,
                    "the blocking job panicked: {}",
                    crate::task::join::panic_text(&**payload)
                )
            }
            Self::NoThread(error) => write!(f, "no thread for the blocking job: {error}"),
        }
    }
}

impl fmt::Debug for BlockingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockingError({self})")
    }
}

impl Error for BlockingError {}

impl From<BlockingError> for std::io::Error {
    fn from(error: BlockingError) -> Self {
        match error {
            BlockingError::NoThread(error) => error,
            other => Self::other(other.to_string()),
        }
    }
}
