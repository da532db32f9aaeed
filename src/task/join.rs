//! Between a task and whoever waits for it: handles, errors, abort.
//!
//! Owns: `JoinHandle`, the right to the output; `AbortHandle`, a `Send` way to
//! cancel; `JoinError`, why there is no output.
//!
//! Laws: J01, a value or a typed error, never both, never neither. J02, dropping
//! a handle detaches the task. J03, a value already produced survives an abort.
//! J06, a panic is delivered once, or reported when nobody will read it.
//!
//! Absent on purpose: a shared cell with a count. The output waits in the task's
//! own box; the handle is the table and a name.
//!
//! Read next: `census.rs`, then `policy/mod.rs`.

use super::deck::{Card, Place};
use super::ending::PanickedIn;
use super::info::{Sched, TaskId};
use super::job::BoxedJob;
use super::slot::{Ending, Stage};
use super::table::TaskTable;
use super::waker::{self, Mail};
use crate::mailbox::Mailbox;
use crate::primitives::Arc;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The right to the output of a task: a future of `Result<T, JoinError>`.
///
/// Dropping it detaches the task, which then runs on by itself; a panic of a
/// detached task goes to the report hook.
///
/// # Panics
/// When it is polled after it was ready, or while another loop than the task's
/// (or none) runs on this thread and the output is not there yet: nothing would
/// ever wake it. One that was refused says so as often as it is asked.
///
/// # Cancel safety
/// A poll that returns `Pending` takes nothing.
#[must_use = "dropping a JoinHandle detaches the task; use `.detach()` to say so"]
pub struct JoinHandle<T> {
    /// The table of the task's loop.
    table: Rc<TaskTable>,
    /// Where its card is; `None` when it was refused because the loop was shutting down,
    /// and after the result was handed out.
    place: Option<Place>,
    /// Its name.
    id: TaskId,
    /// The output stays on this thread.
    output: PhantomData<*const T>,
}

/// A `Send` way to cancel a task.
#[derive(Clone)]
pub struct AbortHandle {
    /// The mailbox of the task's loop.
    mailbox: Arc<Mailbox<Mail>>,
    /// The task.
    id: TaskId,
    /// While somebody holds it, the task is not beyond help: see `is_wakeable`.
    _waker: Option<Waker>,
}

/// Why a task has no output.
pub enum JoinError {
    /// It was aborted, and its future was dropped.
    Cancelled,
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// Its loop was dropped first.
    RuntimeGone,
}

impl<T> JoinHandle<T> {
    /// The task's name; `None` when it was refused by a loop that is going away.
    pub fn id(&self) -> Option<TaskId> {
        (self.id != TaskId::REFUSED).then_some(self.id)
    }

    /// [`JoinHandle::abort`], for owners whose `Drop` knows nothing of `T`.
    pub(crate) fn request_abort(&self) {
        if self.place.is_some() {
            self.table.request_abort(self.id);
        }
    }

    /// Its card. LAW J01: as long as the handle has it, the place has no other tenant.
    #[inline]
    fn card(&self) -> Option<&Sched> {
        let place = self.place.as_ref()?;
        Some(place.card(self.id.index))
    }
}

