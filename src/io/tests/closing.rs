//! Tests of who waits for a descriptor.

use super::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a wait and says whether it is over.
fn is_over(wait: Pin<&mut (impl Future<Output = ()> + ?Sized)>, count: &Arc<Count>) -> bool {
    let waker = Waker::from(Arc::clone(count));
    wait.poll(&mut Context::from_waker(&waker)).is_ready()
}

#[test]
fn r14_a_wait_that_moves_to_another_thread_takes_nobodys_place_there() {
    let (here, there) = (Arc::<Count>::default(), Arc::<Count>::default());
    let mut moved = Box::pin(next_close());
    let mut dropped = Box::pin(next_close());
    assert!(!is_over(moved.as_mut(), &here));
    assert!(!is_over(dropped.as_mut(), &here));
    let counts = [Arc::clone(&here), Arc::clone(&there)];
    let other = thread::spawn(move || {
        let [here, there] = counts;
        // The first and the second on that thread, as those were on theirs.
        let mut own = [Box::pin(next_close()), Box::pin(next_close())];
        for wait in &mut own {
            assert!(!is_over(wait.as_mut(), &there));
        }
        assert!(is_over(moved.as_mut(), &here), "it has to look again");
        drop(dropped);
        source_closed();
        assert_eq!(there.0.load(Ordering::SeqCst), 2, "both were woken");
        assert!(own.iter_mut().all(|wait| is_over(wait.as_mut(), &there)));
    });
    other.join().unwrap();
    assert_eq!(here.0.load(Ordering::SeqCst), 0);
    // Nothing of those that went away stays on this list.
    source_closed();
    assert_eq!(Arc::strong_count(&here), 1);
}
