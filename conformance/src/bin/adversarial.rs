//! Lists the attacks that the library is tested with, each with its tests, or why there is none. Fails if one has
//! neither, or both: `cargo run -q -p http-session-conformance --no-default-features --bin adversarial [--all]`

use std::process::ExitCode;

use http_session_conformance::{adversarial, citations};

fn main() -> ExitCode {
    citations::print(adversarial::attacks)
}
