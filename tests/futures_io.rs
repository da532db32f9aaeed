//! `Compat`: our streams under the traits of `futures-io`, and the other way.
#![cfg(feature = "futures-io")]

use downbeat::io::{AsyncReadExt, AsyncWriteExt, Compat};
use downbeat::testing::{self, Probe};
use downbeat::{Runtime, spawn};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a library on `futures-io` does: it knows only those traits.
async fn echo<S>(mut stream: S) -> io::Result<usize>
where
    S: futures_io::AsyncRead + futures_io::AsyncWrite + Unpin,
{
    let mut buffer = [0; 4];
    let mut echoed = 0;
    loop {
        let read = poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buffer)).await?;
        if read == 0 {
            poll_fn(|cx| Pin::new(&mut stream).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut stream).poll_close(cx)).await?;
            return Ok(echoed);
        }
        let mut written = 0;
        while written < read {
            let rest = &buffer[written..read];
            written += poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, rest)).await?;
        }
        echoed += read;
    }
}

#[test]
fn our_stream_serves_a_library_of_the_other_family() {
    let mut runtime = Runtime::builder().virtual_clock().build().unwrap();
    let (near, far) = testing::pair(3);
    let text = b"collect, run, wait, fire";
    let answer = runtime.block_on(async {
        let echoes = spawn(echo(Compat::new(far)));
        let (mut reader, mut writer) = downbeat::io::split(near);
        let writes = spawn(async move {
            writer.write_all(text).await.unwrap();
            writer.close().await.unwrap();
        });
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer, 100).await.unwrap();
        writes.await.unwrap();
        assert_eq!(echoes.await.unwrap().unwrap(), text.len());
        answer
    });
    assert_eq!(answer, text);
}

#[test]
fn there_and_back_again_is_the_same_stream() {
    let (near, far) = testing::pair(8);
    let mut both = Compat::new(Compat::new(far));
    let mut near = near;
    testing::block_on(async {
        AsyncWriteExt::write_all(&mut near, b"bar").await.unwrap();
        let mut read = [0; 3];
        AsyncReadExt::read_exact(&mut both, &mut read)
            .await
            .unwrap();
        assert_eq!(&read, b"bar");
    });
    // Nothing rests in the wrappers: the stream inside goes on where they stopped.
    let mut far = both.into_inner().into_inner();
    let mut probe = Probe::new(async move {
        far.write_all(b"!").await.unwrap();
        far
    });
    assert!(probe.poll().is_ready());
    let mut read = [0; 1];
    testing::block_on(near.read_exact(&mut read)).unwrap();
    assert_eq!(&read, b"!");
}

/// A vectored write must not become `writev`: it goes out buffer by buffer.
#[test]
fn x06_a_vectored_write_is_a_plain_one() {
    let (near, _far) = testing::pair(16);
    let mut near = Compat::new(near);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let slices = [
        IoSlice::new(b""),
        IoSlice::new(b"one"),
        IoSlice::new(b"two"),
    ];
    let stream = Pin::new(&mut near);
    let written = futures_io::AsyncWrite::poll_write_vectored(stream, &mut cx, &slices);
    assert!(matches!(written, Poll::Ready(Ok(3))), "{written:?}");
}

/// Counts what its reader was given; never waits.
struct Endless(u64);

impl futures_io::AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0 += 1;
        Poll::Ready(Ok(buf.len()))
    }
}

#[test]
fn s03_a_foreign_stream_that_is_always_ready_yields() {
    let mut runtime = Runtime::builder()
        .virtual_clock()
        .budget(10)
        .build()
        .unwrap();
    let turns = runtime.block_on(async {
        let reader = spawn(async {
            let mut stream = Compat::new(Endless(0));
            let mut buffer = [0; 1];
            while stream.get_ref().0 < 1_000 {
                stream.read(&mut buffer).await.unwrap();
            }
        });
        let mut turns = 0;
        while !reader.is_finished() {
            downbeat::yield_now().await;
            turns += 1;
        }
        turns
    });
    assert!(turns >= 100, "1,000 reads at 10 a poll: {turns}");
}
