//! The network of a run: names, connections in memory, and what breaks on them.
//!
//! Owns: one record per connection, by its number. The number is the address of the
//! peer too, so that an error says which connection it is about.
//!
//! Law: every fault that strikes is in the log before anybody can notice it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use downbeat::http::{Connect, Connected, Connecting, Destination, Error};
use downbeat::net::{Resolve, Resolving};
use downbeat::testing::origin::Service;
use downbeat::testing::pair;
use downbeat::tls::Acceptor;
use downbeat::{spawn, time};

use super::chance::{Chance, Site};
use super::rough::{Fault, Rough, Trouble};

/// A network; clones are the same.
#[derive(Clone)]
pub(crate) struct Net(pub(crate) Rc<Wires>);

/// What the clones share.
pub(crate) struct Wires {
    pub(crate) chance: Rc<Chance>,
    service: Rc<Service>,
    acceptor: Option<Acceptor>,
    /// Connections may break.
    faulty: bool,
    /// The trouble of each connection.
    pub(crate) troubles: RefCell<Vec<Option<Rc<Trouble>>>>,
    /// Hosts that could not be reached once.
    pub(crate) unreached: RefCell<BTreeSet<String>>,
    /// Ends that are served.
    pub(crate) served: Cell<usize>,
}

impl Net {
    pub(crate) fn new(
        chance: Rc<Chance>,
        service: Service,
        acceptor: Option<Acceptor>,
        faulty: bool,
    ) -> Net {
        Net(Rc::new(Wires {
            chance,
            service: Rc::new(service),
            acceptor,
            faulty,
            troubles: RefCell::default(),
            unreached: RefCell::default(),
            served: Cell::default(),
        }))
    }

    /// The trouble of the connection to this address, if it has struck.
    pub(crate) fn struck(&self, peer: SocketAddr) -> Option<Fault> {
        let troubles = self.0.troubles.borrow();
        let trouble = troubles.get(number(peer)?)?.as_ref()?;
        trouble.struck.get().then_some(trouble.fault)
    }

    fn trouble(&self) -> Option<Rc<Trouble>> {
        let chance = &self.0.chance;
        if !self.0.faulty || !chance.one_in(5) {
            return None;
        }
        let after = chance.below([20, 400, 8000][chance.below(3)]) as u64;
        let fault = match chance.below(5) {
            0 => Fault::ResetUp(after),
            1 => Fault::ResetDown(after),
            2 => Fault::EndDown(after),
            3 => Fault::SilenceDown(after),
            _ => Fault::SilenceUp(after),
        };
        Some(Rc::new(Trouble {
            fault,
            struck: Cell::new(false),
        }))
    }

    /// Refuses, or never answers, now and then.
    async fn reach(&self, host: &str) -> io::Result<()> {
        let chance = &self.0.chance;
        if !self.0.faulty || !chance.one_in(20) {
            return Ok(());
        }
        self.0.unreached.borrow_mut().insert(host.to_owned());
        match chance.below(3) {
            0 => pending().await,
            1 => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => Err(io::ErrorKind::HostUnreachable.into()),
        }
    }

    /// Begins to serve a new connection and returns the client's end.
    fn open(&self) -> (Rough, SocketAddr) {
        let wires = &self.0;
        let capacity = match wires.chance.is_active(Site::NarrowPipe) {
            true => 16 + wires.chance.below(240),
            false => 16 * 1024,
        };
        let (ours, theirs) = pair(capacity);
        let trouble = self.trouble();
        let number = wires.troubles.borrow().len();
        wires.troubles.borrow_mut().push(trouble.clone());
        let theirs = Rough::new(theirs, wires.chance.clone(), None);
        drop(spawn(self.clone().serve(theirs, number)));
        let ours = Rough::new(ours, wires.chance.clone(), trouble);
        (ours, address(number))
    }

    async fn serve(self, stream: Rough, number: usize) {
        let wires = &self.0;
        wires.served.set(wires.served.get() + 1);
        match &wires.acceptor {
            None => wires.service.serve(stream, number).await,
            Some(acceptor) => {
                if let Ok(handshake) = acceptor.accept(stream)
                    && let Ok(stream) = handshake.await
                {
                    wires.service.serve(stream, number).await;
                }
            }
        }
        wires.served.set(wires.served.get() - 1);
    }
}

impl Resolve for Net {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move {
            if self.0.chance.strikes(Site::LateName) {
                time::sleep(self.0.chance.pause(30)).await;
            }
            Ok(vec![(Ipv4Addr::new(10, 0, 0, 0), port).into()])
        })
    }
}

impl Connect for Net {
    fn connect<'a>(&'a self, to: &'a Destination) -> Connecting<'a> {
        Box::pin(async move {
            let names = self.resolve(to.host(), to.port()).await;
            to.check(&names.map_err(Error::connect)?)?;
            self.reach(to.host()).await.map_err(Error::connect)?;
            if self.0.chance.strikes(Site::LateConnect) {
                time::sleep(self.0.chance.pause(50)).await;
            }
            let (stream, peer) = self.open();
            Ok(Connected::new(stream).peer(peer))
        })
    }
}

/// The address that stands for a connection.
fn address(number: usize) -> SocketAddr {
    let low = u32::try_from(number).expect("few connections") & 0x00ff_ffff;
    (Ipv4Addr::from(0x0a00_0000 | low), 80).into()
}

/// The connection that an address stands for.
pub(crate) fn number(peer: SocketAddr) -> Option<usize> {
    match peer {
        SocketAddr::V4(peer) => Some((peer.ip().to_bits() & 0x00ff_ffff) as usize),
        SocketAddr::V6(_) => None,
    }
}
