//! What came of the checks.

use std::fmt;

use super::{Check, Flaw, Outcome};

/// What came of each check, in their order.
#[derive(Debug)]
#[must_use = "it may say that the subject is broken"]
pub struct Report {
    /// What keeps the contract or not: a store, an adapter.
    subject: &'static str,
    verdicts: Vec<(&'static Check, Verdict)>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Failed(Flaw),
    /// The run ended before.
    NotRun,
    Passed,
    /// It is not for this kind of subject; why, if that was said.
    Skipped(Option<String>),
}

impl Verdict {
    pub(crate) fn of(outcome: Outcome) -> Self {
        outcome.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

impl Report {
    pub(crate) const fn new(
        subject: &'static str,
        verdicts: Vec<(&'static Check, Verdict)>,
    ) -> Self {
        Self { subject, verdicts }
    }

    /// # Panics
    /// If a check failed, with the list of those that did.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.failures().next().is_none(), "{self}");
    }

    /// The checks that failed and how, in their order: the first one names the defect.
    pub fn failures(&self) -> impl Iterator<Item = (&'static Check, &Flaw)> {
        self.verdicts.iter().filter_map(|(check, verdict)| match verdict {
            Verdict::Failed(flaw) => Some((*check, flaw)),
            _ => None,
        })
    }

    /// The checks that are not for this kind of subject.
    pub fn skipped(&self) -> impl Iterator<Item = &'static Check> {
        self.skips().map(|(check, _)| check)
    }

    fn skips(&self) -> impl Iterator<Item = (&'static Check, Option<&str>)> {
        self.verdicts.iter().filter_map(|(check, verdict)| match verdict {
            Verdict::Skipped(reason) => Some((*check, reason.as_deref())),
            _ => None,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, verdicts } = self;
        let (all, failed, skipped) =
            (verdicts.len(), self.failures().count(), self.skipped().count());
        writeln!(f, "the {subject}'s contract: {all} checks, {failed} failed, {skipped} skipped")?;
        for (check, flaw) in self.failures() {
            writeln!(f, "\n{} ({}): {}\n    {flaw}", check.name(), check.rule(), check.must())?;
        }
        for (check, reason) in self.skips() {
            let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            let (name, must) = (check.name(), check.must());
            writeln!(f, "\nskipped, for this kind of {subject}{reason}: {name}: {must}")?;
        }
        let not_run = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::NotRun));
        match not_run.count() {
            0 => Ok(()),
            number => writeln!(f, "\n{number} checks were not run: the run ended before"),
        }
    }
}
