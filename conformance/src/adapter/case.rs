//! One check of the contract, and how it is run.

use std::pin::Pin;

use super::bench::Bench;
use super::{Ability, Check};
use crate::suite::Outcome;

type Run = for<'a> fn(&'a Bench<'_>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// A check of adapters.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) check: Check,
    /// What the framework must be able to do.
    pub(super) needs: Option<Ability>,
    /// It replays scenarios.
    pub(super) replays: bool,
    pub(super) run: Run,
}

impl Case {
    pub(super) const fn new(
        name: &'static str,
        rule: &'static str,
        must: &'static str,
        run: Run,
    ) -> Self {
        Self { check: Check::new(name, rule, must), needs: None, replays: false, run }
    }

    /// It needs a framework that can do this.
    pub(super) const fn needs(mut self, ability: Ability) -> Self {
        self.needs = Some(ability);
        self
    }

    /// It replays scenarios.
    pub(super) const fn replaying(mut self) -> Self {
        self.replays = true;
        self
    }
}
