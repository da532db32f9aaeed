//! Sockets: TCP, UDP and Unix, names, and connecting to a name.
//!
//! Owns: nothing in common; each socket is a registered source (`io/registered.rs`)
//! with the operations of its kind.
//!
//! Laws, the same for all:
//! * R02: an operation is tried first and waited for only if it would block; so
//!   no event is needed for bytes that came together with the end of the stream.
//! * An interrupted operation (`EINTR`) is tried again and never seen outside.
//! * Running out of descriptors is not the end of a listener, see
//!   [`is_out_of_resources`].
//! * Dropping a future that waits for a socket leaves the socket as it was.
//!
//! Absent on purpose: looking up names in `bind` and `TcpStream::connect`, which
//! would block. [`connect()`] takes a name.
//!
//! Read in this order: `tcp.rs`, `listener.rs`, `udp.rs`, `unix.rs`, `resolve.rs`,
//! `connect.rs`.

mod connect;
mod listener;
mod resolve;
mod tcp;
mod udp;
#[cfg(unix)]
mod unix;

pub use connect::{ConnectError, STAGGER, connect, connect_any, interleave};
pub use listener::{TcpListener, is_out_of_resources};
pub use resolve::{Resolve, Resolving, SystemResolver, lookup_host};
pub use tcp::TcpStream;
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixDatagram, UnixListener, UnixStream};
