//! Sockets between processes of one machine: streams, a listener, datagrams.
//!
//! Owns: the sockets; not the files they are bound to, which stay when a listener
//! is dropped, as everywhere on Unix.
//!
//! Laws: those of `tcp.rs` and `listener.rs`. In addition, a connect to a listener
//! whose queue is full fails with `WouldBlock` and no event tells when there is
//! room, so it is tried again by the clock.
//!
//! Absent on purpose: passing descriptors and credentials.
//!
//! Read next: `resolve.rs`.

use super::listener::accept_patiently;
use super::tcp::closed;
use crate::io::{AsyncRead, AsyncWrite, Registered};
use crate::time;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{self as std_net, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A connection between two processes of this machine.
#[derive(Debug)]
pub struct UnixStream {
    socket: Registered<mio::net::UnixStream>,
}

/// A socket that accepts [`UnixStream`]s.
#[derive(Debug)]
pub struct UnixListener {
    socket: Registered<mio::net::UnixListener>,
}

/// A socket for datagrams between processes of this machine.
#[derive(Debug)]
pub struct UnixDatagram {
    socket: Registered<mio::net::UnixDatagram>,
}

/// The first pause after a connect that found the listener's queue full.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest such pause; each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl UnixStream {
    /// Connects to the listener at `path`, waiting for room in its queue.
    ///
    /// # Errors
    /// `NotFound` when there is no file, `ConnectionRefused` when nobody listens.
    ///
    /// # Cancel safety
    /// Dropping the future gives the connection up.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut pause = FIRST_PAUSE;
        loop {
            match mio::net::UnixStream::connect(path.as_ref()) {
                Ok(stream) => return Self::from_mio(stream),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Two streams connected to one another.
    ///
    /// # Errors
    /// Out of descriptors; no loop runs here.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixStream::pair()?;
        Ok((Self::from_mio(left)?, Self::from_mio(right)?))
    }

    /// Takes a connection that the standard library has made.
    ///
    /// # Errors
    /// Whatever the system reports; no loop runs here.
    pub fn from_std(stream: std_net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::UnixStream::from_std(stream))
    }

    fn from_mio(stream: mio::net::UnixStream) -> io::Result<Self> {
        let socket = Registered::new(stream)?;
        Ok(Self { socket })
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// `NotConnected` when the connection is broken.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// The address of the other end; unnamed for a client.
    ///
    /// # Errors
    /// Whatever the system reports.
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
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.socket
            .poll_read_with(cx, |mut socket| socket.read(buf))
    }

    fn cancel_read(self: Pin<&mut Self>) {
        self.socket.cancel_read();
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket
            .poll_write_with(cx, |mut socket| socket.write(buf))
    }

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

impl UnixListener {
    /// Listens at `path`, which must not exist.
    ///
    /// # Errors
    /// `AddrInUse` when it does exist; whatever else the system reports.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = Registered::new(mio::net::UnixListener::bind(path)?)?;
        Ok(Self { socket })
    }

    /// Takes a listener that the standard library has made.
    ///
    /// # Errors
    /// Whatever the system reports; no loop runs here.
    pub fn from_std(listener: std_net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = Registered::new(mio::net::UnixListener::from_std(listener))?;
        Ok(Self { socket })
    }

    /// Waits for a connection. One task may wait at a time.
    ///
    /// # Errors
    /// As [`TcpListener::accept`](super::TcpListener::accept).
    ///
    /// # Cancel safety
    /// No connection is lost.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accept = async || {
            let (stream, peer) = self.socket.read_with(|socket| socket.accept()).await?;
            Ok((UnixStream::from_mio(stream)?, peer))
        };
        accept_patiently(accept).await
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl UnixDatagram {
    /// A socket at `path`, which must not exist.
    ///
    /// # Errors
    /// `AddrInUse` when it does exist; whatever else the system reports.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::from_mio(mio::net::UnixDatagram::bind(path)?)
    }

    /// A socket without an address: it can send, and be a [`connect`](Self::connect)ed one's peer.
    ///
    /// # Errors
    /// Out of descriptors; no loop runs here.
    pub fn unbound() -> io::Result<Self> {
        Self::from_mio(mio::net::UnixDatagram::unbound()?)
    }

    /// Two sockets connected to one another.
    ///
    /// # Errors
    /// Out of descriptors; no loop runs here.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixDatagram::pair()?;
        Ok((Self::from_mio(left)?, Self::from_mio(right)?))
    }

    fn from_mio(socket: mio::net::UnixDatagram) -> io::Result<Self> {
        let socket = Registered::new(socket)?;
        Ok(Self { socket })
    }

    /// Fixes the peer, see [`UdpSocket::connect`](super::UdpSocket::connect).
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.socket.connect(path)
    }

    /// Sends a datagram to the peer, waiting for room in its queue.
    ///
    /// # Errors
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    /// A dropped send has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.socket.write_with(|socket| socket.send(datagram)).await
    }

    /// Receives a datagram and says how long it is.
    ///
    /// # Errors
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    /// No datagram is lost.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read_with(|socket| socket.recv(buf)).await
    }

    /// Sends a datagram to the socket at `path`, waiting for room in its queue.
    ///
    /// # Errors
    /// `NotFound` or `ConnectionRefused` when nobody is there.
    ///
    /// # Cancel safety
    /// A dropped send has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let send = |socket: &mio::net::UnixDatagram| socket.send_to(datagram, path.as_ref());
        self.socket.write_with(send).await
    }

    /// Receives a datagram and says how long it is and where it came from.
    ///
    /// # Errors
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    /// No datagram is lost.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.read_with(|socket| socket.recv_from(buf)).await
    }

    /// The address of this socket.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
