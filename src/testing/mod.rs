//! What tests of programs on this crate need: streams in memory, a future under
//! the magnifying glass, a seeded source of chance.
//!
//! Owns: nothing shared. Everything here is deterministic: same calls and same
//! seed, same result. It needs no loop, and on a loop it behaves like any other
//! source (it spends the budget).
//!
//! * [`Probe`] polls a future by hand and counts its polls and wakes;
//!   [`block_on`] runs one on a bare thread.
//! * [`pair`] connects two [`Stream`]s with a buffer of a stated size;
//!   [`Script`] plays one side of a conversation byte by byte; [`Ragged`] cuts
//!   another stream's reads and writes into small pieces.
//! * [`origin`] is a server for tests and demos, honest or hostile.
//! * [`Rng`] is the source of chance they use.
//! * [`Recorder`] writes down every scheduling event of a loop, as plain data and
//!   as text.
//! * [`check_policy`] runs random programs under a policy and holds it to its laws;
//!   it makes its own loops.
//!
//! Read next: `probe.rs`.

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../../tests/fuzz/targets/kernel/mod.rs"]
pub mod fuzzing;
pub mod origin;
mod policy;
mod probe;
mod program;
mod ragged;
mod recorder;
mod recording;
mod rng;
mod script;
mod stream;

pub use policy::{BrokenLaw, Checked, check_policy, conserves_work, try_check_policy};
pub use probe::{Alarm, Probe, block_on};
pub use ragged::Ragged;
pub use recorder::Recorder;
pub use recording::{Event, RecordedTask, Recording, What, Why};
pub use rng::Rng;
pub use script::Script;
pub use stream::{Stream, pair};
