//! Runs the target `signed_value`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::signed_value::run(bytes));
