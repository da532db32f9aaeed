//! Law S03: what is always ready comes back to the loop all the same.

mod laws;

use downbeat::blocking::{Reader, Writer};
use downbeat::future::{poll_once, yield_now};
use downbeat::io::Registered;
use downbeat::io::{AsyncReadExt, AsyncWriteExt};
use downbeat::policy::Fifo;
use downbeat::testing::{Probe, pair};
use downbeat::time::{sleep, timeout};
use downbeat::{Gate, Runtime, TaskGroup, spawn, sync};
use laws::{Count, MS, virtual_runtime, without_hanging};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

/// One end of a pair of sockets for the loop, the other for whoever drives it.
fn socket() -> (Registered<mio::net::UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let ours = Registered::new(mio::net::UnixStream::from_std(ours)).unwrap();
    (ours, theirs)
}

fn poll_read(socket: &Registered<mio::net::UnixStream>, cx: &mut Context<'_>) -> Poll<usize> {
    socket
        .poll_read_with(cx, |mut socket| socket.read(&mut [0; 64]))
        .map(Result::unwrap)
}

#[test]
fn s03_budget_ends_with_the_loop_even_if_the_root_panics_in_its_drop() {
    struct Root;
    impl Future for Root {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    impl Drop for Root {
        fn drop(&mut self) {
            panic!("the root's drop");
        }
    }
    let mut runtime = virtual_runtime();
    let panicked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(Root)));
    assert!(panicked.is_err());
    assert_eq!(runtime.block_on(async { 1 }), 1);
    // No loop runs here any more, so nothing limits a channel.
    let (sender, receiver) = sync::channel(1);
    for _ in 0..1000 {
        sender.try_send(()).unwrap();
        assert!(Probe::new(receiver.recv()).poll().is_ready());
    }
}

#[test]
fn s03_budget_forces_a_yield_on_timers_that_are_always_due() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let done = Count::default();
            let other = done.clone();
            spawn(async move { other.add() }).detach();
            while done.get() == 0 {
                sleep(Duration::ZERO).await;
            }
        });
    });
}

#[test]
fn s03_budget_forces_a_yield_on_a_group_whose_children_have_all_ended() {
    virtual_runtime().block_on(async {
        let mut group = TaskGroup::new();
        for _ in 0..1000 {
            group.spawn(async {});
        }
        sleep(MS).await;
        let other = Count::default();
        let count = other.clone();
        spawn(async move { count.add() }).detach();
        while group.next().await.is_some() {
            assert!(other.get() == 1 || group.len() >= 1000 - 128);
        }
        assert_eq!(other.get(), 1);
    });
}

#[test]
fn s03_waiting_for_more_sources_than_the_budget_does_not_spin() {
    Runtime::new().unwrap().block_on(async {
        let sockets: Vec<_> = (0..200).map(|_| socket()).collect();
        let polls = Cell::new(0);
        let wait_for_all = poll_fn(|cx| {
            polls.set(polls.get() + 1);
            for (socket, _) in &sockets {
                assert!(poll_read(socket, cx).is_pending());
            }
            Poll::<()>::Pending
        });
        timeout(MS * 50, wait_for_all).await.unwrap_err();
        assert!(polls.get() < 10, "{} polls", polls.get());
    });
}

/// A source and a sink that are told when to go on.
struct Blocks(mpsc::Receiver<()>);

impl Read for Blocks {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(0)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn s03_waiting_costs_no_budget_whatever_is_waited_for() {
    let mut runtime = Runtime::builder().budget(3).build().unwrap();
    runtime.block_on(async {
        let (go_on, told) = mpsc::channel();
        let mut reader = Reader::new(Blocks(told));
        let (write_on, told) = mpsc::channel();
        let mut writer = Writer::new(Blocks(told));
        writer.write_all(&[0; 64 * 1024]).await.unwrap();
        assert_eq!(
            poll_once(writer.write(&[0; 64 * 1024]))
                .await
                .unwrap()
                .unwrap(),
            64 * 1024
        );
        let (mut stream, _peer) = pair(1);
        let (_sender, mut remote) = sync::remote::channel::<()>(1);
        let (tcp, _peer) = socket();
        let gate = Gate::new(1, Fifo::new());
        let _permit = gate.acquire().await.unwrap();
        let mut group = TaskGroup::new();
        group.spawn(std::future::pending::<()>());
        // From here on there are three units, for far more than three waits.
        yield_now().await;
        for _ in 0..10 {
            assert!(poll_once(reader.read(&mut [0])).await.is_none());
            assert!(poll_once(writer.write(b"x")).await.is_none());
            assert!(poll_once(stream.read(&mut [0])).await.is_none());
            assert!(poll_once(remote.recv()).await.is_none());
            assert!(
                poll_once(tcp.read_with(|mut tcp| tcp.read(&mut [0])))
                    .await
                    .is_none()
            );
            assert!(poll_once(gate.acquire()).await.is_none());
            assert!(poll_once(group.next()).await.is_none());
            assert!(poll_once(sleep(Duration::MAX)).await.is_none());
        }
        for _ in 0..3 {
            assert!(poll_once(sleep(Duration::ZERO)).await.is_some());
        }
        assert!(
            poll_once(sleep(Duration::ZERO)).await.is_none(),
            "spent at last"
        );
        drop((go_on, write_on));
    });
}
