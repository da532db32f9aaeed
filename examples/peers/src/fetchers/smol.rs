//! hyper's connections over `smol-hyper` on smol's executor: one connection per worker,
//! no pool. The mode is ignored.

use async_executor::LocalExecutor;
use async_net::TcpStream;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use peers::fetch::{Counter, Tally, Target, Work};
use smol_hyper::rt::FuturesIo;
use std::rc::Rc;

type Executor = Rc<LocalExecutor<'static>>;

async fn connect(executor: &Executor, target: &Target) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(target.address)
        .await
        .expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let (sender, connection) = handshake(FuturesIo::new(stream))
        .await
        .expect("a handshake");
    let drive = executor.spawn(async move { connection.await.expect("a connection to its end") });
    drive.detach();
    sender
}

async fn fetch(
    sender: &mut SendRequest<Empty<Bytes>>,
    target: &Target,
    index: usize,
    tally: &mut Tally,
) {
    let request = Request::get(target.path(index))
        .header("host", &target.authority)
        .header("accept", "*/*")
        .body(Empty::new())
        .expect("a request");
    sender.ready().await.expect("an open connection");
    let response = sender.send_request(request).await.expect("a response");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body");
    tally.add(status, body.to_bytes().len());
}

async fn worker(
    executor: Executor,
    work: Rc<Work>,
    target: Rc<Target>,
    counter: Rc<Counter>,
) -> Tally {
    let mut tally = Tally::default();
    let mut sender = connect(&executor, &target).await;
    while let Some(index) = counter.next_below(work.requests) {
        fetch(&mut sender, &target, index, &mut tally).await;
    }
    tally
}

fn main() {
    let work = Rc::new(Work::from_arguments());
    let (target, counter) = (Rc::new(Target::of(&work.base)), Rc::new(Counter::default()));
    let executor = Executor::default();
    let tally = async_io::block_on(executor.run(async {
        let start = |_| {
            let parts = (Rc::clone(&executor), Rc::clone(&work), Rc::clone(&target));
            executor.spawn(worker(parts.0, parts.1, parts.2, Rc::clone(&counter)))
        };
        let workers: Vec<_> = (0..work.workers()).map(start).collect();
        let mut tally = Tally::default();
        for worker in workers {
            tally.merge(worker.await);
        }
        tally
    }));
    work.report(tally);
}
