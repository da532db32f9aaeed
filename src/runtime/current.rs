//! The system-call page: the only door between leaf futures and their loop.
//!
//! Owns: which loop runs on this thread, and a process-wide list of the loops
//! that live (for code that is dropped on another thread; cold path only).
//!
//! Laws: a leaf future names its loop by number. On that loop it acts at once; on
//! another thread its drop posts a letter; for a loop that is gone there is
//! nothing to do. Everything else on a wrong loop is a clear error.
//!
//! Absent on purpose: a pointer from a leaf future to its loop. It would make
//! every socket and every timer `!Send`.
//!
//! Read next: `turn.rs`.

use super::state::LoopState;
use crate::budget;
use crate::mailbox::Mailbox;
use crate::primitives::{Arc, Mutex, PoisonError};
use crate::task::aside::{self, Absent};
use crate::task::waker::{self, Mail};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    // No destructor, so it is there as long as the thread is: `Entered` empties it.
    static CURRENT: RefCell<ManuallyDrop<Option<Rc<LoopState>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Makes this one the loop of this thread, or none; returns the one before.
fn replace(next: Option<Rc<LoopState>>) -> Option<Rc<LoopState>> {
    let before = CURRENT.with(|current| current.replace(ManuallyDrop::new(next)));
    ManuallyDrop::into_inner(before)
}

/// The mailboxes of all loops that live.
static LOOPS: Mutex<Vec<(u64, Arc<Mailbox<Mail>>)>> = Mutex::new(Vec::new());

/// A leaf future was used where its loop does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongLoop {
    /// The loop it belongs to; `None` for any.
    pub(crate) wanted: Option<u64>,
    /// The loop that runs on this thread.
    pub(crate) here: Option<u64>,
}

/// While it lives, a loop is the current one of this thread.
pub(crate) struct Entered {
    /// The loop before.
    previous: Option<Rc<LoopState>>,
    /// Its part of the wakers' thread-local.
    outer: Absent,
    /// What it had left to spend. Restored here, because a root may panic in its drop.
    budget: u32,
}

/// Makes `state` the loop of this thread.
pub(crate) fn enter(state: &Rc<LoopState>) -> Entered {
    let previous = replace(Some(Rc::clone(state)));
    let woken = state.left_woken.replace(waker::NONE_WOKEN);
    let outer = aside::switch_loop(Absent::between_polls(state.id, &state.mailbox, woken));
    Entered {
        previous,
        outer,
        budget: budget::set(budget::UNLIMITED),
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        budget::set(self.budget);
        let ours = aside::switch_loop(self.outer);
        if let Some(state) = replace(self.previous.take()) {
            state.left_woken.set(ours.woken);
        }
    }
}

/// Calls `act` with the loop of this thread. `act` must not run user code.
///
/// # Errors
/// When no loop runs here.
pub(crate) fn with<R>(act: impl FnOnce(&Rc<LoopState>) -> R) -> Result<R, WrongLoop> {
    let nowhere = WrongLoop {
        wanted: None,
        here: None,
    };
    CURRENT
        .with(|current| current.borrow().as_ref().map(act))
        .ok_or(nowhere)
}

/// The loop of this thread, to be used after the thread-local is let go.
///
/// # Errors
/// When no loop runs here.
pub(crate) fn state() -> Result<Rc<LoopState>, WrongLoop> {
    with(Rc::clone)
}

/// Calls `act` with the loop `id`, if it is the one of this thread.
///
/// # Errors
/// When another loop or none runs here.
pub(crate) fn with_loop<R>(id: u64, act: impl FnOnce(&Rc<LoopState>) -> R) -> Result<R, WrongLoop> {
    let here = waker::loop_id();
    if here != id {
        return Err(WrongLoop {
            wanted: Some(id),
            here: (here != 0).then_some(here),
        });
    }
    with(act).map_err(|error| WrongLoop {
        wanted: Some(id),
        ..error
    })
}

/// The turn that this thread's loop is in; `None` when no loop runs here.
pub(crate) fn turn() -> Option<u64> {
    with(|state| state.stats.get().turns).ok()
}

/// Gives something back to loop `id` from wherever we are: at once on the loop
/// itself, by letter from elsewhere, not at all when it is gone. `act` must not run user
/// code; `then` may, with what `act` took out.
pub(crate) fn give_back<R>(
    id: u64,
    act: impl FnOnce(&Rc<LoopState>) -> R + Send + 'static,
    then: impl FnOnce(R) + Send + 'static,
) {
    let here = move || with(act).map_or((), then);
    if waker::loop_id() == id {
        return here();
    }
    let Some(mailbox) = mailbox_of(id) else {
        return;
    };
    drop(mailbox.post(Mail::Call(Box::new(here))));
}

/// The mailbox of a loop that lives.
fn mailbox_of(id: u64) -> Option<Arc<Mailbox<Mail>>> {
    let loops = LOOPS.lock().unwrap_or_else(PoisonError::into_inner);
    loops
        .iter()
        .find(|(other, _)| *other == id)
        .map(|(_, mailbox)| Arc::clone(mailbox))
}

/// A number for a new loop.
pub(crate) fn new_loop_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // ORDER: Relaxed; only the numbers must differ.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Puts a loop on the list of those that live.
pub(crate) fn announce(id: u64, mailbox: Arc<Mailbox<Mail>>) {
    LOOPS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((id, mailbox));
}

/// Takes a loop off that list.
pub(crate) fn retire(id: u64) {
    LOOPS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|(other, _)| *other != id);
}

impl fmt::Display for WrongLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.wanted, self.here) {
            (None, _) => {
                f.write_str("this needs a running downbeat loop, and none runs on this thread")
            }
            (Some(wanted), None) => {
                write!(
                    f,
                    "this belongs to loop {wanted}, and no loop runs on this thread"
                )
            }
            (Some(wanted), Some(here)) => {
                write!(
                    f,
                    "this belongs to loop {wanted}, but loop {here} runs on this thread"
                )
            }
        }
    }
}

impl Error for WrongLoop {}

impl From<WrongLoop> for std::io::Error {
    fn from(error: WrongLoop) -> Self {
        Self::other(error)
    }
}
