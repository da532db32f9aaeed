//! Saving bodies, off the loop.
//!
//! Owns: the directory, the scheme of names, and one body that is being written.
//!
//! Laws:
//! * A file with its final name is complete: bytes go to NAME.part, which is renamed
//!   at the end.
//! * Two URLs of one list never have the same name, because the index is part of it.
//!   A name is made of letters, digits, dot, dash and underscore: no path separator
//!   comes through.
//! * Memory: 256 KiB per body. A small body costs one trip to the pool.
//! * No descriptor left: waits up to a minute for one.
//!
//! Read next: `attempt.rs`.

use downbeat::net::is_out_of_resources;
use downbeat::{spawn_blocking, time};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use url::Url;

/// Bytes that are gathered before they are written.
const STEP: usize = 256 * 1024;
/// Longest host and longest last part of a path in a name.
const LONGEST_PART: usize = 80;
/// How often a descriptor is asked for, and how long between.
const TRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// The directory for bodies.
#[derive(Clone, Debug)]
pub(crate) struct Shelf(Rc<Path>);

/// A body that is being saved.
#[derive(Debug)]
pub(crate) struct Body {
    /// Where it goes.
    target: PathBuf,
    /// The last part of that.
    name: String,
    /// Open once something was written.
    file: Option<File>,
    /// What is not written yet.
    bytes: Vec<u8>,
}

/// What a step does with the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// More follows.
    Write,
    /// The body is complete.
    Finish,
    /// The body will never be complete.
    Discard,
}

impl Shelf {
    /// Makes the directory if it is not there.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self(Rc::from(dir)))
    }

    /// A body for the `index`-th URL.
    pub(crate) fn body(&self, index: u64, url: &Url) -> Body {
        let name = name_of(index, url);
        Body {
            target: self.0.join(&name),
            name,
            file: None,
            bytes: Vec::new(),
        }
    }
}

impl Body {
    /// Adds bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() < STEP {
            return Ok(());
        }
        self.step(Step::Write).await
    }

    /// Writes the rest, gives the file its name and returns that.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) async fn finish(mut self) -> io::Result<String> {
        self.step(Step::Finish).await?;
        Ok(self.name)
    }

    /// Takes away what was written.
    pub(crate) async fn discard(mut self) {
        if self.file.is_some() {
            // A file that stays is overwritten by the next run.
            let _ = self.step(Step::Discard).await;
        }
    }

    /// One trip to the pool, or more while no descriptor is to be had.
    async fn step(&mut self, step: Step) -> io::Result<()> {
        for _ in 0..TRIES {
            let (mut file, bytes) = (self.file.take(), std::mem::take(&mut self.bytes));
            let target = self.target.clone();
            let job = spawn_blocking(move || {
                let result = write(&mut file, &bytes, &target, step);
                (file, bytes, result)
            });
            let result;
            (self.file, self.bytes, result) = job.await?;
            match result {
                Err(error) if is_out_of_resources(&error) => time::sleep(PAUSE).await,
                result => {
                    self.bytes.clear();
                    return result;
                }
            }
        }
        Err(io::Error::other("no file descriptor became free"))
    }
}

/// The part of a step that blocks.
fn write(file: &mut Option<File>, bytes: &[u8], target: &Path, step: Step) -> io::Result<()> {
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    if step == Step::Discard {
        *file = None;
        return fs::remove_file(part);
    }
    let open = match file {
        Some(open) => open,
        None => file.insert(File::create(&part)?),
    };
    open.write_all(bytes)?;
    if step == Step::Finish {
        *file = None;
        fs::rename(part, target)?;
    }
    Ok(())
}

/// `00000012-example.com-page.html`.
fn name_of(index: u64, url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back());
    let (host, last) = (url.host_str().unwrap_or(""), last.unwrap_or(""));
    let last = if last.is_empty() { "index" } else { last };
    format!("{index:08}-{}-{}", clean(host), clean(last))
}

fn clean(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let cleaned = text.chars().take(LONGEST_PART);
    cleaned.map(|c| if plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_bounded() -> Result<(), url::ParseError> {
        let name = |url: &str| Url::parse(url).map(|url| name_of(12, &url));
        assert_eq!(
            name("http://example.com/a/page.html?q=1")?,
            "00000012-example.com-page.html"
        );
        assert_eq!(name("http://example.com")?, "00000012-example.com-index");
        assert_eq!(
            name("http://[::1]/..%2f..%2fetc")?,
            "00000012-___1_-.._2f.._2fetc"
        );
        let long = format!("http://{}.com/{}", "h".repeat(60), "x".repeat(999));
        assert!(name(&long)?.len() <= 8 + 2 + 2 * LONGEST_PART);
        Ok(())
    }
}
