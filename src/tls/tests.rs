//! The TLS laws over connections in memory, both ends in one thread.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};

use super::{Acceptor, ClientConfig, TlsError, TlsErrorKind, TlsStream};
use crate::io::{AsyncRead, AsyncWrite};
use crate::testing::{Stream, pair};

mod ends;
mod sessions;
mod trust;

// ------------------------------------------------------------------ two ends

/// An end of a connection in memory that moves few bytes a call and counts.
struct End {
    stream: Stream,
    /// The most bytes one call moves.
    chunk: usize,
    /// Reads and writes that moved bytes.
    calls: (usize, usize),
}

fn duplex(capacity: usize) -> (End, End) {
    let (near, far) = pair(capacity);
    let end = |stream| End {
        stream,
        chunk: usize::MAX,
        calls: (0, 0),
    };
    (end(near), end(far))
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = buf.len().min(this.chunk);
        let read = Pin::new(&mut this.stream).poll_read(cx, &mut buf[..most]);
        this.calls.0 += usize::from(matches!(read, Poll::Ready(Ok(1..))));
        read
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = buf.len().min(this.chunk);
        let written = Pin::new(&mut this.stream).poll_write(cx, &buf[..most]);
        this.calls.1 += usize::from(matches!(written, Poll::Ready(Ok(1..))));
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

/// Polls both futures in turn until both are ready.
fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if left.is_none() {
            left = ready_now(a.as_mut().poll(&mut cx));
        }
        if right.is_none() {
            right = ready_now(b.as_mut().poll(&mut cx));
        }
        match (left, right) {
            (Some(left), Some(right)) => return (left, right),
            unfinished => (left, right) = unfinished,
        }
    }
    panic!("the two ends wait for each other");
}

fn ready_now<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

async fn read_some<S: AsyncRead + Unpin>(stream: &mut S, buf: &mut [u8]) -> io::Result<usize> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buf)).await
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await?;
        bytes = &bytes[n..];
    }
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

async fn close<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_close(cx)).await
}

async fn read_to_end<S: AsyncRead + Unpin>(stream: &mut S) -> (Vec<u8>, io::Result<()>) {
    let (mut all, mut buf) = (Vec::new(), [0; 1000]);
    loop {
        match read_some(stream, &mut buf).await {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buf[..n]),
            Err(error) => return (all, Err(error)),
        }
    }
}

// -------------------------------------------------------------- certificates

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Leaf {
    chain: String,
    key: String,
}

/// A root with a key and a name of its own.
fn authority() -> Authority {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test root {}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: Issuer::new(params, key),
        pem,
    }
}

fn leaf_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

impl Authority {
    fn sign(&self, params: CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    fn leaf(&self, names: &[&str]) -> Leaf {
        self.sign(leaf_params(names))
    }

    fn trusted(&self) -> ClientConfig {
        let builder = ClientConfig::builder().only_roots_pem(self.pem.as_bytes());
        builder.unwrap().build().unwrap()
    }
}

impl Leaf {
    fn acceptor(&self) -> Acceptor {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> super::AcceptorBuilder {
        Acceptor::builder(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

type Ends = (
    Result<TlsStream<End>, TlsError>,
    Result<TlsStream<End>, TlsError>,
);

fn shake(client: &ClientConfig, host: &str, server: &Acceptor) -> Ends {
    let (near, far) = duplex(64 * 1024);
    both(
        client.connect(host, near).unwrap(),
        server.accept(far).unwrap(),
    )
}

fn connected() -> (TlsStream<End>, TlsStream<End>) {
    let root = authority();
    let server = root.leaf(&["example.org"]).acceptor();
    let (client, server) = shake(&root.trusted(), "example.org", &server);
    (client.unwrap(), server.unwrap())
}
