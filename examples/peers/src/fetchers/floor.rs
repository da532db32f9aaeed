//! The floor: what fetching costs when there is no client at all.
//!
//! Edge-triggered epoll, one write and, where the reply comes whole, one read per
//! request; connections opened at once without waiting; `httparse` for the head; no
//! futures, no allocation per request, no limits, no time limits, no URL but one. Bodies
//! are counted and not kept. The mode is ignored.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt,
};
use peers::fetch::{PAGES, Tally, Target, Work};
use peers::head::parse;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// A connection and the reply it is in.
struct Connection {
    stream: TcpStream,
    /// Its first request was written.
    started: bool,
    /// The head was read; so many bytes of the body are missing.
    missing: Option<usize>,
    /// A head that did not come whole.
    beginning: Vec<u8>,
}

/// The work: what is asked, and what came.
struct Floor {
    requests: Vec<Vec<u8>>,
    /// The next request, and how many there are.
    next: usize,
    end: usize,
    tally: Tally,
}

impl Floor {
    /// Writes the next request, if there is one; whether one was written.
    fn ask(&mut self, stream: &mut TcpStream) -> bool {
        if self.next == self.end {
            return false;
        }
        let request = &self.requests[self.next % PAGES];
        match stream.write(request) {
            Ok(written) => assert_eq!(written, request.len(), "a request in one piece"),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::NotConnected
                ) =>
            {
                return false;
            }
            Err(error) => panic!("a request: {error}"),
        }
        self.next += 1;
        true
    }

    /// Reads what is there; after a whole reply it asks again.
    fn take(&mut self, connection: &mut Connection, buffer: &mut [u8]) {
        loop {
            let read = match connection.stream.read(buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("a reply: {error}"),
            };
            assert!(read > 0, "the server closed");
            if connection.ends_with(&buffer[..read], &mut self.tally) {
                self.ask(&mut connection.stream);
                // The next reply brings a new edge.
                return;
            }
            if read < buffer.len() {
                return;
            }
        }
    }
}

impl Connection {
    /// Opens a connection without waiting for it.
    fn open(target: &Target) -> Self {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket");
        setsockopt(&socket, sockopt::TcpNoDelay, &true).expect("an option");
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(target.address)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(error) => panic!("a connection: {error}"),
        }
        Connection {
            stream: TcpStream::from(socket),
            started: false,
            missing: None,
            beginning: Vec::new(),
        }
    }

    /// Whether these bytes end a reply, which is then counted.
    fn ends_with(&mut self, bytes: &[u8], tally: &mut Tally) -> bool {
        let missing = match self.missing {
            Some(missing) => missing - bytes.len(),
            None => {
                let Some((head, received)) = self.head(bytes) else {
                    return false;
                };
                tally.add(head.status, head.body);
                head.body + head.length - received
            }
        };
        self.missing = (missing > 0).then_some(missing);
        missing == 0
    }

    /// The head of the reply, once it is whole, and the bytes received so far.
    fn head(&mut self, bytes: &[u8]) -> Option<(peers::head::Head, usize)> {
        if self.beginning.is_empty() {
            if let Some(head) = parse(bytes) {
                return Some((head, bytes.len()));
            }
            self.beginning.extend_from_slice(bytes);
            return None;
        }
        self.beginning.extend_from_slice(bytes);
        let head = parse(&self.beginning)?;
        let received = self.beginning.len();
        self.beginning.clear();
        Some((head, received))
    }
}

fn main() {
    let work = Work::from_arguments();
    let target = Target::of(&work.base);
    let mut floor = Floor {
        requests: (0..PAGES).map(|index| target.request(index)).collect(),
        next: 0,
        end: work.requests,
        tally: Tally::default(),
    };
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    let mut connections = Vec::with_capacity(work.workers());
    for index in 0..work.workers() {
        let mut connection = Connection::open(&target);
        // On the loopback the handshake is often over already: try before waiting.
        connection.started = floor.ask(&mut connection.stream);
        let mut interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        if !connection.started {
            interest |= EpollFlags::EPOLLOUT;
        }
        let event = EpollEvent::new(interest, index as u64);
        epoll
            .add(&connection.stream, event)
            .expect("a registration");
        connections.push(connection);
    }
    let mut events = vec![EpollEvent::empty(); 1024];
    let mut buffer = vec![0; 1 << 16];
    while floor.tally.ok < work.requests {
        let ready = epoll.wait(&mut events, EpollTimeout::NONE).expect("events");
        for event in &events[..ready] {
            let connection = &mut connections[event.data() as usize];
            if !connection.started && event.events().contains(EpollFlags::EPOLLOUT) {
                connection.started = floor.ask(&mut connection.stream);
            } else if event.events().contains(EpollFlags::EPOLLIN) {
                floor.take(connection, &mut buffer);
            }
        }
    }
    drop(connections);
    work.report(floor.tally);
}
