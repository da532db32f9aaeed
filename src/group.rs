//! Many tasks, one owner: `gather`, `try_gather` and `TaskGroup`.
//!
//! Each future becomes a task of its own, so a policy sees a hundred tasks where
//! `join_all` would show it one.
//!
//! Laws: dropping any of the three cancels its children. J07, n children cost
//! O(n) in all, whatever their order. J08, the first error of `try_gather` cancels
//! the rest and waits until they are dropped.
//!
//! Absent on purpose: children that borrow. A task outlives its spawner's stack
//! frame whenever the spawner is forgotten, so safe code cannot lend to it.
//!
//! Read next: `blocking/mod.rs`.

use crate::budget;
use crate::runtime::{current, spawn_with, try_spawn};
use crate::task::{JoinError, JoinHandle, SpawnOptions, TaskId};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Spawns one task per future and waits for all: results in the order of the
/// futures, a panic or a cancellation in its place.
///
/// # Panics
/// When no loop runs on this thread.
///
/// # Cancel safety
/// Dropping it cancels all children that have not ended.
#[track_caller]
#[doc(alias = "join_all")]
pub fn gather<I>(futures: I) -> Gather<<I::Item as Future>::Output>
where
    I: IntoIterator,
    I::Item: Future + 'static,
    <I::Item as Future>::Output: 'static,
{
    // From the beginning, so that an iterator that panics leaves no child behind.
    let mut gather = Gather {
        children: Vec::new(),
        first: 0,
    };
    for future in futures {
        let child = spawn_with(future, SpawnOptions::new());
        gather.children.push(Child::Running(child));
    }
    gather
}

/// [`gather`] for futures that may fail: the outputs in order, or the first error;
/// then the other children are cancelled and dropped before it returns.
///
/// # Errors
/// The first error, also when a child panics or is cancelled.
///
/// # Panics
/// When no loop runs on this thread.
///
/// # Cancel safety
/// Dropping it cancels all children that have not ended.
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> impl Future<Output = Result<Vec<T>, E>> + use<I, T, E>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>> + 'static,
    T: 'static,
    E: From<JoinError> + 'static,
{
    let mut group = TaskGroup::new();
    let (mut places, mut refused) = (BTreeMap::new(), false);
    for (place, future) in futures.into_iter().enumerate() {
        match group.spawn(future) {
            Some(id) => drop(places.insert(id, place)),
            None => refused = true,
        }
    }
    async move {
        if refused {
            return Err(E::from(JoinError::RuntimeGone));
        }
        let mut outputs: Vec<Option<T>> = places.keys().map(|_| None).collect();
        while let Some((id, result)) = group.next().await {
            match result.map_err(E::from).and_then(|output| output) {
                Ok(output) => {
                    if let Some(slot) = places.get(&id).and_then(|place| outputs.get_mut(*place)) {
                        *slot = Some(output);
                    }
                }
                Err(error) => {
                    group.shutdown().await;
                    return Err(error);
                }
            }
        }
        Ok(outputs.into_iter().flatten().collect())
    }
}

/// The future of [`gather`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Gather<T> {
    /// In the order of the futures.
    children: Vec<Child<T>>,
    /// All children before this one have ended.
    first: usize,
}

/// One child of a [`Gather`].
enum Child<T> {
    /// Not known to have ended.
    Running(JoinHandle<T>),
    /// Ended.
    Ended(Result<T, JoinError>),
}

impl<T: 'static> Future for Gather<T> {
    type Output = Vec<Result<T, JoinError>>;

    /// Waits for one child after the other: a result that came early waits in its
    /// task, so each wake costs O(1).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some(child) = this.children.get_mut(this.first) {
            if let Child::Running(handle) = child {
                match Pin::new(handle).poll(cx) {
                    Poll::Ready(result) => *child = Child::Ended(result),
                    Poll::Pending => return Poll::Pending,
                }
            }
            this.first += 1;
        }
        let children = std::mem::take(&mut this.children);
        let ended = children.into_iter().filter_map(|child| match child {
            Child::Ended(result) => Some(result),
            Child::Running(_) => None,
        });
        Poll::Ready(ended.collect())
    }
}

impl<T> Unpin for Gather<T> {}

impl<T> Drop for Gather<T> {
    fn drop(&mut self) {
        for child in &self.children {
            if let Child::Running(handle) = child {
                handle.request_abort();
            }
        }
    }
}

/// A group of tasks that hands out results in the order of completion.
///
/// Dropping the group cancels the tasks that have not ended.
#[doc(alias = "JoinSet")]
#[doc(alias = "nursery")]
pub struct TaskGroup<T> {
    /// The tasks whose result was not handed out. In order, because they are
    /// cancelled in this order.
    running: BTreeMap<TaskId, JoinHandle<T>>,
    /// Which of them have ended.
    ended: Rc<RefCell<Ended>>,
}

