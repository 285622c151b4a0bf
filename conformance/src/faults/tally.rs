//! How often each rule's premise held, and what broke it.

use std::collections::BTreeMap;
use std::fmt;

use super::{Fault, Rule};

/// How often each rule's premise held, and what broke it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often the premise of each rule held.
    held: BTreeMap<Rule, u64>,
    /// How often each rule was broken, and the first case.
    broken: BTreeMap<Rule, (u64, String)>,
    /// How many runs each fault had an effect in.
    runs: BTreeMap<Fault, u64>,
    scenarios: u64,
}

impl Tally {
    pub(super) fn scenario(&mut self) {
        self.scenarios += 1;
    }

    pub(super) fn run(&mut self, fault: Fault) {
        *self.runs.entry(fault).or_default() += 1;
    }

    pub(super) fn check(&mut self, rule: Rule, holds: bool, case: impl FnOnce() -> String) {
        *self.held.entry(rule).or_default() += 1;
        if !holds {
            self.broken.entry(rule).or_insert_with(|| (0, case())).0 += 1;
        }
    }

    /// How often the rule's premise held.
    pub fn held(&self, rule: Rule) -> u64 {
        self.held.get(&rule).copied().unwrap_or_default()
    }

    /// How often the rule was broken.
    pub fn broken(&self, rule: Rule) -> u64 {
        self.broken.get(&rule).map_or(0, |(number, _)| *number)
    }

    /// In how many runs the fault had an effect.
    pub fn runs(&self, fault: Fault) -> u64 {
        self.runs.get(&fault).copied().unwrap_or_default()
    }

    /// Was no rule broken?
    pub fn passed(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs: u64 = self.runs.values().sum();
        writeln!(f, "{} scenarios, {runs} runs with a fault", self.scenarios)?;
        for &fault in Fault::ALL {
            writeln!(f, "{:>10}  {fault}", self.runs(fault))?;
        }
        for &rule in Rule::ALL {
            writeln!(f, "{:>10}  {rule}", self.held(rule))?;
        }
        for (rule, (number, case)) in &self.broken {
            writeln!(f, "\nbroken {number} times: {rule}\n    {case}")?;
        }
        Ok(())
    }
}
