//! downbeat, through its public interface.

use downbeat::sync::channel;
use downbeat::{JoinHandle, Runtime, future, run, spawn, time};
use peers::futures::started;
use peers::rows::{self, Executor};
use std::future::Future;
use std::time::Duration;

struct Downbeat;

impl Executor for Downbeat {
    const TIMERS: bool = true;
    type Join = JoinHandle<()>;

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // Under callgrind a second of the clock has fifty times fewer instructions: there
        // the watchdog's scan, which comes by the clock, would be counted fifty times.
        if std::env::var_os("PEERS_COUNTED").is_some() {
            let builder = Runtime::builder().passed_over_after(None);
            return builder.build().expect("a runtime").block_on(future);
        }
        run(future)
    }

    fn spawn<F>(future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        spawn(future)
    }

    fn detach(join: JoinHandle<()>) {
        drop(join);
    }

    fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> impl Future {
        future::join_all(futures)
    }

    fn sleep(duration: Duration) -> impl Future + 'static {
        time::sleep(duration)
    }

    fn spawn_sleep(duration: Duration) -> JoinHandle<()> {
        spawn(async move {
            started();
            time::sleep(duration).await;
        })
    }

    async fn channel(count: u64) -> u64 {
        let (sender, receiver) = channel(1024);
        let producer = spawn(async move {
            for number in 0..count {
                sender.send(number).await.expect("a receiver");
            }
        });
        let consumer = spawn(async move {
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

fn main() {
    rows::main::<Downbeat>();
}
