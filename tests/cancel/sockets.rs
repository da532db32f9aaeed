//! Sockets, over loopback. The clock is virtual and waits for the system.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use downbeat::io::{AsyncWriteExt, Registered};
use downbeat::net::{
    TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, connect,
    connect_any, lookup_host,
};
use downbeat::{spawn, time, yield_now};

use super::cut::{at_every_poll, cut};

fn home() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

#[test]
fn tcp() {
    // CUTS net/tcp.rs connect, net/tcp.rs readable, net/tcp.rs peek, net/listener.rs accept
    // CUTS net/connect.rs connect, net/connect.rs connect_any, net/resolve.rs lookup_host
    at_every_poll("connect", |k| {
        Box::pin(async move {
            let listener = TcpListener::bind(home()).unwrap();
            let address = listener.local_addr().unwrap();
            let done = cut(k, TcpStream::connect(address)).await.is_some();
            TcpStream::connect(address).await.unwrap();
            done
        })
    });
    at_every_poll("accept", |k| {
        Box::pin(async move {
            let listener = TcpListener::bind(home()).unwrap();
            let address = listener.local_addr().unwrap();
            let client = spawn(TcpStream::connect(address));
            let done = cut(k, listener.accept()).await.is_some();
            if !done {
                listener.accept().await.unwrap();
            }
            client.await.unwrap().unwrap();
            done
        })
    });
    at_every_poll("readable and peek", |k| {
        Box::pin(async move {
            let listener = TcpListener::bind(home()).unwrap();
            let mut ours = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (theirs, _) = listener.accept().await.unwrap();
            ours.write_all(b"abc").await.unwrap();
            let readable = cut(k, theirs.readable()).await.is_some();
            let peeked = cut(k, theirs.peek(&mut [0; 8])).await.is_some();
            let mut buf = [0; 8];
            assert_eq!(theirs.peek(&mut buf).await.unwrap(), 3, "nothing is taken");
            readable && peeked
        })
    });
    at_every_poll("connect by name", |k| {
        Box::pin(async move {
            let listener = TcpListener::bind(home()).unwrap();
            let port = listener.local_addr().unwrap().port();
            let found = cut(k, lookup_host("localhost", port)).await.is_some();
            let done = cut(k, connect("127.0.0.1", port)).await.is_some();
            connect("127.0.0.1", port).await.unwrap();
            found && done
        })
    });
    at_every_poll("connect_any", |k| {
        Box::pin(async move {
            let alive = Rc::new(());
            let attempt = |address: SocketAddr| {
                let held = alive.clone();
                async move {
                    time::sleep(Duration::from_millis(u64::from(address.port()))).await;
                    drop(held);
                    match address.port() {
                        5 => Ok(address),
                        _ => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                    }
                }
            };
            let addresses = [9, 7, 5].map(|port| (Ipv4Addr::LOCALHOST, port).into());
            let stagger = Duration::from_millis(2);
            let done = cut(k, connect_any(&addresses, stagger, attempt)).await;
            let won = done.is_some_and(|result| result.is_ok());
            assert_eq!(Rc::strong_count(&alive), 1, "all attempts are dropped");
            won
        })
    });
}

#[test]
fn registered() {
    // CUTS io/registered.rs read_with, io/registered.rs write_with, io/registered.rs Interest
    // CUTS io/registered.rs readable, io/registered.rs writable, io/waits.rs Waits
    at_every_poll("any source", |k| {
        Box::pin(async move {
            let (ours, mut theirs) = mio::net::UnixStream::pair().unwrap();
            let ours = Registered::new(ours).unwrap();
            let read = |mut ours: &mio::net::UnixStream| ours.read(&mut [0; 8]);
            // Nothing is there: the first poll waits, and a task writes meanwhile.
            let writer = spawn(async move {
                yield_now().await;
                theirs.write_all(b"abc").unwrap();
                theirs
            });
            let done = cut(k, ours.read_with(read)).await.is_some();
            let mut theirs = writer.await.unwrap();
            if !done {
                assert_eq!(ours.read_with(read).await.unwrap(), 3, "no byte is lost");
            }
            let written = cut(k, ours.write_with(|mut ours| ours.write(b"x")))
                .await
                .is_some();
            let writable = cut(k, ours.writable()).await.is_some();
            theirs.write_all(b"d").unwrap();
            let readable = cut(k, ours.readable()).await.is_some();
            assert_eq!(ours.read_with(read).await.unwrap(), 1);
            done && written && writable && readable
        })
    });
}

