//! Wakers that are not ours: they re-enter the loop, they panic, they keep cycles.

mod laws;

use downbeat::testing::Alarm;
use downbeat::time::{Sleep, sleep};
use downbeat::{Handle, Runtime, TaskGroup, spawn, spawn_blocking};
use laws::{Count, MS, Reports, virtual_runtime, without_hanging};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that does to the loop whatever can be done, when it wakes and when its
/// last clone is dropped.
struct Hostile(Arc<AtomicUsize>);

impl Hostile {
    fn reenter(&self) {
        self.0.fetch_add(1, Relaxed);
        // Elsewhere there is no loop, which is an error and nothing else.
        let Ok(handle) = Handle::current() else {
            return;
        };
        let task = spawn(pending::<()>());
        task.abort();
        drop(task);
        let mut timer = sleep(MS);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut timer).poll(&mut cx).is_pending());
        drop(timer);
        let mut group = TaskGroup::new();
        group.spawn(async {});
        assert!(group.poll_next(&mut cx).is_pending());
        drop(group);
        drop(handle.spawn(async {}));
        drop(spawn_blocking(|| ()));
        drop(socket());
        assert!(!downbeat::runtime::tasks().is_empty());
    }
}

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        self.reenter();
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.reenter();
    }
}

fn socket() -> (downbeat::io::Registered<mio::net::UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let ours = mio::net::UnixStream::from_std(ours);
    (downbeat::io::Registered::new(ours).unwrap(), theirs)
}

