//! See `targets/http/request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::http::fuzzing::request::target(data));
