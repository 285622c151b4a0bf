//! The rules of express-session's behaviour, B-001 to B-216, and where each is pinned.
//!
//! `rules.txt` has a line for each: its number, what it says, where it can't occur in Rust, why, and a
//! Q if it is a quirk ([`crate::quirks`]). Every other one is cited by a test: in the comment directly above
//! a test function of this workspace, in a check of the contracts, or in the name of a recorded scenario,
//! which the replay tests compare.

use std::io;
use std::path::Path;

use crate::citations::{Kind, List};
use crate::files::read_file;
use crate::scenario::Scenario;

pub(crate) static KIND: Kind = Kind {
    noun: "rule",
    excuse: "can't occur",
    groups: &[("B", 216)],
    digits: 3,
    lines: include_str!("../rules.txt"),
};

const SCENARIOS: &str = "conformance/fixtures/rules.scenarios.jsonl.gz";
const QUIRKS: &str = "conformance/fixtures/quirks.scenarios.jsonl";

/// All rules with their tests: reads the list, and looks for citations in the workspace at `root`.
///
/// # Errors
/// A file can't be read, or a test cites a rule that the list does not have.
pub fn rules(root: &Path) -> io::Result<List> {
    let mut rules = List::cited_in(root, &KIND)?;
    for (file, what) in [(SCENARIOS, "recorded scenario"), (QUIRKS, "quirk")] {
        for scenario in read_file::<Scenario>(root.join(file))? {
            let (numbers, title) = scenario.name.split_once(':').unwrap_or((&scenario.name, ""));
            rules.cite(numbers, &format!("{what}:{title}"))?;
        }
    }
    Ok(rules)
}
