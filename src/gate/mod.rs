//! Gate: an async semaphore whose waiters queue under a policy.
//!
//! Owns: the interface; `desk.rs` has the policy, `line.rs` the waiters. Where the processor is idle and connections are scarce, the gate is where
//! a policy shows.
//!
//! Laws: the policy has the same safety net as the loop's (`runtime/custody.rs`):
//! what it drops, hides or panics over goes to a FIFO and is reported. Permits are
//! conserved: each is free, or held by one `Permit` or one granted waiter. A
//! cancelled waiter leaves a husk, which is skipped when it is picked. T5, policy
//! and wakers are called with nothing borrowed.
//!
//! Absent on purpose: `try_acquire`. It would jump the queue or lie about it.
//!
//! Read next: `desk.rs`, `line.rs`, then `runtime/custody.rs`.

mod desk;
mod line;

use crate::budget;
use crate::policy::{Fifo, Policy};
use crate::runtime::current_task;
use crate::slab::Key;
use crate::task::SpawnOptions;
use crate::task::deck::Card;
use crate::time::now;
use desk::{Desk, TakeBack};
use line::Waiter;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// An async semaphore whose waiters queue under the policy `P`.
///
/// ```
/// use downbeat::{Gate, policy::sjf};
/// downbeat::run(async {
///     let connections = Gate::new(10, sjf()); // the smallest first
///     let permit = connections.acquire().size(2_000).await.unwrap();
///     // fetch 2,000 bytes
///     drop(permit);
/// });
/// ```
pub struct Gate<P: Policy + 'static = Fifo> {
    /// Shared with waiters and permits.
    desk: Rc<Desk<P>>,
}

/// Waits for a permit; made by [`Gate::acquire`].
///
/// # Cancel safety
/// Dropping it gives up the place in the queue, or the permit it was granted.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Acquire<P: Policy + 'static> {
    /// The gate.
    desk: Rc<Desk<P>>,
    /// What the policy will know.
    options: SpawnOptions,
    /// Where it was made.
    site: &'static Location<'static>,
    /// Our place in the line, once we are in it.
    place: Option<Key<Waiter>>,
}

/// The right to be inside; its drop gives it back and tells the policy how long it
/// was held.
#[must_use = "the permit goes back when it is dropped"]
pub struct Permit {
    /// The gate.
    gate: Rc<dyn TakeBack>,
    /// Who holds it.
    card: Card,
    /// Since when.
    since: Instant,
}

/// The gate's policy turned the waiter away (see [`Runnable::shed`](crate::policy::Runnable::shed)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed;

impl<P: Policy + 'static> Gate<P> {
    /// A gate with this many permits, whose waiters `policy` orders.
    pub fn new(permits: usize, policy: P) -> Self {
        Self {
            desk: Rc::new(Desk::new(permits, policy)),
        }
    }

    /// Waits for a permit. The policy sees a card of its own, copied here from the
    /// task's; the methods of [`Acquire`] say something else.
    ///
    /// # Errors
    /// When the gate's policy turns the waiter away; most policies never do.
    #[track_caller]
    pub fn acquire(&self) -> Acquire<P> {
        let options = current_task(SpawnOptions::of);
        Acquire {
            desk: Rc::clone(&self.desk),
            options: options.unwrap_or_default(),
            site: Location::caller(),
            place: None,
        }
    }

    /// More permits from now on.
    pub fn add_permits(&self, permits: usize) {
        let free = &self.desk.line.free;
        free.set(free.get().saturating_add(permits));
        self.desk.serve();
    }

    /// How many permits are free.
    pub fn free(&self) -> usize {
        self.desk.line.free.get()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.desk.line.waiting()
    }
}

impl<P: Policy + 'static> Acquire<P> {
    /// How much work it is, instead of the task's size.
    pub fn size(self, size: u64) -> Self {
        self.set(|options| options.size(size))
    }

    /// When it should be done, instead of the task's deadline.
    pub fn deadline(self, deadline: Instant) -> Self {
        self.set(|options| options.deadline(deadline))
    }

    /// The group (host, tenant), instead of the task's.
    pub fn group(self, group: u32) -> Self {
        self.set(|options| options.group(group))
    }

    /// The priority, instead of the task's.
    pub fn priority(self, priority: u32) -> Self {
        self.set(|options| options.priority(priority))
    }

    /// The share, instead of the task's; 0 counts as 1.
    pub fn weight(self, weight: u32) -> Self {
        self.set(|options| options.weight(weight))
    }

    fn set(mut self, change: impl FnOnce(SpawnOptions) -> SpawnOptions) -> Self {
        self.options = change(std::mem::take(&mut self.options));
        self
    }

    /// What reports call it, instead of the task's name.
    pub fn name(self, name: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.set(|options| options.name(name))
    }
}

impl<P: Policy + 'static> Future for Acquire<P> {
    type Output = Result<Permit, Shed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(budget::spend(cx));
        let place = match self.place {
            Some(place) => place,
            None => {
                let (options, site) = (std::mem::take(&mut self.options), self.site);
                let place = self.desk.line_up(options, site);
                self.place = Some(place);
                place
            }
        };
        let line = &self.desk.line;
        let result = ready!(budget::lend(|| line.outcome(place, cx.waker())));
        self.place = None;
        let gate = Rc::clone(&self.desk);
        Poll::Ready(result.map(|(card, since)| Permit { gate, card, since }))
    }
}

impl<P: Policy + 'static> Drop for Acquire<P> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        if let Some((card, since)) = self.desk.line.leave(place) {
            let held = now().saturating_duration_since(since);
            Rc::clone(&self.desk).take_back(card, held);
        }
    }
}

impl Permit {
    /// Since when it is held.
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let held = now().saturating_duration_since(self.since);
        Rc::clone(&self.gate).take_back(self.card.clone(), held);
    }
}

impl<P: Policy + 'static> Clone for Gate<P> {
    fn clone(&self) -> Self {
        Self {
            desk: Rc::clone(&self.desk),
        }
    }
}

impl<P: Policy + 'static> fmt::Debug for Gate<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("free", &self.free())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl<P: Policy + 'static> fmt::Debug for Acquire<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("card", &*self.card)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the gate's policy turned this waiter away")
    }
}

impl Error for Shed {}
