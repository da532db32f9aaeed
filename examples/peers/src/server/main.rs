//! The server of the measurements: one thread, edge-triggered epoll, HTTP/1.1 with
//! keep-alive and pipelining, two fixed bodies.
//!
//! `server PORT DELAY_MS` answers `/1k/N` and `/10k/N`, each reply held back for the
//! delay, and `/stats` with what it has counted.
//!
//! Owns: the listener, its connections and the replies that are not due yet.
//!
//! Laws: it does less per request than any client here, so that the client is the
//! limit. It is for the loopback and for well-behaved clients alone.
//!
//! Read next: `connection.rs`.
#![forbid(unsafe_code)]

mod connection;

use connection::{Asked, Connection, Page};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The event of the listener; connections have their slot's number.
const LISTENER: u64 = u64::MAX;

/// A reply that waits for its time: when, on which connection of that slot, and which.
type Due = Reverse<(Instant, usize, u64, Page)>;

/// The server.
struct Server {
    epoll: Epoll,
    listener: TcpListener,
    /// Connections by slot, and the slots that are free.
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Replies to come, the next one first.
    due: BinaryHeap<Due>,
    delay: Duration,
    accepted: u64,
    requests: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, delay] = arguments.as_slice() else {
        eprintln!("usage: server PORT DELAY_MS");
        std::process::exit(2);
    };
    peers::fetch::raise_open_files();
    let port = port.parse().expect("a port");
    let delay = Duration::from_millis(delay.parse().expect("milliseconds"));
    Server::new(port, delay).run();
}

impl Server {
    fn new(port: u16, delay: Duration) -> Self {
        let listener = connection::listen(port);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
        let event = EpollEvent::new(EpollFlags::EPOLLIN, LISTENER);
        epoll.add(&listener, event).expect("a registration");
        Server {
            epoll,
            listener,
            connections: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            delay,
            accepted: 0,
            requests: 0,
        }
    }

    fn run(mut self) {
        let mut events = vec![EpollEvent::empty(); 1024];
        let mut buffer = vec![0; 1 << 16];
        loop {
            let ready = self
                .epoll
                .wait(&mut events, self.until_due())
                .expect("events");
            for event in &events[..ready] {
                match event.data() {
                    LISTENER => self.accept(),
                    slot => self.serve(slot as usize, &mut buffer),
                }
            }
            self.answer_due();
        }
    }

    /// How long to wait: until the next reply is due, rounded up to a millisecond.
    fn until_due(&self) -> EpollTimeout {
        let Some(Reverse((at, ..))) = self.due.peek() else {
            return EpollTimeout::NONE;
        };
        let wait = at.saturating_duration_since(Instant::now());
        EpollTimeout::from(wait.as_micros().div_ceil(1000) as u16)
    }

    fn accept(&mut self) {
        while let Some(stream) = connection::accept(&self.listener) {
            let slot = self.free.pop().unwrap_or(self.connections.len());
            if slot == self.connections.len() {
                self.connections.push(None);
            }
            let all = EpollFlags::EPOLLIN
                | EpollFlags::EPOLLOUT
                | EpollFlags::EPOLLRDHUP
                | EpollFlags::EPOLLET;
            self.epoll
                .add(&stream, EpollEvent::new(all, slot as u64))
                .expect("a registration");
            self.accepted += 1;
            self.connections[slot] = Some(Connection::new(stream, self.accepted));
        }
    }

    /// Sends what could not be sent, and answers what was asked.
    fn serve(&mut self, slot: usize, buffer: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(slot) else {
            return;
        };
        connection.flush();
        loop {
            match connection.asked(buffer) {
                Asked::Page(page) if self.delay.is_zero() => connection.send(page),
                Asked::Page(page) => {
                    let at = Instant::now() + self.delay;
                    self.due.push(Reverse((at, slot, connection.number, page)));
                }
                Asked::Stats => {
                    connection.send_stats(self.accepted, self.requests);
                    continue;
                }
                Asked::Nothing => return,
                Asked::Closed => break,
            }
            self.requests += 1;
        }
        self.connections[slot] = None;
        self.free.push(slot);
    }

    /// Sends the replies whose time has come.
    fn answer_due(&mut self) {
        while let Some(&Reverse((at, slot, number, page))) = self.due.peek() {
            if at > Instant::now() {
                return;
            }
            self.due.pop();
            if let Some(connection) = &mut self.connections[slot]
                && connection.number == number
            {
                connection.send(page);
            }
        }
    }
}
