//! Law R17: whoever stops waiting gives its interest up, whatever it waited for. Under
//! the virtual clock a waker that stays behind shows at once: time stands still.

mod laws;

use downbeat::Runtime;
use downbeat::blocking::{Reader, Writer};
use downbeat::future::{join, poll_once};
use downbeat::io::{
    AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, Registered, copy, split,
};
use downbeat::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use downbeat::testing::{Alarm, pair};
use downbeat::time::{now, sleep, timeout};
use laws::{MS, virtual_runtime, without_hanging};
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Context;

fn local() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Polls a wait once and drops it; then virtual time has to go on.
async fn gives_up(what: &str, wait: impl Future) {
    assert!(poll_once(wait).await.is_none(), "{what} has to wait");
    let began = now();
    sleep(MS).await;
    assert_eq!(now() - began, MS, "{what}");
}

/// Writes until nothing more fits.
async fn fill(stream: &mut impl AsyncWriteExt) {
    while poll_once(stream.write(&[0; 65536])).await.is_some() {}
}

#[test]
fn r17_a_stream_that_is_no_longer_read_is_no_longer_waited_for() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let (ours, _peer) = UnixStream::pair().unwrap();
            let (mut buf, mut vec, mut text) = ([0; 8], Vec::new(), String::new());
            let mut ours = BufReader::new(ours);
            gives_up("read", ours.read(&mut buf)).await;
            gives_up("read_exact", ours.read_exact(&mut buf)).await;
            gives_up("read_to_end", ours.read_to_end(&mut vec, 99)).await;
            gives_up("read_until", ours.read_until(b'x', &mut vec, 99)).await;
            gives_up("read_line", ours.read_line(&mut text, 99)).await;
            gives_up("fill_buf", ours.fill_buf()).await;
            let mut boxed: Box<dyn AsyncRead + Unpin> = Box::new(ours);
            gives_up("read in a box", boxed.read(&mut buf)).await;
            let (stream, _peer) = UnixStream::pair().unwrap();
            let (mut read, mut write) = split(stream);
            gives_up("read of a half", read.read(&mut buf)).await;
            gives_up("copy", copy(&mut read, &mut write)).await;
        });
    });
}

#[test]
fn r17_a_stream_that_is_no_longer_written_is_no_longer_waited_for() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let (mut ours, mut peer) = UnixStream::pair().unwrap();
            fill(&mut ours).await;
            gives_up("write", ours.write(b"x")).await;
            gives_up("write_all", ours.write_all(b"x")).await;
            let (read, mut write) = split(ours);
            gives_up("write of a half", write.write(b"x")).await;
            let mut buffered = BufWriter::new(read.reunite(write).unwrap());
            buffered.write_all(b"small").await.unwrap();
            gives_up("flush", buffered.flush()).await;
            gives_up("close", buffered.close()).await;
            peer.write_all(b"more than nothing").await.unwrap();
            let (mut read, mut write) = split(buffered.into_stream());
            gives_up("copy into it", copy(&mut read, &mut write)).await;
        });
    });
}

#[test]
fn r17_sockets_that_are_no_longer_asked_are_no_longer_waited_for() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let mut buf = [0; 8];
            let listener = TcpListener::bind(local()).unwrap();
            gives_up("accept", listener.accept()).await;
            let std = std::net::TcpListener::bind(local()).unwrap();
            let ours = std::net::TcpStream::connect(std.local_addr().unwrap()).unwrap();
            let mut ours = TcpStream::from_std(ours).unwrap();
            gives_up("read", ours.read(&mut buf)).await;
            gives_up("peek", ours.peek(&mut buf)).await;
            gives_up("readable", ours.readable()).await;
            let udp = UdpSocket::bind(local()).unwrap();
            gives_up("recv_from", udp.recv_from(&mut buf)).await;
            gives_up("recv", udp.recv(&mut buf)).await;
            let (one, other) = UnixDatagram::pair().unwrap();
            gives_up("recv of a datagram", one.recv(&mut buf)).await;
            while poll_once(other.send(b"x")).await.is_some() {}
            gives_up("send of a datagram", other.send(b"x")).await;
            let path = std::env::temp_dir().join(format!("downbeat-r17-{}", std::process::id()));
            let listener = UnixListener::bind(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            gives_up("accept of a path", listener.accept()).await;
            let (raw, _peer) = mio::net::UnixStream::pair().unwrap();
            let raw = Registered::new(raw).unwrap();
            gives_up("read_with", raw.read_with(|mut raw| raw.read(&mut [0]))).await;
            while raw.source().write(&[0; 65536]).is_ok() {}
            raw.clear_writable().unwrap();
            gives_up("writable", raw.writable()).await;
            gives_up("write_with", raw.write_with(|mut raw| raw.write(b"x"))).await;
        });
    });
}

