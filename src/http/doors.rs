//! Doors: the order in which requests get in where connections are scarce.
//!
//! Owns: a gate for all connections, and one for each host that has a cap of its
//! own and somebody at it. The permits of a gate are the connections of a cap, so
//! who has passed finds a place in the pool.
//!
//! ```text
//!   request --> door of its host --> door of all --> pool
//!               (its policy)         (its policy)
//! ```
//!
//! Laws: the host's door comes first: who waits for a busy host has no permit that
//! another host could use. P06, a dropped request leaves the line or gives its
//! permits back. D, the wait is under `queue` and `total`.
//!
//! Absent on purpose: doors where nobody asked for an order. The pool's own queue
//! is first come, first served, and costs nothing while nobody waits.
//!
//! Read next: `../gate/mod.rs`, `pool/checkout.rs`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::alarm::{Alarm, earlier};
use super::deadlines::Deadline;
use super::error::Error;
use super::hooks::Event;
use super::kind::{ErrorKind, Phase};
use super::origin::Origin;
use super::pool::{Caps, PoolKey, Wish};
use super::timings::Timings;
use crate::clock::instant_after;
use crate::gate::{Gate, Permit, Shed};
use crate::policy::Policy;
use crate::time;

/// Makes the policy of a door.
pub(crate) type Order = Box<dyn Fn() -> Box<dyn Policy>>;

/// A gate whose policy was chosen by the caller.
type Door = Gate<Box<dyn Policy>>;

/// The doors of one client.
pub(crate) struct Doors {
    order: Order,
    /// Connections of one host; `None` if the cap of all is not above it.
    per_host: Option<usize>,
    /// The door of all.
    all: Door,
    /// The doors of hosts, and how many requests are at or behind each.
    hosts: RefCell<BTreeMap<Origin, (Door, usize)>>,
}

/// The right to one connection; its drop lets the next one in.
pub(crate) struct Pass {
    _all: Permit,
    _host: Option<(Permit, AtHost)>,
}

/// Keeps the door of a host while somebody is at or behind it.
struct AtHost {
    doors: Rc<Doors>,
    origin: Origin,
}

impl Doors {
    pub(crate) fn new(caps: Caps, order: Order) -> Rc<Doors> {
        Rc::new(Doors {
            all: Gate::new(caps.total.max(1), order()),
            per_host: (caps.per_host < caps.total).then_some(caps.per_host.max(1)),
            order,
            hosts: RefCell::default(),
        })
    }

    /// Waits until the request may have a connection. The policies see a card
    /// copied from the task's. Also returns how long it waited.
    ///
    /// # Errors
    /// `Timeout` in the queue; `Shed` if a policy turns it away.
    pub(crate) async fn pass(
        self: &Rc<Self>,
        wish: &Wish<'_>,
    ) -> Result<(Box<Pass>, Duration), Error> {
        let since = time::now();
        let own = (wish.queue).map(|queue| (instant_after(since, queue), Deadline::Queue));
        let (due, deadline) = earlier(own, wish.total);
        let mut entering = Box::pin(self.enter(PoolKey::origin_of(wish.origin, wish.route)));
        let (mut alarm, mut queued) = (Alarm::default(), false);
        let passed = poll_fn(|cx| {
            if let Poll::Ready(entered) = entering.as_mut().poll(cx) {
                let turned_away = |shed: Shed| Error::from(ErrorKind::Shed).with_source(shed);
                return Poll::Ready(entered.map_err(turned_away));
            }
            if !std::mem::replace(&mut queued, true) {
                wish.tracer.tell(Event::QueueStart);
            }
            let late = || Err(Error::timeout(deadline, Phase::Queue));
            alarm.poll(cx, due).map(|()| late())
        })
        .await;
        if queued {
            wish.tracer.tell(Event::QueueEnd);
        }
        let queue = time::now().saturating_duration_since(since);
        let timings = Timings {
            queue,
            ..Timings::default()
        };
        passed
            .map(|pass| (Box::new(pass), queue))
            .map_err(|error| error.with_timings(timings))
    }

    async fn enter(self: &Rc<Self>, origin: &Origin) -> Result<Pass, Shed> {
        let host = match self.per_host {
            None => None,
            Some(permits) => {
                let (door, at_host) = self.host(origin, permits);
                Some((door.acquire().await?, at_host))
            }
        };
        let all = self.all.acquire().await?;
        Ok(Pass {
            _all: all,
            _host: host,
        })
    }

    /// The door of a host.
    fn host(self: &Rc<Self>, origin: &Origin, permits: usize) -> (Door, AtHost) {
        let known = self
            .hosts
            .borrow()
            .get(origin)
            .map(|(door, _)| door.clone());
        // LAW T5: making a policy is the caller's code.
        let door = known.unwrap_or_else(|| Gate::new(permits, (self.order)()));
        let mut hosts = self.hosts.borrow_mut();
        let (door, visitors) = (hosts.entry(origin.clone())).or_insert((door, 0));
        *visitors = visitors.saturating_add(1);
        let at_host = AtHost {
            doors: Rc::clone(self),
            origin: origin.clone(),
        };
        (door.clone(), at_host)
    }
}

impl Drop for AtHost {
    fn drop(&mut self) {
        let mut hosts = self.doors.hosts.borrow_mut();
        let Some((_, visitors)) = hosts.get_mut(&self.origin) else {
            return;
        };
        *visitors = visitors.saturating_sub(1);
        let gone = match visitors {
            0 => hosts.remove(&self.origin),
            _ => None,
        };
        drop(hosts);
        drop(gone); // Its policy may have a `Drop` of its own.
    }
}