#[test]
fn udp() {
    // CUTS net/udp.rs send, net/udp.rs recv, net/udp.rs send_to, net/udp.rs recv_from
    at_every_poll("udp", |k| {
        Box::pin(async move {
            let (a, b) = (
                UdpSocket::bind(home()).unwrap(),
                UdpSocket::bind(home()).unwrap(),
            );
            a.connect(b.local_addr().unwrap()).unwrap();
            b.connect(a.local_addr().unwrap()).unwrap();
            let to = b.local_addr().unwrap();
            let one = cut(k, a.send(b"1")).await.is_some();
            let two = cut(k, a.send_to(b"2", to)).await.map(|sent| sent.is_ok());
            // A connected socket may refuse an address; that is an end too.
            let mut expected: Vec<u8> = Vec::new();
            expected.extend(one.then_some(b'1'));
            expected.extend(two.filter(|sent| *sent).map(|_| b'2'));
            expected.push(b'3');
            a.send(b"3").await.unwrap();
            let mut buf = [0; 8];
            let mut got = Vec::new();
            let first = cut(k, b.recv(&mut buf)).await.is_some();
            got.extend(first.then(|| buf[0]));
            let second = match got.len() < expected.len() {
                true => cut(k, b.recv_from(&mut buf)).await.is_some(),
                false => true,
            };
            if got.len() < expected.len() && second {
                got.push(buf[0]);
            }
            while got.len() < expected.len() {
                b.recv(&mut buf).await.unwrap();
                got.push(buf[0]);
            }
            assert_eq!(got, expected, "no datagram is lost");
            one && two.is_some() && first && second
        })
    });
}

#[test]
fn unix() {
    // CUTS net/unix.rs connect, net/unix.rs accept, net/unix.rs send, net/unix.rs recv
    // CUTS net/unix.rs send_to, net/unix.rs recv_from
    let folder = std::env::temp_dir().join(format!("downbeat-cancel-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("stream");
    at_every_poll("unix streams", |k| {
        let path = path.clone();
        Box::pin(async move {
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).unwrap();
            let connected = cut(k, UnixStream::connect(&path)).await.is_some();
            let other = UnixStream::connect(&path).await.unwrap();
            let accepted = cut(k, listener.accept()).await.is_some();
            if !accepted {
                listener.accept().await.unwrap();
            }
            drop(other);
            connected && accepted
        })
    });
    let path = folder.join("datagrams");
    at_every_poll("unix datagrams", |k| {
        let path = path.clone();
        Box::pin(async move {
            let _ = std::fs::remove_file(&path);
            let (a, b) = (
                UnixDatagram::unbound().unwrap(),
                UnixDatagram::bind(&path).unwrap(),
            );
            let to = cut(k, a.send_to(b"1", &path)).await.is_some();
            a.connect(&path).unwrap();
            let sent = cut(k, a.send(b"2")).await.is_some();
            a.send(b"3").await.unwrap();
            let expected = 1 + usize::from(to) + usize::from(sent);
            let mut buf = [0; 8];
            let from = cut(k, b.recv_from(&mut buf)).await.is_some();
            let mut got = usize::from(from);
            let plain = got == expected || cut(k, b.recv(&mut buf)).await.is_some();
            got += usize::from(got < expected && plain);
            while got < expected {
                b.recv(&mut buf).await.unwrap();
                got += 1;
            }
            to && sent && from && plain
        })
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
