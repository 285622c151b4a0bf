//! Every rule has a test, or a reason why it can't occur in Rust.

use std::path::Path;

use http_session_conformance::rules::rules;

#[test]
fn every_rule_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let complaints = rules(root).expect("the sources can be read").complaints();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
