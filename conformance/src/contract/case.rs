//! One check of the contract, and how it is run.

use std::pin::Pin;

use super::Kind;
use super::subject::Subject;
use crate::suite::{Check, Outcome};

type Run = for<'a> fn(&'a Subject<'_>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A check of stores.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) check: Check,
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

impl Case {
    pub(super) const fn new(
        name: &'static str,
        rule: &'static str,
        must: &'static str,
        run: Run,
    ) -> Self {
        Self { check: Check::new(name, rule, must), needs: Needs::Nothing, run, waits: false }
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
}
