//! One check: what it is called, what must be done, and where that is said.

use super::Flaw;

/// How a check ends.
pub(crate) type Outcome = Result<(), Flaw>;

/// One thing that must be done.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    name: &'static str,
    must: &'static str,
    rule: &'static str,
}

impl Check {
    pub(crate) const fn new(name: &'static str, rule: &'static str, must: &'static str) -> Self {
        Self { name, must, rule }
    }

    /// Its name: a group, a slash, and a word.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What must be done, in a sentence without its subject.
    pub const fn must(&self) -> &'static str {
        self.must
    }

    /// Where that is said: rules (B-…, D-…, F-…), a section of an RFC, or an item of the library; and which attack
    /// it is (CK-…).
    pub const fn rule(&self) -> &'static str {
        self.rule
    }
}
