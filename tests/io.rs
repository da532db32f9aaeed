//! Byte streams without a network: the methods, the buffers, the halves, and
//! the streams in memory that the other tests stand on.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use downbeat::future::join;
use downbeat::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, LimitExceeded, copy,
    split,
};
use downbeat::testing::{Alarm, Probe, Ragged, Rng, Script, block_on, pair};

fn limit_of(error: &io::Error) -> Option<usize> {
    error
        .get_ref()?
        .downcast_ref::<LimitExceeded>()
        .map(|e| e.limit)
}

// ---- the methods

#[test]
fn read_exact_gathers_pieces_and_reports_the_end() {
    let mut stream = Script::new().send_in_pieces("hello world", 3).eof();
    let mut buf = [0; 8];
    block_on(stream.read_exact(&mut buf)).unwrap();
    assert_eq!(&buf, b"hello wo");
    let error = block_on(stream.read_exact(&mut buf)).unwrap_err();
    assert_eq!(
        (error.kind(), &buf[..3]),
        (ErrorKind::UnexpectedEof, &b"rld"[..])
    );
    block_on(stream.read_exact(&mut [])).unwrap();
}

#[test]
fn read_to_end_stops_at_the_end_or_at_the_limit() {
    let text = "0123456789";
    for limit in [10, 11, 1_000_000] {
        let mut out = b"+".to_vec();
        let mut stream = Script::new().send_in_pieces(text, 4).eof();
        assert_eq!(block_on(stream.read_to_end(&mut out, limit)).unwrap(), 10);
        assert_eq!(out, b"+0123456789");
    }
    for limit in [0, 3, 9] {
        let mut out = Vec::new();
        let error = block_on(Script::new().send(text).read_to_end(&mut out, limit)).unwrap_err();
        assert_eq!((limit_of(&error), out.len()), (Some(limit), limit));
    }
    let mut out = Vec::new();
    let mut stream = Script::new()
        .send("abc")
        .fail_read(ErrorKind::ConnectionReset);
    let error = block_on(stream.read_to_end(&mut out, 99)).unwrap_err();
    assert_eq!(
        (error.kind(), &out[..]),
        (ErrorKind::ConnectionReset, &b"abc"[..])
    );
}

#[test]
fn read_to_end_takes_large_streams() {
    let bytes = Rng::new(1).bytes(300_000);
    let mut out = Vec::new();
    let mut stream = Script::new().send(&bytes);
    assert_eq!(
        block_on(stream.read_to_end(&mut out, usize::MAX)).unwrap(),
        bytes.len()
    );
    assert_eq!(out, bytes);
}

#[test]
fn cancelled_reads_lose_nothing() {
    // Dropped after each number of polls that leaves it waiting.
    for polls in 1..4 {
        let mut stream = Script::new().send_in_pieces("abcdef", 2).eof();
        let mut out = Vec::new();
        {
            let mut probe = Probe::new(stream.read_to_end(&mut out, 100));
            for _ in 0..polls {
                assert!(probe.poll().is_pending());
            }
        }
        assert_eq!(out.len(), (polls - 1) * 2);
        block_on(stream.read_to_end(&mut out, 100)).unwrap();
        assert_eq!(out, b"abcdef");
    }
    let mut stream = Script::new().pause().send("x");
    let mut buf = [0; 4];
    assert!(Probe::new(stream.read(&mut buf)).poll().is_pending());
    assert_eq!(block_on(stream.read(&mut buf)).unwrap(), 1);
}

#[test]
fn write_all_goes_on_until_all_is_written() {
    let script = Script::new()
        .expect("ab")
        .pause()
        .expect("cde")
        .fail_write(ErrorKind::BrokenPipe);
    let mut stream = script.clone();
    block_on(async {
        stream.write_all(b"abcde").await.unwrap();
        assert_eq!(
            stream.write_all(b"f").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        stream.flush().await.unwrap();
        stream.close().await.unwrap();
    });
    assert!(script.is_finished() && script.is_closed());
}

/// A stream that takes nothing.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_stream_that_takes_nothing_is_an_error_and_no_endless_loop() {
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(block_on(Full.write_all(b"x"))), ErrorKind::WriteZero);
    let mut buffered = BufWriter::new(Full);
    block_on(buffered.write_all(b"x")).unwrap();
    assert_eq!(kind(block_on(buffered.flush())), ErrorKind::WriteZero);
    let copied = block_on(copy(&mut Script::new().send("x"), &mut Full));
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::WriteZero);
}

// ---- the buffers

