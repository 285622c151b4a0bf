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

/// What the page shows of the contract for adapters is what its documentation compiles.
#[test]
fn the_example_of_an_adapter_is_the_one_that_is_compiled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| fs::read_to_string(root.join(path)).expect("a file");
    let example = read("src/adapter/example.rs").replace("fn my_", "#[test]\nfn my_");
    assert!(read("README.md").contains(&example));
}

#[test]
fn each_test_that_the_page_on_moving_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../adapters/axum/MOVING-FROM-EXPRESS.md"));
    let source = fs::read_to_string(root.join("tests/interop.rs")).expect("a test");
    let page = page.expect("a document");
    // What stands in brackets, and is no link.
    let brackets = page.split("[`").skip(1).filter_map(|rest| rest.split_once(']'));
    let mut named = 0;
    for (names, _) in brackets.filter(|(_, after)| !after.starts_with('(')) {
        for name in
            names.split('`').filter(|name| name.chars().all(|c| c == '_' || c.is_alphanumeric()))
        {
            if !name.is_empty() {
                assert!(source.contains(&format!("fn {name}()")), "no test {name}");
                named += 1;
            }
        }
    }
    assert!(named > 15, "{named}: is this still how the page names tests?");
}