#[test]
fn t13_no_user_code_under_borrow() {
    /// Polls with a hostile waker twice, so that one is replaced, and keeps a third.
    fn wait(future: Pin<&mut impl Future>, reentered: &Arc<AtomicUsize>) {
        let mut future = future;
        for _ in 0..3 {
            let waker = Waker::from(Arc::new(Hostile(Arc::clone(reentered))));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
    }
    without_hanging(|| {
        let (builder, reports) = Reports::of(Runtime::builder());
        let mut runtime = builder.build().unwrap();
        runtime.block_on(async {
            // Once all that is waited for comes, and once it is dropped before.
            for comes in [true, false] {
                let count = Arc::new(AtomicUsize::new(0));
                let mut timer = Box::pin(sleep(MS * 100));
                wait(timer.as_mut(), &count);
                let mut join = Box::pin(spawn(sleep(MS * 100)));
                wait(join.as_mut(), &count);
                let mut gather = Box::pin(downbeat::gather([sleep(MS * 100)]));
                wait(gather.as_mut(), &count);
                let mut group = TaskGroup::new();
                group.spawn(sleep(MS * 100));
                let mut next = Box::pin(group.next());
                wait(next.as_mut(), &count);
                let (go_on, waits) = mpsc::channel::<()>();
                let mut job = Box::pin(spawn_blocking(move || waits.recv().is_err()));
                wait(job.as_mut(), &count);
                let mut remote = Box::pin(Handle::current().unwrap().spawn(sleep(MS * 100)));
                wait(remote.as_mut(), &count);
                let (socket, mut peer) = socket();
                let mut read = Box::pin(poll_fn(|cx| {
                    socket.poll_read_with(cx, |mut socket| socket.read(&mut [0; 8]))
                }));
                wait(read.as_mut(), &count);
                if comes {
                    drop(go_on);
                    peer.write_all(b"x").unwrap();
                    // Two of each were replaced, and the third was woken and dropped.
                    while count.load(Relaxed) < 7 * (2 + 2) {
                        sleep(MS).await;
                    }
                    assert!(join.await.is_ok() && job.await.is_ok());
                } else {
                    drop((timer, join, gather, next, job, remote, read));
                    drop((group, socket));
                }
            }
        });
        drop(runtime);
        assert!(reports.take().is_empty());
    });
}

#[test]
fn t14_panicking_waker_keeps_structure_valid() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker")
        }
    }
    let (builder, reports) = Reports::of(Runtime::builder().virtual_clock());
    let mut runtime = builder.build().unwrap();
    runtime.block_on(async {
        let alarm = Alarm::new();
        let bad = Waker::from(Arc::new(Panics));
        let mut waits: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for _ in 0..5 {
            waits.push(Box::pin(sleep(MS)));
            waits.push(Box::pin(async { spawn(sleep(MS)).await.unwrap() }));
        }
        for (at, wait) in waits.iter_mut().enumerate() {
            let waker = if at % 4 < 2 {
                bad.clone()
            } else {
                alarm.waker()
            };
            assert!(
                wait.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        sleep(MS * 2).await;
        // Those in between and after were woken all the same, and all are ready.
        assert_eq!(alarm.wakes(), 4);
        for wait in waits {
            wait.await;
        }
    });
    let reports = reports.take();
    assert_eq!(reports.len(), 6, "{reports:?}");
    assert!(
        reports
            .iter()
            .all(|report| report.contains("a waker panicked"))
    );
}

#[test]
fn t14_a_waker_that_panics_in_its_drop_does_not_spoil_the_end() {
    struct Loud;
    impl Wake for Loud {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("the drop of a waker");
        }
    }
    /// Polls with a waker that only the loop keeps.
    fn wait(future: impl Future) {
        let loud = Waker::from(Arc::new(Loud));
        let polled = pin!(future).poll(&mut Context::from_waker(&loud));
        assert!(polled.is_pending());
    }
    struct LastWords(Rc<Cell<Option<Sleep>>>);
    impl Drop for LastWords {
        fn drop(&mut self) {
            let mut timer = sleep(MS);
            wait(&mut timer);
            self.0.set(Some(timer));
        }
    }
    let last = Rc::new(Cell::new(None));
    let words = LastWords(Rc::clone(&last));
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&reports);
    let builder = Runtime::builder().on_report(move |report| {
        let _words = &words;
        hook.borrow_mut().push(report.to_string());
    });
    let mut runtime = builder.build().unwrap();
    // All of them outlive their loop.
    let kept = runtime.block_on(async {
        let (mut timer, (socket, peer)) = (sleep(MS), socket());
        wait(&mut timer);
        let blocked = |_: &mio::net::UnixStream| Err::<(), _>(ErrorKind::WouldBlock.into());
        wait(poll_fn(|cx| socket.poll_read_with(cx, blocked)));
        wait(poll_fn(|cx| socket.poll_write_with(cx, blocked)));
        (timer, socket, peer)
    });
    drop(runtime);
    // Two of the socket and one of a timer; the second timer came when the hook had gone.
    assert_eq!(reports.take(), ["a waker panicked: the drop of a waker"; 3]);
    assert!(last.take().is_some());
    drop(kept);
}

#[test]
fn t20_waker_cycle_does_not_leak() {
    let drops = Count::default();
    let mut runtime = virtual_runtime();
    let alarm = Alarm::new();
    runtime.block_on(async {
        for i in 0..10 {
            let guard = drops.guard();
            let own: Rc<Cell<Option<Waker>>> = Rc::default();
            let kept = alarm.waker();
            let (mut timer, mut join) = (sleep(MS * 1000), spawn(pending::<()>()));
            let (socket, peer) = socket();
            spawn(poll_fn(move |cx| {
                let _all = (&guard, &kept, &peer);
                // In itself, in a timer, in another task and in a source.
                own.set(Some(cx.waker().clone()));
                assert!(Pin::new(&mut timer).poll(cx).is_pending());
                assert!(Pin::new(&mut join).poll(cx).is_pending());
                assert!(i % 2 == 0 || socket.poll_readable(cx).is_ready());
                Poll::<()>::Pending
            }))
            .detach();
        }
        downbeat::yield_now().await;
        downbeat::yield_now().await;
    });
    assert_eq!((drops.get(), alarm.kept()), (0, 10));
    drop(runtime);
    assert_eq!((drops.get(), alarm.kept()), (10, 0));
}
