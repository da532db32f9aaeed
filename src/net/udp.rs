//! `UdpSocket`: datagrams.
//!
//! Owns: the socket.
//!
//! Law: one call is one datagram. What does not fit into the buffer of a receive
//! is cut off by the system.
//!
//! Read next: `unix.rs`.

use crate::io::Registered;
use std::io;
use std::net::SocketAddr;

/// A UDP socket.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Registered<mio::net::UdpSocket>,
}

impl UdpSocket {
    /// A socket at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse` and whatever else the system reports; no loop runs here.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Registered::new(mio::net::UdpSocket::bind(address)?)?;
        Ok(Self { socket })
    }

    /// Takes a socket that the standard library has made; options that this type
    /// lacks can be set there.
    ///
    /// # Errors
    /// Whatever the system reports; no loop runs here.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = Registered::new(mio::net::UdpSocket::from_std(socket))?;
        Ok(Self { socket })
    }

    /// Fixes the peer: [`send`](Self::send) goes there, and only its datagrams are
    /// received. Nothing is sent, so nothing is waited for.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.socket.connect(peer)
    }

    /// Sends a datagram to the peer.
    ///
    /// # Errors
    /// `ConnectionRefused` when an earlier one found nobody; whatever else the
    /// system reports.
    ///
    /// # Cancel safety
    /// A dropped send has sent nothing.
    pub async fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        self.socket.write_with(|socket| socket.send(datagram)).await
    }

    /// Receives a datagram from the peer and says how long it is.
    ///
    /// # Errors
    /// `ConnectionRefused` when a datagram of ours found nobody; whatever else the
    /// system reports.
    ///
    /// # Cancel safety
    /// No datagram is lost.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read_with(|socket| socket.recv(buf)).await
    }

    /// Sends a datagram to `to`.
    ///
    /// # Errors
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    /// A dropped send has sent nothing.
    pub async fn send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        let send = |socket: &mio::net::UdpSocket| socket.send_to(datagram, to);
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

    /// The address of the peer.
    ///
    /// # Errors
    /// `NotConnected` when there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.peer_addr()
    }
}
