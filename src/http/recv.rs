//! The receive buffer of a connection.
//!
//! Owns: the bytes that were read from the transport and not yet understood.
//!
//! Laws: it belongs to the connection and lives as long, so what a server sent
//! too much is still there when the exchange ends and can be seen. The memory
//! is always initialised, so filling it needs no `unsafe`. It grows only when
//! somebody needs more bytes in one piece (a long head). A connection that waits
//! with nothing read has no memory here: one piece per thread is lent to whoever
//! reads, so a thousand connections that wait need no more of it than one.
//!
//! Absent on purpose: limits. Who waits for more bytes says how many at most.
//!
//! Read next: `exchange.rs`, which takes bytes out.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

use std::cell::Cell;

/// Size of the buffer until a head needs more, in bytes.
pub(crate) const FIRST: usize = 16 * 1024;

thread_local! {
    /// The memory that no buffer of this thread needs at the moment.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes read and not yet consumed.
#[derive(Default)]
pub(crate) struct RecvBuffer {
    /// Storage, initialised as a whole.
    bytes: Vec<u8>,
    /// First byte not consumed; 0 where there is none.
    start: usize,
    /// One past the last byte read; never before `start`.
    end: usize,
}

impl RecvBuffer {
    /// An empty buffer. Allocates at the first [`space`](RecvBuffer::space).
    pub(crate) fn new() -> RecvBuffer {
        RecvBuffer::default()
    }

    /// Where the next read goes; never empty. Call [`filled`](RecvBuffer::filled)
    /// with the number of bytes read.
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.end >= self.bytes.len() {
            return self.make_space();
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    #[inline(never)]
    fn make_space(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            // On a thread that is going away nothing is spare.
            self.bytes = SPARE.try_with(Cell::take).unwrap_or_default();
            self.bytes.resize(FIRST, 0);
        }
        if self.end == self.bytes.len() {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                self.end = self.end.saturating_sub(self.start);
                self.start = 0;
            }
            // Doubling keeps the cost of a long head linear; so does not
            // moving a nearly full buffer again and again.
            if self.end > self.bytes.len() / 2 {
                let larger = self.bytes.len().saturating_mul(2);
                self.bytes.resize(larger, 0);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// `count` bytes were read into [`space`](RecvBuffer::space).
    #[inline]
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = self.end.wrapping_add(count).min(self.bytes.len());
    }

    /// How many bytes are not consumed.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// The byte read last, if it is not consumed.
    #[inline]
    pub(crate) fn last(&self) -> Option<u8> {
        self.bytes.get(self.end.wrapping_sub(1)).copied()
    }

    /// The bytes not consumed.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes the first `count` bytes out and returns them.
    pub(crate) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        let to = from.saturating_add(count).min(self.end);
        self.start = to;
        if to == self.end {
            // Empty, so the next read begins at the front.
            self.start = 0;
            self.end = 0;
        }
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Nothing waits to be understood.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Lends the memory to others, if nothing is in it: the connection waits.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.is_empty() && !self.bytes.is_empty() {
            let bytes = std::mem::take(self).bytes;
            // What a long head took goes back to the system.
            if bytes.len() == FIRST {
                let _ = SPARE.try_with(|spare| spare.set(bytes));
            }
        }
    }

    /// Puts one byte in, as if it had been read alone.
    #[cfg(any(test, fuzzing))]
    #[inline]
    pub(crate) fn put_byte(&mut self, byte: u8) {
        match self.bytes.get_mut(self.end) {
            Some(place) => {
                *place = byte;
                self.end = self.end.wrapping_add(1);
            }
            None => self.put(&[byte]),
        }
    }

    /// Copies `bytes` in, as if they had been read.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.space();
            let count = space.len().min(bytes.len());
            let (now, later) = bytes.split_at(count);
            for (to, from) in space.iter_mut().zip(now) {
                *to = *from;
            }
            self.filled(count);
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_for_one_piece_and_lets_it_go() {
        let mut recv = RecvBuffer::new();
        let text: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        recv.put(&text);
        assert_eq!(recv.unread(), &text);
        assert_eq!(recv.take(99_999), text.get(..99_999).unwrap_or_default());
        recv.release();
        assert_eq!(recv.unread().len(), 1);
        recv.take(5);
        assert!(recv.is_empty());
        recv.release();
        assert_eq!(recv.space().len(), FIRST);
    }

    #[test]
    fn who_waits_lends_its_memory() {
        let (mut one, mut other) = (RecvBuffer::new(), RecvBuffer::new());
        let place = one.space().as_ptr();
        one.put(b"a");
        one.release();
        assert_ne!(other.space().as_ptr(), place, "it is in use");
        one.take(1);
        other.release();
        one.release();
        assert_eq!(other.space().as_ptr(), place);
        assert!(other.is_empty() && one.is_empty());
    }

    #[test]
    fn a_long_body_does_not_grow_it() {
        let mut recv = RecvBuffer::new();
        for _ in 0..1000 {
            recv.put(&[7; 900]);
            assert_eq!(recv.take(900).len(), 900);
        }
        assert_eq!(recv.space().len(), FIRST);
    }
}
