//! compio's runtime (io_uring).

use compio::runtime::{JoinHandle, Runtime, spawn};
use peers::futures::started;
use peers::rows::{self, Executor};
use std::future::Future;
use std::time::Duration;

struct Compio;

impl Executor for Compio {
    const TIMERS: bool = true;
    type Join = JoinHandle<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Runtime::new().expect("a runtime").block_on(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(future)
    }

    fn detach(join: JoinHandle<()>) {
        join.detach();
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        compio::time::sleep(duration)
    }

    fn spawn_sleep(duration: Duration) -> JoinHandle<()> {
        spawn(async move {
            started();
            compio::time::sleep(duration).await;
        })
    }

    async fn channel(count: u64) -> u64 {
        let (sender, receiver) = async_channel::bounded(1024);
        let producer = spawn(async move {
            for number in 0..count {
                sender.send(number).await.expect("a receiver");
            }
        });
        let consumer = spawn(async move {
            let mut sum = 0;
            while let Ok(number) = receiver.recv().await {
                sum += number;
            }
            sum
        });
        assert!(producer.await.is_ok(), "the producer");
        consumer.await.ok().expect("the consumer")
    }
}

fn main() {
    rows::main::<Compio>();
}
