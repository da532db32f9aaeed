//! Where URLs come from: the command line, a list, the demo.
//!
//! Owns: the thread that reads. It may block (a pipe, a slow disk); the loop takes
//! what it found from a bounded channel, so a list is never in memory as a whole
//! and a reader is never further ahead than that.
//!
//! Laws: each line that is neither blank nor a comment becomes one entry, however
//! odd it is. Bytes that are not UTF-8 are replaced and a line of more than 64 KiB is
//! cut, and the entry says so: what it says now is nothing anybody asked for, so it is
//! not fetched. That is found out later and is its outcome.
//!
//! Read next: `frontier.rs`.

use super::resume::Finished;
use downbeat::sync::remote;
use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::thread;

/// Longest line that is kept.
const LONGEST_LINE: usize = 64 * 1024;
/// Entries that are handed over at once, if that many are there: one at a time, each
/// would wake a thread.
const BATCH: usize = 64;
/// Batches between the thread and the loop.
const AHEAD: usize = 4;

/// One URL as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place among all URLs given, from 0.
    pub(crate) index: u64,
    /// Its line in the list, from 1.
    pub(crate) line: Option<u64>,
    /// The text, trimmed.
    pub(crate) text: Box<str>,
    /// Why the text is not what was given.
    pub(crate) flaw: Option<&'static str>,
    /// How long it will take, in nanoseconds, if that is known.
    pub(crate) size: Option<u64>,
}

/// What the reading thread says.
#[derive(Debug)]
pub(crate) enum Reading {
    /// A URL.
    Url(Entry),
    /// A URL that an earlier run has finished.
    Finished,
    /// The list cannot be read any further.
    Broken(io::Error),
}

/// A list, or URLs made by the program.
pub(crate) enum Source {
    /// URLs of the command line.
    Urls(Vec<OsString>),
    /// Generated URLs, and how long each takes, in nanoseconds.
    Pages(Box<dyn Iterator<Item = (String, u64)> + Send>),
    /// One URL per line.
    List(Box<dyn Read + Send>),
}

/// Reads `sources` in order on a thread of its own. The channel ends with them.
///
/// # Errors
/// When the system refuses a thread.
pub(crate) fn read(
    sources: Vec<Source>,
    finished: Finished,
) -> io::Result<remote::Receiver<Vec<Reading>>> {
    let (sender, receiver) = remote::channel(AHEAD);
    let mut feed = Feed {
        sender,
        batch: Vec::new(),
        finished,
        index: 0,
    };
    thread::Builder::new()
        .name("scraper-input".into())
        .spawn(move || {
            for source in sources {
                if feed.source(source) == Reader::Unwanted {
                    return;
                }
            }
            feed.hand_over();
        })?;
    Ok(receiver)
}

/// The thread's side.
struct Feed {
    /// To the loop.
    sender: remote::Sender<Vec<Reading>>,
    /// What was read and not handed over.
    batch: Vec<Reading>,
    /// What need not be fetched again.
    finished: Finished,
    /// Index of the next entry.
    index: u64,
}

/// Whether anybody still listens.
#[derive(PartialEq, Eq)]
enum Reader {
    /// Yes.
    Listens,
    /// No: stop.
    Unwanted,
}

impl Feed {
    fn source(&mut self, source: Source) -> Reader {
        match source {
            Source::Urls(urls) => {
                let mut urls = urls.iter();
                self.all(&mut urls, |feed, url| {
                    let (url, lost) = lossy(url.as_encoded_bytes());
                    let flaw = lost.then_some("the argument is not UTF-8");
                    feed.entry(None, url.trim(), flaw, None)
                })
            }
            Source::Pages(mut pages) => self.all(&mut pages, |feed, (url, size)| {
                feed.entry(None, &url, None, Some(size))
            }),
            Source::List(list) => self.list(BufReader::with_capacity(64 * 1024, list)),
        }
    }

    /// Makes an entry of each, as long as somebody listens.
    fn all<T>(
        &mut self,
        items: &mut dyn Iterator<Item = T>,
        entry: impl Fn(&mut Self, T) -> Reader,
    ) -> Reader {
        for item in items {
            if entry(self, item) == Reader::Unwanted {
                return Reader::Unwanted;
            }
        }
        Reader::Listens
    }