/// Tells the group which children have ended.
#[derive(Default)]
struct Ended {
    /// In the order of completion.
    order: VecDeque<TaskId>,
    /// At which child the waker of the group's owner waits. It is in the table, with
    /// those of join handles, where a loop that is stuck knows what it is worth.
    watched: Option<TaskId>,
}

/// Travels inside a child; its drop is the end of the child, however it ends.
struct Bell {
    /// The child; known once it was spawned.
    id: Rc<std::cell::Cell<Option<TaskId>>>,
    /// The group.
    group: Rc<RefCell<Ended>>,
}

impl<T: 'static> TaskGroup<T> {
    /// An empty group.
    pub fn new() -> Self {
        Self {
            running: BTreeMap::new(),
            ended: Rc::default(),
        }
    }

    /// Spawns a child. `None` when the loop is going away and refuses it.
    ///
    /// # Panics
    /// When no loop runs on this thread.
    #[track_caller]
    pub fn spawn<F: Future<Output = T> + 'static>(&mut self, future: F) -> Option<TaskId> {
        self.spawn_with(future, SpawnOptions::new())
    }

    /// [`TaskGroup::spawn`] with options.
    ///
    /// # Panics
    /// When no loop runs on this thread.
    #[track_caller]
    pub fn spawn_with<F: Future<Output = T> + 'static>(
        &mut self,
        future: F,
        options: SpawnOptions,
    ) -> Option<TaskId> {
        let name = Rc::new(std::cell::Cell::new(None));
        let bell = Bell {
            id: Rc::clone(&name),
            group: Rc::clone(&self.ended),
        };
        let child = async move {
            let _bell = bell;
            future.await
        };
        let handle = match try_spawn(child, options) {
            Ok(handle) => handle,
            Err(error) => panic!("spawn: {error}"),
        };
        let id = handle.id()?;
        name.set(Some(id));
        self.running.insert(id, handle);
        Some(id)
    }

    /// Waits for the next child that ends; `None` when no child is left.
    ///
    /// # Panics
    /// While another loop than the children's runs here, or none, and all children
    /// run: nothing would ever wake it.
    ///
    /// # Cancel safety
    /// A result that was not returned stays in the group.
    pub async fn next(&mut self) -> Option<(TaskId, Result<T, JoinError>)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`TaskGroup::next`] as a poll function.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(TaskId, Result<T, JoinError>)>> {
        loop {
            let ended = self.ended.borrow().order.front().copied();
            // While none has ended, we wait at the first: the bells of all look there.
            let Some(id) = ended.or_else(|| self.running.keys().next().copied()) else {
                return Poll::Ready(None);
            };
            let polled = match self.running.get_mut(&id) {
                Some(handle) => {
                    ready!(budget::spend(cx));
                    budget::lend(|| Pin::new(handle).poll(cx))
                }
                None => {
                    self.ended.borrow_mut().order.pop_front();
                    continue;
                }
            };
            // Pending though its bell has rung: its future is being dropped, the end
            // follows in this turn and wakes us.
            let Poll::Ready(result) = polled else {
                self.ended.borrow_mut().watched = Some(id);
                return Poll::Pending;
            };
            self.running.remove(&id);
            if ended.is_some() {
                self.ended.borrow_mut().order.pop_front();
            }
            return Poll::Ready(Some((id, result)));
        }
    }

    /// How many children have not been handed out.
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether no child is left.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Asks for the end of all children.
    pub fn abort_all(&self) {
        for handle in self.running.values() {
            handle.abort();
        }
    }

    /// Cancels all children and waits until their futures are dropped.
    ///
    /// # Cancel safety
    /// The children are cancelled in any case.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.next().await.is_some() {}
    }
}

impl<T: 'static> Default for TaskGroup<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for TaskGroup<T> {
    fn drop(&mut self) {
        for handle in self.running.values() {
            handle.request_abort();
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let Some(id) = self.id.get() else { return };
        let mut ended = self.group.borrow_mut();
        ended.order.push_back(id);
        let watched = ended.watched.take();
        drop(ended);
        let owner = watched.map(|id| current::with(|state| state.table.take_watcher(id)));
        if let Some(Ok(Some(owner))) = owner {
            owner.wake();
        }
    }
}

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gather({} of {} ended)", self.first, self.children.len())
    }
}

impl<T> fmt::Debug for TaskGroup<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskGroup({} left)", self.running.len())
    }
}
