//! The rules of express-session's behaviour, B-001 to B-216, and where each is pinned.
//!
//! `rules.txt` has a line for each: its number, what it says, where it can't occur in Rust, why, and a
//! Q if it is a quirk ([`crate::quirks`]). Every other one is cited by a test: in the comment directly above
//! a test function of this workspace, in a check of the contracts, or in the name of a recorded scenario,
//! which the replay tests compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::read_file;
use crate::scenario::Scenario;
use crate::{adapter, contract};

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// It is a quirk.
    quirk: bool,
    /// Why it can't occur in Rust.
    pub(crate) reason: Option<&'static str>,
    /// The tests that cite it.
    pub(crate) tests: BTreeSet<String>,
    /// What it says.
    pub(crate) text: &'static str,
}

/// All rules with their tests.
#[derive(Debug)]
pub struct Rules(BTreeMap<&'static str, Rule>);

impl Rules {
    /// Reads the list, and looks for citations in the workspace at `root`.
    ///
    /// # Errors
    /// A file can't be read, or a test cites a rule that the list does not have.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mut rules = Self::list();
        for (file, what) in [(SCENARIOS, "recorded scenario"), (QUIRKS, "quirk")] {
            for scenario in read_file::<Scenario>(root.join(file))? {
                let (numbers, title) =
                    scenario.name.split_once(':').unwrap_or((&scenario.name, ""));
                rules.cite(numbers, &format!("{what}:{title}"))?;
            }
        }
        for (citation, test) in citations(root)? {
            rules.cite(&citation, &test)?;
        }
        Ok(rules)
    }

    fn list() -> Self {
        let lines = include_str!("../rules.txt").lines();
        Self(
            lines
                .map(|line| {
                    let mut fields = line.split('\t');
                    let mut field = || fields.next().unwrap_or_default();
                    let (number, text, reason, quirk) = (field(), field(), field(), field() == "Q");
                    let reason = (!reason.is_empty()).then_some(reason);
                    (number, Rule { quirk, reason, tests: BTreeSet::new(), text })
                })
                .collect(),
        )
    }

    fn cite(&mut self, text: &str, test: &str) -> io::Result<()> {
        for number in numbers(text) {
            let Some(rule) = self.0.get_mut(number) else {
                return Err(io::Error::other(format!("{test} cites {number}, which is no rule")));
            };
            rule.tests.insert(test.into());
        }
        Ok(())
    }

    /// The quirks, with their numbers.
    pub(crate) fn quirks(&self) -> impl Iterator<Item = (&'static str, &Rule)> {
        let rules = self.0.iter().filter(|(_, rule)| rule.quirk);
        rules.map(|(number, rule)| (*number, rule))
    }

    /// What is wrong: rules that neither have a test nor a reason, and a list that is not whole.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for number in 1..=LAST {
            let number = format!("B-{number:03}");
            match self.0.get(number.as_str()) {
                None => complaints.push(format!("{number} is not in the list")),
                Some(Rule { reason: None, tests, text, .. }) if tests.is_empty() => {
                    complaints.push(format!("{number} has neither a test nor a reason: {text}"));
                }
                Some(Rule { reason: Some(reason), tests, .. }) if !tests.is_empty() => {
                    complaints.push(format!(
                        "{number} can't occur ({reason}), and yet is cited by {tests:?}"
                    ));
                }
                Some(_) => {}
            }
        }
        complaints
    }

    /// The list for people: each rule with its tests, at most `most` of them, or its reason.
    #[must_use]
    pub fn report(&self, most: usize) -> String {
        let mut out = String::new();
        let mut tested = 0;
        for (number, Rule { reason, tests, text, .. }) in &self.0 {
            // Writing to a String never fails.
            let _ = writeln!(out, "{number}  {text}");
            tested += usize::from(!tests.is_empty());
            if let Some(reason) = reason {
                let _ = writeln!(out, "       can't occur: {reason}");
            }
            for test in tests.iter().take(most) {
                let _ = writeln!(out, "       {test}");
            }
            if tests.len() > most {
                let _ = writeln!(out, "       and {} more", tests.len() - most);
            }
        }
        let reasoned = self.0.values().filter(|rule| rule.reason.is_some()).count();
        let _ = write!(out, "{} rules: {tested} tested, {reasoned} can't occur", self.0.len());
        out
    }
}

const ADAPTERS: &str = "conformance/tests/adapters/main.rs";
const LAST: usize = 216;
const SCENARIOS: &str = "conformance/fixtures/rules.scenarios.jsonl.gz";
const QUIRKS: &str = "conformance/fixtures/quirks.scenarios.jsonl";
const STORES: &str = "conformance/tests/contract/main.rs";

/// The rule numbers in a text.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("B-").filter_map(|(at, _)| {
        let number = text.get(at..at + 5)?;
        number[2..].bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
    })
}

/// What tests say of themselves, each with the test: the comments directly above the test functions of the workspace
/// at `root`, and the rules of the contracts' checks.
pub(crate) fn citations(root: &Path) -> io::Result<Vec<(String, String)>> {
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
