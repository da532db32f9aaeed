//! Ciphertext between the stream below and the session.
//!
//! Owns: the one buffer that a thread's streams lend each other.
//!
//! Laws: an idle stream holds no buffer.
//!
//! Absent on purpose: any knowledge of records; rustls finds them.
//!
//! Read next: `stream.rs`.

use std::cell::Cell;

/// One full record and a little more.
pub(super) const CIPHER: usize = 16 * 1024 + 512;

/// A buffer of ciphertext; `start..end` is not yet taken.
pub(super) struct Cipher {
    pub(super) bytes: [u8; CIPHER],
    pub(super) start: usize,
    pub(super) end: usize,
}

thread_local! {
    /// The buffer no stream of this thread needs at the moment.
    pub(super) static SPARE: Cell<Option<Box<Cipher>>> = const { Cell::new(None) };
}

impl Cipher {
    /// An empty one.
    pub(super) fn new() -> Box<Cipher> {
        Box::new(Cipher {
            bytes: [0; CIPHER],
            start: 0,
            end: 0,
        })
    }
}
