//! A way to a loop for other threads.
//!
//! Owns: `Handle`, which spawns from anywhere; `RemoteJoin`, the result of that.
//!
//! Laws: T10, a future sent to a loop is made, polled and dropped on its thread.
//! Work refused because the loop is gone is dropped on the caller's thread, and
//! the handle says so. A blocking wait on the loop's own thread is an error, not
//! a hang.
//!
//! Absent on purpose: a `Send` version of `JoinHandle`. That one reads the table;
//! this one has a lock and a condition of its own.
//!
//! Read next: `observer.rs`.

use super::current;
use super::page::{self, SetPolicyError};
use super::state::LoopState;
use crate::mailbox::Mailbox;
use crate::policy::Policy;
use crate::primitives::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use crate::task::waker::Mail;
use crate::task::{JoinError, SpawnOptions};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

/// A way to a loop for other threads: clone it, send it, spawn through it.
///
/// While a handle lives the loop does not count as stuck for certain.
#[derive(Clone)]
pub struct Handle {
    /// The loop's name.
    loop_id: u64,
    /// The loop's thread.
    owner: ThreadId,
    /// Where to ask.
    mailbox: Arc<Mailbox<Mail>>,
    /// Counts the handles.
    _alive: Arc<()>,
}

/// The loop is gone: the work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopGone;

/// The result of work that another thread sent to a loop: a future for any
/// executor, with a blocking [`wait`](RemoteJoin::wait).
///
/// Dropping it lets the work run on by itself.
#[must_use = "dropping a RemoteJoin lets the task run on by itself"]
pub struct RemoteJoin<T> {
    /// Shared with the task.
    packet: Arc<Packet<T>>,
    /// The loop that does the work.
    loop_id: u64,
    /// The thread of that loop.
    owner: ThreadId,
}

/// Why a blocking wait brought no output.
#[derive(Debug)]
pub enum WaitError {
    /// Called on the thread of the loop that does the work: it would never end.
    WouldDeadlock,
    /// The task has no output.
    Join(JoinError),
}

/// Where the result waits.
struct Packet<T> {
    /// The result and who waits for it.
    mail: Mutex<Content<T>>,
    /// For blocking waits.
    arrived: Condvar,
}

/// What the lock protects.
struct Content<T> {
    /// The result, once it is there.
    result: Option<Result<T, JoinError>>,
    /// Who polls.
    waker: Option<Waker>,
}

/// The task's side of a packet: resolves it once, by a result or by its drop.
struct Sender<T> {
    /// `None` once it was resolved.
    packet: Option<Arc<Packet<T>>>,
    /// What its drop says: the loop refused, or the task was cancelled.
    dropped: fn() -> JoinError,
}

impl Handle {
    /// The handle of a loop.
    pub(super) fn new(state: &LoopState) -> Self {
        let (mailbox, alive) = (Arc::clone(&state.mailbox), Arc::clone(&state.handles));
        Self {
            loop_id: state.id,
            // A runtime is not `Send`, so whoever sees its state is on its thread.
            owner: thread::current().id(),
            mailbox,
            _alive: alive,
        }
    }

    /// The handle of this thread's loop.
    ///
    /// # Errors
    /// When no loop runs here.
    pub fn current() -> Result<Self, super::WrongLoop> {
        current::with(|state| Self::new(state))
    }

