//! `Script`: a stream that plays a written conversation.
//!
//! Owns: the steps not played yet. They are played in one order for both
//! directions: a read waits while the next step is a write, and the other way
//! round, so a script also says who must speak first.
//!
//! Laws:
//! * One read never crosses two `send` steps, one write never two `expect`
//!   steps: the script decides where bytes are split.
//! * A write of other bytes than the script expects panics and shows both.
//! * After the last step, reads return end of file, and writes panic.
//!
//! Read next: `ragged.rs`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::stream::{forget, poll_until, wake};
use crate::io::{AsyncRead, AsyncWrite};

/// A scripted stream: it plays the peer, who sends what is read here and expects
/// what is written here. Build it by steps; a clone watches the same script.
///
/// ```
/// use downbeat::io::{AsyncReadExt, AsyncWriteExt};
/// use downbeat::testing::{Script, block_on};
///
/// let script = Script::new().expect(b"ping").pause().send(b"po").send(b"ng");
/// let mut stream = script.clone();
/// let mut answer = [0; 4];
/// block_on(async {
///     stream.write_all(b"ping").await?;
///     stream.read_exact(&mut answer).await
/// })
/// .unwrap();
/// assert_eq!(&answer, b"pong");
/// assert!(script.is_finished());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    play: Rc<Play>,
}

#[derive(Debug, Default)]
struct Play {
    steps: RefCell<VecDeque<Step>>,
    /// Whether `eof` was played.
    ended: Cell<bool>,
    /// Whether the stream was closed by its user.
    closed: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

#[derive(Debug)]
enum Step {
    Read(VecDeque<u8>),
    ReadError(ErrorKind),
    Eof,
    Write(VecDeque<u8>),
    WriteError(ErrorKind),
    Pause,
    Stall,
}

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer sends: reads get these bytes, in one piece if the buffer is large
    /// enough.
    #[must_use]
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        match bytes.as_ref() {
            [] => self,
            bytes => self.step(Step::Read(bytes.to_vec().into())),
        }
    }

    /// The peer sends these bytes in pieces of at most `size`, each after a
    /// [`pause`](Self::pause).
    #[must_use]
    pub fn send_in_pieces(self, bytes: impl AsRef<[u8]>, size: usize) -> Self {
        let pieces = bytes.as_ref().chunks(size.max(1));
        pieces.fold(self, |script, piece| script.pause().send(piece))
    }

    /// A read gets this error.
    #[must_use]
    pub fn fail_read(self, kind: ErrorKind) -> Self {
        self.step(Step::ReadError(kind))
    }

    /// Reads get end of file from here on; writes may follow.
    #[must_use]
    pub fn eof(self) -> Self {
        self.step(Step::Eof)
    }

    /// The peer expects: writes must bring these bytes, which are taken in one
    /// piece if offered so.
    #[must_use]
    pub fn expect(self, bytes: impl AsRef<[u8]>) -> Self {
        match bytes.as_ref() {
            [] => self,
            bytes => self.step(Step::Write(bytes.to_vec().into())),
        }
    }

    /// A write gets this error.
    #[must_use]
    pub fn fail_write(self, kind: ErrorKind) -> Self {
        self.step(Step::WriteError(kind))
    }

    /// One poll, of either direction, is told to wait although it was woken, and
    /// is woken again at once: readiness that turns out false (`EAGAIN`).
    #[must_use]
    pub fn pause(self) -> Self {
        self.step(Step::Pause)
    }

    /// Nothing more ever happens: both directions wait for good.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Whether every step was played.
    pub fn is_finished(&self) -> bool {
        self.play.steps.borrow().is_empty()
    }

    /// Whether the user of the stream closed it.
    pub fn is_closed(&self) -> bool {
        self.play.closed.get()
    }

    fn step(self, step: Step) -> Self {
        self.play.steps.borrow_mut().push_back(step);
        self
    }
}

impl Play {
    /// Takes the first step away, which may be what the other side waits for.
    fn advance(&self) {
        let played = self.steps.borrow_mut().pop_front();
        drop(played);
        wake(&self.reader);
        wake(&self.writer);
    }

    /// Plays a pause if one is next.
    fn poll_pause(&self, cx: &Context<'_>) -> Poll<()> {
        if matches!(self.steps.borrow().front(), Some(Step::Pause)) {
            self.advance();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn is_readable(&self) -> bool {
        let steps = self.steps.borrow();
        self.ended.get()
            || matches!(
                steps.front(),
                None | Some(Step::Read(_) | Step::ReadError(_) | Step::Eof)
            )
    }

    fn is_writable(&self) -> bool {
        let steps = self.steps.borrow();
        matches!(
            steps.front(),
            None | Some(Step::Write(_) | Step::WriteError(_))
        )
    }

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut result = Ok(0);
        let mut played = false;
        match self.steps.borrow_mut().front_mut() {
            _ if self.ended.get() => {}
            Some(Step::Read(bytes)) => {
                result = io::Read::read(bytes, buf);
                played = bytes.is_empty();
            }
            Some(Step::ReadError(kind)) => {
                result = Err((*kind).into());
                played = true;
            }
            _ => {
                self.ended.set(true);
                played = true;
            }
        }
        if played {
            self.advance();
        }
        result
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut steps = self.steps.borrow_mut();
        let (result, played) = match steps.front_mut() {
            Some(Step::Write(expected)) => {
                let taken = buf.len().min(expected.len());
                let due: Vec<u8> = expected.drain(..taken).collect();
                assert_eq!(
                    due.escape_ascii().to_string(),
                    buf[..taken].escape_ascii().to_string()
                );
                (Ok(taken), expected.is_empty())
            }
            Some(Step::WriteError(kind)) => (Err((*kind).into()), true),
            _ => panic!("the script is over, but wrote \"{}\"", buf.escape_ascii()),
        };
        drop(steps);
        if played {
            self.advance();
        }
        result
    }
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let play = &self.play;
        if !play.ended.get() {
            ready!(play.poll_pause(cx));
        }
        ready!(poll_until(&play.reader, cx, || play.is_readable()));
        Poll::Ready(play.read(buf))
    }

    fn cancel_read(self: Pin<&mut Self>) {
        forget(&self.play.reader);
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let play = &self.play;
        ready!(play.poll_pause(cx));
        ready!(poll_until(&play.writer, cx, || play.is_writable()));
        Poll::Ready(play.write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.play.closed.set(true);
        Poll::Ready(Ok(()))
    }

    fn cancel_write(self: Pin<&mut Self>) {
        forget(&self.play.writer);
    }
}
