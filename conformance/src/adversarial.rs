//! The attacks that the library is tested with, by their ids, and where each is carried out.
//!
//! `attacks.txt` has a line for each: its id, what is tried and what is expected, and why it can't be tried or is
//! not answered yet. Every other one is cited by a test: in the comment directly above a test function of this
//! workspace (`// CK-3: …`), or in the rule of a check of the contracts.
//!
//! | ids | what is attacked |
//! | --- | --- |
//! | CK | how cookies are read and written |
//! | SG | signatures, and what stands behind them |
//! | FX | whose session it is |
//! | RC | requests at the same time |
//! | EX | the end of a session, and clocks |
//! | PX | proxies and caches |
//! | ST | stores |
//! | DS | what a request costs |
//! | LG | what is printed |
//! | CF | options |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::rules::citations;

/// One attack.
#[derive(Debug)]
struct Attack {
    id: &'static str,
    /// Why there is no test.
    reason: Option<&'static str>,
    tests: BTreeSet<String>,
    /// What is tried, and what is expected.
    text: &'static str,
}

/// All attacks with their tests.
#[derive(Debug)]
pub struct Attacks(Vec<Attack>);

impl Attacks {
    /// Reads the list, and looks for citations in the workspace at `root`.
    ///
    /// # Errors
    /// A file can't be read, or a test cites an attack that the list does not have.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mut attacks = Self::list();
        for (citation, test) in citations(root)? {
            attacks.cite(&citation, &test)?;
        }
        Ok(attacks)
    }

    fn list() -> Self {
        let attack = |line: &'static str| {
            let mut fields = line.split('\t');
            let mut field = || fields.next().unwrap_or_default();
            let (id, text, reason) = (field(), field(), field());
            let reason = (!reason.is_empty()).then_some(reason);
            Attack { id, reason, tests: BTreeSet::new(), text }
        };
        Self(include_str!("adversarial/attacks.txt").lines().map(attack).collect())
    }

    fn cite(&mut self, text: &str, test: &str) -> io::Result<()> {
        for id in ids(text) {
            let Some(attack) = self.0.iter_mut().find(|attack| attack.id == id) else {
                return Err(io::Error::other(format!("{test} cites {id}, which is no attack")));
            };
            attack.tests.insert(test.into());
        }
        Ok(())
    }

    /// What is wrong: attacks that have neither a test nor a reason, or both, and a list that is not whole.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let ids: BTreeMap<_, _> = self.0.iter().map(|attack| (attack.id, attack)).collect();
        for (group, last) in GROUPS {
            for id in (1..=last).map(|number| format!("{group}-{number}")) {
                match ids.get(id.as_str()) {
                    None => complaints.push(format!("{id} is not in the list")),
                    Some(Attack { reason: None, tests, text, .. }) if tests.is_empty() => {
                        complaints.push(format!("{id} has neither a test nor a reason: {text}"));
                    }
                    Some(Attack { reason: Some(reason), tests, .. }) if !tests.is_empty() => {
                        complaints.push(format!(
                            "{id} has a reason ({reason}), and yet tests: {tests:?}"
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
        complaints
    }

    /// The list for people: each attack with its tests, at most `most` of them, or its reason.
    #[must_use]
    pub fn report(&self, most: usize) -> String {
        let mut out = String::new();
        for Attack { id, reason, tests, text } in &self.0 {
            // Writing to a String never fails.
            let _ = writeln!(out, "{id:<6} {text}");
            if let Some(reason) = reason {
                let _ = writeln!(out, "       no test: {reason}");
            }
            for test in tests.iter().take(most) {
                let _ = writeln!(out, "       {test}");
            }
            if tests.len() > most {
                let _ = writeln!(out, "       and {} more", tests.len() - most);
            }
        }
        let tested = self.0.iter().filter(|attack| !attack.tests.is_empty()).count();
        let reasoned = self.0.iter().filter(|attack| attack.reason.is_some()).count();
        let _ = write!(
            out,
            "{} attacks: {tested} tested, {reasoned} with a reason why not",
            self.0.len()
        );
        out
    }
}

/// The groups of ids, and the last number of each.
const GROUPS: [(&str, u8); 10] = [
    ("CK", 10),
    ("SG", 8),
    ("FX", 8),
    ("RC", 11),
    ("EX", 11),
    ("PX", 9),
    ("ST", 11),
    ("DS", 8),
    ("LG", 5),
    ("CF", 8),
];

/// The ids of attacks in a text.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|end: char| !(end.is_ascii_alphanumeric() || end == '-'));
    words.filter(|word| {
        let group = |(group, number): (&str, &str)| {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            digits && GROUPS.iter().any(|(known, _)| *known == group)
        };
        word.split_once('-').is_some_and(group)
    })
}

#[cfg(test)]
mod tests;
