//! tokio's current-thread runtime. `PEER_MODE=local` spawns on a `LocalSet`; otherwise
//! `tokio::spawn`.

use peers::futures::started;
use peers::rows::{self, Executor};
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

/// Spawns with `tokio::spawn`.
struct Spawn;

/// Spawns on a `LocalSet`.
struct Local;

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The two differ in how a task is spawned and in nothing else.
macro_rules! executor {
    ($name:ty, $spawn:path, $block_on:expr) => {
        impl Executor for $name {
            const TIMERS: bool = true;
            type Join = JoinHandle<()>;

            fn block_on<F>(future: F) -> F::Output
            where
                F: Future + 'static,
                F::Output: 'static,
            {
                $block_on(future)
            }

            fn spawn<F>(future: F) -> JoinHandle<()>
            where
                F: Future<Output = ()> + Send + 'static,
            {
                $spawn(future)
            }

            fn detach(join: JoinHandle<()>) {
                drop(join);
            }

            fn sleep(duration: Duration) -> impl Future + 'static {
                tokio::time::sleep(duration)
            }

            fn spawn_sleep(duration: Duration) -> JoinHandle<()> {
                $spawn(async move {
                    started();
                    tokio::time::sleep(duration).await;
                })
            }

            async fn channel(count: u64) -> u64 {
                let (sender, mut receiver) = mpsc::channel(1024);
                let producer = $spawn(async move {
                    for number in 0..count {
                        sender.send(number).await.expect("a receiver");
                    }
                });
                let consumer = $spawn(async move {
                    let mut sum = 0;
                    while let Some(number) = receiver.recv().await {
                        sum += number;
                    }
                    sum
                });
                producer.await.expect("the producer");
                consumer.await.expect("the consumer")
            }
        }
    };
}

executor!(Spawn, tokio::spawn, |future| runtime().block_on(future));
executor!(Local, spawn_local, |future| {
    LocalSet::new().block_on(&runtime(), future)
});

fn main() {
    match std::env::var("PEER_MODE").as_deref() {
        Ok("local") => rows::main::<Local>(),
        _ => rows::main::<Spawn>(),
    }
}
