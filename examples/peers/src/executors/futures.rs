//! `futures::executor::LocalPool`: no timers and no I/O of its own.

use futures::channel::mpsc;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;
use futures::{SinkExt, StreamExt};
use peers::rows::{self, Executor};
use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

thread_local! {
    static SPAWNER: RefCell<Option<LocalSpawner>> = const { RefCell::new(None) };
}

fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> RemoteHandle<T> {
    SPAWNER.with_borrow(|spawner| {
        let spawner = spawner.as_ref().expect("inside block_on");
        spawner
            .spawn_local_with_handle(future)
            .expect("a running pool")
    })
}

struct Futures;

impl Executor for Futures {
    const TIMERS: bool = false;
    type Join = RemoteHandle<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let mut pool = LocalPool::new();
        SPAWNER.set(Some(pool.spawner()));
        pool.run_until(future)
    }

    fn spawn<F>(future: F) -> RemoteHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(future)
    }

    fn detach(join: RemoteHandle<()>) {
        join.forget();
    }

    fn sleep(_: Duration) -> impl Future + 'static {
        std::future::pending::<()>()
    }

    fn spawn_sleep(_: Duration) -> RemoteHandle<()> {
        unreachable!("TIMERS is false")
    }

    async fn channel(count: u64) -> u64 {
        let (mut sender, mut receiver) = mpsc::channel(1024);
        let producer = spawn(async move {
            for number in 0..count {
                sender.send(number).await.expect("a receiver");
            }
        });
        let consumer = spawn(async move {
            let mut sum = 0;
            while let Some(number) = receiver.next().await {
                sum += number;
            }
            sum
        });
        producer.await;
        consumer.await
    }
}

fn main() {
    rows::main::<Futures>();
}
