//! The origin: a thin HTTP/1.1 server for demos, tests and hostile behaviour.
//!
//! Owns: a thread with a loop of its own, a listener, and a count of what it
//! served. A [`Service`] alone serves streams in memory on the caller's loop, and
//! [`Memory`] connects a client to it.
//!
//! ```
//! use downbeat::testing::origin::{Origin, Reply};
//!
//! let origin = Origin::start(|request| Reply::ok(format!("you asked for {}", request.target)))?;
//! downbeat::run(async {
//!     let client = downbeat::http::Client::new().unwrap();
//!     let response = client.get(origin.url("/page/1")).send().await.unwrap();
//!     assert_eq!(response.text().await.unwrap(), "you asked for /page/1");
//! });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Laws: it binds to loopback. Dropping it stops the thread and closes every
//! connection. What a peer does never ends more than its connection.
//!
//! Absent on purpose: routing, files, limits of clients, HTTP/2. It is the
//! smallest server that is honest about framing, not one for the world.
//!
//! Read next: `serve.rs`, then `message.rs` and `steps.rs`.

mod inbox;
mod memory;
mod message;
mod play;
mod serve;
mod steps;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

pub use memory::Memory;
pub use message::{Content, Framing, Reply, Request};
pub use serve::Service;
pub use steps::Steps;
pub use wire::{Link, Wire};

use crate::future::race;
use crate::net::{TcpListener, TcpStream};
use crate::runtime::{Runtime, spawn};
use crate::sync::remote;
#[cfg(feature = "tls")]
use crate::tls::Acceptor;

/// A server on a thread of its own. Dropping it stops it.
pub struct Origin {
    address: SocketAddr,
    scheme: &'static str,
    counts: Arc<Counts>,
    /// Closed to stop the thread.
    stop: remote::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// How an origin is to be started.
pub struct OriginBuilder {
    address: SocketAddr,
    may_reset: bool,
    #[cfg(feature = "tls")]
    tls: Option<Acceptor>,
}

/// What it did so far.
#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
}

/// What the thread needs.
struct Stage {
    listener: TcpListener,
    service: Service,
    options: OriginBuilder,
    counts: Arc<Counts>,
}

impl Origin {
    /// Starts a plain http origin at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Whatever the system says to a listener or a thread.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + 'static) -> io::Result<Origin> {
        Origin::builder().start(handler)
    }

    /// Says first how it is to be started.
    pub fn builder() -> OriginBuilder {
        OriginBuilder {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            may_reset: false,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        // ORDER: SeqCst, here and below: counts for tests, where nothing is hot.
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Requests handed to the handler so far.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

impl OriginBuilder {
    /// Listens here; port 0 is a free port.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Serves https.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.tls = Some(acceptor);
        self
    }

    /// Makes [`Steps::reset`] work, at two more system calls per read.
    pub fn can_reset(mut self) -> Self {
        self.may_reset = true;
        self
    }

    /// Starts it with a handler for every request.
    ///
    /// # Errors
    /// Whatever the system says to a listener or a thread.
    pub fn start(self, handler: impl Fn(&Request) -> Reply + Send + 'static) -> io::Result<Origin> {
        self.serve(move || Service::new(handler))
    }

    /// Starts it with the service that `make` makes on its thread.
    ///
    /// # Errors
    /// Whatever the system says to a listener or a thread.
    pub fn serve(self, make: impl FnOnce() -> Service + Send + 'static) -> io::Result<Origin> {
        let listener = std::net::TcpListener::bind(self.address)?;
        let address = listener.local_addr()?;
        let scheme = if self.is_secure() { "https" } else { "http" };
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = remote::channel(1);
        let (started, outcome) = mpsc::channel();
        let theirs = counts.clone();
        let body = move || {
            let run = || -> io::Result<()> {
                let mut runtime = Runtime::new()?;
                runtime.block_on(async {
                    let stage = Stage {
                        listener: TcpListener::from_std(listener)?,
                        service: make(),
                        options: self,
                        counts: theirs,
                    };
                    drop(started.send(Ok(())));
                    stage.run(stopped).await;
                    Ok(())
                })
            };
            // An error that comes after the start has nobody to hear it.
            if let Err(error) = run() {
                drop(started.send(Err(error)));
            }
        };
        let thread = thread::Builder::new().name("origin".into()).spawn(body)?;
        let gone = || Err(io::Error::other("the origin's thread has ended"));
        outcome.recv().unwrap_or_else(|_| gone())?;
        Ok(Origin {
            address,
            scheme,
            counts,
            stop,
            thread: Some(thread),
        })
    }

    #[cfg(feature = "tls")]
    fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn is_secure(&self) -> bool {
        false
    }
}

impl Stage {
    /// Accepts connections until the origin is dropped.
    async fn run(self, mut stopped: remote::Receiver<()>) {
        let stage = Rc::new(self);
        let accepting = async {
            let mut number = 0;
            // An error of the listener itself does not go away.
            while let Ok((stream, _)) = stage.listener.accept().await {
                drop(spawn(stage.clone().connection(stream, number)));
                number += 1;
            }
        };
        race((accepting, async {
            stopped.recv().await;
        }))
        .await;
    }

    async fn connection(self: Rc<Self>, stream: TcpStream, number: usize) {
        let _open = Open::count(&self.counts);
        drop(stream.set_nodelay(true));
        let link = Link::tcp(stream, self.options.may_reset);
        let counted = &self.counts.requests;
        #[cfg(feature = "tls")]
        if let Some(acceptor) = &self.options.tls {
            if let Ok(handshake) = acceptor.accept(link)
                && let Ok(stream) = handshake.await
            {
                self.service.serve_counting(stream, number, counted).await;
            }
            return;
        }
        self.service.serve_counting(link, number, counted).await;
    }
}

/// Counts a connection while it is open.
struct Open(Arc<Counts>);

impl Open {
    fn count(counts: &Arc<Counts>) -> Open {
        // ORDER: SeqCst, as where they are read.
        counts.connections.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        Open(counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // The value says nothing; a full or closed channel stops the thread too.
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
