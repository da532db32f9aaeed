//! See `targets/kernel/expression.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::testing::fuzzing::expression::target(data));
