//! See `targets/kernel/runtime.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::testing::fuzzing::runtime::target(data));
