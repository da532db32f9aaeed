//! Files that are named on the command line, opened without holding anybody up.
//!
//! Owns: `Later`, a file that is opened by whoever first reads it.
//!
//! Laws: a regular file is opened at once, so that one that cannot be opened is
//! refused before anything begins. Anything else (a named pipe, a terminal) may block
//! in `open` until somebody else opens its other end: that happens on a thread that
//! may wait.
//!
//! Read next: `source.rs` and `journal.rs`, which have such threads.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file that is opened by the first read.
pub(crate) struct Later {
    /// Where it is.
    path: PathBuf,
    /// Once it is open.
    file: Option<File>,
}

/// Opens a list, now if it is a regular file and later if opening may block.
///
/// # Errors
/// Those of the file system.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.is_file() {
        return Ok(Box::new(File::open(path)?));
    }
    let (path, file) = (path.to_owned(), None);
    Ok(Box::new(Later { path, file }))
}

/// Whether `open` may block.
pub(crate) fn may_block(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Whether both name the same regular file, or would if they were made, so that
/// writing one destroys the other.
pub(crate) fn are_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(a), Ok(b)) => a.is_file() && b.is_file() && identity(one, &a) == identity(other, &b),
        (Err(_), Err(_)) => place(one).is_some_and(|place| Some(place) == self::place(other)),
        _ => false,
    }
}

/// Where a file that does not exist would be.
fn place(path: &Path) -> Option<PathBuf> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(dir.join(path.file_name()?))
}

#[cfg(unix)]
fn identity(_: &Path, metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path, _: &Metadata) -> Option<PathBuf> {
    path.canonicalize().ok()
}

impl Read for Later {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.read(bytes),
            None => self.file.insert(File::open(&self.path)?).read(bytes),
        }
    }
}
