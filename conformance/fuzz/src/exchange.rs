//! Not there yet.

/// One execution.
pub fn run(_: &[u8]) {}
