//! Going on where an earlier run stopped.
//!
//! Owns: `Finished`, how often each URL has an outcome already. It keeps a 128-bit
//! fingerprint per URL, not the text: 32 bytes each.
//!
//! Laws: every object in the file counts, failed ones too: they are outcomes. A last
//! line that was cut off (the program was killed, the disk was full) is taken out
//! before anything is appended. A file with any other line that is not one of our
//! objects is not ours and is not touched.
//!
//! Read next: `journal.rs`, which writes those lines.

use super::files;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

/// Longest line of an outcome file; a longer one is not ours.
const LONGEST_LINE: u64 = 4 << 20;

/// URLs that have an outcome, with multiplicity.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// How often each fingerprint may still be skipped.
    left: HashMap<u128, u32>,
}

impl Finished {
    /// Notes an outcome of `url`.
    fn add(&mut self, url: &str) {
        *self.left.entry(fingerprint(url)).or_default() += 1;
    }

    /// Whether `url`, met once more, has an outcome already.
    pub(crate) fn take(&mut self, url: &str) -> bool {
        if self.left.is_empty() {
            return false;
        }
        let key = fingerprint(url);
        let Some(count) = self.left.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.left.remove(&key);
        }
        true
    }
}

/// Reads the outcomes in `path`, repairs its end, and opens it for appending. A
/// file that does not exist is made.
///
/// # Errors
/// Those of the file system, and a file that is not ours.
pub(crate) fn open(path: &Path) -> io::Result<(Finished, File)> {
    if files::may_block(path) {
        // What was written to it cannot be read again.
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let mut finished = Finished::default();
    let mut reader = BufReader::new(&file);
    // Bytes of whole lines, and whether the last one has no end.
    let (mut whole, mut open_end) = (0, false);
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        match judge(&line) {
            Verdict::Outcome(url) => finished.add(&url),
            Verdict::Torn => {
                file.set_len(whole)?;
                break;
            }
            Verdict::Foreign => {
                let why = format!("line {number} is not an object that this program wrote");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
        whole += line.len() as u64;
        open_end = line.last() != Some(&b'\n');
    }
    if open_end {
        file.write_all(b"\n")?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok((finished, file))
}

/// What a line is.
enum Verdict {
    /// An outcome of this URL.
    Outcome(String),
    /// The beginning of one, without a line end.
    Torn,
    /// Something else.
    Foreign,
}

fn judge(line: &[u8]) -> Verdict {
    let object: Option<Value> = serde_json::from_slice(line).ok();
    let url = object
        .as_ref()
        .filter(|object| object.get("attempts").is_some())
        .and_then(|object| object.get("url")?.as_str());
    match url {
        Some(url) => Verdict::Outcome(url.to_owned()),
        None if object.is_none() && is_beginning(line) => Verdict::Torn,
        None => Verdict::Foreign,
    }
}

/// Whether this could be the first bytes of an object of ours: the keys are sorted.
fn is_beginning(line: &[u8]) -> bool {
    const FIRST: &[u8] = b"{\"attempts\":";
    let common = line.len().min(FIRST.len());
    line.last() != Some(&b'\n') && line[..common] == FIRST[..common]
}

/// 128 bits: two URLs of a list of a billion are alike once in 10^20 lists.
fn fingerprint(url: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, url).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file of this test's own, gone when the test ends.
    struct Temporary(std::path::PathBuf);

    impl Temporary {
        fn new(name: &str, content: &str) -> io::Result<Self> {
            let name = format!("downbeat-resume-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, content)?;
            Ok(Self(path))
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    const A: &str = "{\"attempts\":1,\"url\":\"http://a/\"}";

    #[test]
    fn urls_are_skipped_as_often_as_they_were_finished() -> io::Result<()> {
        let file = Temporary::new("twice", &format!("{A}\n{A}\n"))?;
        let (mut finished, _) = open(&file.0)?;
        let skipped: Vec<bool> = (0..3).map(|_| finished.take("http://a/")).collect();
        assert_eq!(skipped, [true, true, false]);
        assert!(!finished.take("http://b/"));
        Ok(())
    }

    #[test]
    fn every_torn_end_is_repaired() -> io::Result<()> {
        for cut in 1..=A.len() {
            let file = Temporary::new("torn", &format!("{A}\n{}", &A[..cut]))?;
            let (mut finished, mut out) = open(&file.0)?;
            out.write_all(b"next\n")?;
            let whole = cut == A.len();
            let expected = if whole {
                format!("{A}\n{A}\nnext\n")
            } else {
                format!("{A}\nnext\n")
            };
            assert_eq!(fs::read_to_string(&file.0)?, expected);
            assert!(finished.take("http://a/"));
            assert_eq!(finished.take("http://a/"), whole);
        }
        Ok(())
    }

    #[test]
    fn a_foreign_file_is_not_touched() -> io::Result<()> {
        for content in [
            "http://a/\nhttp://b/",
            "{\"url\":\"x\"}\n",
            "{\"attempts\":\nx\n",
            "[]",
        ] {
            let file = Temporary::new("foreign", content)?;
            assert!(open(&file.0).is_err(), "{content}");
            assert_eq!(fs::read_to_string(&file.0)?, content);
        }
        Ok(())
    }
}
