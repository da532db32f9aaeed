//! Sockets on the loopback interface: readiness, ends, errors, connecting.
//!
//! The other end is often a socket of the standard library in the same thread:
//! what it does has happened when the call returns, so nothing sleeps to wait.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use downbeat::future::{OneOf, join, join_all, poll_once, race, yield_now};
use downbeat::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use downbeat::net::{
    Resolve, STAGGER, SystemResolver, TcpListener, TcpStream, UdpSocket, connect, connect_any,
    interleave, lookup_host,
};
use downbeat::runtime::stats;
use downbeat::testing::{Alarm, Ragged, Rng};
use downbeat::time::{self, sleep, timeout};
use downbeat::{Runtime, run, spawn};

const MS: Duration = Duration::from_millis(1);
/// Nothing here takes this long; a lost wake does.
const TOO_LONG: Duration = Duration::from_secs(20);

fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Our end, and the standard library's other end, of a new connection.
async fn with_std() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind(local()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap().0, peer)
}

/// Both ends of a new connection.
async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(local()).unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, accepted) = join((connecting, listener.accept())).await;
    (ours.unwrap(), accepted.unwrap().0)
}

/// Sends `bytes` one way in random pieces with random rests, and checks what came.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(from: S, to: S, seed: u64) {
    let mut rng = Rng::new(seed);
    let count = rng.below(400_000);
    let bytes = rng.bytes(count);
    let (mut cuts, mut gulps) = (Rng::new(seed + 1), Rng::new(seed + 2));
    let mut from = Ragged::new(from, rng.next_u64());
    let mut to = to;
    let send = async {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(1 + cuts.below(30_000)));
            let sent = if cuts.one_in(2) {
                from.get_mut().write_all(piece).await
            } else {
                from.write_all(piece).await
            };
            sent.unwrap();
            rest = later;
            if cuts.one_in(3) {
                yield_now().await;
            }
        }
        from.close().await.unwrap();
    };
    let receive = async {
        let mut out = Vec::new();
        loop {
            let mut buf = vec![0; 1 + gulps.below(9_000)];
            match to.read(&mut buf).await.unwrap() {
                0 => return out,
                read => out.extend_from_slice(&buf[..read]),
            }
            if gulps.one_in(3) {
                yield_now().await;
            }
        }
    };
    let ((), out) = join((send, receive)).await;
    assert!(
        out == bytes,
        "seed {seed}: {} of {} bytes, or others",
        out.len(),
        bytes.len()
    );
}

// ---- readiness

#[test]
fn readiness_never_lost() {
    run(async {
        for seed in 0..12 {
            let (left, right) = tcp_pair().await;
            timeout(TOO_LONG, carry(left, right, seed))
                .await
                .expect("a wake was lost");
        }
    });
}

#[test]
fn more_ready_sources_than_events_fit_into_one_wait() {
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut pairs = Vec::new();
        for _ in 0..350 {
            let peer = std::net::TcpStream::connect(address).unwrap();
            pairs.push((listener.accept().await.unwrap().0, peer));
        }
        let mut peers = Vec::new();
        let mut readers = Vec::new();
        for (mut ours, peer) in pairs {
            peers.push(peer);
            readers.push(spawn(async move {
                let mut byte = [0];
                ours.read_exact(&mut byte).await.unwrap();
                byte[0]
            }));
        }
        yield_now().await; // All of them wait now.
        for (number, peer) in peers.iter_mut().enumerate() {
            peer.write_all(&[number as u8]).unwrap();
        }
        let got = timeout(TOO_LONG, join_all(readers))
            .await
            .expect("a wake was lost");
        for (number, byte) in got.into_iter().enumerate() {
            assert_eq!(byte.unwrap(), number as u8);
        }
    });
}

#[test]
fn data_plus_fin_single_edge() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        let mut buf = [0; 64];
        {
            let mut early = pin!(ours.read(&mut buf));
            assert!(poll_once(early.as_mut()).await.is_none());
            peer.write_all(b"last words").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(timeout(TOO_LONG, early).await.unwrap().unwrap(), 10);
        }
        let end = timeout(TOO_LONG, ours.read(&mut buf)).await;
        assert_eq!(
            end.expect("no second event comes, nor is one needed")
                .unwrap(),
            0
        );
        assert_eq!(
            ours.read(&mut buf).await.unwrap(),
            0,
            "the end stays the end"
        );
    });
}

