//! Header fields: an ordered list with duplicates, names without case.
//!
//! Owns: one byte buffer that holds all names and values, and one list of
//! ranges into it. Both keep their capacity, so a list that is filled again
//! allocates nothing.
//!
//! Laws: order and duplicates are kept, nothing is merged. What a caller puts
//! in is checked (token; no CR, LF, NUL or other control), so no list of a
//! caller can hold two lines. Values are bytes, since servers send latin-1.
//! N04: `Debug` does not show the values of secret fields.
//!
//! Absent on purpose: a map. A head has some twenty fields; comparing lengths
//! first beats hashing, and order is kept for free.
//!
//! Read next: `head.rs`, which fills one from the wire.

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

use std::fmt;
use std::ops::Range;

use super::error::Error;
use super::escape;
use super::kind::{ErrorKind, RequestFault};
use super::syntax;

/// Header or trailer fields in the order they were added.
#[derive(Clone, Default)]
pub struct Headers {
    /// Names and values, one behind the other, with whatever lies between.
    bytes: Vec<u8>,
    /// One entry per field.
    fields: Fields,
}

/// Where the fields lie.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    /// In order.
    list: Vec<Field>,
    /// Which lengths their names have, one bit each: most names that are asked for are
    /// not there, and this says so at once. Lengths from 64 on share the bits.
    lengths: u64,
}

/// Where one field lies in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    /// The name.
    name: Span,
    /// The value.
    value: Span,
}

/// A range of the buffer.
#[derive(Clone, Copy)]
struct Span {
    /// First byte.
    start: u32,
    /// Number of bytes.
    len: u32,
}

impl Headers {
    /// An empty list.
    pub const fn new() -> Headers {
        Headers {
            bytes: Vec::new(),
            fields: Fields {
                list: Vec::new(),
                lengths: 0,
            },
        }
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The first value of this name, if it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Every value of this name, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let list = match self.fields.may_have(name.len()) {
            true => self.fields.list.as_slice(),
            false => &[],
        };
        let same = move |field: &&Field| {
            field.name.len as usize == name.len()
                && syntax::same_name(field.name.of(&self.bytes), name.as_bytes())
        };
        list.iter()
            .filter(same)
            .map(|field| field.value.of(&self.bytes))
    }

    /// Is there a field of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.raw()
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.list.len()
    }

    /// No field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.list.is_empty()
    }

    /// Adds a field at the end. White space around the value is removed.
    ///
    /// # Errors
    /// [`RequestFault::HeaderName`] when the name is not a token,
    /// [`RequestFault::HeaderValue`] when the value holds CR, LF, NUL or
    /// another control than HTAB, [`RequestFault::HeaderSize`] beyond 4 GiB.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let value = syntax::trim(value.as_ref());
        check(name.as_bytes(), value)?;
        self.push(name.as_bytes(), value)
            .ok_or_else(|| ErrorKind::Request(RequestFault::HeaderSize).into())
    }

    /// Replaces every field of this name by one, at the end.
    ///
    /// # Errors
    /// As [`append`](Headers::append); then nothing was changed.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        let value = value.as_ref();
        check(name.as_bytes(), syntax::trim(value))?;
        self.remove(name);
        self.append(name, value)
    }

    /// Removes every field of this name and says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        self.remove_if(|field| field.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Removes all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
    }

    /// Removes the fields whose name fits and says how many there were.
    pub(crate) fn remove_if(&mut self, mut unwanted: impl FnMut(&[u8]) -> bool) -> usize {
        let before = self.len();
        let bytes = &self.bytes;
        let kept = |field: &Field| !unwanted(field.name.of(bytes));
        self.fields.list.retain(kept);
        let removed = before.saturating_sub(self.len());
        if removed > 0 {
            self.compact();
        }
        removed
    }

    /// Names and values as bytes.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let fields = self.fields.list.iter();
        fields.map(|field| (field.name.of(&self.bytes), field.value.of(&self.bytes)))
    }

    /// Starts over with `text` as the buffer and no field. The caller then
    /// pushes fields that lie in it.
    pub(crate) fn refill(&mut self, text: &[u8]) -> (&mut Vec<u8>, &mut Fields) {
        self.clear();
        self.bytes.extend_from_slice(text);
        (&mut self.bytes, &mut self.fields)
    }

    /// The text of an old list, and its fields, which the caller replaces one by one by
    /// those that lie in the text it sets.
    pub(crate) fn replace(&mut self) -> (&[u8], &mut Fields) {
        self.fields.lengths = 0;
        (&self.bytes, &mut self.fields)
    }

    /// The buffer behind the fields that replaced the old ones.
    pub(crate) fn set_text(&mut self, text: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(text);
    }

    /// The buffer behind the fields, as [`refill`](Headers::refill) left it.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of memory held.
    pub(crate) fn footprint(&self) -> usize {
        let list = self
            .fields
            .list
            .capacity()
            .saturating_mul(size_of::<Field>());
        self.bytes.capacity().saturating_add(list)
    }

    fn push(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        let name_at = Span::new(self.bytes.len(), name.len())?;
        let value_start = self.bytes.len().checked_add(name.len())?;
        let value_at = Span::new(value_start, value.len())?;
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.fields.push(Field {
            name: name_at,
            value: value_at,
        });
        Some(())
    }

    /// Adds a field no caller may send.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn append_unchecked(&mut self, name: &str, value: &[u8]) {
        assert!(self.push(name.as_bytes(), value).is_some());
    }

    /// Drops the bytes of removed fields: a secret that was taken out must not
    /// stay in memory, and a list that is changed often must not grow.
    fn compact(&mut self) {
        let old = std::mem::take(self);
        for (name, value) in old.raw() {
            // It fitted before, so it fits now.
            let _ = self.push(name, value);
        }
    }
}

