//! Where header fields lie in the buffer that holds their names and values.
//!
//! Owns: the list of ranges, and which lengths of names are among them.
//!
//! Laws: a range never reaches past 4 GiB. One that does not fit its buffer, which
//! cannot be, is empty.
//!
//! Read next: `headers.rs`, which keeps the buffer.

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

use std::ops::Range;

/// Where the fields lie.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    /// In order.
    pub(super) list: Vec<Field>,
    /// Which lengths their names have, one bit each: most names that are asked for are
    /// not there, and this says so at once. Lengths from 64 on share the bits.
    pub(super) lengths: u64,
}

/// Where one field lies in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// The name.
    pub(super) name: Span,
    /// The value.
    pub(super) value: Span,
}

/// A range of the buffer.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: u32,
    /// Number of bytes.
    pub(super) len: u32,
}

impl Fields {
    /// None yet.
    pub(super) const fn new() -> Fields {
        Fields {
            list: Vec::new(),
            lengths: 0,
        }
    }

    /// Adds one at the end.
    pub(crate) fn push(&mut self, field: Field) {
        self.lengths |= 1 << (field.name.len & 63);
        self.list.push(field);
    }

    /// Makes room.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.list.reserve(count);
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.lengths = 0;
    }

    /// Can there be a name of this length?
    pub(super) fn may_have(&self, length: usize) -> bool {
        self.lengths >> (length & 63) & 1 == 1
    }
}

impl Field {
    /// A field whose two parts are sub-slices of `text`.
    pub(crate) fn within(text: &[u8], name: &[u8], value: &[u8]) -> Option<Field> {
        let base = text.as_ptr().addr();
        let at = |part: &[u8]| {
            // A part that lies before the text would wrap, and be far too long for it.
            let start = part.as_ptr().addr().wrapping_sub(base);
            let end = start.wrapping_add(part.len());
            (start <= end && end <= text.len()).then(|| Span::new(start, part.len()))?
        };
        // httparse gives an empty value as a slice of its own.
        let value = if value.is_empty() {
            Span { start: 0, len: 0 }
        } else {
            at(value)?
        };
        Some(Field {
            name: at(name)?,
            value,
        })
    }

    /// A field whose name and value lie there in a buffer of less than 4 GiB.
    pub(crate) fn at(name: Range<usize>, value: Range<usize>) -> Field {
        let span = |range: Range<usize>| Span {
            start: range.start as u32,
            len: range.len() as u32,
        };
        Field {
            name: span(name),
            value: span(value),
        }
    }

    /// The same, where the name begins at `start`.
    #[inline]
    pub(crate) fn moved_to(&self, start: usize) -> Field {
        let start = start as u32;
        let gap = self.value.start.wrapping_sub(self.name.start);
        let at = |start, span: Span| Span { start, ..span };
        Field {
            name: at(start, self.name),
            value: at(start.wrapping_add(gap), self.value),
        }
    }

    /// Where the name begins, as an index into the buffer.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.name.start as usize
    }

    /// One past the name, as an index into the buffer.
    pub(crate) fn name_end(&self) -> usize {
        (self.name.start as usize).saturating_add(self.name.len as usize)
    }
}

impl Span {
    /// So many bytes from there on, if they end before 4 GiB.
    pub(super) fn new(start: usize, len: usize) -> Option<Span> {
        let end = start.checked_add(len)?;
        u32::try_from(end).ok()?;
        Some(Span {
            start: u32::try_from(start).ok()?,
            len: u32::try_from(len).ok()?,
        })
    }

    /// Its bytes.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes
            .get(start..start.saturating_add(self.len as usize))
            .unwrap_or_default()
    }
}
