//! From Pending to runnable: the waker, a name with two doors.
//!
//! Owns: `TaskWaker`, the `Send + Sync` part of a task; the list of the tasks
//! that were woken on this thread since the loop last looked.
//!
//! Laws: T3, two doors. On the loop's own thread a wake is a plain flag and a
//! push; from any other thread it is one atomic flag, a letter and a doorbell.
//! T4, a waker whose task is gone misses. T12, a wake runs no user code: it never
//! polls, never drops a future, never calls a policy.
//!
//! The list is threaded through the wakers themselves, newest first, and its
//! head is a plain thread-local number: a local wake is two loads and two
//! stores, with no allocation and no read-modify-write.
//! WHY NOT a vector: a thread-local vector has a destructor to register and a
//! capacity to check; it costs as much as the rest of the wake.
//!
//! Read next: `table.rs`.

use super::info::TaskId;
use crate::mailbox::{Flag, Mailbox, Raised};
use crate::primitives::{Arc, AtomicU32, Ordering};
use std::cell::Cell;
use std::task::{Wake, Waker};

/// What another thread may ask of a loop.
pub(crate) enum Mail {
    /// Wake this task. The letter carries the waker, not a number, so the flag
    /// is lowered even when the task is gone.
    Wake(Arc<TaskWaker>),
    /// Cancel this task.
    Abort(TaskId),
    /// Run this on the loop's thread, between two polls.
    Call(Box<dyn FnOnce() + Send>),
}

/// The part of a task that any thread may hold: it only names the task.
pub(crate) struct TaskWaker {
    /// Place of the task in the table of its loop.
    index: AtomicU32,
    /// [`IDLE`], [`QUEUED`], [`DEAD`], or the next task in the list of the woken
    /// ([`END`] for the last). Written by the loop's thread only.
    link: AtomicU32,
    /// Up while a letter of ours is on its way.
    posted: Flag,
    /// Which loop the task lives on.
    loop_id: u64,
    /// The other door.
    mailbox: Arc<Mailbox<Mail>>,
}

/// A task's waker, twice: as polls get it, and as its flags are read.
#[derive(Clone)]
pub(crate) struct Bell {
    /// For `Context`.
    pub(crate) waker: Waker,
    /// The same.
    pub(super) shared: Arc<TaskWaker>,
}

/// Neither woken nor queued.
const IDLE: u32 = u32::MAX;
/// Last of the list of the woken.
const END: u32 = u32::MAX - 1;
/// The policy has the ticket: a wake changes nothing.
const QUEUED: u32 = u32::MAX - 2;
/// The task is gone and this waker was not recycled.
const DEAD: u32 = u32::MAX - 3;

/// This thread's part of the two doors. No destructor, so a wake inside the
/// destructor of some other thread-local still finds it.
struct Local {
    /// The loop that runs on this thread now, 0 for none.
    loop_id: Cell<u64>,
    /// The newest of the woken tasks, [`END`] for none.
    newest: Cell<u32>,
}

thread_local! {
    static LOCAL: Local = const { Local { loop_id: Cell::new(0), newest: Cell::new(END) } };
}

impl Bell {
    /// The waker of the task at `index`.
    pub(super) fn new(index: u32, loop_id: u64, mailbox: Arc<Mailbox<Mail>>) -> Self {
        let shared = Arc::new(TaskWaker::new(index, loop_id, mailbox));
        Self {
            waker: Waker::from(Arc::clone(&shared)),
            shared,
        }
    }

    /// Whether nobody else holds the waker.
    pub(super) fn is_ours_alone(&self) -> bool {
        Arc::strong_count(&self.shared) == 2
    }
}

impl TaskWaker {
    /// The waker of the task at `index`.
    fn new(index: u32, loop_id: u64, mailbox: Arc<Mailbox<Mail>>) -> Self {
        let (index, link) = (AtomicU32::new(index), AtomicU32::new(IDLE));
        Self {
            index,
            link,
            posted: Flag::new(),
            loop_id,
            mailbox,
        }
    }

    /// Gives the waker to the next tenant. Only when nobody else holds it.
    pub(super) fn relabel(&self, index: u32) {
        self.index.store(index, Ordering::Relaxed);
        self.link.store(IDLE, Ordering::Relaxed);
    }

    /// The first door: puts the task on the list of this thread.
    #[inline]
    pub(super) fn wake_here(&self) {
        LOCAL.with(|local| self.link_into(local));
    }

