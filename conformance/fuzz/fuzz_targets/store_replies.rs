//! Runs the target `store_replies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::store_replies::run(bytes));
