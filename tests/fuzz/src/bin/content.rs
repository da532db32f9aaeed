//! See `targets/http/content.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| downbeat::http::fuzzing::content::target(data));
