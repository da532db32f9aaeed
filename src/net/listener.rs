//! `TcpListener`: waits for connections, also when the system is short of
//! something.
//!
//! Owns: the listening socket.
//!
//! Laws:
//! * R14: an accept that fails for want of descriptors or memory is tried again by
//!   the clock, after 10 ms, then 20, up to 500 ms, and when a source of this thread
//!   is closed. No event would ever come: the connections that wait raised theirs
//!   already.
//! * A connection that ended before it was accepted is its own error, not the
//!   listener's: the next one is accepted.
//!
//! Read next: `udp.rs`.

use super::TcpStream;
use crate::io::{Registered, next_close};
use crate::time;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// A socket that accepts TCP connections.
#[derive(Debug)]
pub struct TcpListener {
    socket: Registered<mio::net::TcpListener>,
}

/// The first pause after an accept that the system was too poor for.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause; each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl TcpListener {
    /// Listens at `address`; port 0 takes a free one, see
    /// [`local_addr`](Self::local_addr). A port that a closed listener has left
    /// can be taken at once (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// `AddrInUse` and whatever else the system reports; no loop runs here.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Registered::new(mio::net::TcpListener::bind(address)?)?;
        Ok(Self { socket })
    }

    /// Takes a listener that the standard library has made.
    ///
    /// # Errors
    /// Whatever the system reports; no loop runs here.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = Registered::new(mio::net::TcpListener::from_std(listener))?;
        Ok(Self { socket })
    }

    /// Waits for a connection. One task may wait at a time.
    ///
    /// # Errors
    /// Only what would fail again: running out of descriptors or memory is waited
    /// out, and a connection that was aborted is passed over.
    ///
    /// # Cancel safety
    /// No connection is lost.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accept = async || {
            let (stream, peer) = self.socket.read_with(|socket| socket.accept()).await?;
            Ok((TcpStream::from_mio(stream)?, peer))
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

/// Calls `accept` until it gives a connection or a lasting error.
pub(super) async fn accept_patiently<T>(accept: impl AsyncFn() -> io::Result<T>) -> io::Result<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        match accept().await {
            Err(error) if is_out_of_resources(&error) => {
                // LAW R14: sooner, if a socket of ours is closed meanwhile.
                let _ = time::timeout(pause, next_close()).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) if was_the_connections_own(&error) => {}
            result => return result,
        }
    }
}

/// Does the error mean that this process or system is out of descriptors, buffers
/// or memory? The operation may succeed later, when others have finished.
pub fn is_out_of_resources(error: &io::Error) -> bool {
    // The numbers of ENFILE and EMFILE are the same on every Unix; Windows has
    // WSAEMFILE.
    const NO_DESCRIPTORS: [i32; 2] = if cfg!(windows) {
        [10024, 10024]
    } else {
        [23, 24]
    };
    const NO_BUFFERS: i32 = match () {
        () if cfg!(windows) => 10055,
        () if cfg!(any(target_os = "linux", target_os = "android")) => 105,
        () => 55,
    };
    error.kind() == ErrorKind::OutOfMemory
        || error
            .raw_os_error()
            .is_some_and(|number| NO_DESCRIPTORS.contains(&number) || number == NO_BUFFERS)
}

/// Linux passes errors of the new connection on through `accept`, see accept(2).
fn was_the_connections_own(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use super::{accept_patiently, is_out_of_resources};
    use crate::net::UdpSocket;
    use crate::testing::Probe;
    use crate::time;
    use crate::{Runtime, spawn};
    use std::cell::RefCell;
    use std::io::{self, ErrorKind};
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    #[test]
    fn poverty_is_waited_out_by_the_clock() {
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        let (accepted, calls) = runtime.block_on(async {
            let start = time::now();
            let calls = RefCell::new(Vec::<Instant>::new());
            let accept = async || {
                calls.borrow_mut().push(time::now());
                match calls.borrow().len() {
                    1..=4 => Err(io::Error::from_raw_os_error(24)),
                    5..=8 => Err(io::Error::from(ErrorKind::OutOfMemory)),
                    9 | 10 => Err(io::Error::from(ErrorKind::ConnectionAborted)),
                    _ => Ok("a connection"),
                }
            };
            let accepted = accept_patiently(accept).await.unwrap();
            let calls = calls.take();
            let times = calls.iter().map(|at| (*at - start).as_millis());
            (accepted, times.collect::<Vec<_>>())
        });
        assert_eq!(accepted, "a connection");
        // Pauses of 10, 20, 40, 80, 160, 320, 500, 500 ms; aborted ones cost none.
        let expected = [0, 10, 30, 70, 150, 310, 630, 1130, 1630, 1630, 1630];
        assert_eq!(calls, expected);
    }

    #[test]
    fn r14_a_socket_that_is_closed_ends_the_pause() {
        let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
        let times = runtime.block_on(async {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let start = time::now();
            spawn(async move {
                time::sleep(Duration::from_millis(103)).await;
                drop(socket);
            })
            .detach();
            let calls = RefCell::new(Vec::new());
            let accept = async || {
                calls.borrow_mut().push((time::now() - start).as_millis());
                match calls.borrow().len() {
                    1..=5 => Err(io::Error::from_raw_os_error(24)),
                    _ => Ok(()),
                }
            };
            accept_patiently(accept).await.unwrap();
            calls.take()
        });
        assert_eq!(times, [0, 10, 30, 70, 103, 263]);
    }

    #[test]
    fn lasting_errors_are_told() {
        let failing = async || Err::<(), _>(io::Error::from(ErrorKind::InvalidInput));
        let error = Probe::new(accept_patiently(failing)).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!is_out_of_resources(&error));
    }
}
