//! downbeat's own client, with all it does by default: pool, limits, deadlines,
//! redirects, timings.

use downbeat::http::Client;
use downbeat::{JoinHandle, run, spawn};
use peers::fetch::{Counter, Mode, Tally, Work};
use std::rc::Rc;

async fn fetch(client: &Client, url: &str, tally: &mut Tally) {
    let response = client.get(url).send().await.expect("a response");
    let status = response.status();
    let body = response.bytes().await.expect("a body");
    tally.add(status, body.len());
}

fn client(work: &Work) -> Client {
    let mut builder = Client::builder()
        .max_connections(work.in_flight)
        .max_per_host(work.in_flight);
    if let Some(pem) = &work.authority {
        builder = builder.only_roots_pem(pem).expect("a certificate");
    }
    builder.build().expect("a client")
}

/// One task per URL; the client's own queue lets so many in flight.
fn gather(work: &Rc<Work>, client: &Client) -> Vec<JoinHandle<Tally>> {
    let task = |index| {
        let (work, client) = (Rc::clone(work), client.clone());
        spawn(async move {
            let mut tally = Tally::default();
            fetch(&client, work.url(index), &mut tally).await;
            tally
        })
    };
    (0..work.requests).map(task).collect()
}

/// One task per connection.
fn workers(work: &Rc<Work>, client: &Client) -> Vec<JoinHandle<Tally>> {
    let counter = Rc::new(Counter::default());
    let task = |_| {
        let (work, client, counter) = (Rc::clone(work), client.clone(), Rc::clone(&counter));
        spawn(async move {
            let mut tally = Tally::default();
            while let Some(index) = counter.next_below(work.requests) {
                fetch(&client, work.url(index), &mut tally).await;
            }
            tally
        })
    };
    (0..work.workers()).map(task).collect()
}

fn main() {
    let work = Rc::new(Work::from_arguments());
    let shared = Rc::clone(&work);
    let tally = run(async move {
        let client = client(&shared);
        let tasks = match shared.mode {
            Mode::Gather => gather(&shared, &client),
            Mode::Workers => workers(&shared, &client),
        };
        let mut tally = Tally::default();
        for task in tasks {
            tally.merge(task.await.expect("no panic"));
        }
        tally
    });
    work.report(tally);
}
