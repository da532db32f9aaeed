//! `Wire`: the bytes' way to a peer, below TLS.
//!
//! Owns: the stream.
//!
//! A TCP connection is known as one, so that the ordinary path calls it directly and
//! can ask the system about it; anything else that a connector made is a [`Stream`].
//!
//! Read next: `connection.rs`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::connect::Stream;
use crate::io::{AsyncRead, AsyncWrite};
use crate::net::TcpStream;

/// A stream of bytes to a peer.
pub(crate) enum Wire {
    /// Over the real network.
    Tcp(TcpStream),
    /// Whatever a connector made.
    Other(Box<dyn Stream>),
}

impl Wire {
    /// From here on small writes leave at once (`TCP_NODELAY`). The system holds one
    /// back only while an earlier one is not acknowledged, so a connection whose
    /// requests are one write each, answered before the next, does not need it.
    pub(crate) fn send_at_once(&self) {
        if let Wire::Tcp(stream) = self {
            // A socket that cannot do it works all the same.
            drop(stream.set_nodelay(true));
        }
    }

    /// The next read asks the system, even if nothing was there a moment ago. Streams
    /// that are not of the system know what they hold.
    pub(crate) fn doubt_silence(&self) {
        if let Wire::Tcp(stream) = self {
            stream.doubt_silence();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Other(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Other(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Tcp(stream) => Pin::new(stream).poll_close(cx),
            Wire::Other(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}