#[test]
fn half_close_no_spin_no_truncation() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        let mut buf = [0; 8];
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(ours.read(&mut buf).await.unwrap(), 0);
        // The peer does not read, so this waits, with its end of stream behind us.
        let payload = vec![7; 8 << 20];
        let mut sending = spawn(async move {
            ours.write_all(&payload).await.unwrap();
            ours.close().await.unwrap();
        });
        yield_now().await;
        assert!(poll_once(&mut sending).await.is_none());
        let before = stats().polls;
        sleep(60 * MS).await;
        let polls = stats().polls - before;
        assert!(polls <= 20, "{polls} polls while nothing happened");
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).map(|_| got)
        });
        timeout(TOO_LONG, sending)
            .await
            .expect("a wake was lost")
            .unwrap();
        let got = reader.join().unwrap().unwrap();
        assert!(got.len() == 8 << 20 && got.iter().all(|byte| *byte == 7));
    });
}

#[test]
fn rst_after_data_delivers_the_data_first() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        ours.write_all(b"never read").await.unwrap();
        peer.write_all(b"data").unwrap();
        // To be sure that ours has arrived: a close with unread input is a reset.
        let mut one = [0];
        peer.read_exact(&mut one).unwrap();
        drop(peer);
        let mut buf = [0; 8];
        assert_eq!(ours.read(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf[..4], b"data");
        let error = ours.read(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = ours.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        ours.close().await.unwrap();
    });
}

#[test]
fn two_directions_two_wakers() {
    run(async {
        let (ours, mut peer) = with_std().await;
        let (mut read, mut write) = split(ours);
        let mut byte = [0];
        let mut reading = pin!(read.read(&mut byte));
        let payload = vec![1; 16 << 20];
        let mut writing = pin!(write.write_all(&payload));
        let (reader, writer) = (Alarm::new(), Alarm::new());
        let (r, w) = (reader.waker(), writer.waker());
        assert!(
            reading
                .as_mut()
                .poll(&mut Context::from_waker(&r))
                .is_pending()
        );
        while writing
            .as_mut()
            .poll(&mut Context::from_waker(&w))
            .is_pending()
            && writer.wakes() > 0
        {}
        let writes = writer.wakes();
        peer.write_all(b"x").unwrap();
        while reader.wakes() == 0 {
            yield_now().await;
        }
        assert_eq!(
            writer.wakes(),
            writes,
            "a readable socket does not wake the writer"
        );
        assert!(
            reading
                .as_mut()
                .poll(&mut Context::from_waker(&r))
                .is_ready()
        );
    });
}

#[test]
fn latest_waker_is_woken_sockets() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        let mut buf = [0; 1];
        let mut reading = pin!(ours.read(&mut buf));
        let (first, second) = (Alarm::new(), Alarm::new());
        for alarm in [&first, &second] {
            let waker = alarm.waker();
            assert!(
                reading
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        assert_eq!((first.kept(), second.kept()), (0, 1));
        peer.write_all(b"x").unwrap();
        while second.wakes() == 0 {
            yield_now().await;
        }
        assert_eq!((first.wakes(), second.wakes(), second.kept()), (0, 1, 0));
    });
}

#[test]
fn budget_forces_a_busy_reader_to_yield() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        peer.write_all(&[1; 5_000]).unwrap();
        let rounds = Rc::new(Cell::new(0));
        let counted = Rc::clone(&rounds);
        let other = spawn(async move {
            loop {
                counted.set(counted.get() + 1);
                yield_now().await;
            }
        });
        let mut byte = [0];
        for _ in 0..5_000 {
            ours.read_exact(&mut byte).await.unwrap();
        }
        // 128 operations per poll: about 39 rounds for the other task.
        assert!(rounds.get() >= 30, "only {} rounds", rounds.get());
        other.abort();
    });
}

#[test]
fn a_cancelled_read_leaves_the_bytes() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        let mut buf = [0; 4];
        assert!(timeout(MS, ours.read(&mut buf)).await.is_err());
        peer.write_all(b"here").unwrap();
        ours.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"here");
    });
}

