//! A service without sockets: a connector whose connections are in memory.
//!
//! Owns: the service, and a count of the connections made to it.
//!
//! With the virtual clock it makes tests of deadlines exact and instant: nothing
//! waits for the system, so time jumps from one timer to the next.
//!
//! Read next: `serve.rs`.

use std::cell::Cell;
use std::rc::Rc;

use super::serve::Service;
use super::wire::Link;
use crate::http::{Connect, Connected, Connecting, Destination};
use crate::runtime::spawn;
use crate::testing::{Stream, pair};
#[cfg(feature = "tls")]
use crate::tls::Acceptor;

/// Connects every host and port to one [`Service`]. Clones share its count.
#[derive(Clone)]
pub struct Memory {
    service: Rc<Service>,
    made: Rc<Cell<usize>>,
    open: Rc<Cell<usize>>,
    capacity: usize,
    #[cfg(feature = "tls")]
    tls: Option<Acceptor>,
}

/// Room in each direction of a connection.
const CAPACITY: usize = 64 * 1024;

impl Memory {
    /// Connects to this service.
    pub fn new(service: Service) -> Memory {
        Memory {
            service: Rc::new(service),
            made: Rc::default(),
            open: Rc::default(),
            capacity: CAPACITY,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Leaves so much room in each direction. Default 64 KiB.
    pub fn capacity(mut self, bytes: usize) -> Memory {
        self.capacity = bytes;
        self
    }

    /// Serves https.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, acceptor: Acceptor) -> Memory {
        self.tls = Some(acceptor);
        self
    }

    /// Connections made so far.
    pub fn connections(&self) -> usize {
        self.made.get()
    }

    /// Connections that are being served.
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Serves one end of a connection that somebody else made.
    pub async fn serve_stream(&self, stream: Stream) {
        let number = self.made.replace(self.made.get() + 1);
        self.clone().serve(Link::from(stream), number).await;
    }

    async fn serve(self, stream: Link, number: usize) {
        let _open = Open::count(&self.open);
        #[cfg(feature = "tls")]
        if let Some(acceptor) = &self.tls {
            if let Ok(handshake) = acceptor.accept(stream)
                && let Ok(stream) = handshake.await
            {
                self.service.serve(stream, number).await;
            }
            return;
        }
        self.service.serve(stream, number).await;
    }
}

impl Connect for Memory {
    fn connect<'a>(&'a self, _: &'a Destination) -> Connecting<'a> {
        let (ours, theirs) = pair(self.capacity);
        let number = self.made.replace(self.made.get() + 1);
        drop(spawn(self.clone().serve(Link::from(theirs), number)));
        Box::pin(std::future::ready(Ok(Connected::new(ours))))
    }
}

/// Counts a connection while it is served.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn count(open: &Rc<Cell<usize>>) -> Open {
        open.set(open.get() + 1);
        Open(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
