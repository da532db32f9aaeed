//! All that another thread may ask of a loop goes through its mailbox.
//!
//! Owns: the letters that wait for the loop, and the doorbell that wakes it.
//!
//! Laws: T3, this lock and one flag per waker are the only synchronisation there
//! is. The first letter of a burst rings, the others do not. A letter for a loop
//! that is gone comes back to its sender, who drops it on his own thread.
//!
//! Absent on purpose: a lock-free queue. Letters are rare beside local wakes,
//! and a mutex held for one push is easier to believe.
//!
//! Read next: `task/mod.rs`, then `task/waker.rs`, which posts most of the letters.

use crate::primitives::{Arc, AtomicBool, Mutex, MutexGuard, Ordering, PoisonError, fence};

/// What wakes a sleeping loop. The loop's is an eventfd, a test's may be a flag.
pub(crate) trait Doorbell: Send + Sync {
    /// Makes the present or the next sleep of the loop end at once.
    fn ring(&self);
}

/// Letters of type `M` for one loop.
pub(crate) struct Mailbox<M> {
    /// The letters, and whether the loop still takes any.
    letters: Mutex<Letters<M>>,
    /// True from the first letter of a burst until the loop takes them.
    waiting: AtomicBool,
    /// Wakes the loop.
    bell: Box<dyn Doorbell>,
    /// The thread that made it, which is the loop's.
    owner: usize,
}

/// What the lock protects.
struct Letters<M> {
    /// In the order of arrival.
    queue: Vec<M>,
    /// False when the loop is gone.
    open: bool,
    /// Where they came from.
    origin: Origin,
}

/// Where the letters of a burst came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// All from the loop's own thread: it would be the same in every run.
    Here,
    /// Some from other threads.
    Afar,
}

thread_local! {
    // No destructor: the last wakes of a thread come from its other destructors.
    static HERE: u8 = const { 0 };
}

/// Tells this thread from all others that live.
fn this_thread() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Room for so many letters from the beginning, here and with who takes them: the two
/// queues change places, and a loop shall not grow at some later time that depends on
/// the threads.
pub(crate) const FIRST: usize = 4;

impl<M> Mailbox<M> {
    /// An empty, open mailbox.
    pub(crate) fn new(bell: Box<dyn Doorbell>) -> Self {
        let letters = Mutex::new(Letters {
            queue: Vec::with_capacity(FIRST),
            open: true,
            origin: Origin::Here,
        });
        Self {
            letters,
            waiting: AtomicBool::new(false),
            bell,
            owner: this_thread(),
        }
    }

    /// Leaves a letter for the loop and wakes it if this is the first one.
    ///
    /// # Errors
    /// Returns the letter when the loop is gone.
    pub(crate) fn post(&self, letter: M) -> Result<(), M> {
        let mut letters = self.lock();
        if !letters.open {
            return Err(letter);
        }
        letters.queue.push(letter);
        if this_thread() != self.owner {
            letters.origin = Origin::Afar;
        }
        let first = letters.queue.len() == 1;
        if first {
            // ORDER: Release; `is_empty` loads it with Acquire. The letters
            // themselves are published by the lock.
            self.waiting.store(true, Ordering::Release);
        }
        drop(letters);
        if first {
            self.bell.ring();
        }
        Ok(())
    }

    /// Wakes the loop without a letter: something it waits for has changed. When
    /// letters wait it is awake, or about to be.
    pub(crate) fn ring(&self) {
        if self.is_empty() {
            self.bell.ring();
        }
    }

    /// Moves all letters into `taken`, which must be empty.
    pub(crate) fn take(&self, taken: &mut Vec<M>) -> Origin {
        if self.is_empty() {
            return Origin::Here;
        }
        let mut letters = self.lock();
        std::mem::swap(&mut letters.queue, taken);
        // ORDER: under the lock, so it cannot hide a letter posted after us.
        self.waiting.store(false, Ordering::Release);
        std::mem::replace(&mut letters.origin, Origin::Here)
    }

    /// Whether no letter waits: one load, for the loop's hot path.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // ORDER: Acquire, pairs with the store in `post`.
        !self.waiting.load(Ordering::Acquire)
    }

    /// Refuses letters from now on and returns those that came before.
    pub(crate) fn close(&self) -> Vec<M> {
        let mut letters = self.lock();
        letters.open = false;
        // ORDER: under the lock, as in `take`; no letter comes after it.
        self.waiting.store(false, Ordering::Release);
        std::mem::take(&mut letters.queue)
    }

    /// Whether the loop is gone.
    pub(crate) fn is_closed(&self) -> bool {
        !self.lock().open
    }

    /// Nothing that can panic runs under this lock but an allocation, which
    /// leaves the letters valid: a poisoned lock is as good as any other.
    fn lock(&self) -> MutexGuard<'_, Letters<M>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flag that many threads raise and one thread lowers.
pub(crate) struct Flag(AtomicBool);

/// What raising a [`Flag`] meant.
pub(crate) enum Raised {
    /// It was down: whoever raised it must post the letter.
    First,
    /// It was up: a letter is on its way, and our writes are visible to its reader.
    Already,
}

impl Flag {
    /// A flag that is down.
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Raises the flag.
    pub(crate) fn raise(&self) -> Raised {
        // ORDER: AcqRel, pairs with `lower`: everything done before this wake is
        // visible to the poll that follows it, also when a letter already is on
        // its way (the swap continues the release sequence).
        if self.0.swap(true, Ordering::AcqRel) {
            Raised::Already
        } else {
            Raised::First
        }
    }

    /// Lowers the flag, before the loop acts on the letter.
    pub(crate) fn lower(&self) {
        // ORDER: AcqRel, pairs with `raise`.
        // WHY NOT: a plain store would not read from the last `raise`, and what
        // that thread wrote could be missed.
        self.0.swap(false, Ordering::AcqRel);
    }
}

/// Whether anybody besides us, who have `ours` of the pointers, holds `shared`.
pub(crate) fn is_held_elsewhere<T>(shared: &Arc<T>, ours: usize) -> bool {
    let held = Arc::strong_count(shared) > ours;
    // ORDER: Acquire fence, pairs with the Release of the drop of the last
    // foreign pointer: what its holder did before, letters that it posted and
    // wakes that it made, is visible to what we read and write from here on.
    fence(Ordering::Acquire);
    held
}
