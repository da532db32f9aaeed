//! `join_all`: many futures of one type at once, inside one task.
//!
//! Owns: the children (boxed: that pins them one by one), their outputs, and a
//! list of the children that were woken.
//!
//! The obvious form polls every child on every wake: a thousand downloads that
//! make a hundred steps each then cost a hundred million polls. From
//! `FEW` children on, each child therefore gets a waker of its own, which
//! writes the child's number on the list and wakes the parent, and a poll of
//! the parent visits only who is on the list.
//!
//! Laws:
//! * Work per poll is O(woken), and one poll visits each child at most once: a
//!   child that wakes itself is visited by the next poll.
//! * A wake is never lost: the parent's waker is on the list before its numbers
//!   are read, so a later wake finds it. Wakes may come from any thread.
//! * No user code under the lock: wakers are cloned before it, and woken and
//!   dropped after it.
//!
//! Read next: `poll_once.rs`.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Below this many children, polling all of them is cheaper than the list.
const FEW: usize = 16;

/// Runs any number of futures at once, inside the caller's task, and returns
/// their outputs in the order given.
///
/// # Cancel safety
/// Dropping it drops the futures that have not finished and the outputs of
/// those that have.
#[doc(alias = "gather")]
pub fn join_all<I>(futures: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Future,
{
    let children: Vec<_> = futures
        .into_iter()
        .map(|f| Child::Waiting(Box::pin(f)))
        .collect();
    let woken = (children.len() >= FEW).then(|| Woken::new(children.len()));
    JoinAll {
        waiting: children.len(),
        children,
        woken,
    }
}

/// The future of [`join_all`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct JoinAll<F: Future> {
    /// The children, in the order given.
    children: Vec<Child<F>>,
    /// How many of them have not finished.
    waiting: usize,
    /// Who was woken; `None` when there are few, who are all polled each time.
    woken: Option<Woken>,
}

/// One place of the result.
enum Child<F: Future> {
    /// Not finished.
    Waiting(Pin<Box<F>>),
    /// Finished; the output waits for the others.
    Done(F::Output),
}

// Outputs are never pinned, and each child is pinned in its own box.
impl<F: Future> Unpin for JoinAll<F> {}

impl<F: Future> std::fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinAll")
            .field("children", &self.children.len())
            .field("waiting", &self.waiting)
            .finish()
    }
}

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match &this.woken {
            None => {
                for child in &mut this.children {
                    child.poll(&mut this.waiting, cx);
                }
            }
            Some(woken) => {
                for _ in 0..woken.list.arm(cx) {
                    let Some(index) = woken.list.pop() else { break };
                    let mut cx = Context::from_waker(&woken.wakers[index]);
                    this.children[index].poll(&mut this.waiting, &mut cx);
                }
            }
        }
        if this.waiting > 0 {
            return Poll::Pending;
        }
        let children = std::mem::take(&mut this.children);
        Poll::Ready(
            children
                .into_iter()
                .filter_map(Child::into_output)
                .collect(),
        )
    }
}

impl<F: Future> Child<F> {
    /// Polls the child unless it has finished; `waiting` counts down when it does.
    fn poll(&mut self, waiting: &mut usize, cx: &mut Context<'_>) {
        let Child::Waiting(future) = self else { return };
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            let finished = std::mem::replace(self, Child::Done(output));
            *waiting -= 1;
            // Last, because it runs user code that may panic.
            drop(finished);
        }
    }

    fn into_output(self) -> Option<F::Output> {
        match self {
            Child::Waiting(_) => None,
            Child::Done(output) => Some(output),
        }
    }
}

/// The wakers of the children and the list they write on.
struct Woken {
    list: Arc<List>,
    /// One waker per child, made once.
    wakers: Vec<Waker>,
}

impl Woken {
    fn new(count: usize) -> Self {
        // Everyone is on the list at first.
        let marks = Marks {
            order: (0..count).collect(),
            listed: vec![true; count],
            parent: None,
        };
        let list = Arc::new(List(Mutex::new(marks)));
        let waker = |index| {
            Waker::from(Arc::new(ChildWaker {
                index,
                list: list.clone(),
            }))
        };
        let wakers = (0..count).map(waker).collect();
        Self { list, wakers }
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        // Wakers of children may outlive us; the parent's must not live on in them.
        let parent = self.list.lock().parent.take();
        drop(parent);
    }
}

/// Who was woken since it was last polled.
struct List(Mutex<Marks>);

struct Marks {
    /// The numbers of the woken children, in the order of their wakes.
    order: VecDeque<usize>,
    /// Whether a child is in `order`: it is there at most once.
    listed: Vec<bool>,
    /// The waker of the task that polls us; taken by the first wake.
    parent: Option<Waker>,
}

impl List {
    /// No user code runs under the lock, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the parent's waker on the list and says how many are on it now.
    fn arm(&self, cx: &Context<'_>) -> usize {
        let marks = self.lock();
        if marks
            .parent
            .as_ref()
            .is_some_and(|w| w.will_wake(cx.waker()))
        {
            return marks.order.len();
        }
        drop(marks);
        let fresh = cx.waker().clone();
        let mut marks = self.lock();
        let old = marks.parent.replace(fresh);
        let count = marks.order.len();
        drop(marks);
        drop(old);
        count
    }

    /// Takes the next child off the list, so that it can be woken again.
    fn pop(&self) -> Option<usize> {
        let mut marks = self.lock();
        let index = marks.order.pop_front()?;
        marks.listed[index] = false;
        Some(index)
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
        if std::mem::replace(&mut marks.listed[self.index], true) {
            return;
        }
        marks.order.push_back(self.index);
        let parent = marks.parent.take();
        drop(marks);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