#[test]
fn read_until_and_read_line_find_their_ends() {
    let mut reader =
        BufReader::with_capacity(4, Script::new().send_in_pieces("a,bcdefgh,\nlast", 3));
    let mut out = Vec::new();
    block_on(async {
        assert_eq!(reader.read_until(b',', &mut out, 100).await.unwrap(), 2);
        assert_eq!(reader.read_until(b',', &mut out, 100).await.unwrap(), 8);
        assert_eq!(out, b"a,bcdefgh,");
        let mut line = String::from("+");
        assert_eq!(reader.read_line(&mut line, 100).await.unwrap(), 1);
        assert_eq!(reader.read_line(&mut line, 4).await.unwrap(), 4);
        assert_eq!(line, "+\nlast");
        assert_eq!(reader.read_line(&mut line, 100).await.unwrap(), 0);
        assert_eq!(reader.read_until(b',', &mut out, 0).await.unwrap(), 0);
    });
}

#[test]
fn read_until_and_read_line_hold_their_limit() {
    for capacity in [1, 3, 100] {
        let mut reader = BufReader::with_capacity(capacity, Script::new().send("abcdef\nrest"));
        let mut out = Vec::new();
        let error = block_on(reader.read_until(b'\n', &mut out, 6)).unwrap_err();
        assert_eq!((limit_of(&error), &out[..]), (Some(6), &b"abcdef"[..]));
        block_on(reader.read_to_end(&mut out, 99)).unwrap();
        assert_eq!(out, b"abcdef\nrest", "what follows is unread");

        let mut reader = BufReader::with_capacity(capacity, Script::new().send("abcdef\nrest"));
        let mut line = String::new();
        assert_eq!(block_on(reader.read_line(&mut line, 7)).unwrap(), 7);
        let error = block_on(reader.read_line(&mut line, 3)).unwrap_err();
        assert_eq!((limit_of(&error), &line[..]), (Some(3), "abcdef\n"));
        assert_eq!(
            block_on(reader.read_line(&mut line, 3)).unwrap(),
            1,
            "the error is over"
        );
    }
}

#[test]
fn read_line_wants_utf8_and_leaves_the_text_alone() {
    let mut reader = BufReader::new(Script::new().send(b"\xff\nok\n"));
    let mut line = String::from("+");
    let error = block_on(reader.read_line(&mut line, 10)).unwrap_err();
    assert_eq!((error.kind(), &line[..]), (ErrorKind::InvalidData, "+"));
    block_on(reader.read_line(&mut line, 10)).unwrap();
    assert_eq!(line, "+ok\n");
}

#[test]
fn a_cancelled_read_line_keeps_what_it_read() {
    for polls in 1..5 {
        let script = Script::new().send_in_pieces("abcdefgh\nnext\n", 2);
        let mut reader = BufReader::with_capacity(3, script);
        let mut line = String::new();
        {
            let mut probe = Probe::new(reader.read_line(&mut line, 100));
            for _ in 0..polls {
                assert!(probe.poll().is_pending());
            }
        }
        assert_eq!(line, "");
        assert_eq!(block_on(reader.read_line(&mut line, 100)).unwrap(), 9);
        assert_eq!(line, "abcdefgh\n");
    }
}

#[test]
fn fill_buf_and_consume_hand_out_each_byte_once() {
    let mut reader = BufReader::with_capacity(4, Script::new().send("abcdef"));
    block_on(async {
        assert_eq!(reader.fill_buf().await.unwrap(), b"abcd");
        reader.consume(1);
        assert_eq!(reader.fill_buf().await.unwrap(), b"bcd");
        let mut two = [0; 2];
        reader.read_exact(&mut two).await.unwrap();
        assert_eq!((&two, reader.buffer()), (b"bc", &b"d"[..]));
        reader.consume(usize::MAX);
        assert_eq!(reader.fill_buf().await.unwrap(), b"ef");
        reader.consume(2);
        assert_eq!(reader.fill_buf().await.unwrap(), b"");
    });
}

