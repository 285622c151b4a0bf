//! The recorded fixtures.

use std::path::PathBuf;

use http_session_conformance::files::read_file;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;

/// The recorded sets.
pub(crate) const SETS: [&str; 3] = ["exhaustive", "random", "rules"];

fn fixture(set: &str, part: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("fixtures").join(format!("{set}.{part}.jsonl.gz"))
}

/// The scenarios of a set.
pub(crate) fn scenarios(set: &str) -> Vec<Scenario> {
    read_file(fixture(set, "scenarios")).expect("the fixtures are part of the source")
}

/// What express-session did in them.
#[allow(dead_code, reason = "not every test compares")]
pub(crate) fn recorded(set: &str) -> Vec<Trace> {
    read_file(fixture(set, "traces")).expect("the fixtures are part of the source")
}
