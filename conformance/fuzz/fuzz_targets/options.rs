//! Runs the target `options`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::options::run(bytes));
