//! Streams: reading, writing, copying, TLS; over memory, cut into ragged pieces.

use downbeat::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy};
use downbeat::spawn;
use downbeat::testing::{Ragged, Stream, pair};

use super::cut::{at_every_poll, cut};

const TEXT: &[u8] = b"one line\nand another, which is longer\nthe end\n";

/// A reader whose other end writes `TEXT` and ends.
fn reader(seed: usize) -> Ragged<Stream> {
    let (ours, mut theirs) = pair(16);
    drop(spawn(async move {
        theirs.write_all(TEXT).await.unwrap();
        theirs.close().await.unwrap();
        // Until the reader is gone, so that nothing is reset.
        drop(theirs.read(&mut [0]).await);
    }));
    Ragged::new(ours, seed as u64)
}

/// A writer whose other end gives back what it was sent.
fn writer(seed: usize) -> (Ragged<Stream>, downbeat::JoinHandle<Vec<u8>>) {
    let (ours, mut theirs) = pair(16);
    let all = spawn(async move {
        let mut all = Vec::new();
        let _ = theirs.read_to_end(&mut all, 1000).await;
        all
    });
    (Ragged::new(ours, seed as u64), all)
}

#[test]
fn reads() {
    // CUTS io/ext.rs read, io/ext.rs read_exact, io/ext.rs read_to_end
    at_every_poll("read", |k| {
        Box::pin(async move {
            let mut stream = reader(k);
            let mut buf = [0; 5];
            let done = cut(k, stream.read(&mut buf)).await;
            let read = done.as_ref().map_or(0, |read| *read.as_ref().unwrap());
            let mut all = buf[..read].to_vec();
            stream.read_to_end(&mut all, 1000).await.unwrap();
            assert_eq!(all, TEXT, "nothing is lost");
            done.is_some()
        })
    });
    at_every_poll("read_exact", |k| {
        Box::pin(async move {
            let mut stream = reader(k);
            let mut buf = [0; TEXT.len()];
            let done = cut(k, stream.read_exact(&mut buf)).await;
            // What was read is in front, and the rest was not touched.
            let read = buf.iter().position(|&byte| byte == 0).unwrap_or(buf.len());
            assert_eq!(buf[..read], TEXT[..read]);
            done.is_some()
        })
    });
    at_every_poll("read_to_end", |k| {
        Box::pin(async move {
            let mut stream = reader(k);
            let mut all = Vec::new();
            let done = cut(k, stream.read_to_end(&mut all, 1000)).await.is_some();
            assert_eq!(all, TEXT[..all.len()], "what was read is there");
            stream.read_to_end(&mut all, 1000).await.unwrap();
            assert_eq!(all, TEXT);
            done
        })
    });
}

#[test]
fn buffered_reads() {
    // CUTS io/buf_reader.rs fill_buf, io/buf_reader.rs read_line, io/buf_reader.rs read_until
    at_every_poll("fill_buf", |k| {
        Box::pin(async move {
            let mut reader = BufReader::with_capacity(8, reader(k));
            let done = cut(k, async { reader.fill_buf().await.unwrap().len() }).await;
            assert!(done.is_none_or(|read| read > 0));
            let mut all = Vec::new();
            reader.read_to_end(&mut all, 1000).await.unwrap();
            assert_eq!(all, TEXT, "nothing is lost");
            done.is_some()
        })
    });
    at_every_poll("read_line", |k| {
        Box::pin(async move {
            let mut reader = BufReader::with_capacity(8, reader(k));
            let mut line = String::new();
            let done = cut(k, reader.read_line(&mut line, 100)).await.is_some();
            let mut rest = line.into_bytes();
            reader.read_to_end(&mut rest, 1000).await.unwrap();
            assert!(rest == TEXT, "{:?}", String::from_utf8_lossy(&rest));
            done
        })
    });
    at_every_poll("read_until", |k| {
        Box::pin(async move {
            let mut reader = BufReader::with_capacity(8, reader(k));
            let mut all = Vec::new();
            let done = cut(k, reader.read_until(b',', &mut all, 100))
                .await
                .is_some();
            reader.read_to_end(&mut all, 1000).await.unwrap();
            assert_eq!(all, TEXT, "what was read is there");
            done
        })
    });
}

#[test]
fn writes() {
    // CUTS io/ext.rs write, io/ext.rs write_all, io/ext.rs flush, io/ext.rs close
    at_every_poll("write", |k| {
        Box::pin(async move {
            let (mut stream, all) = writer(k);
            let done = cut(k, stream.write(TEXT)).await;
            let sent = done.as_ref().map_or(0, |sent| *sent.as_ref().unwrap());
            stream.close().await.unwrap();
            assert_eq!(
                all.await.unwrap(),
                TEXT[..sent],
                "a dropped write wrote nothing"
            );
            done.is_some()
        })
    });
    at_every_poll("write_all", |k| {
        Box::pin(async move {
            let (mut stream, all) = writer(k);
            let done = cut(k, stream.write_all(TEXT)).await.is_some();
            stream.close().await.unwrap();
            let all = all.await.unwrap();
            assert_eq!(all, TEXT[..all.len()], "a part, from the front");
            assert!(!done || all == TEXT);
            done
        })
    });
    at_every_poll("flush and close", |k| {
        Box::pin(async move {
            let (mut stream, all) = writer(k);
            stream.write_all(TEXT).await.unwrap();
            let flushed = cut(k, stream.flush()).await.is_some();
            let closed = cut(k, stream.close()).await.is_some();
            stream.flush().await.unwrap();
            stream.close().await.unwrap();
            assert_eq!(all.await.unwrap(), TEXT);
            flushed && closed
        })
    });
}

#[test]
fn copies() {
    // CUTS io/copy.rs copy
    at_every_poll("copy", |k| {
        Box::pin(async move {
            let (mut to, all) = writer(k);
            let mut from = reader(k + 1);
            let done = cut(k, copy(&mut from, &mut to)).await;
            to.close().await.unwrap();
            let all = all.await.unwrap();
            assert_eq!(all, TEXT[..all.len()], "a part, from the front");
            assert!(done.is_none() || all == TEXT);
            done.is_some()
        })
    });
}

#[cfg(feature = "tls")]
#[test]
fn handshakes() {
    use downbeat::tls::{Acceptor, ClientConfig};
    // CUTS tls/handshake.rs Handshake
    let params = rcgen::CertificateParams::new(vec!["h.test".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = std::rc::Rc::new((params.self_signed(&key).unwrap().pem(), key.serialize_pem()));
    for server in [false, true] {
        at_every_poll("handshake", |k| {
            let pem = pem.clone();
            Box::pin(async move {
                let (ours, theirs) = pair(600);
                let (chain, key) = (pem.0.as_bytes(), pem.1.as_bytes());
                let acceptor = Acceptor::builder(chain, key).unwrap().build().unwrap();
                let config = ClientConfig::builder().only_roots_pem(chain).unwrap();
                let config = config.build().unwrap();
                let connecting = config.connect("h.test", ours).unwrap();
                let accepting = acceptor.accept(theirs).unwrap();
                // The one is cut; the other must end all the same, and soon.
                let (cut_one, other) = if server {
                    let other = spawn(async move { connecting.await.is_ok() });
                    (cut(k, accepting).await.is_some(), other)
                } else {
                    let other = spawn(async move { accepting.await.is_ok() });
                    (cut(k, connecting).await.is_some(), other)
                };
                let other = downbeat::time::timeout(std::time::Duration::from_secs(1), other).await;
                assert!(other.is_ok(), "the peer of a cut handshake is told");
                cut_one
            })
        });
    }
}
