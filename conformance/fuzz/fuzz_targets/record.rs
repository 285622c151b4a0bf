//! Runs the target `record`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::record::run(bytes));
