//! What the programs of this package have in common.
//!
//! Owns: the rows of the executor measurements ([`rows`]), their smallest futures
//! ([`futures`]) and the clock they are timed by ([`meter`]); the command line and the
//! report of the fetching programs ([`fetch`]).
//!
//! Laws: every competitor runs the same row through the same generic code; what
//! differs between two competitors is one small file each, below `executors/` and
//! `fetchers/`, written as that library's own users would write it.
//!
//! Read next: `rows.rs`, then `executors/downbeat.rs`; `fetch.rs`, then
//! `fetchers/downbeat.rs`.
#![forbid(unsafe_code)]

pub mod fetch;
pub mod futures;
pub mod head;
pub mod meter;
pub mod rows;
mod threads;
