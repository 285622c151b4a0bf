//! The documents tell the truth about the tests: each one that they name is there.

use std::fs;
use std::path::Path;

/// What stands in backquotes, in its order.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn each_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut named = 0;
    for document in ["README.md", "SECURITY.md"] {
        let text = fs::read_to_string(root.join(document)).expect("a document");
        for line in text.lines() {
            let mut source = None;
            for word in quoted(line) {
                if Path::new(word).extension().is_some_and(|extension| extension == "rs") {
                    let file = fs::read_to_string(root.join(word));
                    source = Some(file.unwrap_or_else(|_| panic!("{document}: no file {word}")));
                    named += 1;
                } else if let Some(source) = &source {
                    // What follows a file on its line is the name of a test in it.
                    let found = source.contains(&format!("fn {word}()"));
                    assert!(found, "{document}: no test {word} in\n{line}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 30, "{named}: is this still how the documents name tests?");
}
