//! What the programs of this package have in common.
//!
//! Owns: the rows of the executor measurements ([`rows`]), the clock they are timed
//! by ([`meter`]), and their smallest futures ([`futures`]).
//!
//! Laws: every competitor runs the same row through the same generic code; what
//! differs between two competitors is one small file each, below `executors/` and
//! `fetch/`, written as that runtime's own users would write it.
//!
//! Read next: `rows.rs`, then `executors/downbeat.rs`.
#![deny(unsafe_code)]

pub mod futures;
pub mod meter;
pub mod rows;
mod threads;
