//! Runs the target `cookie_header`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::cookie_header::run(bytes));