#[test]
fn churn_of_sockets_wakes_only_their_own() {
    // Places in the reactor are used again at once, while old events are about.
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut kept = Vec::new();
        for round in 0..300_u32 {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let (mut ours, _) = listener.accept().await.unwrap();
            peer.write_all(&round.to_be_bytes()).unwrap();
            if round % 3 == 0 {
                drop(ours); // With an event on its way.
                continue;
            }
            let mut buf = [0; 4];
            timeout(TOO_LONG, ours.read_exact(&mut buf))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(u32::from_be_bytes(buf), round);
            kept.push((ours, peer));
            if kept.len() > 20 {
                kept.swap_remove(round as usize % 20);
            }
        }
    });
}

#[test]
fn a_duplicate_of_a_dropped_socket_wakes_nobody() {
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let std_listener = std::net::TcpListener::bind(local()).unwrap();
        let mut other = std::net::TcpStream::connect(std_listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = std_listener.accept().unwrap();
        let duplicate = accepted.try_clone().unwrap();
        drop(TcpStream::from_std(accepted).unwrap());
        // Its descriptor lives on in the duplicate, and becomes ready.
        let (mut ours, _) = listener.accept().await.unwrap();
        let mut buf = [0; 1];
        let mut reading = pin!(ours.read(&mut buf));
        assert!(poll_once(reading.as_mut()).await.is_none());
        let before = stats();
        for _ in 0..5 {
            other.write_all(b"x").unwrap();
            sleep(MS).await;
        }
        let waits = stats().waits - before.waits;
        assert!(
            waits <= 8,
            "{waits} waits for five sleeps: the duplicate wakes the loop"
        );
        peer.write_all(b"y").unwrap();
        assert_eq!(reading.await.unwrap(), 1);
        drop(duplicate);
    });
}

// ---- connections

#[test]
fn connect_and_accept_know_their_addresses() {
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, accepted) = join((TcpStream::connect(address), listener.accept())).await;
        let (ours, (theirs, peer)) = (ours.unwrap(), accepted.unwrap());
        assert_eq!(ours.peer_addr().unwrap(), address);
        assert_eq!(ours.local_addr().unwrap(), peer);
        assert_eq!(theirs.peer_addr().unwrap(), peer);
        ours.set_nodelay(true).unwrap();
        assert!(ours.nodelay().unwrap() && ours.take_error().unwrap().is_none());
    });
}

#[test]
fn connect_refused_says_so() {
    let listener = std::net::TcpListener::bind(local()).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = run(TcpStream::connect(address)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// R07: within one machine nobody waits a turn of the loop for the handshake.
#[cfg(target_os = "linux")]
#[test]
fn a_loopback_connection_stands_at_once() {
    run(async {
        let listener = std::net::TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let connected = poll_once(pin!(TcpStream::connect(address))).await;
        let mut stream = connected.expect("it does not wait").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        // The write needs no event, the read waits for one.
        let wrote = poll_once(pin!(stream.write_all(b"ping"))).await;
        assert!(wrote.is_some_and(|wrote| wrote.is_ok()));
        let (mut peer, _) = listener.accept().unwrap();
        let mut buf = [0; 4];
        peer.read_exact(&mut buf).unwrap();
        peer.write_all(&buf).unwrap();
        stream.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"ping");
    });
}

#[test]
fn accept_serves_many() {
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            for _ in 0..100 {
                let (mut stream, _) = listener.accept().await.unwrap();
                spawn(async move {
                    let mut buf = [0; 4];
                    stream.read_exact(&mut buf).await.unwrap();
                    stream.write_all(&buf).await.unwrap();
                })
                .detach();
            }
        });
        let clients = (0..100_u32).map(|number| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&number.to_be_bytes()).await.unwrap();
            let mut buf = [0; 4];
            stream.read_exact(&mut buf).await.unwrap();
            assert_eq!(u32::from_be_bytes(buf), number);
        });
        timeout(TOO_LONG, join_all(clients))
            .await
            .expect("a wake was lost");
        server.await.unwrap();
    });
}

