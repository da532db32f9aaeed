//! reqwest on tokio's current-thread runtime; over TLS with rustls and the ring provider.

use peers::fetch::{Mode, Tally, Work};
use reqwest::{Certificate, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

async fn fetch(client: &Client, url: &str, tally: &mut Tally) {
    let response = client.get(url).send().await.expect("a response");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    tally.add(status, body.len());
}

fn client(work: &Work) -> Client {
    // Asked for even where every URL is plain.
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.expect("the first provider");
    let builder = Client::builder().pool_max_idle_per_host(work.in_flight.max(100));
    let none = b"".to_vec();
    let pem = work.authority.as_ref().unwrap_or(&none);
    let roots = Certificate::from_pem_bundle(pem).expect("certificates");
    builder.tls_certs_only(roots).build().expect("a client")
}

/// One task per URL; a semaphore lets so many in flight.
fn gather(client: &Client, work: &Arc<Work>) -> Vec<JoinHandle<Tally>> {
    let permits = Arc::new(Semaphore::new(work.in_flight));
    let task = |index| {
        let (work, client, permits) = (Arc::clone(work), client.clone(), Arc::clone(&permits));
        tokio::spawn(async move {
            let mut tally = Tally::default();
            let _permit = permits.acquire().await.expect("an open semaphore");
            fetch(&client, work.url(index), &mut tally).await;
            tally
        })
    };
    (0..work.requests).map(task).collect()
}

/// One task for each request in flight.
fn workers(client: &Client, work: &Arc<Work>) -> Vec<JoinHandle<Tally>> {
    let next = Arc::new(AtomicUsize::new(0));
    let task = |_| {
        let (work, client, next) = (Arc::clone(work), client.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut tally = Tally::default();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= work.requests {
                    return tally;
                }
                fetch(&client, work.url(index), &mut tally).await;
            }
        })
    };
    (0..work.workers()).map(task).collect()
}

fn main() {
    let work = Arc::new(Work::from_arguments());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tally = runtime.block_on(async {
        let client = client(&work);
        let tasks = match work.mode {
            Mode::Gather => gather(&client, &work),
            Mode::Workers => workers(&client, &work),
        };
        let mut tally = Tally::default();
        for task in tasks {
            tally.merge(task.await.expect("no panic"));
        }
        tally
    });
    work.report(tally);
}
