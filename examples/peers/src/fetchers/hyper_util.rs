//! hyper-util's client with its pool, on tokio's current-thread runtime; over TLS with
//! hyper-rustls and the ring provider.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use peers::fetch::{Mode, Tally, Work};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

type HyperClient<C> = Client<C, Empty<Bytes>>;

async fn fetch<C: Connect + Clone + Send + Sync + 'static>(
    client: &HyperClient<C>,
    url: &str,
    tally: &mut Tally,
) {
    let response = client
        .get(url.parse().expect("a URL"))
        .await
        .expect("a response");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body");
    tally.add(status, body.to_bytes().len());
}

/// One task per URL; a semaphore lets so many in flight.
fn gather<C: Connect + Clone + Send + Sync + 'static>(
    client: &HyperClient<C>,
    work: &Arc<Work>,
) -> Vec<JoinHandle<Tally>> {
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
fn workers<C: Connect + Clone + Send + Sync + 'static>(
    client: &HyperClient<C>,
    work: &Arc<Work>,
) -> Vec<JoinHandle<Tally>> {
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

async fn fetch_all<C: Connect + Clone + Send + Sync + 'static>(
    connector: C,
    work: &Arc<Work>,
) -> Tally {
    let client: HyperClient<C> = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(work.in_flight.max(100))
        .build(connector);
    let tasks = match work.mode {
        Mode::Gather => gather(&client, work),
        Mode::Workers => workers(&client, work),
    };
    let mut tally = Tally::default();
    for task in tasks {
        tally.merge(task.await.expect("no panic"));
    }
    tally
}

/// Trusts the one certificate of `pem`.
fn tls(pem: &[u8]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .expect("versions");
    builder.with_root_certificates(roots).with_no_client_auth()
}

fn main() {
    let work = Arc::new(Work::from_arguments());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    let tally = runtime.block_on(async {
        let Some(pem) = &work.authority else {
            return fetch_all(http, &work).await;
        };
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(pem));
        fetch_all(
            https.https_or_http().enable_http1().wrap_connector(http),
            &work,
        )
        .await
    });
    work.report(tally);
}
