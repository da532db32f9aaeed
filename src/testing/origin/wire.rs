//! The streams an origin serves: TCP or memory, plain or under TLS.
//!
//! Owns: the stream, and for TCP the trick that makes a reset possible.
//!
//! A socket that is closed with unread bytes answers with a reset (RFC 9293
//! section 3.10.4), and that is the only way to one without `unsafe` or another
//! crate. So a connection that may have to be reset leaves the last byte of what
//! it has read with the kernel until it reads on: it peeks, then takes all but
//! one. That costs two system calls more per read, and only where it is asked for.
//!
//! Read next: `serve.rs`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::budget;
use crate::io::{AsyncRead, AsyncWrite};
use crate::net::TcpStream;
use crate::testing::Stream;
#[cfg(feature = "tls")]
use crate::tls::TlsStream;

/// What an origin can serve.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// The stream at the bottom.
    fn into_link(self) -> Link;
}

/// A stream without TLS.
pub struct Link(Kind);

enum Kind {
    Tcp(HoldingBack),
    Memory(Stream),
}

/// A socket that can be reset.
struct HoldingBack {
    stream: TcpStream,
    /// Leave a byte with the kernel?
    hold: bool,
    /// A byte is with the kernel that was handed out already.
    owed: bool,
}

impl Link {
    /// A socket. `may_reset`: pay for the possibility of a reset.
    pub fn tcp(stream: TcpStream, may_reset: bool) -> Link {
        Link(Kind::Tcp(HoldingBack {
            stream,
            hold: may_reset,
            owed: false,
        }))
    }

    /// Ends the connection by a reset.
    pub fn reset(self) {
        match self.0 {
            // Closed with a byte unread.
            Kind::Tcp(tcp) => drop(tcp),
            Kind::Memory(stream) => stream.reset(),
        }
    }
}

impl From<Stream> for Link {
    fn from(stream: Stream) -> Link {
        Link(Kind::Memory(stream))
    }
}

impl Wire for Link {
    fn into_link(self) -> Link {
        self
    }
}

impl Wire for Stream {
    fn into_link(self) -> Link {
        Link::from(self)
    }
}

#[cfg(feature = "tls")]
impl<W: Wire> Wire for TlsStream<W> {
    fn into_link(self) -> Link {
        self.into_inner().into_link()
    }
}

impl HoldingBack {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.hold {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        // Bounded: a round that finds nothing clears the readiness.
        ready!(budget::spend(cx));
        budget::lend(|| {
            loop {
                ready!(self.stream.poll_readable(cx))?;
                match self.try_read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            }
        })
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.owed {
            self.stream.try_read(&mut [0])?;
            self.owed = false;
        }
        let seen = self.stream.try_peek(buf)?;
        let mut taken = 0;
        while let Some(space) = buf.get_mut(taken..seen.saturating_sub(1))
            && !space.is_empty()
        {
            taken += self.stream.try_read(space)?;
        }
        self.owed = seen > 0;
        Ok(seen)
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(tcp) => tcp.poll_read(cx, buf),
            Kind::Memory(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(tcp) => Pin::new(&mut tcp.stream).poll_write(cx, buf),
            Kind::Memory(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(tcp) => Pin::new(&mut tcp.stream).poll_flush(cx),
            Kind::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Tcp(tcp) => Pin::new(&mut tcp.stream).poll_close(cx),
            Kind::Memory(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}
