//! Runs the target `set_cookie`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::set_cookie::run(bytes));
