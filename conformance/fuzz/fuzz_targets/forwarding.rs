//! Runs the target `forwarding`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http_session_fuzz::forwarding::run(bytes));
