//! `blocking::Reader` and `blocking::Writer`: the order of bytes, ends and errors,
//! and that the loop never waits for the source or the sink.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use downbeat::blocking::{Reader, Writer};
use downbeat::future::{join, poll_once};
use downbeat::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy};
use downbeat::run;
use downbeat::testing::Rng;
use downbeat::time::sleep;

const STEP: usize = 64 * 1024;

/// A source that plays what it is given, one answer a read.
struct Plays(std::vec::IntoIter<io::Result<&'static [u8]>>);

impl Read for Plays {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        assert_eq!(buf.len(), STEP, "the pool reads in steps of 64 KiB");
        match self.0.next() {
            Some(Ok(bytes)) => {
                buf[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
            Some(Err(error)) => Err(error),
            None => panic!("asked after the end"),
        }
    }
}

fn plays(answers: Vec<io::Result<&'static [u8]>>) -> Reader<Plays> {
    Reader::new(Plays(answers.into_iter()))
}

#[test]
fn reader_brings_all_bytes_in_order() {
    run(async {
        let bytes = Rng::new(9).bytes(300_000);
        let mut reader = Reader::new(Cursor::new(bytes.clone()));
        let mut out = Vec::new();
        reader.read_to_end(&mut out, usize::MAX).await.unwrap();
        assert!(out == bytes);
        let mut small = BufReader::new(Reader::new(Cursor::new(b"one\ntwo\n")));
        let mut line = String::new();
        small.read_line(&mut line, 10).await.unwrap();
        assert_eq!(small.read_line(&mut line, 10).await.unwrap(), 4);
        assert_eq!(line, "one\ntwo\n");
    });
}

#[test]
fn reader_end_of_file_stays_the_end() {
    run(async {
        let interrupted = Err(ErrorKind::Interrupted.into());
        let mut reader = plays(vec![Ok(b"ab"), interrupted, Ok(b"c"), Ok(b"")]);
        let mut buf = [0; 8];
        assert_eq!(reader.read(&mut buf).await.unwrap(), 2);
        assert_eq!(reader.read(&mut buf).await.unwrap(), 1);
        for _ in 0..3 {
            // The source would panic if it were asked again.
            assert_eq!(reader.read(&mut buf).await.unwrap(), 0);
        }
    });
}

#[test]
fn reader_error_comes_once_then_the_end() {
    run(async {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::WouldBlock] {
            let mut reader = plays(vec![Ok(b"ab"), Err(kind.into())]);
            let mut out = Vec::new();
            let error = reader.read_to_end(&mut out, 99).await.unwrap_err();
            let told = if kind == ErrorKind::WouldBlock {
                ErrorKind::Other
            } else {
                kind
            };
            assert_eq!((error.kind(), &out[..]), (told, &b"ab"[..]));
            assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
        }
        let mut reader = plays(vec![]);
        let error = reader.read(&mut [0]).await.unwrap_err();
        assert!(error.to_string().contains("asked after the end"), "{error}");
        assert_eq!(
            reader.read(&mut [0]).await.unwrap(),
            0,
            "a panic is an error too"
        );
    });
}

/// A source or sink that waits for permission each time.
struct Gated(mpsc::Receiver<&'static [u8]>, Arc<Mutex<Vec<u8>>>);

impl Read for Gated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.recv().unwrap_or_default();
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Gated {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        self.1.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn reader_a_dropped_read_keeps_its_bytes_and_the_loop_goes_on() {
    run(async {
        let (gate, source) = mpsc::channel();
        let mut reader = Reader::new(Gated(source, Arc::default()));
        let mut buf = [0; 8];
        assert!(poll_once(reader.read(&mut buf)).await.is_none());
        sleep(Duration::from_millis(5)).await; // The loop is free meanwhile.
        gate.send(&b"kept"[..]).unwrap();
        assert_eq!(reader.read(&mut buf[..1]).await.unwrap(), 1);
        assert_eq!(reader.read(&mut buf[1..]).await.unwrap(), 3);
        assert_eq!(&buf[..4], b"kept");
        // Dropped while a job is out: the job ends by itself.
        assert!(poll_once(reader.read(&mut buf)).await.is_none());
        drop(reader);
        drop(gate);
    });
}

/// Notes every call.
#[derive(Clone, Default)]
struct Notes {
    log: Arc<Mutex<Vec<String>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Notes {
    fn note(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

struct Sink(Notes);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.note(format!("write {}", buf.len()));
        self.0.bytes.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.note("flush");
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.note("drop");
    }
}

#[test]
fn writer_flush_means_written() {
    run(async {
        let notes = Notes::default();
        let mut writer = Writer::new(Sink(notes.clone()));
        writer.flush().await.unwrap();
        assert!(notes.log().is_empty(), "nothing to flush");
        for _ in 0..100 {
            writer.write_all(b"0123456789").await.unwrap();
        }
        assert!(notes.log().is_empty(), "gathered first");
        writer.flush().await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(notes.log(), ["write 1000", "flush"]);
        writer.write_all(b"x").await.unwrap();
        writer.close().await.unwrap();
        writer.close().await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(notes.log()[2..], ["write 1", "flush", "drop"]);
        let error = writer.write_all(b"y").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn writer_works_in_steps_and_keeps_the_order() {
    run(async {
        let notes = Notes::default();
        let bytes = Rng::new(4).bytes(3 * STEP + 100);
        let mut writer = Writer::new(Sink(notes.clone()));
        writer.write_all(&bytes).await.unwrap();
        writer.flush().await.unwrap();
        let written: Vec<_> = notes
            .log()
            .into_iter()
            .filter(|line| line != "flush")
            .collect();
        assert_eq!(
            written,
            ["write 65536", "write 65536", "write 65536", "write 100"]
        );
        assert!(*notes.bytes.lock().unwrap() == bytes);
        let mut rng = Rng::new(11);
        let notes = Notes::default();
        let mut writer = Writer::new(Sink(notes.clone()));
        let mut all = Vec::new();
        for _ in 0..200 {
            let count = rng.below(5_000);
            let piece = rng.bytes(count);
            writer.write_all(&piece).await.unwrap();
            all.extend_from_slice(&piece);
            if rng.one_in(9) {
                writer.flush().await.unwrap();
                assert!(*notes.bytes.lock().unwrap() == all);
            }
        }
        writer.close().await.unwrap();
        assert!(*notes.bytes.lock().unwrap() == all);
    });
}

#[test]
fn writer_a_cancelled_flush_can_be_repeated() {
    run(async {
        let (gate, permission) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let mut writer = Writer::new(Gated(permission, Arc::clone(&written)));
        writer.write_all(b"one").await.unwrap();
        assert!(poll_once(writer.flush()).await.is_none());
        writer.write_all(b"two").await.unwrap();
        assert!(poll_once(writer.flush()).await.is_none());
        drop(gate);
        writer.flush().await.unwrap();
        assert_eq!(*written.lock().unwrap(), b"onetwo");
    });
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        assert!(self.0 != 13, "the sink panics");
        let taken = buf.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            Err(ErrorKind::StorageFull.into())
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writer_error_comes_once_then_it_is_broken() {
    run(async {
        for (room, kind) in [(10, ErrorKind::StorageFull), (13, ErrorKind::Other)] {
            let mut writer = Writer::new(Full(room));
            writer.write_all(&[0; 20]).await.unwrap();
            assert_eq!(writer.flush().await.unwrap_err().kind(), kind);
            assert_eq!(
                writer.flush().await.unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
            assert_eq!(
                writer.write(b"x").await.unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
            assert_eq!(
                writer.close().await.unwrap_err().kind(),
                ErrorKind::BrokenPipe
            );
        }
        // A large write meets the error of its own first step.
        let mut writer = Writer::new(Full(10));
        let error = writer.write_all(&vec![0; 3 * STEP]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    });
}

#[test]
fn files_are_copied_while_the_loop_goes_on() {
    let name = |end| std::env::temp_dir().join(format!("downbeat-{}-{end}", std::process::id()));
    let (from, to) = (name("from"), name("to"));
    let bytes = Rng::new(8).bytes(500_000);
    std::fs::write(&from, &bytes).unwrap();
    run(async {
        let mut reader = Reader::new(std::fs::File::open(&from).unwrap());
        let mut writer = Writer::new(std::fs::File::create(&to).unwrap());
        let copying = async {
            let copied = copy(&mut reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
            copied
        };
        let (copied, ()) = join((copying, sleep(Duration::from_millis(1)))).await;
        assert_eq!(copied, 500_000);
    });
    assert!(std::fs::read(&to).unwrap() == bytes);
    let _ = (std::fs::remove_file(from), std::fs::remove_file(to));
}
