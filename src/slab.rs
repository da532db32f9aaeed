//! A generational arena: values in a vector, named by keys that go stale.
//!
//! Owns: the values and the list of free places. A key is a place and a
//! generation; a place changes its generation whenever its value leaves.
//!
//! Laws: T4, a stale key misses and never names another value. A place whose
//! generations are used up is retired, so a wrapped counter cannot alias.
//!
//! Absent on purpose: iteration by anything but place, and shrinking. A loop
//! that once had a million timers keeps a million small empty places.
//!
//! Read next: `clock.rs`.

use std::fmt;
use std::marker::PhantomData;

/// The name of a value in a [`Slab`].
pub(crate) struct Key<T> {
    /// The place in the vector.
    pub(crate) index: u32,
    /// How many values lived there before.
    pub(crate) generation: u32,
    /// A key of one kind of slab is not a key of another.
    of: PhantomData<fn() -> T>,
}

/// An arena of `T`.
pub(crate) struct Slab<T> {
    /// Every place ever used.
    places: Vec<Place<T>>,
    /// The free place to use next, or [`NONE`].
    free: u32,
    /// How many values are in.
    len: usize,
}

/// One place of the vector.
struct Place<T> {
    /// The generation a key must carry to name what is here.
    generation: u32,
    /// The value, or the next free place.
    content: Content<T>,
}

/// What a place holds.
enum Content<T> {
    /// A value.
    Taken(T),
    /// Nothing; the next free place follows.
    Free(u32),
}

/// The end of the list of free places.
const NONE: u32 = u32::MAX;

impl<T> Key<T> {
    /// A key made of its two numbers.
    pub(crate) const fn new(index: u32, generation: u32) -> Self {
        Self {
            index,
            generation,
            of: PhantomData,
        }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<T> Eq for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

impl<T> Slab<T> {
    /// An empty arena; nothing is allocated.
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    /// Puts in the value that `make` builds from its own key.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key<T>) -> T) -> Key<T> {
        self.len += 1;
        if self.free == NONE {
            assert!(self.places.len() < NONE as usize, "slab is full");
            let key = Key::new(self.places.len() as u32, 0);
            self.places.push(Place {
                generation: 0,
                content: Content::Taken(make(key)),
            });
            return key;
        }
        let index = self.free;
        let place = &mut self.places[index as usize];
        if let Content::Free(next) = place.content {
            self.free = next;
        }
        let key = Key::new(index, place.generation);
        place.content = Content::Taken(make(key));
        key
    }

    /// Takes the value out; its key is stale from here on.
    pub(crate) fn remove(&mut self, key: Key<T>) -> Option<T> {
        self.get(key)?;
        self.remove_at(key.index)
    }

    /// Takes out whatever lives at a place, for callers that know it is theirs.
    #[inline]
    pub(crate) fn remove_at(&mut self, index: u32) -> Option<T> {
        let place = self.places.get_mut(index as usize)?;
        // A place on its last generation stays out of the free list for ever.
        let last = place.generation == u32::MAX;
        let free = Content::Free(if last { NONE } else { self.free });
        let Content::Taken(value) = std::mem::replace(&mut place.content, free) else {
            return None;
        };
        if !last {
            place.generation += 1;
            self.free = index;
        }
        self.len -= 1;
        Some(value)
    }

    /// The value of this name, if it still lives.
    #[inline]
    pub(crate) fn get(&self, key: Key<T>) -> Option<&T> {
        match self.places.get(key.index as usize)? {
            Place {
                generation,
                content: Content::Taken(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The value of this name, to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        match self.places.get_mut(key.index as usize)? {
            Place {
                generation,
                content: Content::Taken(value),
            } if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// Whatever lives at a place now, for callers that know it is theirs, to change it.
    #[inline]
    pub(crate) fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        match &mut self.places.get_mut(index as usize)?.content {
            Content::Taken(value) => Some(value),
            Content::Free(_) => None,
        }
    }

    /// All values in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(index, place)| match &place.content {
                Content::Taken(value) => Some((Key::new(index as u32, place.generation), value)),
                Content::Free(_) => None,
            })
    }

    /// How many values are in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_misses() {
        let mut slab = Slab::new();
        let old = slab.insert_with(|_| 'a');
        assert_eq!(slab.remove(old), Some('a'));
        let new = slab.insert_with(|_| 'b');
        assert_eq!((new.index, new.generation), (old.index, 1));
        assert_eq!(slab.get(old), None);
        assert_eq!(slab.get_mut(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!((slab.get(new), slab.len()), (Some(&'b'), 1));
    }

    #[test]
    fn a_place_retires_when_its_generations_are_used_up() {
        let mut slab = Slab::new();
        let first = slab.insert_with(|_| 0);
        slab.places[0].generation = u32::MAX;
        let last = Key::new(first.index, u32::MAX);
        assert_eq!(slab.remove(last), Some(0));
        let next = slab.insert_with(|_| 1);
        assert_eq!(next.index, 1, "place 0 must never be used again");
        assert_eq!(slab.get(last), None);
    }
}
