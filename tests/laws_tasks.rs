//! The laws of tasks and wakers: who owns a future, who may poll it, what a wake
//! means, and that no panic takes another task with it.

mod laws;

use downbeat::time::sleep;
use downbeat::{Handle, JoinError, spawn};
use laws::{Bomb, Count, MS, OnDrop, reporting_runtime, virtual_runtime};
use std::any::Any;
use std::future::Future;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Does what its two closures say when it is polled and when it is dropped.
struct ByHand<P, D: FnMut()> {
    poll: P,
    drop: D,
}

impl<T, P: FnMut(&mut Context<'_>) -> Poll<T> + Unpin, D: FnMut() + Unpin> Future for ByHand<P, D> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        (self.poll)(cx)
    }
}

impl<P, D: FnMut()> Drop for ByHand<P, D> {
    fn drop(&mut self) {
        (self.drop)();
    }
}

#[test]
fn t15_a_panicked_future_is_dropped_before_anybody_asks() {
    let drops = Count::default();
    let guard: Box<dyn Any> = Box::new(drops.guard());
    virtual_runtime().block_on(async {
        let task = spawn(ByHand {
            poll: |_: &mut Context<'_>| -> Poll<()> { panic!("a poll") },
            drop: {
                let mut guard = Some(guard);
                move || drop(guard.take())
            },
        });
        sleep(MS).await;
        assert_eq!(drops.get(), 1);
        assert!(task.await.unwrap_err().is_panic());
    });
}

#[test]
fn t16_a_panic_in_the_drop_of_a_finished_future_is_reported_and_the_output_stands() {
    let (mut runtime, reports) = reporting_runtime();
    let output = runtime.block_on(spawn_by_hand(|| panic!("a drop")));
    assert_eq!(output.unwrap(), 7);
    let reports = reports.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("a drop"), "{reports:?}");
}

/// A task that is ready at once with 7, and does `drop` when it is dropped.
async fn spawn_by_hand(drop: fn()) -> Result<u32, JoinError> {
    spawn(ByHand {
        poll: |_: &mut Context<'_>| Poll::Ready(7),
        drop,
    })
    .await
}

#[test]
fn t16_a_payload_whose_drop_panics_takes_nobody_with_it() {
    let (mut runtime, reports) = reporting_runtime();
    runtime.block_on(async {
        // Read by nobody.
        spawn(async { panic_any(Bomb) }).detach();
        sleep(MS).await;
        // From the drop of a finished future, which is still read as a value.
        assert_eq!(spawn_by_hand(|| panic_any(Bomb)).await.unwrap(), 7);
        // From the drop of a cancelled one, and from the drop of an output.
        let cancelled = spawn(ByHand {
            poll: |_: &mut Context<'_>| Poll::<()>::Pending,
            drop: || panic_any(Bomb),
        });
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        spawn(async { OnDrop(|| panic_any(Bomb)) }).detach();
        sleep(MS).await;
        // From a waker that is not ours, and from a call of another thread.
        struct Loud;
        impl Wake for Loud {
            fn wake(self: Arc<Self>) {
                panic_any(Bomb)
            }
        }
        let mut timer = sleep(MS);
        let loud = Waker::from(Arc::new(Loud));
        let polled = Pin::new(&mut timer).poll(&mut Context::from_waker(&loud));
        assert!(polled.is_pending());
        Handle::current().unwrap().call(|| panic_any(Bomb)).unwrap();
        sleep(MS * 2).await;
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 6, "{reports:#?}");
    assert!(reports.iter().all(|report| !report.contains("policy")));
}