#[test]
fn r17_a_wait_that_is_given_up_costs_no_other_wait_its_wake() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let udp = UdpSocket::bind(local()).unwrap();
            let peer = std::net::UdpSocket::bind(local()).unwrap();
            let to = udp.local_addr().unwrap();
            let (mut one, mut other) = ([0; 8], [0; 8]);
            // The second asked last, so the waker at the socket is its own.
            let given_up = async {
                let wait = udp.recv_from(&mut other);
                timeout(MS, wait).await.unwrap_err();
                peer.send_to(b"late", to).unwrap();
            };
            let (received, ()) = join((udp.recv_from(&mut one), given_up)).await;
            assert_eq!(received.unwrap().0, 4);
        });
    });
}

#[test]
fn r17_a_wait_may_be_dropped_on_another_thread() {
    without_hanging(|| {
        virtual_runtime().block_on(async {
            let (mut ours, _peer) = UnixStream::pair().unwrap();
            let (alarm, mut buf) = (Alarm::new(), [0; 8]);
            let mut wait = Box::pin(ours.read(&mut buf));
            let polled = wait.as_mut().poll(&mut Context::from_waker(&alarm.waker()));
            assert!(polled.is_pending());
            std::thread::scope(|threads| drop(threads.spawn(move || drop(wait))));
            assert_eq!(alarm.kept(), 1, "the letter is on its way");
            sleep(MS).await;
            assert_eq!((alarm.kept(), alarm.wakes()), (0, 0));
        });
    });
}

/// A source or sink that blocks until it is told to go on.
struct Blocks(Arc<Mutex<mpsc::Receiver<()>>>);

impl Blocks {
    fn until_told(&self) -> io::Result<usize> {
        let _ = self.0.lock().unwrap().recv();
        Ok(1)
    }
}

impl Read for Blocks {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.until_told()
    }
}

impl Write for Blocks {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.until_told()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn r17_streams_in_memory_and_on_the_pool_keep_no_waker_either() {
    without_hanging(|| {
        Runtime::new().unwrap().block_on(async {
            let alarm = Alarm::new();
            let check = |what: &str, wait: Pin<&mut dyn Future<Output = io::Result<usize>>>| {
                let polled = wait.poll(&mut Context::from_waker(&alarm.waker()));
                assert!(polled.is_pending() && alarm.kept() == 1, "{what}");
            };
            let (mut one, _other) = pair(4);
            check("read", pin!(one.read(&mut [0; 8])));
            assert_eq!(alarm.kept(), 0);
            one.write_all(b"full").await.unwrap();
            check("write", pin!(one.write(b"x")));
            assert_eq!(alarm.kept(), 0);
            let (go_on, told) = mpsc::channel();
            let blocks = Arc::new(Mutex::new(told));
            let mut reader = Reader::new(Blocks(Arc::clone(&blocks)));
            check("read on the pool", pin!(reader.read(&mut [0; 8])));
            assert_eq!(alarm.kept(), 0);
            go_on.send(()).unwrap();
            assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 1);
            let mut writer = Writer::new(Blocks(blocks));
            writer.write_all(b"x").await.unwrap();
            check(
                "flush on the pool",
                pin!(async { writer.flush().await.map(|()| 1) }),
            );
            assert_eq!(alarm.kept(), 0);
            go_on.send(()).unwrap();
            writer.flush().await.unwrap();
        });
    });
}

#[test]
fn r17_a_loop_that_gave_up_its_reads_notices_that_it_is_stuck() {
    without_hanging(|| {
        let mut runtime = Runtime::builder().stuck_after(None).build().unwrap();
        let stuck = runtime.try_block_on(async {
            let (mut ours, _peer) = UnixStream::pair().unwrap();
            let mut buf = [0; 8];
            timeout(MS, ours.read(&mut buf)).await.unwrap_err();
            std::future::pending::<()>().await;
        });
        assert!(stuck.is_err());
    });
}
