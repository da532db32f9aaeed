//! See `targets/kernel/timers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::testing::fuzzing::timers::target(data));
