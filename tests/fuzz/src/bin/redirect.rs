//! See `targets/http/redirect.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::http::fuzzing::redirect::target(data));
