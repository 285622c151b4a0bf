//! What came of the checks.

use std::fmt;

use super::check::{Check, Outcome};
use super::flaw::Flaw;

/// What came of each check, in their order.
#[derive(Debug)]
#[must_use = "it may say that the store is broken"]
pub struct Report(Vec<(&'static Check, Verdict)>);

#[derive(Debug)]
pub(super) enum Verdict {
    Failed(Flaw),
    Passed,
    Skipped,
}

impl Verdict {
    pub(super) fn of(outcome: Outcome) -> Self {
        outcome.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

impl Report {
    pub(super) const fn new(verdicts: Vec<(&'static Check, Verdict)>) -> Self {
        Self(verdicts)
    }

    /// # Panics
    /// If a check failed, with the list of those that did.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.failures().next().is_none(), "{self}");
    }

    /// The checks that failed and how, in their order: the first one names the defect.
    pub fn failures(&self) -> impl Iterator<Item = (&'static Check, &Flaw)> {
        self.0.iter().filter_map(|(check, verdict)| match verdict {
            Verdict::Failed(flaw) => Some((*check, flaw)),
            Verdict::Passed | Verdict::Skipped => None,
        })
    }

    /// The checks that are not for this kind of store.
    pub fn skipped(&self) -> impl Iterator<Item = &'static Check> {
        let skipped = self.0.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped));
        skipped.map(|(check, _)| *check)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, failed, skipped) =
            (self.0.len(), self.failures().count(), self.skipped().count());
        writeln!(f, "the store's contract: {all} checks, {failed} failed, {skipped} skipped")?;
        for (check, flaw) in self.failures() {
            writeln!(f, "\n{} ({}): {}\n    {flaw}", check.name(), check.rule(), check.must())?;
        }
        for check in self.skipped() {
            writeln!(f, "\nskipped, for this kind of store: {}: {}", check.name(), check.must())?;
        }
        Ok(())
    }
}
