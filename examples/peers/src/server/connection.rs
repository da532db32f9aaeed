//! One connection of the server: bytes in, whole requests out, replies back.
//!
//! Read next: `main.rs`.

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrIn};
use nix::sys::socket::{bind, listen as start_listening, setsockopt, socket, sockopt};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::LazyLock;

/// Which body.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Page {
    OneKib,
    TenKib,
}

impl Page {
    /// The whole reply.
    fn reply(self) -> &'static [u8] {
        static ONE: LazyLock<Vec<u8>> = LazyLock::new(|| reply(1 << 10));
        static TEN: LazyLock<Vec<u8>> = LazyLock::new(|| reply(10 << 10));
        match self {
            Page::OneKib => &ONE,
            Page::TenKib => &TEN,
        }
    }
}

/// What a client wants next.
pub(crate) enum Asked {
    Page(Page),
    Stats,
    /// Nothing for now.
    Nothing,
    /// No more: the connection is over.
    Closed,
}

/// A client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Which of all that were ever accepted.
    pub(crate) number: u64,
    /// Received, and not a whole request yet.
    inbox: Vec<u8>,
    /// To be sent when there is room.
    outbox: Vec<u8>,
    /// The stream had less than was asked for: it is empty until the next event.
    drained: bool,
    over: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, number: u64) -> Self {
        Connection {
            stream,
            number,
            inbox: Vec::new(),
            outbox: Vec::new(),
            drained: false,
            over: false,
        }
    }

    /// The next request. Reads once more only when the last read filled the buffer.
    pub(crate) fn asked(&mut self, buffer: &mut [u8]) -> Asked {
        loop {
            if let Some(end) = self.inbox.windows(4).position(|four| four == b"\r\n\r\n") {
                let asked = asked(&self.inbox[..end]);
                self.inbox.drain(..end + 4);
                return asked;
            }
            if self.over {
                return Asked::Closed;
            }
            if std::mem::take(&mut self.drained) {
                return Asked::Nothing;
            }
            match self.stream.read(buffer) {
                Ok(0) => self.over = true,
                Ok(read) => {
                    self.drained = read < buffer.len();
                    self.inbox.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Asked::Nothing,
                Err(_) => self.over = true,
            }
        }
    }

    /// Sends a page, behind what is still to be sent.
    pub(crate) fn send(&mut self, page: Page) {
        self.send_bytes(page.reply());
    }

    /// Sends the server's counts.
    pub(crate) fn send_stats(&mut self, accepted: u64, requests: u64) {
        let body = format!(r#"{{"accepted":{accepted},"requests":{requests}}}"#);
        let length = body.len();
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        self.send_bytes(reply.as_bytes());
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        let sent = if self.outbox.is_empty() {
            self.write(bytes)
        } else {
            0
        };
        self.outbox.extend_from_slice(&bytes[sent..]);
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self) {
        if !self.outbox.is_empty() {
            let outbox = std::mem::take(&mut self.outbox);
            let sent = self.write(&outbox);
            self.outbox.extend_from_slice(&outbox[sent..]);
        }
    }

    /// Writes once; how much went.
    fn write(&mut self, bytes: &[u8]) -> usize {
        match self.stream.write(bytes) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => {
                self.over = true;
                bytes.len()
            }
        }
    }
}

/// Which page a request is for.
fn asked(request: &[u8]) -> Asked {
    match request.strip_prefix(b"GET ").unwrap_or(request) {
        path if path.starts_with(b"/stats") => Asked::Stats,
        path if path.starts_with(b"/1k") => Asked::Page(Page::OneKib),
        _ => Asked::Page(Page::TenKib),
    }
}

/// A reply with a head like that of a common server, and so many bytes of body.
fn reply(length: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: peers\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n\
         Content-Type: text/html\r\nContent-Length: {length}\r\n\
         Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n\
         ETag: \"6560-2800\"\r\nAccept-Ranges: bytes\r\n\r\n"
    );
    let line = b"<p>plain text for the measurements of many clients</p>\n";
    let body = line.iter().copied().cycle().take(length);
    head.into_bytes().into_iter().chain(body).collect()
}

/// Listens on a port of the loopback, with room for a crowd.
pub(crate) fn listen(port: u16) -> TcpListener {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket");
    setsockopt(&socket, sockopt::ReuseAddr, &true).expect("an option");
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).expect("a free port");
    start_listening(&socket, Backlog::new(4096).expect("a backlog")).expect("a listener");
    TcpListener::from(socket)
}

/// The next connection, if one waits.
pub(crate) fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}
