//! Every attack has a test, or a reason why it has none.

use std::path::Path;

use http_session_conformance::adversarial::attacks;

#[test]
fn every_attack_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let complaints = attacks(root).expect("the sources can be read").complaints();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
