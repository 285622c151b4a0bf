//! The contract for adapters: what every adapter must do, as checks that any author of one can run.
//!
//! One test file is enough. It says how to start the framework with the session layer in it, and hands each
//! request's [step](App::STEP) and session to [`App::handle`]; what the handler then does, and what the store
//! does, is the suite's. This one is for the axum adapter:
//!
//! ```
#![doc = include_str!("adapter/example.rs")]
//! # fn main() { my_adapter_keeps_the_contract() }
//! ```
//!
//! [`Report::assert`] panics with a list of the checks that failed: the rule, what was expected, and what
//! was done. Read the first one first: the checks go from the simple to the difficult, so it
//! names the defect, and those after it may be its consequences.
//!
//! What a framework can't do is said with [`Contract::without`], and why. The checks that need it are
//! then skipped, and the report says so.
//!
//! | Check | What the adapter must do | Rule |
//! | --- | --- | --- |
#![doc = include_str!("adapter/checks.md")]

use std::fmt;
use std::time::Duration;

use tokio::runtime::Builder;

mod ability;
mod answer;
mod app;
mod bench;
mod case;
mod checks;
mod recorded;
mod reply;
mod shelf;
mod site;
mod start;
mod visit;
mod wire;

pub use self::ability::Ability;
pub use self::app::{App, Mounting, Routes, Second};
pub use self::reply::{Body, Chunks, Reply};
pub use self::start::Started;
pub use crate::suite::{Check, Flaw, Report};

pub(crate) use self::recorded::replay;

use self::bench::Bench;
use self::case::Case;
use self::start::Start;
use crate::suite::{Outcome, Verdict, carry_out};

/// How long a check may take: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// An adapter, what its framework can't do, and how an application with both is started.
pub struct Contract<'a> {
    every: usize,
    stops: bool,
    start: Box<dyn Start + 'a>,
    without: Vec<(Ability, String)>,
}

impl<'a> Contract<'a> {
    /// The contract for an adapter with which `start` starts applications: on a free port of 127.0.0.1,
    /// as the [`App`] says, and says where. It is started anew for each check, in a tokio runtime that ends
    /// with it and has two threads; what runs outside of that runtime may go on until the process ends.
    ///
    /// An error says that the application does not launch. That is right where the session
    /// layer is missing or there twice ([`Mounting`]), and fails any other check.
    pub fn new<F>(start: F) -> Self
    where
        F: AsyncFn(App) -> Started + 'a,
    {
        Self { every: 20, stops: false, start: Box::new(start), without: Vec::new() }
    }

    /// Of the recorded scenarios, each `every`th is replayed, and all of those that are named after a rule;
    /// 20 by default, 1 for all.
    ///
    /// # Panics
    /// If `every` is 0.
    #[must_use]
    pub const fn every(mut self, every: usize) -> Self {
        assert!(every > 0, "0 is no step");
        self.every = every;
        self
    }

    /// The run ends with the first check that fails.
    #[must_use]
    pub const fn stop_at_first_failure(mut self) -> Self {
        self.stops = true;
        self
    }

    /// The framework can't do this, for this reason: what needs it is skipped.
    #[must_use]
    pub fn without(mut self, ability: Ability, reason: impl Into<String>) -> Self {
        self.without.push((ability, reason.into()));
        self
    }

    /// All checks, in the order in which they run.
    pub fn checks() -> impl Iterator<Item = &'static Check> {
        cases().map(|case| &case.check)
    }

    /// Runs all checks that are for this kind of adapter, one by one. An application that hangs has failed
    /// the check.
    ///
    /// It takes a few seconds, most of which are waits for what must not happen.
    ///
    /// # Panics
    /// Within a tokio runtime: it makes its own. Call it from a plain `#[test]`.
    pub fn run(&self) -> Report {
        let mut failed = false;
        let mut verdict = |case: &Case| {
            let verdict = match self.skips(case) {
                Some(reason) => Verdict::Skipped(Some(reason.into())),
                None if failed && self.stops => Verdict::NotRun,
                None => Verdict::of(self.carry_out(case)),
            };
            failed |= matches!(verdict, Verdict::Failed(_));
            verdict
        };
        Report::new("adapter", cases().map(|case| (&case.check, verdict(case))).collect())
    }

    fn skips(&self, case: &Case) -> Option<&str> {
        let mut without = self.without.iter();
        without.find(|(ability, _)| case.needs == Some(*ability)).map(|(_, reason)| &**reason)
    }

    fn carry_out(&self, case: &Case) -> Outcome {
        // Scenarios' reports are collected on one thread; all else races for real.
        let mut builder =
            if case.replays { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime =
            builder.worker_threads(2).enable_all().build().expect("a runtime can be made");
        let without = self.without.iter().map(|(ability, _)| *ability).collect();
        let bench = Bench::new(&*self.start, without, self.every);
        let outcome = runtime.block_on(carry_out(LIMIT, (case.run)(&bench)));
        runtime.shutdown_background();
        outcome
    }
}

impl fmt::Debug for Contract<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").field("without", &self.without).finish_non_exhaustive()
    }
}

fn cases() -> impl Iterator<Item = &'static Case> {
    checks::ALL.into_iter().flatten()
}