#[test]
fn buffered_streams_carry_the_same_bytes_whatever_the_pieces() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let count = rng.below(3_000);
        let bytes = rng.bytes(count);
        let (left, right) = pair(1 + rng.below(64));
        let mut writer = BufWriter::with_capacity(rng.below(40), Ragged::new(left, rng.next_u64()));
        let mut reader =
            BufReader::with_capacity(1 + rng.below(40), Ragged::new(right, rng.next_u64()));
        let mut cuts = Rng::new(seed + 1_000);
        let send = async {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, later) = rest.split_at(rest.len().min(1 + cuts.below(50)));
                writer.write_all(piece).await.unwrap();
                if cuts.one_in(10) {
                    writer.flush().await.unwrap();
                }
                rest = later;
            }
            writer.close().await.unwrap();
        };
        let receive = async {
            let mut out = Vec::new();
            loop {
                let before = out.len();
                match rng.below(3) {
                    0 => reader.read_until(7, &mut out, 10_000).await.unwrap(),
                    1 => {
                        let mut some = vec![0; 1 + rng.below(60)];
                        let read = reader.read(&mut some).await.unwrap();
                        out.extend_from_slice(&some[..read]);
                        read
                    }
                    _ => {
                        let ready = reader.fill_buf().await.unwrap().to_vec();
                        let used = ready.len().min(3);
                        out.extend_from_slice(&ready[..used]);
                        reader.consume(used);
                        used
                    }
                };
                if out.len() == before {
                    return out;
                }
            }
        };
        let ((), out) = block_on(join((send, receive)));
        assert_eq!(out, bytes, "seed {seed}");
    }
}

#[test]
fn buf_writer_gathers_small_writes_and_keeps_the_order() {
    let script = Script::new()
        .expect("abcdef")
        .expect("0123456789")
        .expect("g");
    let mut writer = BufWriter::with_capacity(8, script.clone());
    block_on(async {
        for piece in ["ab", "cd", "ef"] {
            writer.write_all(piece.as_bytes()).await.unwrap();
        }
        assert_eq!(writer.buffer(), b"abcdef");
        writer.write_all(b"0123456789").await.unwrap();
        assert_eq!(
            writer.buffer(),
            b"",
            "too large for the buffer: past it, after it"
        );
        writer.write_all(b"g").await.unwrap();
        writer.flush().await.unwrap();
    });
    assert!(script.is_finished());
}

// ---- halves, copy

#[test]
fn halves_work_at_the_same_time_and_reunite() {
    let (left, mut right) = pair(4);
    let (mut read, mut write) = split(left);
    let text = [b'x'; 100];
    let mut answer = [0; 100];
    let echo = async {
        let mut seen = 0;
        let mut buf = [0; 3];
        while seen < text.len() {
            let got = right.read(&mut buf).await.unwrap();
            right.write_all(&buf[..got]).await.unwrap();
            seen += got;
        }
    };
    let (sent, received, ()) = block_on(join((
        write.write_all(&text),
        read.read_exact(&mut answer),
        echo,
    )));
    sent.unwrap();
    received.unwrap();
    assert_eq!(answer, text);

    let (other_read, other_write) = split(pair(1).0);
    let error = read.reunite(other_write).unwrap_err();
    let (read, other_write) = (error.0, error.1);
    assert!(!read.is_half_of(&other_write) && other_read.is_half_of(&other_write));
    let mut stream = read.reunite(write).unwrap();
    block_on(stream.write_all(b"y")).unwrap();
    assert_eq!(right.unread(), 1);
}

#[test]
fn copy_carries_all_and_flushes_when_the_source_rests() {
    let bytes = Rng::new(5).bytes(50_000);
    let (mut source, mut sink) = (Script::new().send_in_pieces(&bytes, 999), Vec::new());
    let (left, mut right) = pair(100);
    let mut left = Ragged::new(left, 3);
    let send = async {
        assert_eq!(copy(&mut source, &mut left).await.unwrap(), 50_000);
        left.close().await.unwrap();
    };
    block_on(join((send, async {
        right.read_to_end(&mut sink, 99_999).await.unwrap()
    })));
    assert_eq!(sink, bytes);

    let (mut question, mut here) = pair(100);
    let (left, right) = pair(100);
    let mut writer = BufWriter::new(left);
    let mut copying = Probe::new(copy(&mut here, &mut writer));
    block_on(question.write_all(b"ping")).unwrap();
    assert!(copying.poll().is_pending());
    assert_eq!(right.unread(), 4, "not held back in the buffer");
}

// ---- the streams in memory

#[test]
fn pair_has_backpressure() {
    let (mut left, mut right) = pair(3);
    let mut send = Probe::new(left.write_all(b"abcdefg"));
    assert!(send.poll().is_pending());
    let mut buf = [0; 2];
    assert_eq!(block_on(right.read(&mut buf)).unwrap(), 2);
    assert!(send.is_woken());
    assert!(send.poll().is_pending());
    assert_eq!(right.unread(), 3);
    let mut rest = [0; 5];
    let (sent, read) = block_on(join((async { send.run() }, right.read(&mut rest))));
    assert!(sent.is_pending() && read.unwrap() == 3);
    assert!(send.run().is_ready());
}

