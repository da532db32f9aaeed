//! The body of a request: bytes, a file, or a stream.
//!
//! Owns: what the caller gave, until it is sent.
//!
//! Laws: bytes and files can be sent again (a retry, a 307), a stream cannot. A
//! file is opened and read on the blocking pool, never on the loop, and opened
//! anew for each time it is sent.
//!
//! Absent on purpose: forms, JSON and multipart. They are bytes.
//!
//! Read next: `outbox.rs`, which writes it.

use std::fs::File;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use super::error::Error;
use super::kind::ErrorKind;
use super::request::BodyLength;
use crate::blocking::{Reader, spawn_blocking};
use crate::io::AsyncRead;

/// The body of a request. In a box, if there is anything: many requests may wait, and
/// most have none.
#[derive(Default)]
pub struct Body(Option<Box<Content>>);

enum Content {
    Bytes(Bytes),
    File(PathBuf),
    Stream(Box<dyn AsyncRead + Unpin>, Option<u64>),
    /// It was a stream, and is gone.
    Spent,
}

/// Bytes that are cheap to hand out again.
#[derive(Clone)]
pub(crate) enum Bytes {
    Static(&'static [u8]),
    Shared(Rc<Vec<u8>>),
}

/// Where the bytes of one sending come from.
pub(crate) enum Source {
    /// Nowhere.
    Empty,
    /// From memory, from this place on.
    Bytes(Bytes, usize),
    /// From a stream.
    Reader(Box<dyn AsyncRead + Unpin>),
}

impl Body {
    /// No body.
    pub fn empty() -> Body {
        Body::default()
    }

    /// What `reader` yields, of a length that nobody knows: sent in chunks.
    pub fn stream(reader: impl AsyncRead + Unpin + 'static) -> Body {
        Body::of(Content::Stream(Box::new(reader), None))
    }

    /// What `reader` yields, which must be exactly `length` bytes.
    pub fn sized(reader: impl AsyncRead + Unpin + 'static, length: u64) -> Body {
        Body::of(Content::Stream(Box::new(reader), Some(length)))
    }

    /// The content of a file, as long as it is when the request is sent.
    pub fn file(path: impl AsRef<Path>) -> Body {
        Body::of(Content::File(path.as_ref().to_owned()))
    }

    fn of(content: Content) -> Body {
        Body(Some(Box::new(content)))
    }

    /// Can it be sent more than once?
    pub fn is_replayable(&self) -> bool {
        !matches!(
            self.0.as_deref(),
            Some(Content::Stream(..) | Content::Spent)
        )
    }

    /// Begins a sending: the length to announce, and the bytes.
    ///
    /// # Errors
    /// `Upload` when a stream is asked for twice.
    pub(crate) fn open(&mut self) -> Result<Opened, Error> {
        let Some(content) = &mut self.0 else {
            return Ok(Opened::Now(Sending(None)));
        };
        match &**content {
            Content::Bytes(bytes) => {
                let length = BodyLength::Known(bytes.as_slice().len() as u64);
                let source = Source::Bytes(bytes.clone(), 0);
                return Ok(Opened::Now(Sending::of(length, source)));
            }
            Content::File(path) => return Ok(Opened::Later(Box::pin(open_file(path.clone())))),
            Content::Stream(..) | Content::Spent => {}
        }
        match std::mem::replace(&mut **content, Content::Spent) {
            Content::Stream(reader, length) => {
                let length = length.map_or(BodyLength::Chunked, BodyLength::Known);
                Ok(Opened::Now(Sending::of(length, Source::Reader(reader))))
            }
            _ => Err(ErrorKind::Upload.into()),
        }
    }
}

/// A body that can be sent.
pub(crate) enum Opened {
    /// It was at hand.
    Now(Sending),
    /// A file is being opened; fails with `Upload`.
    Later(Opening),
}

/// The future of an open file. In a box: few requests have one, and all would be so
/// large.
pub(crate) type Opening = Pin<Box<dyn Future<Output = Result<Sending, Error>>>>;

/// What one sending consists of. In a box, if there is anything: it waits for a
/// connection with the request, and most requests have no body.
pub(crate) struct Sending(Option<Box<(BodyLength, Source)>>);

impl Sending {
    fn of(length: BodyLength, source: Source) -> Sending {
        Sending(Some(Box::new((length, source))))
    }

    /// The length to announce.
    pub(crate) fn length(&self) -> BodyLength {
        self.0.as_ref().map_or(BodyLength::None, |parts| parts.0)
    }

    /// The length to announce, and the bytes.
    pub(crate) fn into_parts(self) -> (BodyLength, Source) {
        self.0
            .map_or((BodyLength::None, Source::Empty), |parts| *parts)
    }
}

async fn open_file(path: PathBuf) -> Result<Sending, Error> {
    let opening = spawn_blocking(move || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok::<_, io::Error>((file, length))
    });
    let opened = opening.await.map_err(io::Error::from).and_then(|file| file);
    let (file, length) =
        opened.map_err(|error| Error::new(ErrorKind::Upload).with_source(error))?;
    let reader = Box::new(Reader::new(file));
    Ok(Sending::of(
        BodyLength::Known(length),
        Source::Reader(reader),
    ))
}

impl Bytes {
    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Static(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::of(Content::Bytes(Bytes::Shared(Rc::new(bytes))))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::from(text.into_bytes())
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Body {
        Body::of(Content::Bytes(Bytes::Static(bytes)))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Body::from(text.as_bytes())
    }
}
