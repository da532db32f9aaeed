//! Where servers are: in memory, behind a connector, or on loopback.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use downbeat::http::{ClientBuilder, Connected, Destination, Error};
use downbeat::net::TcpListener;
use downbeat::testing::origin::Link;
use downbeat::testing::pair;

/// Takes a connection that was made.
pub(crate) type Door = Rc<dyn Fn(Link)>;

/// A world of servers; clones are the same.
#[derive(Clone)]
pub(crate) struct World {
    /// The doors in memory; `None` on loopback.
    doors: Option<Rc<RefCell<BTreeMap<u16, Door>>>>,
    next: Rc<Cell<u16>>,
}

/// A port that is open until this is dropped.
pub(crate) struct Port {
    pub(crate) number: u16,
    world: World,
    accepting: Option<downbeat::AbortHandle>,
}

impl World {
    /// Connections are streams in memory.
    pub(crate) fn memory() -> World {
        World {
            doors: Some(Rc::default()),
            next: Rc::new(Cell::new(10_000)),
        }
    }

    /// Connections are sockets.
    pub(crate) fn loopback() -> World {
        World {
            doors: None,
            next: Rc::default(),
        }
    }

    /// Opens a port.
    pub(crate) fn open(&self, door: Door) -> Port {
        if let Some(doors) = &self.doors {
            let number = self.closed();
            doors.borrow_mut().insert(number, door);
            return self.port(number, None);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let number = listener.local_addr().unwrap().port();
        let task = downbeat::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                door(Link::tcp(stream, true));
            }
        });
        self.port(number, task.abort_handle())
    }

    /// A port where nothing listens.
    pub(crate) fn closed(&self) -> u16 {
        if self.doors.is_some() {
            self.next.set(self.next.get() + 1);
            return self.next.get();
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }

    fn port(&self, number: u16, accepting: Option<downbeat::AbortHandle>) -> Port {
        Port {
            number,
            world: self.clone(),
            accepting,
        }
    }

    /// Lets a client into this world.
    pub(crate) fn enter(&self, client: ClientBuilder) -> ClientBuilder {
        let Some(doors) = self.doors.clone() else {
            return client;
        };
        client.connector(move |to: &Destination| {
            let door = doors.borrow().get(&to.port()).cloned();
            ready(match door {
                Some(door) => {
                    let (ours, theirs) = pair(64 * 1024);
                    door(Link::from(theirs));
                    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, to.port()));
                    Ok(Connected::new(ours).peer(peer))
                }
                None => Err(Error::connect(io::ErrorKind::ConnectionRefused.into())),
            })
        })
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(doors) = &self.world.doors {
            doors.borrow_mut().remove(&self.number);
        }
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}
