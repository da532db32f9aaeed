//! smol: `async-executor`'s `LocalExecutor`, driven by `async_io::block_on` (which is
//! what `smol::block_on` is).

use async_executor::{LocalExecutor, Task};
use async_io::Timer;
use peers::futures::started;
use peers::rows::{self, Executor};
use std::cell::OnceCell;
use std::future::Future;
use std::time::Duration;

thread_local! {
    /// The executor of this thread, alive as long as the process.
    static EXECUTOR: OnceCell<&'static LocalExecutor<'static>> = const { OnceCell::new() };
}

fn executor() -> &'static LocalExecutor<'static> {
    EXECUTOR.with(|cell| *cell.get_or_init(|| Box::leak(Box::new(LocalExecutor::new()))))
}

struct Smol;

impl Executor for Smol {
    const TIMERS: bool = true;
    type Join = Task<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        async_io::block_on(executor().run(future))
    }

    fn spawn<F>(future: F) -> Task<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        executor().spawn(future)
    }

    fn detach(join: Task<()>) {
        join.detach();
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        Timer::after(duration)
    }

    fn spawn_sleep(duration: Duration) -> Task<()> {
        executor().spawn(async move {
            started();
            Timer::after(duration).await;
        })
    }

    async fn channel(count: u64) -> u64 {
        let (sender, receiver) = async_channel::bounded(1024);
        let producer = executor().spawn(async move {
            for number in 0..count {
                sender.send(number).await.expect("a receiver");
            }
        });
        let consumer = executor().spawn(async move {
            let mut sum = 0;
            while let Ok(number) = receiver.recv().await {
                sum += number;
            }
            sum
        });
        producer.await;
        consumer.await
    }
}

fn main() {
    rows::main::<Smol>();
}
