//! Tasks: handles, groups, the blocking pool.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use downbeat::{Handle, TaskGroup, gather, spawn, spawn_blocking, time, try_gather, yield_now};

use super::cut::{at_every_poll, cut};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Counts itself while it lives.
struct Live(Rc<Cell<usize>>);

impl Live {
    fn new(count: &Rc<Cell<usize>>) -> Live {
        count.set(count.get() + 1);
        Live(count.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

fn child(live: &Rc<Cell<usize>>, after: u64) -> impl Future<Output = u64> + 'static {
    let guard = Live::new(live);
    async move {
        time::sleep(ms(after)).await;
        drop(guard);
        after
    }
}

#[test]
fn handles() {
    // CUTS task/join.rs JoinHandle, runtime/handle.rs RemoteJoin, blocking/mod.rs BlockingHandle
    at_every_poll("join handle", |k| {
        Box::pin(async move {
            let live = Rc::default();
            let mut handle = spawn(child(&live, 2));
            let done = cut(k, &mut handle).await;
            let ended = done.is_some();
            match done {
                Some(value) => assert_eq!(value.unwrap(), 2),
                None => assert_eq!(handle.await.unwrap(), 2, "the task goes on"),
            }
            assert_eq!(live.get(), 0);
            ended
        })
    });
    at_every_poll("remote join", |k| {
        Box::pin(async move {
            let handle = Handle::current().unwrap();
            let done = cut(k, handle.spawn(async { 4 })).await;
            time::sleep(ms(1)).await;
            done.is_some_and(|value| value.unwrap() == 4)
        })
    });
    at_every_poll("blocking", |k| {
        Box::pin(async move {
            let mut handle = spawn_blocking(|| 9);
            let done = cut(k, &mut handle).await;
            let ended = done.is_some();
            match done {
                Some(value) => assert_eq!(value.unwrap(), 9),
                None => assert_eq!(handle.await.unwrap(), 9, "the job runs on"),
            }
            ended
        })
    });
}

#[test]
fn groups() {
    // CUTS group.rs Gather, group.rs try_gather, group.rs next, group.rs shutdown
    at_every_poll("gather", |k| {
        Box::pin(async move {
            let live = Rc::default();
            let all = gather((0..4).map(|n| child(&live, n)));
            let done = cut(k, all).await;
            yield_now().await;
            assert_eq!(live.get(), 0, "the children end with it");
            done.is_some()
        })
    });
    at_every_poll("try_gather", |k| {
        Box::pin(async move {
            let live = Rc::default();
            let ok = |n| {
                let child = child(&live, n);
                async move { Ok::<_, downbeat::JoinError>(child.await) }
            };
            let done = cut(k, try_gather((0..4).map(ok))).await;
            yield_now().await;
            assert_eq!(live.get(), 0);
            done.is_some()
        })
    });
    at_every_poll("next", |k| {
        Box::pin(async move {
            let live = Rc::default();
            let mut group = TaskGroup::new();
            group.spawn(child(&live, 1));
            group.spawn(child(&live, 2));
            let done = cut(k, group.next()).await.is_some();
            let mut rest = 0;
            while let Some((_, value)) = group.next().await {
                value.unwrap();
                rest += 1;
            }
            assert_eq!(rest, if done { 1 } else { 2 }, "no result is lost");
            done
        })
    });
    at_every_poll("shutdown", |k| {
        Box::pin(async move {
            let live = Rc::default();
            let mut group = TaskGroup::new();
            group.spawn(child(&live, 1000));
            let done = cut(k, group.shutdown()).await.is_some();
            drop(group);
            yield_now().await;
            assert_eq!(live.get(), 0, "the children are cancelled in any case");
            done
        })
    });
}
