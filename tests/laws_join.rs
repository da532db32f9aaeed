//! The laws of joins, cancellation and groups.

mod laws;

use downbeat::gather;
use downbeat::time::sleep;
use laws::{Count, MS, virtual_runtime};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn j02_an_iterator_that_panics_in_gather_leaves_no_child_behind() {
    let drops = Count::default();
    virtual_runtime().block_on(async {
        let mut guards = vec![drops.guard()];
        let futures = (0..2).map(|_| {
            let guard = guards.pop().expect("the iterator panics");
            async move {
                let _guard = guard;
                pending::<()>().await;
            }
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| drop(gather(futures))));
        assert!(panicked.is_err());
        sleep(MS).await;
        assert_eq!(drops.get(), 1);
    });
}
