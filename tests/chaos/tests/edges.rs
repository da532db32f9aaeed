//! What makes a read short although more is there: the system says so once, so whoever
//! takes such a read for the last one waits for ever (laws R03 and R19).

use downbeat::future::poll_once;
use downbeat::io::AsyncReadExt;
use downbeat::net::{TcpStream, UnixStream};
use downbeat::time::timeout;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use socket2::SockRef;
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::pin::pin;
use std::time::Duration;

/// Nothing here waits for so long.
const TOO_LONG: Duration = Duration::from_secs(20);

/// Reads 10 bytes from a stream that already waits when `send` puts them into it.
async fn ten_bytes(mut stream: impl AsyncReadExt + Unpin, send: impl FnOnce()) -> Vec<u8> {
    let (mut got, mut send) = (Vec::new(), Some(send));
    while got.len() < 10 {
        let mut buf = [0; 64 << 10];
        let n = {
            let mut read = pin!(stream.read(&mut buf));
            if let Some(send) = send.take() {
                assert!(poll_once(read.as_mut()).await.is_none());
                send();
            }
            let read = timeout(TOO_LONG, read).await;
            read.expect("stranded").unwrap()
        };
        assert!(n > 0);
        got.extend_from_slice(&buf[..n]);
    }
    got
}

#[test]
fn r03_an_urgent_byte_strands_nothing_behind_it() {
    downbeat::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let got = ten_bytes(ours, || {
            peer.write_all(b"hello").unwrap();
            SockRef::from(&peer).send_out_of_band(b"!").unwrap();
            peer.write_all(b"world").unwrap();
        });
        assert_eq!(got.await, b"helloworld");
    });
}

#[test]
fn r19_a_descriptor_sent_along_strands_nothing_behind_it() {
    downbeat::run(async {
        let (ours, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let got = ten_bytes(UnixStream::from_std(ours).unwrap(), || {
            peer.write_all(b"hel").unwrap();
            let descriptors = [peer.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut along = SendAncillaryBuffer::new(&mut space);
            assert!(along.push(SendAncillaryMessage::ScmRights(&descriptors)));
            let sent = sendmsg(
                &peer,
                &[IoSlice::new(b"lo")],
                &mut along,
                SendFlags::empty(),
            );
            assert_eq!(sent, Ok(2));
            peer.write_all(b"world").unwrap();
        });
        assert_eq!(got.await, b"helloworld");
    });
}
