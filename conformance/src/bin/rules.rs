//! Lists the rules B-001 to B-216 with the tests of each, or why it can't occur in Rust. Fails if one
//! has neither: `cargo run -q -p http-session-conformance --bin rules [--all]`

use std::process::ExitCode;

use http_session_conformance::{citations, rules};

fn main() -> ExitCode {
    citations::print(rules::rules)
}
