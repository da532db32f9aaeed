//! The keeper: one task per pool that looks after idle connections.
//!
//! Owns: the task's waker and its one timer.
//!
//! Laws: P02, every idle connection is watched: a byte, an end or an error
//! closes it. P07, one that is idle for too long, or too old, is closed without
//! anybody asking for it. While nothing is idle the keeper arms no timer; one that is
//! armed already stays, and is the last if nothing is idle then.
//!
//! All connections share the keeper's waker, so a wake looks at all of them.
//! That costs a flag each and no system call, and happens when a server closes
//! connections; a hundred that close in one turn are one wake.
//!
//! Absent on purpose: a task per connection.
//!
//! Read next: `checkout.rs`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::Pool;
use crate::http::alarm::Alarm;
use crate::http::counters::Fate;
use crate::http::reuse::CloseReason;
use crate::runtime::try_spawn;
use crate::task::SpawnOptions;
use crate::time;

/// What the pool knows about its keeper.
#[derive(Default)]
pub(super) struct Keeper {
    /// The task exists.
    running: Cell<bool>,
    /// The task's waker, once it was polled.
    waker: RefCell<Option<Waker>>,
    /// When the task looks next by itself.
    looks_at: Cell<Option<Instant>>,
}

impl Keeper {
    /// The task's waker, once it was polled.
    pub(super) fn waker(&self) -> Option<Waker> {
        self.waker.borrow().clone()
    }

    /// Lets the task look now.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker() {
            waker.wake();
        }
    }

    /// A connection became idle until then.
    pub(super) fn notice(pool: &Rc<Pool>, until: Instant) {
        let keeper = &pool.keeper;
        if !keeper.running.get() {
            let task = keep(Running(Rc::downgrade(pool)));
            let options = SpawnOptions::new().name("http idle keeper");
            // Without a loop nothing is watched; checkout looks all the same.
            keeper.running.set(true);
            match try_spawn(task, options) {
                Ok(handle) => handle.detach(),
                Err(_) => keeper.running.set(false),
            }
        } else if keeper.looks_at.get().is_none_or(|at| until < at) {
            keeper.looks_at.set(Some(until));
            keeper.wake();
        }
    }
}

/// The task's hold on its pool. The loop may drop the task at any time.
struct Running(Weak<Pool>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.keeper.running.set(false);
            pool.keeper.looks_at.set(None);
            let waker = pool.keeper.waker.take();
            drop(waker);
        }
    }
}

async fn keep(running: Running) {
    let mut alarm = Alarm::default();
    poll_fn(|cx| {
        let Some(pool) = running.0.upgrade() else {
            return Poll::Ready(());
        };
        let known = pool.keeper.waker();
        if known.is_none_or(|known| !known.will_wake(cx.waker())) {
            let old = pool.keeper.waker.replace(Some(cx.waker().clone()));
            drop(old);
        }
        // Bounded: each round closes what is due, forgets when it was to look, or leaves.
        loop {
            let now = time::now();
            let found = pool.look(cx, now);
            // WHY NOT only what is idle now: one that is in use again already will be back
            // soon, and would wake this task each time.
            let known = pool.keeper.looks_at.get().filter(|at| *at > now);
            let next = found.into_iter().chain(known).min();
            pool.keeper.looks_at.set(next);
            if alarm.poll(cx, next).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

impl Pool {
    /// Closes what has stirred or is due, and says when the next one is due.
    fn look(&self, cx: &mut Context<'_>, now: Instant) -> Option<Instant> {
        // LAW T5: streams may be anybody's code, so they are polled and dropped
        // with nothing borrowed.
        let idle = self.books.borrow_mut().take_all_idle();
        let mut next: Option<Instant> = None;
        for (host, number, mut connection) in idle {
            let until = connection.keep_until();
            let fate = match until <= now {
                true => Some(Fate::NotKept(CloseReason::Expired)),
                false if connection.poll_stir(cx).is_ready() => Some(Fate::Stirred),
                false => None,
            };
            if let Some(fate) = fate {
                connection.ends(fate);
                continue;
            }
            next = Some(next.map_or(until, |next| next.min(until)));
            let refused = self.books.borrow_mut().put_back(host, number, connection);
            drop(refused);
        }
        next
    }
}