impl Fields {
    /// Adds one at the end.
    pub(crate) fn push(&mut self, field: Field) {
        self.lengths |= 1 << (field.name.len & 63);
        self.list.push(field);
    }

    /// The one at this place.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> Option<Field> {
        self.list.get(place).copied()
    }

    /// Replaces the one at this place, or adds it at the end.
    #[inline]
    pub(crate) fn put(&mut self, place: usize, field: Field) {
        let Some(old) = self.list.get_mut(place) else {
            return self.push(field);
        };
        self.lengths |= 1 << (field.name.len & 63);
        *old = field;
    }

    /// Removes those behind the first `count`.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.list.truncate(count);
    }

    /// Makes room.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.list.reserve(count);
    }

    fn clear(&mut self) {
        self.list.clear();
        self.lengths = 0;
    }

    /// Can there be a name of this length?
    fn may_have(&self, length: usize) -> bool {
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

    /// From the name to the end of the value.
    #[inline]
    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(self.name.start as usize..self.value_end())
    }

    /// One past the value, as an index into the buffer.
    pub(crate) fn value_end(&self) -> usize {
        (self.value.start as usize).saturating_add(self.value.len as usize)
    }

    /// One past the name, as an index into the buffer.
    pub(crate) fn name_end(&self) -> usize {
        (self.name.start as usize).saturating_add(self.name.len as usize)
    }
}

impl Span {
    fn new(start: usize, len: usize) -> Option<Span> {
        let end = start.checked_add(len)?;
        u32::try_from(end).ok()?;
        Some(Span {
            start: u32::try_from(start).ok()?,
            len: u32::try_from(len).ok()?,
        })
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes
            .get(start..start.saturating_add(self.len as usize))
            .unwrap_or_default()
    }
}

/// Refuses what must not go on the wire.
pub(crate) fn check(name: &[u8], value: &[u8]) -> Result<(), Error> {
    if !syntax::is_token(name) {
        let kind = ErrorKind::Request(RequestFault::HeaderName);
        // A whole line given as a name is a name, too.
        return Err(Error::new(kind).with_peer_line(name));
    }
    check_value(name, value)
}

/// Refuses what must not go on the wire behind this name.
pub(crate) fn check_value(name: &[u8], value: &[u8]) -> Result<(), Error> {
    if !syntax::is_value(value) {
        // WHY NOT the value: it may be a secret.
        let kind = ErrorKind::Request(RequestFault::HeaderValue);
        return Err(Error::new(kind).with_peer_text(name));
    }
    Ok(())
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.iter() {
            if escape::is_secret(name.as_bytes()) {
                map.entry(&name, &"(secret)");
            } else {
                map.entry(&name, &escape::excerpt(value));
            }
        }
        map.finish()
    }
}

#[cfg(test)]
#[path = "tests/headers.rs"]
mod tests;
