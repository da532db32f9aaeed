//! What the models are made of: a bell that can be slept on, a loop that drains.

use crate::mailbox::{Doorbell, Mailbox};
use crate::primitives::Arc;
use crate::task::letter::{Mail, TaskWaker};
use loom::sync::{Condvar, Mutex};

/// The selector's doorbell: a ring is remembered until the next sleep ends.
#[derive(Clone)]
pub(crate) struct Bell(std::sync::Arc<(Mutex<Rung>, Condvar)>);

/// What the bell remembers.
struct Rung {
    /// A ring that no sleep has used up.
    pending: bool,
    /// Rings so far.
    rings: usize,
}

/// A loop, as far as other threads can tell.
pub(crate) struct Loop {
    /// Its mailbox.
    pub(crate) mailbox: Arc<Mailbox<Mail>>,
    /// What its selector sleeps on.
    pub(crate) bell: Bell,
}

impl Bell {
    fn new() -> Self {
        let rung = Rung {
            pending: false,
            rings: 0,
        };
        Self(std::sync::Arc::new((Mutex::new(rung), Condvar::new())))
    }

    /// How often it was rung.
    pub(crate) fn rings(&self) -> usize {
        self.0.0.lock().unwrap().rings
    }

    /// Sleeps until the bell rings, or not at all if it has rung before.
    pub(crate) fn sleep(&self) {
        let mut rung = self.0.0.lock().unwrap();
        while !rung.pending {
            rung = self.0.1.wait(rung).unwrap();
        }
        rung.pending = false;
    }
}

impl Doorbell for Bell {
    fn ring(&self) {
        let mut rung = self.0.0.lock().unwrap();
        rung.pending = true;
        rung.rings += 1;
        self.0.1.notify_one();
    }
}

impl Loop {
    /// A loop with an empty mailbox.
    pub(crate) fn new() -> Self {
        let bell = Bell::new();
        let mailbox = Arc::new(Mailbox::new(Box::new(bell.clone())));
        Self { mailbox, bell }
    }

    /// The waker of task `index` on this loop.
    pub(crate) fn waker(&self, index: u32) -> Arc<TaskWaker> {
        Arc::new(TaskWaker::new(index, self.mailbox.clone()))
    }

    /// What `open_mail` does: takes the letters, and opens those that wake.
    /// Returns how many wakes there were.
    pub(crate) fn open_mail(&self) -> usize {
        let mut mail = Vec::new();
        self.mailbox.take(&mut mail);
        let mut wakes = 0;
        for letter in mail {
            match letter {
                Mail::Wake(waker) => {
                    waker.opened();
                    wakes += 1;
                }
                Mail::Call(call) => call(),
                Mail::Abort(_) => {}
            }
        }
        wakes
    }

    /// What the loop does when nothing is runnable: looks for mail, sleeps if
    /// there is none, and opens what came.
    pub(crate) fn sleep_and_open(&self) -> usize {
        if self.mailbox.is_empty() {
            self.bell.sleep();
        }
        self.open_mail()
    }
}

impl Default for Loop {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a model with the default bound of two preemptions, unless the
/// environment says otherwise.
pub(crate) fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(model);
}

/// A value that a thread changed before it woke: relaxed, so only the wake itself
/// can make it visible.
#[derive(Clone)]
pub(crate) struct Word(std::sync::Arc<loom::sync::atomic::AtomicUsize>);

impl Word {
    /// Zero.
    pub(crate) fn new() -> Self {
        Self(std::sync::Arc::new(loom::sync::atomic::AtomicUsize::new(0)))
    }

    /// Writes it.
    pub(crate) fn set(&self, value: usize) {
        self.0.store(value, loom::sync::atomic::Ordering::Relaxed);
    }

    /// Reads it, perhaps an old value.
    pub(crate) fn get(&self) -> usize {
        self.0.load(loom::sync::atomic::Ordering::Relaxed)
    }
}

/// Memory that must never be used by two threads without an order between them.
#[derive(Clone)]
pub(crate) struct Place(std::sync::Arc<loom::cell::UnsafeCell<()>>);

impl Place {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(std::sync::Arc::new(loom::cell::UnsafeCell::new(())))
    }

    /// Somebody looks at it.
    pub(crate) fn read(&self) {
        self.0.with(|_| ());
    }

    /// Somebody changes it: every look must have happened before.
    pub(crate) fn write(&self) {
        self.0.with_mut(|_| ());
    }
}
