//! See `targets/http/exchange.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::http::fuzzing::exchange::target(data));