    fn list(&mut self, mut list: BufReader<Box<dyn Read + Send>>) -> Reader {
        let mut bytes = Vec::new();
        for number in 1.. {
            // The next line may take its time: what is there goes first.
            if !list.buffer().contains(&b'\n') && self.hand_over() == Reader::Unwanted {
                return Reader::Unwanted;
            }
            let mut flaw = match read_line(&mut list, &mut bytes) {
                Ok(Line::End) => break,
                Ok(Line::Read) => None,
                Ok(Line::Cut) => Some("the line is longer than 64 KiB"),
                Err(error) => return self.send(Reading::Broken(error)),
            };
            let line = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| number == 1);
            let (text, lost) = lossy(line.unwrap_or(&bytes));
            if lost {
                flaw = flaw.or(Some("the line is not UTF-8"));
            }
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if self.entry(Some(number), text, flaw, None) == Reader::Unwanted {
                return Reader::Unwanted;
            }
        }
        Reader::Listens
    }

    fn entry(
        &mut self,
        line: Option<u64>,
        text: &str,
        flaw: Option<&'static str>,
        size: Option<u64>,
    ) -> Reader {
        let index = self.index;
        self.index += 1;
        if self.finished.take(text) {
            return self.send(Reading::Finished);
        }
        self.send(Reading::Url(Entry {
            index,
            line,
            text: text.into(),
            flaw,
            size,
        }))
    }

    fn send(&mut self, item: Reading) -> Reader {
        self.batch.push(item);
        if self.batch.len() < BATCH {
            return Reader::Listens;
        }
        self.hand_over()
    }

    /// Hands over what was read; waits while the loop has enough.
    fn hand_over(&mut self) -> Reader {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Reader::Listens;
        }
        match self.sender.send_blocking(batch) {
            Ok(()) => Reader::Listens,
            Err(_) => Reader::Unwanted,
        }
    }
}

/// The text, and whether something was lost on the way to it.
fn lossy(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let text = String::from_utf8_lossy(bytes);
    let lost = matches!(text, Cow::Owned(_));
    (text, lost)
}

/// What `read_line` found.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// A line, perhaps without its end.
    Read,
    /// The beginning of a line that is too long.
    Cut,
    /// The end of the list.
    End,
}

/// Reads one line without its end; what is beyond the longest line is lost.
fn read_line(list: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let mut found = Line::End;
    loop {
        let buffer = match list.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok(found);
        }
        if found == Line::End {
            found = Line::Read;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        let room = LONGEST_LINE - line.len();
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            found = Line::Cut;
        }
        let used = piece.len() + usize::from(end.is_some());
        list.consume(used);
        if end.is_some() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &'static [u8]) -> Vec<(u64, Option<u64>, String, bool)> {
        let (sender, mut receiver) = remote::channel(100);
        let mut feed = Feed {
            sender,
            batch: Vec::new(),
            finished: Finished::default(),
            index: 0,
        };
        let sources = [
            Source::Urls(vec!["http://a/".into()]),
            Source::List(Box::new(list)),
        ];
        for source in sources {
            assert!(feed.source(source) == Reader::Listens);
        }
        assert!(feed.hand_over() == Reader::Listens);
        let mut found = Vec::new();
        while let Ok(batch) = receiver.try_recv() {
            for reading in batch {
                let Reading::Url(entry) = reading else {
                    panic!("{reading:?}");
                };
                let flawed = entry.flaw.is_some();
                found.push((entry.index, entry.line, entry.text.into(), flawed));
            }
        }
        found
    }

    #[test]
    fn comments_blanks_and_odd_bytes() {
        let list = b"\xEF\xBB\xBF# list\r\n\r\n  http://b/ \r\n#\xFF\nhttp://\xFF/\n\nhttp://c/";
        assert_eq!(
            entries(list),
            [
                (0, None, "http://a/".into(), false),
                (1, Some(3), "http://b/".into(), false),
                (2, Some(5), "http://\u{FFFD}/".into(), true),
                (3, Some(7), "http://c/".into(), false),
            ]
        );
    }

    #[test]
    fn a_long_line_is_cut() -> io::Result<()> {
        let mut list = vec![b'x'; 3 * LONGEST_LINE];
        list.extend_from_slice(b"\nshort\n");
        let mut list = BufReader::with_capacity(1000, &list[..]);
        let mut line = Vec::new();
        assert_eq!(read_line(&mut list, &mut line)?, Line::Cut);
        assert_eq!(line.len(), LONGEST_LINE);
        assert_eq!(read_line(&mut list, &mut line)?, Line::Read);
        assert_eq!(line, b"short");
        assert_eq!(read_line(&mut list, &mut line)?, Line::End);
        Ok(())
    }
}
