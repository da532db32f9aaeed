//! downbeat: a hand-built, single-threaded event loop.
#![forbid(unsafe_code)]

pub(crate) mod budget;
pub mod io;
