//! Runs the target `exchange`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::exchange::run(bytes));