    /// Spawns a future on the loop.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> RemoteJoin<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with(move || future)
    }

    /// Spawns the future that `make` makes on the loop's thread: the future itself
    /// need not be `Send`.
    #[track_caller]
    pub fn spawn_with<F, M>(&self, make: M) -> RemoteJoin<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_with_options(make, SpawnOptions::new())
    }

    /// [`Handle::spawn_with`] with a name, a priority and the rest of what policies look
    /// at.
    #[track_caller]
    pub fn spawn_with_options<F, M>(&self, make: M, options: SpawnOptions) -> RemoteJoin<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        let content = Content {
            result: None,
            waker: None,
        };
        let packet = Arc::new(Packet {
            mail: Mutex::new(content),
            arrived: Condvar::new(),
        });
        let sender = Sender {
            packet: Some(Arc::clone(&packet)),
            dropped: || JoinError::RuntimeGone,
        };
        let join = RemoteJoin {
            packet,
            loop_id: self.loop_id,
            owner: self.owner,
        };
        let letter = move || begin(make, sender, options, site);
        // A refused letter is dropped right here: its sender resolves the packet.
        drop(self.mailbox.post(Mail::Call(Box::new(letter))));
        join
    }

    /// Runs a closure on the loop's thread, between two polls.
    ///
    /// # Errors
    /// When the loop is gone; the closure was dropped on this thread.
    pub fn call(&self, call: impl FnOnce() + Send + 'static) -> Result<(), LoopGone> {
        self.mailbox
            .post(Mail::Call(Box::new(call)))
            .map_err(|_| LoopGone)
    }

    /// Changes the policy of the loop, between two polls. `make` runs on its thread.
    ///
    /// # Errors
    /// When the loop is gone, or (through the result) when its policy is fixed.
    pub fn set_policy<M>(&self, make: M) -> RemoteJoin<Result<(), SetPolicyError>>
    where
        M: FnOnce() -> Box<dyn Policy> + Send + 'static,
    {
        self.spawn_with(move || async move {
            match current::state() {
                Ok(state) => page::set_policy_of(&state, make()),
                Err(_) => Err(SetPolicyError::NoLoop),
            }
        })
    }

    /// Whether the loop is gone.
    pub fn is_gone(&self) -> bool {
        self.mailbox.is_closed()
    }
}

/// Where something was asked for.
type Site = &'static Location<'static>;

/// On the loop: makes the future and spawns it; its end resolves the packet.
fn begin<F, M>(make: M, mut sender: Sender<F::Output>, options: SpawnOptions, site: Site)
where
    M: FnOnce() -> F + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    sender.dropped = || match current::with(|state| state.table.is_closed()) {
        Ok(false) => JoinError::Cancelled,
        _ => JoinError::RuntimeGone,
    };
    let task = async move {
        let made = catch_unwind(AssertUnwindSafe(make));
        let result = match made {
            Ok(future) => catch(future).await,
            Err(payload) => Err(payload),
        };
        sender.resolve(result.map_err(JoinError::Panicked));
    };
    if let Ok(state) = current::state() {
        page::spawn_on(&state, task, options, site).detach();
    }
}

/// Polls a future and catches its panic.
async fn catch<F: Future>(future: F) -> Result<F::Output, Box<dyn std::any::Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

impl<T> RemoteJoin<T> {
    /// Blocks this thread until the task has ended.
    ///
    /// # Errors
    /// [`WaitError::WouldDeadlock`] on the thread of the loop that does the work,
    /// whether or not it runs now, unless the result is there already; otherwise why
    /// there is no output.
    pub fn wait(self) -> Result<T, WaitError> {
        let mut content = self.packet.lock();
        loop {
            if let Some(result) = content.result.take() {
                return result.map_err(WaitError::Join);
            }
            if thread::current().id() == self.owner {
                return Err(WaitError::WouldDeadlock);
            }
            content = self
                .packet
                .arrived
                .wait(content)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Future for RemoteJoin<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // LAW T5: a foreign waker's clone and drop are user code, outside the lock.
        let waker = cx.waker().clone();
        let mut content = self.packet.lock();
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

impl<T> Packet<T> {
    fn lock(&self) -> MutexGuard<'_, Content<T>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    fn resolve(&mut self, result: Result<T, JoinError>) {
        let Some(packet) = self.packet.take() else {
            return;
        };
        let mut content = packet.lock();
        content.result = Some(result);
        let waker = content.waker.take();
        drop(content);
        packet.arrived.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.resolve(Err((self.dropped)()));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("loop_id", &self.loop_id)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for RemoteJoin<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJoin")
            .field("loop_id", &self.loop_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LoopGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop is gone")
    }
}

impl Error for LoopGone {}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldDeadlock => {
                f.write_str("a blocking wait on the loop's own thread would never end: await it")
            }
            Self::Join(error) => error.fmt(f),
        }
    }
}

impl Error for WaitError {}
