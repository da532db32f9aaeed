//! See `targets/http/chunk.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::http::fuzzing::chunk::target(data));
