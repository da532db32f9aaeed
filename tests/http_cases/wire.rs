//! One accepted connection: buffered reads, and every way to end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use downbeat::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use downbeat::testing::origin::{Link, Wire};
use downbeat::time;
use downbeat::tls::{Acceptor, TlsStream};

/// With TLS or without.
enum Stream {
    Plain(Link),
    Secure(Box<TlsStream<Link>>),
}

/// A connection of a scripted server.
pub(crate) struct Conn {
    stream: Option<Stream>,
    /// Which connection of its server.
    pub(crate) number: usize,
    /// Read and not used.
    pub(crate) unread: Vec<u8>,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Conn {
    pub(crate) fn plain(link: Link, number: usize) -> Conn {
        Conn {
            stream: Some(Stream::Plain(link)),
            number,
            unread: Vec::new(),
        }
    }

    /// Shakes hands; says which name the client asked for.
    pub(crate) async fn secure(
        link: Link,
        number: usize,
        acceptor: &Acceptor,
    ) -> Option<(Conn, Option<String>)> {
        let stream = acceptor.accept(link).ok()?.await.ok()?;
        let name = stream.server_name().map(str::to_owned);
        let conn = Conn {
            stream: Some(Stream::Secure(Box::new(stream))),
            number,
            unread: Vec::new(),
        };
        Some((conn, name))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    fn stream(&mut self) -> io::Result<&mut dyn Duplex> {
        match &mut self.stream {
            Some(Stream::Plain(link)) => Ok(link),
            Some(Stream::Secure(stream)) => Ok(stream.as_mut()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads once. `false`: the client has ended its side.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        let mut buf = [0; 16 * 1024];
        let stream = self.stream()?;
        let n = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf)).await?;
        self.unread.extend_from_slice(&buf[..n]);
        Ok(n > 0)
    }

    /// Everything up to the end of `mark`.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        let mut searched = 0_usize;
        loop {
            // The mark may lie across the place where the last search stopped.
            let from = searched.saturating_sub(mark.len());
            let found = self.unread[from..]
                .windows(mark.len())
                .position(|w| w == mark);
            if let Some(at) = found {
                let rest = self.unread.split_off(from + at + mark.len());
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            searched = self.unread.len();
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// Ends the connection in order, with or without a word of TLS, and waits a
    /// while for the client, so that no reset destroys what is on its way.
    pub(crate) async fn finish(&mut self, notify: bool) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        let end = async {
            match stream {
                Stream::Secure(mut stream) if notify => {
                    stream.close().await?;
                    drain(&mut stream).await
                }
                Stream::Secure(stream) => cut(stream.into_link()).await,
                Stream::Plain(link) => cut(link).await,
            }
        };
        let _ = time::timeout(Duration::from_secs(3), end).await;
    }

    pub(crate) fn reset(&mut self) {
        match self.stream.take() {
            Some(Stream::Plain(link)) => link.reset(),
            Some(Stream::Secure(stream)) => stream.into_link().reset(),
            None => {}
        }
    }
}

async fn cut(mut link: Link) -> io::Result<()> {
    link.close().await?;
    drain(&mut link).await
}

async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut buf = [0; 4096];
    while stream.read(&mut buf).await? > 0 {}
    Ok(())
}
