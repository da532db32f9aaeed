//! monoio, with its timers and its feature `sync` (wakers that other threads may use).
//! `PEER_MODE=uring` takes the io_uring driver; otherwise epoll.

use local_sync::mpsc::bounded;
use monoio::task::JoinHandle;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};
use peers::futures::started;
use peers::rows::{self, Executor};
use std::future::Future;
use std::time::Duration;

struct Monoio;

impl Executor for Monoio {
    const TIMERS: bool = true;
    type Join = JoinHandle<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if std::env::var("PEER_MODE").as_deref() == Ok("uring") {
            let builder = RuntimeBuilder::<IoUringDriver>::new();
            builder
                .enable_timer()
                .build()
                .expect("io_uring")
                .block_on(future)
        } else {
            let builder = RuntimeBuilder::<LegacyDriver>::new();
            builder
                .enable_timer()
                .build()
                .expect("epoll")
                .block_on(future)
        }
    }

    fn spawn<F>(future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        monoio::spawn(future)
    }

    fn detach(join: JoinHandle<()>) {
        drop(join);
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        monoio::time::sleep(duration)
    }

    fn spawn_sleep(duration: Duration) -> JoinHandle<()> {
        monoio::spawn(async move {
            started();
            monoio::time::sleep(duration).await;
        })
    }

    async fn channel(count: u64) -> u64 {
        let (sender, mut receiver) = bounded::channel(1024);
        let producer = monoio::spawn(async move {
            for number in 0..count {
                let sent = sender.send(number).await;
                assert!(sent.is_ok(), "a receiver");
            }
        });
        let consumer = monoio::spawn(async move {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            sum
        });
        producer.await;
        consumer.await
    }
}

fn main() {
    rows::main::<Monoio>();
}