impl<T: 'static> JoinHandle<T> {
    /// The handle of a task of this table.
    #[inline]
    pub(crate) fn new(table: Rc<TaskTable>, task: Option<Card>) -> Self {
        let (place, id) = match task.map(Card::named) {
            Some((place, id)) => (Some(place), id),
            None => (None, TaskId::REFUSED),
        };
        Self {
            table,
            place,
            id,
            output: PhantomData,
        }
    }

    /// Asks the loop to drop the task's future. It does so between two polls, on
    /// its own thread; then this handle resolves to [`JoinError::Cancelled`]. A
    /// value that the task has already produced is kept.
    pub fn abort(&self) {
        self.request_abort();
    }

    /// A way to abort the task from any thread; `None` when it was refused.
    pub fn abort_handle(&self) -> Option<AbortHandle> {
        let id = self.id()?;
        Some(AbortHandle {
            mailbox: Arc::clone(&self.table.mailbox),
            id,
            _waker: self.table.waker(id),
        })
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.card().is_none_or(|task| task.life.is_over())
    }

    /// Lets the task run on by itself; the same as dropping the handle.
    pub fn detach(self) {}

    /// The result, if the task has ended.
    #[inline]
    fn try_take(&mut self, cx: &Context<'_>) -> Poll<Result<T, JoinError>> {
        let Some(task) = self.card() else {
            let refused = self.id == TaskId::REFUSED;
            assert!(refused, "a JoinHandle was polled after it was ready");
            return Poll::Ready(Err(JoinError::RuntimeGone));
        };
        let Stage::Done(ending) = task.life.stage.get() else {
            self.watch(task, cx);
            return Poll::Pending;
        };
        let job = task.life.job.take();
        task.life.stage.set(Stage::Taken);
        self.table.release_if_over(task);
        self.place = None;
        let mut output: Option<T> = None;
        match job {
            Some(job) if ending == Ending::Value => job.take_output(&mut output),
            job => return Poll::Ready(Err(error_of(ending, job))),
        }
        Poll::Ready(output.ok_or(JoinError::RuntimeGone))
    }

    /// Asks to be woken at the end of the task.
    fn watch(&self, card: &Sched, cx: &Context<'_>) {
        self.check_loop();
        let watcher = card.life.watcher.take();
        let same = watcher
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        // LAW T5: a foreign waker's clone and drop are user code; both run with
        // nothing borrowed.
        let next = if same {
            watcher
        } else {
            Some(cx.waker().clone())
        };
        card.life.watcher.set(next);
    }

    /// A handle that would wait for ever says so.
    fn check_loop(&self) {
        let (here, there) = (waker::loop_id(), self.table.loop_id);
        match here {
            _ if here == there => {}
            0 => panic!("a JoinHandle of loop {there} was polled outside any loop"),
            _ => panic!("a JoinHandle of loop {there} was polled on loop {here}"),
        }
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.try_take(cx)
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        // Most handles are dropped after their result was handed out.
        if let Some(task) = self.card() {
            let_go(&self.table, task);
        }
    }
}

/// Why a task has no output.
#[cold]
fn error_of(ending: Ending, job: Option<BoxedJob>) -> JoinError {
    let payload = job.and_then(|mut job| job.as_mut().take_panic());
    match (ending, payload) {
        (Ending::Panicked, Some(payload)) => JoinError::Panicked(payload),
        (Ending::Cancelled, _) => JoinError::Cancelled,
        _ => JoinError::RuntimeGone,
    }
}

/// Nobody asks for the result of a task any more.
#[inline(never)]
fn let_go(table: &TaskTable, task: &Sched) {
    let Some((job, label)) = table.detach(task) else {
        return;
    };
    // LAW T16: an output that panics in its drop takes nobody with it.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(job))) {
        table.note_unread(label, payload, PanickedIn::Drop);
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl AbortHandle {
    /// Asks the loop to drop the task's future, from any thread; does nothing
    /// when the task or its loop is gone.
    pub fn abort(&self) {
        drop(self.mailbox.post(Mail::Abort(self.id)));
    }

    /// The task's name.
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AbortHandle").field(&self.id).finish()
    }
}

impl JoinError {
    /// Whether the task was aborted.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Goes on with the task's panic on this side.
    ///
    /// # Panics
    /// With the task's payload, or with the error's text.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(payload) => std::panic::resume_unwind(payload),
            other => panic!("{other}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::Panicked(payload) => write!(f, "the task panicked: {}", panic_text(&**payload)),
            Self::RuntimeGone => f.write_str("the task's loop is gone"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("Cancelled"),
            Self::Panicked(payload) => f
                .debug_tuple("Panicked")
                .field(&panic_text(&**payload))
                .finish(),
            Self::RuntimeGone => f.write_str("RuntimeGone"),
        }
    }
}

impl Error for JoinError {}

/// The text of a panic, where it is one.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a payload that is not text)"
    }
}

/// The text of a panic whose payload nobody will get.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = panic_text(&*payload).to_owned();
    drop(drop_caught(payload));
    message
}

/// Drops what a user made. LAW T16: a panic in there comes back as its text.
pub(crate) fn drop_caught<T>(value: T) -> Result<(), String> {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    dropped.map_err(|payload| {
        let message = panic_text(&*payload).to_owned();
        // WHY NOT just drop it: a payload may panic in its drop too, with a payload
        // that does. The second one of a row is left behind, unless it is text.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload)))
            && !(second.is::<&'static str>() || second.is::<String>())
        {
            Box::leak(second);
        }
        message
    })
}
