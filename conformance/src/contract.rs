//! The contract for stores: what every [`Store`] must do, as checks that any author of one can run.
//!
//! One test file is enough. It says what kind of store it is, and how to open one:
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//!
//! use http_session_conformance::contract::Contract;
//! use http_session_store::MemoryStore;
//!
//! #[tokio::test(flavor = "multi_thread")]
//! # async fn in_a_test() {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() { memory_store_keeps_the_contract().await }
//! async fn memory_store_keeps_the_contract() {
//!     let stores = Mutex::new(HashMap::<String, MemoryStore>::new());
//!     let contract = Contract::new(async |name: &str| {
//!         // A store with a server connects, and makes a prefix or a table of the name.
//!         stores.lock().expect("no panic").entry(name.into()).or_default().clone()
//!     });
//!     contract.run().await.assert();
//! }
//! ```
//!
//! [`Report::assert`] panics with a list of the checks that failed: the rule, what was expected, and what
//! the store answered. Read the first one first: the checks go from the simple to the difficult, so it
//! names the defect, and those after it may be its consequences.
//!
//! A store of which not everything can be asked says so: [`Contract::granularity`], [`Contract::clock`],
//! [`Contract::rewrites_json`], [`Contract::without_atomic_rotation`], [`Contract::without_versions`]. With
//! [`Contract::outage`] it is also checked that a failure is an error, and no empty answer.
//!
//! | Check | What the store must do | Rule |
//! | --- | --- | --- |
#![doc = include_str!("contract/checks.md")]

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http_session_store::Store;

mod case;
mod checks;
mod client;
mod handle;
mod subject;

pub use crate::suite::{Check, Flaw, Report};

use self::case::Case;
use self::handle::{Factory, Open};
use self::subject::Subject;
use crate::sample::random;
use crate::suite::{Outcome, Verdict, carry_out};

/// How long a check may take: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A kind of store, and how one is opened.
pub struct Contract<'a> {
    kind: Kind,
    open: Box<dyn Open + 'a>,
    outage: Option<Box<dyn Open + 'a>>,
}

/// What kind of store it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) atomic_rotation: bool,
    pub(crate) clock: Clock,
    pub(crate) granularity: Duration,
    pub(crate) outage: bool,
    pub(crate) rewrites_json: bool,
    pub(crate) versions: bool,
}

/// Whose clock says that a record has expired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Clock {
    /// That of the operation, its `now`: the checks move it as they like, and never wait.
    Operation,
    /// That of the store's server: the checks wait until records expire, all at the same time.
    Server,
}

impl<'a> Contract<'a> {
    /// The contract for stores that `open` opens.
    ///
    /// The name says which records the store has: two stores opened by one name stand for two
    /// processes that share their records, and those of other names know nothing of each other. What a name has never
    /// been used for is empty: each run makes names of its own, so nothing needs to be cleared. A name has up
    /// to 40 bytes, and any characters: a store whose prefixes or tables can't have them must encode it.
    ///
    /// A run leaves records behind, which end within two hours, or have no end.
    ///
    /// If `open` panics, for example because there is no connection, the run ends.
    pub fn new<S, F>(open: F) -> Self
    where
        S: Store + 'static,
        F: AsyncFn(&str) -> S + 'a,
    {
        let kind = Kind {
            atomic_rotation: true,
            clock: Clock::Operation,
            granularity: Duration::ZERO,
            outage: false,
            rewrites_json: false,
            versions: true,
        };
        Self { kind, open: Box::new(Factory::new(open)), outage: None }
    }

    /// Whose clock says that a record has expired; the operation's by default.
    #[must_use]
    pub const fn clock(mut self, clock: Clock) -> Self {
        self.kind.clock = clock;
        self
    }

    /// How much longer than its end a record may live, because the store counts in units of this length.
    /// By default it is gone at the very millisecond of its end (B-200). One second for a store that
    /// rounds up to whole seconds, one millisecond for a store in which a record is alive at its end. No
    /// record may expire before its end.
    #[must_use]
    pub const fn granularity(mut self, granularity: Duration) -> Self {
        self.kind.granularity = granularity;
        self
    }

    /// A store that can't be reached or always fails, as `open` opens it without a name: then each
    /// operation must be an error, and no error shows an id or data.
    #[must_use]
    pub fn outage<S, F>(mut self, open: F) -> Self
    where
        S: Store + 'static,
        F: AsyncFn() -> S + 'a,
    {
        self.outage = Some(Box::new(Factory::new(async move |_: &str| open().await)));
        self.kind.outage = true;
        self
    }

    /// The store gives back an equal JSON value, but not the same bytes: another order of keys, other
    /// white space.
    #[must_use]
    pub const fn rewrites_json(mut self) -> Self {
        self.kind.rewrites_json = true;
        self
    }

    /// The store's rotation is two steps ([`AtomicRotation`](http_session_store::AtomicRotation)).
    #[must_use]
    pub const fn without_atomic_rotation(mut self) -> Self {
        self.kind.atomic_rotation = false;
        self
    }

    /// The store keeps no versions.
    #[must_use]
    pub const fn without_versions(mut self) -> Self {
        self.kind.versions = false;
        self
    }

    /// All checks, in the order in which they run.
    pub fn checks() -> impl Iterator<Item = &'static Check> {
        cases().map(|case| &case.check)
    }

    /// Runs all checks that are for this kind of store, one by one. Those that wait for a server's clock
    /// run last and at the same time. A store that panics or hangs has failed the check.
    ///
    /// It needs a tokio runtime with its timer. Take one with several threads
    /// (`#[tokio::test(flavor = "multi_thread")]`): races are then real ones.
    pub async fn run(&self) -> Report {
        let run = random() as u32;
        let mut report: Vec<_> =
            Self::checks().map(|check| (check, Verdict::Skipped(None))).collect();
        let mut waiting = Vec::new();
        for (number, (case, (_, verdict))) in cases().zip(&mut report).enumerate() {
            if case.is_for(self.kind) {
                let verdict = async move {
                    *verdict = Verdict::of(self.carry_out(case, run, number).await);
                };
                if case.waits && self.kind.clock == Clock::Server {
                    waiting.push(Box::pin(verdict));
                } else {
                    verdict.await;
                }
            }
        }
        join_all(waiting).await;
        Report::new("store", report)
    }

    async fn carry_out(&self, case: &Case, run: u32, number: usize) -> Outcome {
        let outcome = async {
            let tag = format!("{run:x}-{number}");
            let subject = Subject::open(self.kind, &*self.open, self.outage.as_deref(), tag).await;
            (case.run)(&subject).await
        };
        carry_out(LIMIT, outcome).await
    }
}

impl fmt::Debug for Contract<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn cases() -> impl Iterator<Item = &'static Case> {
    checks::ALL.into_iter().flatten()
}

/// Carries out all of them at the same time, on this task.
async fn join_all<F: Future<Output = ()>>(mut futures: Vec<Pin<Box<F>>>) {
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
