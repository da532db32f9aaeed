//! Header fields: an ordered list with duplicates, names without case.
//!
//! Owns: one byte buffer that holds all names and values, and one list of
//! ranges into it (`fields.rs`). Both keep their capacity, so a list that is filled again
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

use super::error::Error;
use super::escape;
use super::fields::{Field, Fields, Span};
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

impl Headers {
    /// An empty list.
    pub const fn new() -> Headers {
        Headers {
            bytes: Vec::new(),
            fields: Fields::new(),
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

    /// The fields of an old head are to be replaced by those of a new one, one by one.
    pub(crate) fn begin_replacing(&mut self) {
        self.fields.lengths = 0;
    }

    /// Keeps fields of the old head from `place` on, as many as `text`, which begins
    /// `at` there in the new one, has with all of their lines, if these are no longer
    /// than `longest`. Returns where the next line begins, and its place.
    #[inline]
    pub(crate) fn keep(
        &mut self,
        mut place: usize,
        mut at: usize,
        text: &[u8],
        longest: usize,
    ) -> (usize, usize) {
        let fields = &mut self.fields;
        let start = fields.list.get(place).map_or(0, Field::start);
        let old = self.bytes.get(start..).unwrap_or_default();
        let alike = start.wrapping_add(syntax::common(text, old));
        // Behind the last field, before the empty line.
        let end = self.bytes.len().wrapping_sub(2);
        while let Some([field, rest @ ..]) = fields.list.get_mut(place..) {
            let next = rest.first().map_or(end, Field::start);
            let length = next.wrapping_sub(field.start());
            if next > alike || length > longest.saturating_add(2) {
                break;
            }
            fields.lengths |= 1 << (field.name.len & 63);
            *field = field.moved_to(at);
            at = at.wrapping_add(length);
            place = place.wrapping_add(1);
        }
        (place, at)
    }

    /// Replaces the field at this place, or adds one at the end.
    #[inline]
    pub(crate) fn put(&mut self, place: usize, field: Field) {
        match self.fields.list.get_mut(place) {
            Some(old) => *old = field,
            None => {
                // There was no head before. Few heads have more.
                if self.fields.list.is_empty() {
                    self.fields.list.reserve(8);
                }
                self.fields.list.push(field);
            }
        }
        self.fields.lengths |= 1 << (field.name.len & 63);
    }

    /// The new head has so many fields, and this is its text.
    pub(crate) fn end_replacing(&mut self, count: usize, text: &[u8]) {
        self.fields.list.truncate(count);
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