#[test]
fn pair_half_close_leaves_the_other_direction() {
    let (mut left, mut right) = pair(8);
    block_on(async {
        left.write_all(b"bye").await.unwrap();
        left.close().await.unwrap();
        assert_eq!(
            left.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        let mut out = Vec::new();
        right.read_to_end(&mut out, 10).await.unwrap();
        assert_eq!(out, b"bye");
        right.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        left.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    });
}

#[test]
fn pair_reset_delivers_what_came_and_then_fails() {
    let (mut left, mut right) = pair(8);
    let mut buf = [0; 8];
    block_on(left.write_all(b"data")).unwrap();
    left.reset();
    block_on(async {
        assert_eq!(right.read(&mut buf).await.unwrap(), 4);
        assert_eq!(
            right.read(&mut buf).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            right.write(b"x").await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            left.read(&mut buf).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn pair_dropped_is_an_end_or_a_reset_if_bytes_were_unread() {
    let mut buf = [0; 8];
    let (mut left, right) = pair(8);
    drop(right);
    assert!(left.is_peer_gone());
    assert_eq!(block_on(left.read(&mut buf)).unwrap(), 0);
    assert_eq!(
        block_on(left.write(b"x")).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[test]
fn pair_dropped_with_unread_bytes_resets_the_peer() {
    let mut buf = [0; 8];
    let (mut left, mut right) = pair(8);
    block_on(async {
        left.write_all(b"unread").await.unwrap();
        right.write_all(b"words").await.unwrap();
        drop(right);
        assert_eq!(left.read(&mut buf).await.unwrap(), 5);
        assert_eq!(
            left.read(&mut buf).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn pair_wakes_both_sides_at_a_drop() {
    let (mut left, right) = pair(1);
    block_on(left.write_all(b"x")).unwrap();
    let (mut read, mut write) = split(left);
    let mut buf = [0; 1];
    let mut reads = Probe::new(read.read(&mut buf));
    let mut writes = Probe::new(write.write(b"y"));
    assert!(reads.poll().is_pending() && writes.poll().is_pending());
    drop(right);
    assert!(reads.is_woken() && writes.is_woken());
    assert_eq!(
        writes.unwrap().unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        reads.unwrap().unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn latest_waker_is_woken_streams() {
    let (mut left, mut right) = pair(1);
    let (first, second) = (Alarm::new(), Alarm::new());
    let mut buf = [0; 1];
    let mut read = Probe::new(right.read(&mut buf));
    assert!(read.poll_with(&first.waker()).is_pending());
    assert!(read.poll_with(&second.waker()).is_pending());
    block_on(left.write_all(b"x")).unwrap();
    assert_eq!((first.wakes(), first.kept(), second.wakes()), (0, 0, 1));
    drop(read);
    let mut write = Probe::new(left.write(b"y"));
    assert!(write.poll_with(&first.waker()).is_pending());
    assert!(write.poll_with(&second.waker()).is_pending());
    block_on(right.read(&mut buf)).unwrap();
    assert_eq!((first.wakes(), first.kept(), second.wakes()), (0, 0, 2));
}

#[test]
fn script_keeps_the_order_of_the_conversation() {
    let script = Script::new().expect("question").send("answer").stall();
    let (mut read, mut write) = split(script.clone());
    let mut buf = [0; 10];
    let mut reads = Probe::new(read.read(&mut buf));
    assert!(reads.poll().is_pending(), "nothing was asked yet");
    assert!(!reads.is_woken());
    block_on(write.write_all(b"question")).unwrap();
    assert!(reads.is_woken());
    assert_eq!(reads.unwrap().unwrap(), 6);
    drop(reads);
    let mut reads = Probe::new(read.read(&mut buf));
    assert!(reads.run().is_pending(), "stalled for good");
    assert!(!script.is_finished());
}

#[test]
#[should_panic(expected = "GET")]
fn script_panics_at_a_wrong_write() {
    let _ = block_on(Script::new().expect("GET").write_all(b"PUT"));
}

#[test]
#[should_panic(expected = "the script is over")]
fn script_panics_at_a_write_after_its_end() {
    let _ = block_on(Script::new().write_all(b"PUT"));
}

#[test]
fn streams_of_any_pointer_are_streams() {
    async fn read<S: AsyncRead + Unpin>(mut stream: S) -> Vec<u8> {
        let mut out = Vec::new();
        stream.read_to_end(&mut out, 10).await.unwrap();
        out
    }
    let mut script = Script::new().send("a");
    assert_eq!(block_on(read(&mut script)), b"a");
    let boxed: Box<dyn AsyncRead + Unpin> = Box::new(Script::new().send("b"));
    assert_eq!(block_on(read(boxed)), b"b");
}
