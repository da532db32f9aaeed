//! Tools by which tasks of one thread wait for one another, and one channel
//! that other threads feed.
//!
//! Owns: values and wakers in transit. Needs no loop: everything here runs on
//! any executor. On a loop it spends the cooperative budget, so a task whose
//! channel is never empty still yields.
//!
//! * [`mod@oneshot`]: one value, once. [`mod@channel`]: a bounded queue, any number of
//!   senders and receivers. [`Semaphore`]: permits. [`Notify`]: a bare wake.
//!   All four are for the tasks of one thread: cells inside, no atomics.
//! * [`remote`]: a bounded queue whose sender is for other threads.
//!
//! Laws, the same for all:
//! * Y01, Y02: a served waiter, dropped before it looked, hands on what it got.
//! * Y03: waiters are served in the order in which they came, and nobody
//!   overtakes them, `try_` calls included.
//! * Y07: wakers are woken, cloned and dropped, and values are dropped, only
//!   when nothing is borrowed and no lock is held. They may call back in here,
//!   and they may panic: the structure is whole before they run.
//! * T07: a future polled with another waker than before wakes the latest.
//!
//! Absent on purpose: a mutex and a read-write lock (between two awaits of one
//! thread nobody else runs: `RefCell` does), and unbounded queues.
//!
//! Read next: `wait_list.rs`, then `semaphore/mod.rs`, the model of the others.

pub mod channel;
mod notify;
pub mod oneshot;
pub mod remote;
mod semaphore;
mod wait_list;

pub use channel::channel;
pub use notify::{Notified, Notify};
pub use oneshot::oneshot;
pub use semaphore::{Acquire, Closed, Permit, Semaphore, TryAcquireError};

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::{Notify, Semaphore, channel, oneshot, remote};
    use crate::budget;
    use crate::testing::Probe;

    /// Takes the budget away, polls, gives it back, polls again.
    fn spends<F: Future>(future: F) -> F::Output {
        let mut probe = Probe::new(future);
        let before = budget::set(0);
        let polled = probe.poll();
        budget::set(before);
        assert!(
            polled.is_pending(),
            "ready, but without budget it must yield"
        );
        assert!(probe.is_woken(), "who yields is woken again");
        probe.unwrap()
    }

    #[test]
    fn budget_forces_yield_and_nothing_is_lost() {
        let semaphore = Semaphore::new(1);
        drop(spends(semaphore.acquire()).unwrap());
        let notify = Notify::new();
        notify.notify_one();
        spends(notify.notified());
        let (tx, rx) = oneshot();
        tx.send(1).unwrap();
        assert_eq!(spends(rx), Ok(1));
        let (tx, rx) = channel(1);
        spends(tx.send(2)).unwrap();
        assert_eq!(spends(rx.recv()), Some(2));
        let (tx, mut rx) = remote::channel(1);
        tx.try_send(3).unwrap();
        assert_eq!(spends(rx.recv()), Some(3));
    }

    #[test]
    fn an_always_ready_channel_yields_when_the_budget_is_spent() {
        let (tx, rx) = channel(100);
        (0..100).for_each(|n| tx.try_send(n).unwrap());
        let mut probe = Probe::new(async { while rx.recv().await != Some(99) {} });
        let mut polls = 0;
        let done = loop {
            let before = budget::set(32);
            let polled = probe.poll();
            budget::set(before);
            polls += 1;
            if let Poll::Ready(()) = polled {
                break polls;
            }
            assert!(probe.is_woken());
        };
        assert_eq!(done, 4, "100 values at 32 a poll");
    }

    #[test]
    fn waiting_costs_no_budget() {
        let notify = Notify::new();
        let before = budget::set(1);
        for _ in 0..3 {
            assert!(Probe::new(notify.notified()).poll().is_pending());
        }
        assert_eq!(budget::set(before), 1);
    }
}
