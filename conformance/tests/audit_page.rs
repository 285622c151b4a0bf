//! AUDIT.md is true: each function and each test is where its link points, each bug has a patch that names its test,
//! and no attack is left out. `UPDATE_AUDIT=1` writes the lines and their counts anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

const ATTACKS: usize = 56;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("no file {path}"))
}

/// A link of the page: `[text](target)`.
struct Link<'a> {
    target: &'a str,
    text: &'a str,
}

fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    text.split('[').skip(1).filter_map(|rest| {
        let (text, rest) = rest.split_once("](")?;
        Some(Link { target: rest.split_once(')')?.0, text })
    })
}

impl<'a> Link<'a> {
    /// The path, the name and the line of `[file.rs, name](path#L1)`.
    fn place(&self) -> Option<(&'a str, &'a str, usize)> {
        let ((path, line), (file, name)) =
            (self.target.split_once("#L")?, self.text.split_once(", ")?);
        assert!(path.ends_with(&format!("/{file}")), "{}: {path}", self.text);
        Some((path, name, line.parse().expect("a line")))
    }
}

/// The lines, counted from one, on which `name` is defined. A line that has more than its definition is none.
fn definitions(source: &str, name: &str) -> Vec<usize> {
    let kinds = ["fn", "struct", "enum", "trait", "const", "mod", "macro_rules!"];
    let defines = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        kinds.iter().any(|kind| {
            let rest = code.split_once(&format!("{kind} {name}")).map(|(_, rest)| rest);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()))
        })
    };
    (1..).zip(source.lines()).filter(|(_, line)| defines(line)).map(|(number, _)| number).collect()
}

/// How `.ci/core-limits` counts.
fn lines_of_code(source: &str) -> usize {
    let counts = |line: &&str| {
        let code = line.trim();
        let tests = ["#[cfg(test)]", "mod tests;", "pub(crate) mod samples;"];
        !code.is_empty() && !code.starts_with("//") && !tests.contains(&code)
    };
    source.lines().filter(counts).count()
}

/// The page with the lines that its links should have, and the counts of the files that are to be read.
fn current(page: &str) -> String {
    let mut current = page.to_owned();
    for link in links(page) {
        let Some((path, name, line)) = link.place() else { continue };
        // Of several the nearest is meant.
        let found = definitions(&read(path), name);
        let found = found.into_iter().min_by_key(|found| found.abs_diff(line));
        let found = found.unwrap_or_else(|| panic!("{path} defines no {name}"));
        let whole = |line| format!("[{}]({path}#L{line})", link.text);
        current = current.replace(&whole(line), &whole(found));
    }
    for line in page.lines() {
        let cells: Vec<_> = line.split(" | ").collect();
        let [file, _, _, what] = cells[..] else { continue };
        let Some(link) = links(file).next().filter(|link| !link.target.contains('#')) else {
            continue;
        };
        let lines = lines_of_code(&read(link.target));
        let minutes = ((lines + 15) / 30).max(1);
        current = current.replace(line, &format!("{file} | {lines} | {minutes} | {what}"));
    }
    current
}

/// The section under this heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    rest.split("\n## ").next().unwrap_or_default()
}

/// A patch of `conformance/bugs`: the attacks that it re-creates, and the function that fails, none for a whole suite.
struct Bug {
    attacks: Vec<usize>,
    test: Option<String>,
}

fn bugs() -> BTreeMap<String, Bug> {
    let folder = root().join("conformance/bugs");
    let mut bugs = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let Some(short) = name.strip_suffix(".patch") else { continue };
        let patch = read(&format!("conformance/bugs/{name}"));
        let (head, _) = patch.split_once("\ndiff --git ").expect("a change");
        let field = |key: &str| head.lines().find_map(|line| line.strip_prefix(key));
        assert!(field("what: ").is_some_and(|what| what.ends_with('.')), "{name}: no sentence");
        let test = field("test: ").unwrap_or_else(|| panic!("{name}: no test"));
        let attacks = field("known: ").unwrap_or_default().split_whitespace();
        let attacks = attacks.map(|attack| attack.parse().expect("a number")).collect();
        let function = test.contains("--").then(|| test.rsplit([' ', ':']).next());
        bugs.insert(short.into(), Bug { attacks, test: function.flatten().map(String::from) });
    }
    bugs
}

