//! `TcpStream`: one TCP connection.
//!
//! Owns: the socket, registered with the loop it was made on.
//!
//! Laws:
//! * R07: a connection stands when the socket is writable and knows its peer. To be
//!   writable alone is not enough: a socket that never connected is writable too. One
//!   that failed knows no peer any more, and its error, which is reported only once,
//!   is asked for then and not before. To know the peer is enough.
//! * R03: a short read means that the socket is empty, so the next one waits for an
//!   event and saves a system call; but only while no event has told of an end, an
//!   error or urgent data, which make a read short too. No event is looked at between
//!   a read and this conclusion.
//! * R05: the peer's end of stream is an end for reading only.
//!
//! Absent on purpose: vectored writes (`writev` to a peer that is gone raises
//! SIGPIPE) and linger.
//!
//! Read next: `listener.rs`.

use crate::io::{AsyncRead, AsyncWrite, Registered};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A TCP connection.
///
/// Reading and writing wait independently of one another. One task may wait for
/// each direction; of two tasks that read, the one that polled last is woken.
#[derive(Debug)]
pub struct TcpStream {
    socket: Registered<mio::net::TcpStream>,
}

/// How often a connect that was interrupted is begun anew.
const ATTEMPTS: usize = 3;

impl TcpStream {
    /// Connects to one address. It has no deadline of its own; the system gives up
    /// after minutes.
    ///
    /// # Errors
    /// Whatever the system reports (`ConnectionRefused`, `HostUnreachable`,
    /// `TimedOut`); out of descriptors, see
    /// [`is_out_of_resources`](super::is_out_of_resources); no loop runs here.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = Registered::made_here(begin_connect(address)?)?;
        if !(address.ip().is_loopback() && stands_already(&socket)) {
            poll_fn(|cx| poll_connected(&socket, cx)).await?;
        }
        Ok(Self { socket })
    }

    /// Takes a connection that the standard library has made.
    ///
    /// # Errors
    /// Whatever the system reports; no loop runs here.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpStream::from_std(stream))
    }

    pub(super) fn from_mio(stream: mio::net::TcpStream) -> io::Result<Self> {
        let socket = Registered::new(stream)?;
        Ok(Self { socket })
    }

    /// Reads what is there, without waiting: to see whether a connection that
    /// should be silent still is.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there (the connection is alive, as far as this
    /// side knows); else whatever the system reports. `Ok(0)` is the end.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_by_hand(|mut socket| socket.read(buf))
    }

    /// Like [`try_read`](Self::try_read), but leaves the bytes to be read.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_by_hand(|socket| socket.peek(buf))
    }

    /// Waits until a read may do something: bytes, the end, or an error. It may
    /// also find nothing, and say so to the next `readable` by `try_read`.
    ///
    /// # Errors
    /// On another loop than the one of this socket.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// The poll behind [`readable`](Self::readable). Its waker stays at the socket.
    ///
    /// # Errors
    /// On another loop than the one of this socket.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(cx)
    }

    /// Waits for bytes and copies them without taking them.
    ///
    /// # Errors
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read_with(|socket| socket.peek(buf)).await
    }

    /// Ends one direction or both. Ending the direction of writing tells the peer
    /// that nothing more comes.
    ///
    /// # Errors
    /// `NotConnected` when the peer has broken the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.nodelay()
    }

    /// Sends small writes at once instead of waiting for more (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket.set_nodelay(on)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` when the peer has broken the connection.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes the error that waits at the socket (`SO_ERROR`), if there is one.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Lets the next `poll_read` ask the system, whatever is known.
    pub(crate) fn doubt_silence(&self) {
        self.socket.doubt_readable();
    }

    fn try_by_hand<R>(
        &self,
        mut operation: impl FnMut(&mio::net::TcpStream) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match operation(&self.socket) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // LAW R02: whoever sees `WouldBlock` says so to the reactor.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.socket.clear_readable()?;
                    return Err(error);
                }
                result => return result,
            }
        }
    }
}

/// Starts a connection; its outcome comes later.
fn begin_connect(address: SocketAddr) -> io::Result<mio::net::TcpStream> {
    let mut begun = mio::net::TcpStream::connect(address);
    // WHY NOT retry the system call: after an interruption the first connect goes
    // on by itself, and the call returns before the socket is known here. It is
    // closed by then; the next one is new.
    for _ in 1..ATTEMPTS {
        match &begun {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
        begun = mio::net::TcpStream::connect(address);
    }
    begun
}

/// LAW R07: within this machine the handshake is often over when the call returns, and
/// whoever connects need not wait a turn of the loop to write. To ask so early costs
/// nothing where the answer is yes. WHY NOT for every address: elsewhere it is no.
fn stands_already(socket: &Registered<mio::net::TcpStream>) -> bool {
    let stands = socket.peer_addr().is_ok();
    if stands {
        socket.doubt_writable();
    }
    stands
}

/// LAW R07: ready once the connection stands or has failed.
fn poll_connected(
    socket: &Registered<mio::net::TcpStream>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    // Twice at most: after `clear_writable` the next round waits.
    loop {
        ready!(socket.poll_writable(cx))?;
        let Err(unknown) = socket.peer_addr() else {
            return Poll::Ready(Ok(()));
        };
        if let Some(error) = socket.take_error()? {
            return Poll::Ready(Err(error));
        }
        match unknown.kind() {
            ErrorKind::NotConnected => socket.clear_writable()?,
            _ => return Poll::Ready(Err(unknown)),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buf.len();
        let read = self
            .socket
            .poll_read_with(cx, |mut socket| socket.read(buf));
        if let Poll::Ready(Ok(n)) = read
            && (1..wanted).contains(&n)
        {
            self.socket.drained()?;
        }
        read
    }

    fn cancel_read(self: Pin<&mut Self>) {
        self.socket.cancel_read();
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket
            .poll_write_with(cx, |mut socket| socket.write(buf))
    }

    /// There is no buffer of ours: what was written is with the system.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(closed(self.shutdown(Shutdown::Write)))
    }

    fn cancel_write(self: Pin<&mut Self>) {
        self.socket.cancel_write();
    }
}

/// A connection that the peer has broken needs no end from this side.
pub(super) fn closed(shutdown: io::Result<()>) -> io::Result<()> {
    match shutdown {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}
