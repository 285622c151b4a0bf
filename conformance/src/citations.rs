//! Lists of what tests cite: each item has a test, or a reason why it has none.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use crate::{adapter, contract};

/// One item of a list.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: &'static str,
    /// What it says.
    pub(crate) text: &'static str,
    /// Why there is no test.
    pub(crate) reason: Option<&'static str>,
    /// It is marked with a Q.
    pub(crate) quirk: bool,
    /// The tests that cite it.
    pub(crate) tests: BTreeSet<String>,
}

/// A list and its tests.
#[derive(Debug)]
pub struct List {
    kind: &'static Kind,
    pub(crate) items: Vec<Item>,
}

/// What a list is of.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The word for an item.
    pub(crate) noun: &'static str,
    /// What is said of an item that has a reason.
    pub(crate) excuse: &'static str,
    /// The groups of ids, and the last number of each.
    pub(crate) groups: &'static [(&'static str, usize)],
    /// How many digits a number has at least.
    pub(crate) digits: usize,
    /// A line for each item: its id, what it says, the reason, a Q; between tabs.
    pub(crate) lines: &'static str,
}

impl Kind {
    /// All ids that there are to be.
    fn ids(&self) -> impl Iterator<Item = String> {
        let numbers = |&(group, last)| (1..=last).map(move |number| (group, number));
        let digits = self.digits;
        self.groups
            .iter()
            .flat_map(numbers)
            .map(move |(group, number)| format!("{group}-{number:0digits$}"))
    }

    /// The ids in a text.
    fn cited<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let words = text.split(|end: char| !(end.is_ascii_alphanumeric() || end == '-'));
        words.filter(|word| {
            word.split_once('-').is_some_and(|(group, number)| {
                let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                digits && self.groups.iter().any(|(known, _)| *known == group)
            })
        })
    }
}

impl List {
    /// The list as it stands, cited by nothing.
    pub(crate) fn bare(kind: &'static Kind) -> Self {
        let item = |line: &'static str| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            let (id, text, reason, quirk) = (field(), field(), field(), field() == "Q");
            let reason = (!reason.is_empty()).then_some(reason);
            Item { id, text, reason, quirk, tests: BTreeSet::new() }
        };
        Self { kind, items: kind.lines.lines().map(item).collect() }
    }

    /// The list, and the citations of the workspace at `root`: the comments directly above its test functions, and
    /// the rules of the contracts' checks.
    pub(crate) fn cited_in(root: &Path, kind: &'static Kind) -> io::Result<Self> {
        let mut list = Self::bare(kind);
        for (citation, test) in citations(root)? {
            list.cite(&citation, &test)?;
        }
        Ok(list)
    }

    /// Notes which items the text cites.
    pub(crate) fn cite(&mut self, text: &str, test: &str) -> io::Result<()> {
        for id in self.kind.cited(text) {
            let Some(item) = self.items.iter_mut().find(|item| item.id == id) else {
                let noun = self.kind.noun;
                return Err(io::Error::other(format!("{test} cites {id}, which is no {noun}")));
            };
            item.tests.insert(test.into());
        }
        Ok(())
    }

    /// What is wrong: items that have neither a test nor a reason, or both, and a list that is not whole.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for id in self.kind.ids() {
            match self.items.iter().find(|item| item.id == id) {
                None => complaints.push(format!("{id} is not in the list")),
                Some(Item { reason: None, tests, text, .. }) if tests.is_empty() => {
                    complaints.push(format!("{id} has neither a test nor a reason: {text}"));
                }
                Some(Item { reason: Some(reason), tests, .. }) if !tests.is_empty() => {
                    let excuse = self.kind.excuse;
                    complaints
                        .push(format!("{id}: {excuse} ({reason}), and yet {tests:?} cite it"));
                }
                Some(_) => {}
            }
        }
        complaints
    }

    /// The list for people: each item with its tests, at most `most` of them, or its reason.
    #[must_use]
    pub fn report(&self, most: usize) -> String {
        let Kind { noun, excuse, .. } = self.kind;
        let mut out = String::new();
        for Item { id, reason, tests, text, .. } in &self.items {
            // Writing to a String never fails.
            let _ = writeln!(out, "{id:<6} {text}");
            if let Some(reason) = reason {
                let _ = writeln!(out, "       {excuse}: {reason}");
            }
            for test in tests.iter().take(most) {
                let _ = writeln!(out, "       {test}");
            }
            if tests.len() > most {
                let _ = writeln!(out, "       and {} more", tests.len() - most);
            }
        }
        let tested = self.items.iter().filter(|item| !item.tests.is_empty()).count();
        let reasoned = self.items.iter().filter(|item| item.reason.is_some()).count();
        let _ = write!(out, "{} {noun}s: {tested} tested, {reasoned} {excuse}", self.items.len());
        out
    }
}

/// What a program does that prints a list of this workspace, with three tests of each item, or with `--all`. It fails
/// if there is something wrong.
pub fn print(list: fn(&Path) -> io::Result<List>) -> ExitCode {
    let most = match env::args().nth(1).as_deref() {
        None => 3,
        Some("--all") => usize::MAX,
        Some(other) => {
            eprintln!("{other}: expected --all, or nothing");
            return ExitCode::FAILURE;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    let list = match list(root) {
        Ok(list) => list,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", list.report(most));
    let complaints = list.complaints();
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const ADAPTERS: &str = "conformance/tests/adapters/main.rs";
const STORES: &str = "conformance/tests/contract/main.rs";

/// What tests say of themselves, each with the test.
fn citations(root: &Path) -> io::Result<Vec<(String, String)>> {
    // The rules of a replay are those of its scenarios.
    let own = |check: &&adapter::Check| !check.name().starts_with("replay/");
    let adapters = adapter::Contract::checks().filter(own).map(|check| (ADAPTERS, check));
    let stores = contract::Contract::checks().map(|check| (STORES, check));
    let rule = |(file, check): (_, &contract::Check)| {
        (check.rule().into(), format!("{file}: {}", check.name()))
    };
    let mut found: Vec<_> = adapters.chain(stores).map(rule).collect();
    let mut files = Vec::new();
    for folder in ["core", "adapters", "conformance"] {
        rust_files(&root.join(folder), &mut files)?;
    }
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let comments = comments(&fs::read_to_string(&file)?);
        found.extend(comments.into_iter().map(|(text, test)| (text, format!("{name}: {test}"))));
    }
    Ok(found)
}

/// The comments directly above test functions, each with the function's name.
fn comments(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut comment, mut is_test) = (String::new(), false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("//") {
            comment.push_str(line);
        } else if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("test(");
        } else if let Some(name) = function_name(line) {
            if is_test && !comment.is_empty() {
                found.push((comment.clone(), name.into()));
            }
            comment.clear();
            is_test = false;
        } else {
            comment.clear();
            is_test = false;
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                rust_files(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(())
}

#[cfg(test)]
mod tests;