#[test]
fn each_link_leads_to_what_it_names() {
    let page = read("AUDIT.md");
    let current = current(&page);
    if env::var_os("UPDATE_AUDIT").is_some() {
        fs::write(root().join("AUDIT.md"), &current).expect("it can be written");
    } else {
        for (line, current) in page.lines().zip(current.lines()) {
            assert_eq!(line, current, "UPDATE_AUDIT=1 writes it anew");
        }
    }
    let places: Vec<_> = links(&current).filter_map(|link| link.place()).collect();
    assert!(places.len() > 150, "{}: is this still how the page names functions?", places.len());
    for link in links(&current) {
        let target = link.target.split('#').next().unwrap_or_default();
        assert!(root().join(target).exists(), "no {target}");
    }
}

#[test]
fn each_named_test_is_one() {
    let page = current(&read("AUDIT.md"));
    let mut tests = 0;
    for (path, name, line) in links(&page).filter_map(|link| link.place()) {
        if path.contains("/tests/") || path.ends_with("tests.rs") {
            let source = read(path);
            let before: Vec<_> = source.lines().take(line - 1).collect();
            let attributes = before.iter().rev().take_while(|line| {
                let line = line.trim();
                line.starts_with("#[") || line.starts_with("//")
            });
            let is_test = attributes.clone().any(|line| {
                let line = line.trim();
                line == "#[test]" || line.starts_with("#[tokio::test")
            });
            // A property stands in a macro.
            assert!(is_test || source.contains("proptest! {"), "{path}: {name} is no test");
            tests += 1;
        }
    }
    assert!(tests > 100, "{tests}: is this still how the page names tests?");
}

#[test]
fn each_attack_has_an_answer() {
    let page = read("AUDIT.md");
    let bugs = bugs();
    let rows = section(&page, "Known attacks").lines().filter(|line| line.starts_with("| "));
    let mut numbers = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<usize>() else { continue };
        let [_, _, _, here, named, tests] = cells[..] else { panic!("six cells: {row}") };
        numbers.push(number);
        assert!(!here.is_empty(), "{row}");
        let named: BTreeSet<_> = links(named).map(|link| link.text).collect();
        let having = bugs.iter().filter(|(_, bug)| bug.attacks.contains(&number));
        let expected: BTreeSet<_> = having.clone().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, expected, "the patches of attack {number}");
        let tests: BTreeSet<_> =
            links(tests).filter_map(|link| link.place()).map(|(_, name, _)| name).collect();
        for (name, bug) in having {
            let test = bug.test.as_deref().expect("a test of its own");
            assert!(tests.contains(test), "attack {number}: {name} is caught by {test}");
        }
    }
    assert_eq!(numbers, Vec::from_iter(1..=ATTACKS));
}

#[test]
fn each_bug_is_on_the_page() {
    let page = read("AUDIT.md");
    let own = section(&page, "The core, broken on purpose");
    let own: BTreeSet<_> = links(own).map(|link| link.text.to_owned()).collect();
    let bugs = bugs();
    let without: BTreeSet<_> = bugs
        .iter()
        .filter(|(_, bug)| bug.attacks.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(own, without);
    assert!(own.len() >= 10 && bugs.len() - own.len() >= 25, "{} bugs", bugs.len());
}

#[test]
fn the_check_finds_what_it_looks_for() {
    let source =
        "// fn a()\nfn ab() {}\n    pub const fn a<T>() {}\nstruct B;\nmod a;\nlet fn_a = 1;";
    assert_eq!(definitions(source, "a"), [3, 5]);
    assert_eq!(definitions(source, "B"), [4]);
    assert_eq!(definitions(source, "c"), [0; 0]);
    assert_eq!(lines_of_code("//! x\n\n    // y\nlet z = 1; // w\n#[cfg(test)]\nmod tests;\n"), 1);
    let link = links("a [b.rs, c](d/b.rs#L7) e").next().expect("a link");
    assert_eq!(link.place(), Some(("d/b.rs", "c", 7)));
}
