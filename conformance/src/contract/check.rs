//! One check of the contract.

use std::pin::Pin;

use super::subject::Subject;
use super::{Flaw, Kind};

/// How a check ends.
pub(super) type Outcome = Result<(), Flaw>;

type Run = for<'a> fn(&'a Subject<'_>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One thing that a store must do.
#[derive(Debug)]
pub struct Check {
    name: &'static str,
    must: &'static str,
    rule: &'static str,
    /// Which stores it is for.
    needs: Needs,
    pub(super) run: Run,
    /// It waits for records to expire.
    pub(super) waits: bool,
}

#[derive(Clone, Copy, Debug)]
enum Needs {
    AtomicRotation,
    Nothing,
    Outage,
    Versions,
}

impl Check {
    pub(super) const fn new(
        name: &'static str,
        rule: &'static str,
        must: &'static str,
        run: Run,
    ) -> Self {
        Self { name, must, rule, needs: Needs::Nothing, run, waits: false }
    }

    /// It is for stores with atomic rotation.
    pub(super) const fn of_atomic_rotation(mut self) -> Self {
        self.needs = Needs::AtomicRotation;
        self
    }

    /// It is for stores whose failure can be had.
    pub(super) const fn of_outage(mut self) -> Self {
        self.needs = Needs::Outage;
        self
    }

    /// It is for stores with versions.
    pub(super) const fn of_versions(mut self) -> Self {
        self.needs = Needs::Versions;
        self
    }

    /// It waits for records to expire.
    pub(super) const fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    pub(super) const fn is_for(&self, kind: Kind) -> bool {
        match self.needs {
            Needs::AtomicRotation => kind.atomic_rotation && kind.versions,
            Needs::Nothing => true,
            Needs::Outage => kind.outage,
            Needs::Versions => kind.versions,
        }
    }

    /// Its name: a group, a slash, and a word.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the store must do, in a sentence without the store.
    pub const fn must(&self) -> &'static str {
        self.must
    }

    /// Where that is said: rules (B-…, F-…), or an item of [`http_session::store`].
    pub const fn rule(&self) -> &'static str {
        self.rule
    }
}
