//! Hostile TLS servers: each kind is a row with its error, phase and deadline, on the
//! virtual clock, over memory. `tests/http_tls.rs` has the certificates.
#![cfg(feature = "tls")]

mod after;
mod before;
mod peer;

use downbeat::http::{Client, Connected, Deadline, Destination, ErrorKind, Phase, TlsFault};
use downbeat::runtime::current_task;
use downbeat::testing::{Stream, pair};
use downbeat::{Runtime, spawn, time};
use peer::{Identity, Peer, Version};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

const ZERO: Duration = Duration::ZERO;
const MS: Duration = Duration::from_millis(1);
const PROTOCOL: ErrorKind = ErrorKind::Tls(TlsFault::Protocol);
const CLOSED: ErrorKind = ErrorKind::Tls(TlsFault::Closed);

fn timeout(deadline: Deadline) -> ErrorKind {
    ErrorKind::Timeout(deadline)
}

/// What a request came to: the body, or the error with its phase; and after how long.
type Outcome = (Result<String, (ErrorKind, Phase)>, Duration);

/// Room in each direction of a connection.
const CAPACITY: usize = 4 << 20;

/// One request to a server that does this with its end of the connection.
fn meets<F: Future<Output = ()> + 'static>(
    root: &str,
    server: impl Fn(Stream) -> F + 'static,
) -> Outcome {
    meets_counted(root, server).0
}

/// How often the caller was polled, and how many connections are open at last.
type Counts = (u64, usize);

/// The same, and what it cost.
fn meets_counted<F: Future<Output = ()> + 'static>(
    root: &str,
    server: impl Fn(Stream) -> F + 'static,
) -> (Outcome, Counts) {
    let runtime = Runtime::builder().virtual_clock();
    runtime.build().unwrap().block_on(async {
        let connector = move |_: &Destination| {
            let (ours, theirs) = pair(CAPACITY);
            drop(spawn(server(theirs)));
            std::future::ready(Ok(Connected::new(ours)))
        };
        let builder = Client::builder().only_roots_pem(root.as_bytes()).unwrap();
        let client = builder.connector(connector).build().unwrap();
        let began = time::now();
        let answer = async { client.get("https://h.test/").send().await?.text().await };
        let outcome = answer.await.map_err(|error| {
            assert!(error.to_string().len() < 1000, "bounded: {error}");
            (error.kind(), error.phase())
        });
        let took = time::now() - began;
        let polls = current_task(|task| task.polls()).unwrap();
        // What the client still says to a server is said at once; then it is gone.
        time::sleep(MS).await;
        let open = client.connections().0;
        assert!(outcome.is_ok() || open == 0, "{outcome:?}");
        ((outcome, took), (polls, open))
    })
}

/// The same with a server that knows how to make a handshake.
fn meets_peer<F: Future<Output = ()> + 'static>(
    identity: &Rc<Identity>,
    version: Version,
    server: impl Fn(Peer) -> F + 'static,
) -> Outcome {
    counted(identity, version, server).0
}

/// The same, and what it cost.
fn counted<F: Future<Output = ()> + 'static>(
    identity: &Rc<Identity>,
    version: Version,
    server: impl Fn(Peer) -> F + 'static,
) -> (Outcome, Counts) {
    let (root, identity) = (identity.root.clone(), Rc::clone(identity));
    meets_counted(&root, move |stream| {
        server(Peer::new(stream, &identity, version))
    })
}

/// A failure.
fn fails(kind: ErrorKind, phase: Phase, took: Duration) -> Outcome {
    (Err((kind, phase)), took)
}
