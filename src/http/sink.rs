//! Where decoded bytes go.
//!
//! Owns: memory that is initialised once and filled often.
//!
//! Laws: nothing is shown that was not filled.
//!
//! Absent on purpose: growth by itself; whoever asks for room says how much.
//!
//! Read next: `inflate.rs`, which fills it.

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

/// Where decoded bytes go: memory that is initialised once and filled often.
#[derive(Default)]
pub(crate) struct Sink {
    /// The memory, initialised as a whole.
    bytes: Vec<u8>,
    /// How much of it is output.
    filled: usize,
}

impl Sink {
    /// The output.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Forgets the output and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What is free up to a total of `room` bytes.
    pub(super) fn space(&mut self, room: usize) -> &mut [u8] {
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        self.bytes.get_mut(self.filled..room).unwrap_or_default()
    }

    /// So many bytes of [`space`](Sink::space) were written.
    pub(super) fn fill(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }
}
