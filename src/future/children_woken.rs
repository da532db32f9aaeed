//! Which children of a parent were woken, and the wakers that say so.
//!
//! Owns: a waker for each child, the list they write on, and one set of both that this
//! thread has used before.
//!
//! Laws:
//! * A wake is never lost: the parent's waker is on the list before its numbers
//!   are read, so a later wake finds it. Wakes may come from any thread.
//! * A child is on the list at most once.
//! * No user code under the lock: wakers are cloned before it, and woken and
//!   dropped after it.
//!
//! A set that was used before may be known to somebody who has kept a waker: it then
//! wakes a child of another parent, for nothing. A poll for nothing is what every future
//! must bear.
//!
//! Read next: `join_all.rs`.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

/// How many wakers a thread keeps for its next parent: 64 KiB.
const KEPT: usize = 1024;

thread_local! {
    static SPARE: Cell<Option<ChildrenWoken>> = const { Cell::new(None) };
}

/// The wakers of the children and the list they write on.
pub(super) struct ChildrenWoken {
    list: Arc<List>,
    /// One waker per child, made once; there may be more than children.
    wakers: Vec<Waker>,
}

impl ChildrenWoken {
    /// For so many children, all of whom are on the list.
    pub(super) fn new(count: usize) -> Self {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut woken = spare.unwrap_or_else(|| Self {
            list: Arc::default(),
            wakers: Vec::new(),
        });
        let mut marks = woken.list.lock();
        // One that was used before is empty, and all of it is marked.
        marks.order.extend(0..count);
        marks.listed.resize(count, true);
        drop(marks);
        let waker = |index| {
            let list = Arc::clone(&woken.list);
            Waker::from(Arc::new(ChildWaker { index, list }))
        };
        woken.wakers.extend((woken.wakers.len()..count).map(waker));
        woken
    }

    /// Leaves the parent's waker on the list and says how many are on it now.
    pub(super) fn arm(&self, cx: &Context<'_>) -> usize {
        let marks = self.list.lock();
        let parent = marks.parent.as_ref();
        if parent.is_some_and(|waker| waker.will_wake(cx.waker())) {
            return marks.order.len();
        }
        drop(marks);
        let fresh = cx.waker().clone();
        let mut marks = self.list.lock();
        let old = marks.parent.replace(fresh);
        let count = marks.order.len();
        drop(marks);
        drop(old);
        count
    }

    /// Takes the next child off the list, so that it can be woken again; its number and
    /// its waker.
    #[inline]
    pub(super) fn pop(&self) -> Option<(usize, &Waker)> {
        let mut marks = self.list.lock();
        let index = marks.order.pop_front()?;
        marks.listed[index] = false;
        Some((index, &self.wakers[index]))
    }

    /// The parent is gone. Keeps the set for the next one.
    pub(super) fn retire(mut self) {
        let mut marks = self.list.lock();
        // Wakers of children may outlive us; the parent's must not live on in them.
        let parent = marks.parent.take();
        // Nobody is left to be woken.
        marks.listed.fill(true);
        marks.listed.truncate(KEPT);
        marks.listed.shrink_to(KEPT);
        marks.order.clear();
        marks.order.shrink_to(KEPT);
        drop(marks);
        drop(parent);
        self.wakers.truncate(KEPT);
        self.wakers.shrink_to(KEPT);
        // A thread that ends keeps nothing.
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }
}

/// Who was woken since it was last polled.
#[derive(Default)]
struct List(Mutex<Marks>);

#[derive(Default)]
struct Marks {
    /// The numbers of the woken children, in the order of their wakes.
    order: VecDeque<usize>,
    /// Whether a child is in `order`: it is there at most once.
    listed: Vec<bool>,
    /// The waker of the task that polls the parent; taken by the first wake.
    parent: Option<Waker>,
}

impl List {
    /// No user code runs under the lock, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a child is polled with.
struct ChildWaker {
    index: usize,
    list: Arc<List>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut marks = self.list.lock();
        // A number that is not there is of a larger family, which used the list before.
        match marks.listed.get_mut(self.index) {
            Some(listed) if !*listed => *listed = true,
            _ => return,
        }
        marks.order.push_back(self.index);
        let parent = marks.parent.take();
        drop(marks);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
