//! glommio's `LocalExecutor` (io_uring).

use glommio::channels::local_channel;
use glommio::task::JoinHandle;
use glommio::timer::Timer;
use glommio::{LocalExecutorBuilder, Placement, spawn_local};
use peers::futures::started;
use peers::rows::{self, Executor};
use std::future::Future;
use std::time::Duration;

struct Glommio;

impl Executor for Glommio {
    const TIMERS: bool = true;
    type Join = JoinHandle<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let builder = LocalExecutorBuilder::new(Placement::Unbound);
        builder.make().expect("io_uring").run(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn_local(future).detach()
    }

    fn detach(join: JoinHandle<()>) {
        drop(join);
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        Timer::new(duration)
    }

    fn spawn_sleep(duration: Duration) -> JoinHandle<()> {
        let task = spawn_local(async move {
            started();
            Timer::new(duration).await;
        });
        task.detach()
    }

    async fn channel(count: u64) -> u64 {
        let (sender, receiver) = local_channel::new_bounded(1024);
        let producer = spawn_local(async move {
            for number in 0..count {
                let sent = sender.send(number).await;
                assert!(sent.is_ok(), "a receiver");
            }
        });
        let consumer = spawn_local(async move {
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
    rows::main::<Glommio>();
}
