//! What every fetching program shares: its command line, its target, its report.
//!
//! `PROGRAM URL REQUESTS IN_FLIGHT [gather|workers]` gets `URL/0` to `URL/99` over and
//! over, `REQUESTS` in all, and prints one line of JSON: replies with status 200 whose
//! body was read to its end, the bytes of those bodies, and the time on the wall from
//! before the client is made to after the last body.
//!
//! Read next: `fetchers/downbeat.rs`, then `fetchers/floor.rs`.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::cell::Cell;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;
use url::Url;

/// How many pages the servers have.
pub const PAGES: usize = 100;

/// How a program shapes the work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// One task per URL, all started at once; some of them in flight.
    Gather,
    /// As many tasks as may be in flight, each fetching one URL after another.
    Workers,
}

/// The command line.
#[derive(Clone, Debug)]
pub struct Work {
    /// The URL in front of the page's number.
    pub base: String,
    /// Requests in all.
    pub requests: usize,
    /// Requests at one time, and connections at most.
    pub in_flight: usize,
    /// One task per URL, or per connection.
    pub mode: Mode,
    /// The file with the certificate to trust, from `PEERS_CA`.
    pub authority: Option<Vec<u8>>,
    /// The URLs of all pages, as a program has them that read them from somewhere.
    urls: Vec<String>,
    began: Instant,
}

impl Work {
    /// Reads the command line, and raises the limit of open files to what is allowed.
    pub fn from_arguments() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let [base, requests, in_flight, rest @ ..] = arguments.as_slice() else {
            eprintln!("usage: PROGRAM URL REQUESTS IN_FLIGHT [gather|workers]");
            std::process::exit(2);
        };
        raise_open_files();
        let mode = match rest.first().map(String::as_str) {
            Some("workers") => Mode::Workers,
            _ => Mode::Gather,
        };
        let authority = std::env::var_os("PEERS_CA");
        Work {
            base: base.clone(),
            requests: requests.parse().expect("a number of requests"),
            in_flight: in_flight.parse().expect("a number in flight"),
            mode,
            authority: authority.map(|file| std::fs::read(file).expect("the file of PEERS_CA")),
            urls: (0..PAGES).map(|page| format!("{base}/{page}")).collect(),
            began: Instant::now(),
        }
    }

    /// The URL of request `index`.
    pub fn url(&self, index: usize) -> &str {
        &self.urls[index % PAGES]
    }

    /// How many workers have work.
    pub fn workers(&self) -> usize {
        self.in_flight.min(self.requests)
    }

    /// Prints the line.
    pub fn report(&self, tally: Tally) {
        let Tally { ok, bytes } = tally;
        let wall = self.began.elapsed().as_nanos();
        println!(r#"{{"ok":{ok},"bytes":{bytes},"wall_ns":{wall}}}"#);
    }
}

/// The server to connect to, for programs that write requests themselves.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host and port, for the `Host` field.
    pub authority: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The paths of all pages.
    paths: Vec<String>,
}

impl Target {
    /// Where `base` leads.
    pub fn of(base: &str) -> Self {
        let url = Url::parse(base).expect("a URL");
        let host = url.host_str().expect("a host").to_string();
        let port = url.port_or_known_default().expect("a port");
        let mut addresses = (host.as_str(), port).to_socket_addrs().expect("an address");
        let prefix = url.path().trim_end_matches('/');
        Target {
            paths: (0..PAGES).map(|page| format!("{prefix}/{page}")).collect(),
            authority: format!("{host}:{port}"),
            address: addresses.next().expect("one address"),
        }
    }

    /// The path of request `index`.
    pub fn path(&self, index: usize) -> &str {
        &self.paths[index % PAGES]
    }

    /// The request as bytes.
    pub fn request(&self, index: usize) -> Vec<u8> {
        let (path, host) = (self.path(index), &self.authority);
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\n\r\n").into_bytes()
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Whole replies with status 200.
    pub ok: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

impl Tally {
    /// Counts a reply.
    pub fn add(&mut self, status: u16, bytes: usize) {
        self.ok += usize::from(status == 200);
        self.bytes += bytes;
    }

    /// Counts what another one counted.
    pub fn merge(&mut self, other: Tally) {
        self.ok += other.ok;
        self.bytes += other.bytes;
    }
}

/// Numbers from 0 that the workers of one thread take in turn.
#[derive(Debug, Default)]
pub struct Counter(Cell<usize>);

impl Counter {
    /// The next number below `end`.
    pub fn next_below(&self, end: usize) -> Option<usize> {
        let number = self.0.get();
        self.0.set(number + 1);
        (number < end).then_some(number)
    }
}

/// Raises the limit of open files as far as it goes.
pub fn raise_open_files() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit");
}
