//! The documents tell the truth about the tests: each one that they name is there.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// What stands in backquotes, in its order.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// What stands in brackets and backquotes, and is no link.
fn bracketed(page: &str) -> impl Iterator<Item = &str> {
    let brackets = page.split("[`").skip(1).filter_map(|rest| rest.split_once(']'));
    brackets.filter(|(_, after)| !after.starts_with('(')).map(|(names, _)| names)
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
    let mut named = 0;
    for names in bracketed(&page) {
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

#[test]
fn each_test_that_the_pages_for_other_crates_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in ["MOVING-FROM-TOWER-SESSIONS.md", "MOVING-FROM-ACTIX-SESSION.md"] {
        let text = fs::read_to_string(root.join("adapters/axum").join(page)).expect("a document");
        // The table at the end: a short name for each file.
        let (_, table) = text.split_once("\n## Where the tests are\n").expect("the table of files");
        let mut sources = HashMap::new();
        for line in table.lines() {
            let words: Vec<&str> = quoted(line).collect();
            let [name, file] = words[..] else { continue };
            let source = fs::read_to_string(root.join(file));
            sources.insert(name, source.unwrap_or_else(|_| panic!("{page}: no file {file}")));
        }
        let (mut named, mut used) = (0, HashSet::new());
        for name in bracketed(&text).flat_map(|names| names.split('`')) {
            let Some((file, test)) = name.split_once("::") else { continue };
            let source = sources.get(file).unwrap_or_else(|| panic!("{page}: no file for {name}"));
            assert!(source.contains(&format!("fn {test}()")), "{page}: no test {name}");
            used.insert(file);
            named += 1;
        }
        assert_eq!(used.len(), sources.len(), "{page}: a file of the table has no test here");
        assert!(named > 20, "{page}: {named}: is this still how the page names tests?");
    }
}
