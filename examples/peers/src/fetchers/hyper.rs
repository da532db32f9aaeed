//! hyper's connections on tokio's current-thread runtime: one connection per worker,
//! no pool, no redirects, no time limits. The mode is ignored.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use peers::fetch::{Counter, Tally, Target, Work};
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

async fn connect(target: &Target) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(target.address)
        .await
        .expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a handshake");
    spawn_local(async move { connection.await.expect("a connection to its end") });
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

async fn worker(work: Rc<Work>, target: Rc<Target>, counter: Rc<Counter>) -> Tally {
    let mut tally = Tally::default();
    let mut sender = connect(&target).await;
    while let Some(index) = counter.next_below(work.requests) {
        fetch(&mut sender, &target, index, &mut tally).await;
    }
    tally
}

fn main() {
    let work = Rc::new(Work::from_arguments());
    let (target, counter) = (Rc::new(Target::of(&work.base)), Rc::new(Counter::default()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tally = LocalSet::new().block_on(&runtime, async {
        let start = |_| {
            spawn_local(worker(
                Rc::clone(&work),
                Rc::clone(&target),
                Rc::clone(&counter),
            ))
        };
        let workers: Vec<_> = (0..work.workers()).map(start).collect();
        let mut tally = Tally::default();
        for worker in workers {
            tally.merge(worker.await.expect("no panic"));
        }
        tally
    });
    work.report(tally);
}