#[test]
fn try_read_and_peek_look_without_waiting() {
    run(async {
        let (mut ours, mut peer) = with_std().await;
        let mut buf = [0; 8];
        assert_eq!(
            ours.try_read(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert_eq!(
            ours.try_peek(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let (ready, ()) = join((ours.readable(), async {
            yield_now().await;
            peer.write_all(b"abc").unwrap();
        }))
        .await;
        ready.unwrap();
        assert_eq!(ours.try_peek(&mut buf).unwrap(), 3);
        assert_eq!(ours.peek(&mut buf).await.unwrap(), 3);
        assert_eq!(ours.try_read(&mut buf[..2]).unwrap(), 2);
        assert_eq!(ours.read(&mut buf).await.unwrap(), 1);
        drop(peer);
        timeout(TOO_LONG, ours.readable()).await.unwrap().unwrap();
        assert_eq!(ours.try_read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn a_socket_of_another_loop_is_an_error_that_names_both() {
    let (mut stream, _peer) = run(with_std());
    let error = run(async { stream.read(&mut [0]).await }).unwrap_err();
    assert!(error.to_string().contains("loop"), "{error}");
    let error = TcpListener::bind(local()).unwrap_err();
    assert!(
        error.to_string().contains("none runs on this thread"),
        "{error}"
    );
}

#[test]
fn a_socket_may_be_dropped_on_another_thread() {
    run(async {
        let (ours, mut peer) = with_std().await;
        std::thread::spawn(move || drop(ours)).join().unwrap();
        let mut buf = [0; 1];
        assert_eq!(peer.read(&mut buf).unwrap(), 0, "closed");
        // The place in the reactor is free again and usable.
        let (left, right) = tcp_pair().await;
        carry(left, right, 77).await;
    });
}

#[test]
fn a_race_of_reads_serves_both() {
    run(async {
        let ((mut a, mut a_peer), (mut b, mut b_peer)) = join((with_std(), with_std())).await;
        a_peer.write_all(&[1; 500]).unwrap();
        b_peer.write_all(&[1; 500]).unwrap();
        let (mut x, mut y) = ([0], [0]);
        let mut won = [0, 0];
        for _ in 0..600 {
            match race((a.read(&mut x), b.read(&mut y))).await {
                OneOf::First(read) => won[0] += read.unwrap(),
                OneOf::Second(read) => won[1] += read.unwrap(),
            }
        }
        assert_eq!(won[0] + won[1], 600);
        assert!(won[0] >= 250 && won[1] >= 250, "{won:?}");
    });
}

// ---- UDP

#[test]
fn udp_sends_and_receives_datagrams() {
    run(async {
        let (a, b) = (
            UdpSocket::bind(local()).unwrap(),
            UdpSocket::bind(local()).unwrap(),
        );
        let (a_addr, b_addr) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let mut buf = [0; 16];
        let (received, sent) = join((b.recv_from(&mut buf), a.send_to(b"hello", b_addr))).await;
        assert_eq!((received.unwrap(), sent.unwrap()), ((5, a_addr), 5));
        a.send_to(b"", b_addr).await.unwrap();
        assert_eq!(
            b.recv_from(&mut buf).await.unwrap(),
            (0, a_addr),
            "empty ones count"
        );
        a.connect(b_addr).unwrap();
        b.connect(a_addr).unwrap();
        assert_eq!(a.peer_addr().unwrap(), b_addr);
        b.send(b"answer, cut off").await.unwrap();
        let mut short = [0; 6];
        assert_eq!(a.recv(&mut short).await.unwrap(), 6);
        assert_eq!(&short, b"answer");
    });
}

#[test]
fn udp_reports_that_nobody_is_there() {
    run(async {
        let gone = UdpSocket::bind(local()).unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind(local()).unwrap();
        socket.connect(gone).unwrap();
        socket.send(b"anybody?").await.unwrap();
        let error = timeout(TOO_LONG, socket.recv(&mut [0; 8]))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

// ---- Unix sockets

#[cfg(unix)]
mod unix {
    use super::*;
    use downbeat::net::{UnixDatagram, UnixListener, UnixStream};
    use std::path::PathBuf;

    /// A directory that is removed with everything in it.
    struct TempDir(PathBuf);

    impl TempDir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("downbeat-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for TempDir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn readiness_never_lost_unix() {
        run(async {
            for seed in 100..112 {
                let (left, right) = UnixStream::pair().unwrap();
                timeout(TOO_LONG, carry(left, right, seed))
                    .await
                    .expect("a wake was lost");
            }
        });
    }

    #[test]
    fn streams_connect_through_a_path() {
        let dir = TempDir::new("stream");
        run(async {
            let path = dir.0.join("socket");
            let missing = UnixStream::connect(&path).await.unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound);
            let listener = UnixListener::bind(&path).unwrap();
            assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
            let (ours, accepted) = join((UnixStream::connect(&path), listener.accept())).await;
            let (mut ours, (mut theirs, peer)) = (ours.unwrap(), accepted.unwrap());
            assert!(peer.is_unnamed());
            theirs.write_all(b"over a file").await.unwrap();
            theirs.close().await.unwrap();
            let mut got = Vec::new();
            ours.read_to_end(&mut got, 100).await.unwrap();
            assert_eq!(got, b"over a file");
            drop((listener, theirs));
            let refused = UnixStream::connect(&path).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        });
    }

    #[test]
    fn connect_waits_for_room_in_the_queue() {
        let dir = TempDir::new("queue");
        run(async {
            let path = dir.0.join("socket");
            let listener = UnixListener::bind(&path).unwrap();
            // More than any queue holds; those who find it full try again.
            let mut clients = Vec::new();
            loop {
                let connecting = UnixStream::connect(&path);
                let mut connecting = Box::pin(connecting);
                match poll_once(connecting.as_mut()).await {
                    Some(stream) => clients.push(stream.unwrap()),
                    None => {
                        let accept = async {
                            listener.accept().await.unwrap();
                        };
                        let both = join((connecting, accept));
                        timeout(TOO_LONG, both)
                            .await
                            .expect("never connected")
                            .0
                            .unwrap();
                        return;
                    }
                }
                assert!(clients.len() < 20_000, "the queue has no end");
            }
        });
    }

    #[test]
    fn datagrams_keep_their_bounds() {
        let dir = TempDir::new("datagram");
        run(async {
            let (a, b) = UnixDatagram::pair().unwrap();
            a.send(b"one").await.unwrap();
            a.send(b"three").await.unwrap();
            let mut buf = [0; 16];
            assert_eq!(b.recv(&mut buf).await.unwrap(), 3);
            assert_eq!(b.recv(&mut buf).await.unwrap(), 5);
            let path = dir.0.join("socket");
            let bound = UnixDatagram::bind(&path).unwrap();
            let client = UnixDatagram::unbound().unwrap();
            client.send_to(b"to a path", &path).await.unwrap();
            let (read, from) = bound.recv_from(&mut buf).await.unwrap();
            assert!(read == 9 && from.is_unnamed());
            client.connect(&path).unwrap();
            let (sent, read) = join((client.send(b"again"), bound.recv(&mut buf))).await;
            assert_eq!((sent.unwrap(), read.unwrap()), (5, 5));
            assert_eq!(bound.local_addr().unwrap().as_pathname(), Some(&*path));
        });
    }

    #[test]
    fn a_full_datagram_queue_makes_the_sender_wait() {
        run(async {
            let (a, b) = UnixDatagram::pair().unwrap();
            let sending = async {
                for number in 0..2_000_u32 {
                    a.send(&number.to_be_bytes()).await.unwrap();
                }
            };
            let receiving = async {
                for number in 0..2_000_u32 {
                    let mut buf = [0; 4];
                    b.recv(&mut buf).await.unwrap();
                    assert_eq!(u32::from_be_bytes(buf), number);
                }
            };
            timeout(TOO_LONG, join((sending, receiving)))
                .await
                .expect("a wake was lost");
        });
    }
}

// ---- names

#[test]
fn literals_are_not_looked_up() {
    // Polled without any loop: the pool cannot have been asked.
    let v4 = downbeat::testing::block_on(lookup_host("127.0.0.1", 80)).unwrap();
    assert_eq!(v4, [(Ipv4Addr::LOCALHOST, 80).into()]);
    for host in ["::1", "[::1]"] {
        let v6 = downbeat::testing::block_on(lookup_host(host, 443)).unwrap();
        assert_eq!(v6, [(Ipv6Addr::LOCALHOST, 443).into()]);
    }
}

#[test]
fn names_are_looked_up_on_the_pool() {
    run(async {
        let addresses = SystemResolver.resolve("localhost", 8080).await.unwrap();
        assert!(!addresses.is_empty());
        assert!(
            addresses
                .iter()
                .all(|a| a.ip().is_loopback() && a.port() == 8080)
        );
        let error = lookup_host("no\0name", 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        // One that is given up does no harm, begun or not.
        drop(poll_once(lookup_host("localhost", 1)).await);
        lookup_host("localhost", 1).await.unwrap();
    });
    let error = downbeat::testing::block_on(lookup_host("localhost", 1)).unwrap_err();
    assert!(
        error.to_string().contains("none runs on this thread"),
        "{error}"
    );
}

#[test]
fn a_closure_is_a_resolver() {
    let fixed = |host: &str, port: u16| -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "any.name");
        Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
    };
    let resolver: Box<dyn Resolve> = Box::new(fixed);
    let addresses = downbeat::testing::block_on(resolver.resolve("any.name", 9)).unwrap();
    assert_eq!(addresses, [(Ipv4Addr::LOCALHOST, 9).into()]);
}

#[test]
fn connect_by_name() {
    run(async {
        let listener = TcpListener::bind(local()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stream, accepted) = join((connect("localhost", port), listener.accept())).await;
        assert_eq!(stream.unwrap().local_addr().unwrap(), accepted.unwrap().1);
    });
}

// ---- happy eyeballs, on virtual time with made-up connections

fn v4(number: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, number), 80).into()
}

fn v6(number: u16) -> SocketAddr {
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, number), 80).into()
}

#[test]
fn families_alternate_beginning_with_the_preferred() {
    let mixed = interleave(&[v6(1), v6(2), v6(3), v4(1), v4(2)]);
    assert_eq!(mixed, [v6(1), v4(1), v6(2), v4(2), v6(3)]);
    assert_eq!(interleave(&[v4(1), v4(2), v6(1)]), [v4(1), v6(1), v4(2)]);
    assert_eq!(interleave(&[v4(1), v4(2)]), [v4(1), v4(2)]);
    assert!(interleave(&[]).is_empty());
}

/// What a made-up address does.
#[derive(Clone, Copy)]
enum Fate {
    Answers(u32),
    Fails(u32, ErrorKind),
    Hangs,
}

/// What happened to made-up attempts, and when, in milliseconds.
type Events = Vec<(u128, &'static str, SocketAddr)>;
/// The address that won, or who failed and why.
type Outcome = Result<SocketAddr, Vec<(SocketAddr, ErrorKind)>>;

/// Plays `connect_any` on virtual time.
fn play(fates: &[(SocketAddr, Fate)]) -> (Outcome, Events) {
    struct Attempt(SocketAddr, Rc<RefCell<Events>>, std::time::Instant, bool);
    impl Drop for Attempt {
        fn drop(&mut self) {
            if !self.3 {
                let at = (time::now() - self.2).as_millis();
                self.1.borrow_mut().push((at, "dropped", self.0));
            }
        }
    }
    let events = Rc::new(RefCell::new(Events::new()));
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    let addresses: Vec<_> = fates.iter().map(|(address, _)| *address).collect();
    let outcome = runtime.block_on(async {
        let start = time::now();
        let attempt = |address| {
            let fate = fates.iter().find(|(a, _)| *a == address).unwrap().1;
            let at = (time::now() - start).as_millis();
            events.borrow_mut().push((at, "begun", address));
            let guard = Attempt(address, Rc::clone(&events), start, false);
            async move {
                let mut guard = guard;
                let result = match fate {
                    Fate::Answers(after) => {
                        sleep(MS * after).await;
                        Ok(address)
                    }
                    Fate::Fails(after, kind) => {
                        sleep(MS * after).await;
                        Err(kind.into())
                    }
                    Fate::Hangs => std::future::pending().await,
                };
                guard.3 = true;
                result
            }
        };
        let (stream, winner) = match connect_any(&addresses, STAGGER, attempt).await {
            Ok(won) => won,
            Err(error) => {
                let text = error.to_string();
                assert!(
                    error
                        .attempts()
                        .iter()
                        .all(|(a, _)| text.contains(&a.to_string()))
                );
                let kinds = error
                    .attempts()
                    .iter()
                    .map(|(a, e)| (*a, e.kind()))
                    .collect();
                let io: io::Error = error.into();
                assert!(!io.to_string().is_empty());
                return Err(kinds);
            }
        };
        assert_eq!(stream, winner);
        Ok(winner)
    });
    let events = events.borrow().clone();
    (outcome, events)
}

#[test]
fn happy_eyeballs_a_silent_address_costs_250_ms() {
    let (outcome, events) = play(&[(v6(1), Fate::Hangs), (v4(1), Fate::Answers(10))]);
    assert_eq!(outcome, Ok(v4(1)));
    let expected = [
        (0, "begun", v6(1)),
        (250, "begun", v4(1)),
        (260, "dropped", v6(1)),
    ];
    assert_eq!(events, expected);
}

#[test]
fn happy_eyeballs_a_failure_begins_the_next_at_once() {
    let refused = Fate::Fails(5, ErrorKind::ConnectionRefused);
    let (outcome, events) = play(&[
        (v6(1), refused),
        (v6(2), Fate::Hangs),
        (v4(1), Fate::Answers(300)),
        (v4(2), refused),
    ]);
    assert_eq!(outcome, Ok(v4(1)));
    let expected = [
        (0, "begun", v6(1)),
        (5, "begun", v4(1)),
        (255, "begun", v6(2)),
        (305, "dropped", v6(2)),
    ];
    assert_eq!(events, expected, "and the last address is never tried");
}

#[test]
fn happy_eyeballs_the_first_that_succeeds_wins() {
    let (outcome, events) = play(&[(v6(1), Fate::Answers(400)), (v4(1), Fate::Answers(100))]);
    assert_eq!(outcome, Ok(v4(1)));
    assert_eq!(events.last(), Some(&(350, "dropped", v6(1))));
    let (outcome, _) = play(&[(v6(1), Fate::Answers(350)), (v4(1), Fate::Answers(100))]);
    assert_eq!(outcome, Ok(v6(1)), "of two at the same instant, the older");
}

#[test]
fn happy_eyeballs_collects_every_reason() {
    let (outcome, events) = play(&[
        (v6(1), Fate::Fails(600, ErrorKind::TimedOut)),
        (v4(1), Fate::Fails(1, ErrorKind::ConnectionRefused)),
        (v4(2), Fate::Fails(700, ErrorKind::HostUnreachable)),
    ]);
    let reasons = vec![
        (v4(1), ErrorKind::ConnectionRefused),
        (v6(1), ErrorKind::TimedOut),
        (v4(2), ErrorKind::HostUnreachable),
    ];
    assert_eq!(outcome, Err(reasons));
    let begun: Vec<_> = events.iter().map(|(at, _, _)| *at).collect();
    assert_eq!(begun, [0, 250, 251]);
    assert_eq!(play(&[]).0, Err(vec![]));
}

#[test]
fn happy_eyeballs_given_up_drops_all_attempts() {
    let drops = Rc::new(Cell::new(0));
    struct Counts(Rc<Cell<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    runtime.block_on(async {
        let addresses = [v4(1), v4(2), v4(3), v4(4)];
        let hang = |_| {
            let guard = Counts(Rc::clone(&drops));
            async move {
                let _guard = guard;
                std::future::pending::<io::Result<()>>().await
            }
        };
        let connecting = connect_any(&addresses, STAGGER, hang);
        assert!(timeout(600 * MS, connecting).await.is_err());
        assert_eq!(drops.get(), 3);
    });
}

#[test]
fn boxed_sockets_are_streams() {
    trait Both: AsyncRead + AsyncWrite + Unpin {}
    impl<S: AsyncRead + AsyncWrite + Unpin> Both for S {}
    run(async {
        let (left, right) = tcp_pair().await;
        let (mut left, mut right): (Box<dyn Both>, Box<dyn Both>) =
            (Box::new(left), Box::new(right));
        left.write_all(b"boxed").await.unwrap();
        left.flush().await.unwrap();
        let mut buf = [0; 5];
        right.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"boxed");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(
            Pin::new(&mut left).poll_flush(&mut cx),
            Poll::Ready(Ok(()))
        ));
    });
}