    // ORDER: all accesses to `link` and `index` are Relaxed loads and stores by
    // the loop's own thread (the test on `loop_id` sees to that): cells that
    // happen to be `Sync`.
    #[inline]
    fn link_into(&self, local: &Local) {
        if self.link.load(Ordering::Relaxed) == IDLE {
            let older = local.newest.replace(self.index.load(Ordering::Relaxed));
            self.link.store(older, Ordering::Relaxed);
        }
    }

    /// The second door: one letter per burst of wakes.
    #[cold]
    fn wake_from_afar(self: &Arc<Self>) {
        match self.posted.raise() {
            Raised::Already => {}
            // A letter that comes back is dropped here: it holds no future.
            Raised::First => drop(self.mailbox.post(Mail::Wake(Arc::clone(self)))),
        }
    }

    /// The loop opened our letter: from here on a wake needs a new one.
    pub(crate) fn open_letter(&self) {
        self.posted.lower();
        self.wake_here();
    }

    /// Takes the task off the list; returns the next older one's link.
    #[inline]
    pub(super) fn unlink(&self) -> u32 {
        let older = self.link.load(Ordering::Relaxed);
        self.link.store(QUEUED, Ordering::Relaxed);
        older
    }

    /// Takes the task off the list if it is the only one on it.
    #[inline]
    pub(super) fn unlink_if_alone(&self) -> Alone {
        LOCAL.with(|local| {
            let first = local.newest.get() == self.index.load(Ordering::Relaxed);
            if first && self.link.load(Ordering::Relaxed) == END {
                local.newest.set(END);
                self.link.store(QUEUED, Ordering::Relaxed);
                return Alone::Yes;
            }
            Alone::No
        })
    }

    /// The ticket is back: wakes count again.
    #[inline]
    pub(super) fn set_idle(&self) {
        self.link.store(IDLE, Ordering::Relaxed);
    }

    /// The policy has the ticket without a wake (a fresh ticket for a lost one).
    pub(super) fn set_queued(&self) {
        self.link.store(QUEUED, Ordering::Relaxed);
    }

    /// The task is gone, and somebody still holds this waker.
    pub(super) fn set_dead(&self) {
        self.link.store(DEAD, Ordering::Relaxed);
    }

    /// Whether the task was woken since its ticket was picked.
    #[inline]
    pub(super) fn is_linked(&self) -> bool {
        !matches!(self.link.load(Ordering::Relaxed), IDLE | QUEUED | DEAD)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        LOCAL.with(|local| {
            if local.loop_id.get() == self.loop_id {
                self.link_into(local);
            } else {
                self.wake_from_afar();
            }
        });
    }
}

/// Whether a task was the only one on the list of the woken.
#[derive(PartialEq, Eq)]
pub(super) enum Alone {
    /// It was, and the list is empty now.
    Yes,
    /// It was not, or others are on it too; nothing was changed.
    No,
}

/// The list of the tasks woken on this thread, cut off from its head.
pub(crate) struct Woken(u32);

impl Woken {
    /// Takes the list; this thread starts a new one.
    #[inline]
    pub(crate) fn take() -> Self {
        Self(LOCAL.with(|local| local.newest.replace(END)))
    }

    /// The newest task on it, if there is any.
    #[inline]
    pub(crate) fn newest(&self) -> Option<u32> {
        (self.0 != END).then_some(self.0)
    }

    /// The list behind a link that [`TaskWaker::unlink`] returned.
    #[inline]
    pub(super) fn behind(link: u32) -> Self {
        Self(link)
    }
}

/// Whether some task of this thread's loop was woken and not yet collected.
#[inline]
pub(crate) fn any_woken() -> bool {
    LOCAL.with(|local| local.newest.get() != END)
}

/// The loop that runs on this thread, 0 for none.
#[inline]
pub(crate) fn loop_id() -> u64 {
    LOCAL.with(|local| local.loop_id.get())
}

/// Makes `loop_id` the loop of this thread, with the list of the woken that it
/// left behind; returns the two of the loop before.
pub(crate) fn switch_loop(loop_id: u64, newest: u32) -> (u64, u32) {
    LOCAL.with(|local| (local.loop_id.replace(loop_id), local.newest.replace(newest)))
}

/// An empty list of the woken, for a loop that begins.
pub(crate) const NONE_WOKEN: u32 = END;
