//! What becomes of a store's operations when its server, or the way to it, fails: each operation under each
//! fault, on a real server (ST-4).
//!
//! The store talks to its server through a [`Proxy`], which breaks what the operation sends or is sent. After it, another
//! store that talks to the server directly says what is there. Whatever fails:
//!
//! - the answer comes in time, and is true, or an error that shows no id;
//! - what was acknowledged is there, whole, and what failed was done whole or not at all: not at all if the
//!   server did not get it;
//! - a write is sent once, and not tried again behind the application's back;
//! - the store goes on as soon as the server does, and nobody gets an answer that was another's.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use http_session_conformance::outages::{Outages, Proxy, WayFault};
//! # use http_session_store::MemoryStore as MyStore;
//! # async fn connect(port: u16) -> MyStore { MyStore::new() }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let proxy = Proxy::start(6379).await;
//! let (store, direct) = (connect(proxy.port()).await, connect(6379).await);
//! // Longer than the store waits for an answer.
//! let mut outages = Outages::new(store, direct, proxy, Duration::from_secs(5)).await;
//! for fault in [WayFault::Refused, WayFault::ResetAfter, WayFault::Late(Duration::from_secs(1))] {
//!     assert!(outages.on_the_way(fault).await.failed().count() == 8);
//! }
//! outages.assert();
//! # }
//! ```

use std::fmt;
use std::time::{Duration, Instant};

use http_session_store::Store;

mod operation;
mod proxy;

pub use self::operation::Operation;
pub use self::proxy::{Proxy, WayFault};

use self::operation::{Told, carry_out, found, prepare};
use crate::suite::Flaw;

/// How long a server that is well again may need until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store, its server, and what came of the faults so far.
#[derive(Debug)]
pub struct Outages<S> {
    store: S,
    direct: S,
    proxy: Proxy,
    limit: Duration,
    rows: Vec<Row>,
}

/// What came of each operation under one fault.
#[derive(Debug)]
pub struct Row {
    fault: String,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    operation: Operation,
    told: Told,
    done: bool,
    flaw: Option<Flaw>,
}

/// What a fault leaves open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Effect {
    /// The server did it, whatever the store says.
    Done,
    /// As the store says: what it calls a failure was not done.
    AsTold,
    /// It was not done.
    NotDone,
}

impl<S: Store> Outages<S> {
    /// `store` talks to its server through `proxy`, `direct` does not, and they share their records. Each answer must
    /// come within `limit`.
    ///
    /// # Panics
    /// If an operation fails although nothing is broken.
    pub async fn new(store: S, direct: S, proxy: Proxy, limit: Duration) -> Self {
        let mut outages = Self { store, direct, proxy, limit, rows: Vec::new() };
        // The store has then sent each statement once, and made its connections.
        let row = outages.under("none", None, Effect::AsTold, async |_| {}).await;
        assert!(row.cells.iter().all(|cell| cell.told == Told::Done), "nothing is broken: {row}");
        outages
    }

    /// Each operation under a fault of the way to the server.
    pub async fn on_the_way(&mut self, fault: WayFault) -> &Row {
        let effect = match fault {
            WayFault::Refused | WayFault::ResetBefore => Effect::NotDone,
            _ => Effect::Done,
        };
        self.under(&fault.to_string(), Some(fault), effect, async |_| {}).await
    }

    /// Each operation while the server is in a state: `failing(true)` brings it about, `failing(false)` ends it.
    pub async fn at_the_server(&mut self, state: &str, failing: impl AsyncFn(bool)) -> &Row {
        self.under(state, None, Effect::AsTold, failing).await
    }

    /// # Panics
    /// If something was not as it must be, with what came of all operations.
    #[track_caller]
    pub fn assert(&self) {
        let flawed = self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.flaw.is_some());
        assert!(!flawed, "{self}");
    }

    /// What was not as it must be, in the order of the faults and operations.
    pub fn flaws(&self) -> impl Iterator<Item = &Flaw> {
        self.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.flaw.as_ref())
    }

    async fn under(
        &mut self,
        name: &str,
        fault: Option<WayFault>,
        effect: Effect,
        failing: impl AsyncFn(bool),
    ) -> &Row {
        let mut keys = Vec::new();
        for operation in Operation::ALL {
            let key = format!("outage-{}-{}-{operation}", std::process::id(), self.rows.len());
            let version = prepare(&self.direct, operation, &key).await;
            keys.push((operation, key, version));
        }
        failing(true).await;
        let mut answers = Vec::new();
        for (operation, key, version) in &keys {
            self.proxy.begin(fault.clone(), key).await;
            let asked = Instant::now();
            let told = carry_out(&self.store, *operation, key, version.clone()).await;
            let took = asked.elapsed();
            answers.push((told, took, self.proxy.end().await));
        }
        failing(false).await;
        let mut row = Row { fault: name.into(), cells: Vec::new() };
        for ((operation, key, _), (told, took, sent)) in keys.into_iter().zip(answers) {
            let state = found(&self.direct, &key).await;
            let done = state == operation.after();
            let on_the_way = fault.as_ref().map(|fault| fault.is_hit(sent));
            let mut flaw = None;
            let mut must = |holds: bool, expected: &str, was: String| {
                if !holds && flaw.is_none() {
                    flaw = Some(Flaw::new(format!("{name}, {operation}"), expected, was));
                }
            };
            must(on_the_way != Some(false), "it to be sent once", format!("sent {sent} times"));
            must(took < self.limit, "an answer in time", format!("after {took:?}"));
            let whole = done || state == operation.before();
            must(whole, "all of it or nothing", format!("{state:?}, and the store said {told:?}"));
            let true_to_state = match &told {
                Told::Done => done,
                Told::NotDone => state == operation.before(),
                Told::Failed(error) => {
                    must(!error.contains(&key), "an error without ids", error.clone());
                    let changes = operation.before() != operation.after();
                    match effect {
                        Effect::Done => done,
                        Effect::AsTold | Effect::NotDone => !(done && changes),
                    }
                }
                Told::Untrue(_) => false,
            };
            must(true_to_state, "an answer that is true", format!("{told:?} with {state:?}"));
            let failed = matches!(told, Told::Failed(_));
            must(effect != Effect::NotDone || failed, "an error", format!("{told:?}"));
            let again = self.goes_on(&key).await;
            must(again.is_ok(), "service to go on", again.err().unwrap_or_default());
            row.cells.push(Cell { operation, told, done, flaw });
        }
        self.rows.push(row);
        self.rows.last().expect("it was pushed")
    }

    /// Does the store soon read what is there, and that alone?
    async fn goes_on(&self, key: &str) -> Result<(), String> {
        let started = Instant::now();
        let there = found(&self.direct, key).await;
        loop {
            let seen = operation::try_found(&self.store, key).await;
            match seen {
                Ok(seen) if seen == there => return Ok(()),
                Ok(seen) => return Err(format!("{seen:?} instead of {there:?}")),
                Err(error) if started.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl Row {
    /// The operations that were answered with an error.
    pub fn failed(&self) -> impl Iterator<Item = Operation> {
        let failed = self.cells.iter().filter(|cell| matches!(cell.told, Told::Failed(_)));
        failed.map(|cell| cell.operation)
    }
}

impl<S> fmt::Display for Outages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        let flaws =
            self.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.flaw.as_ref());
        for flaw in flaws {
            writeln!(f, "{flaw}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.fault)?;
        for Cell { operation, told, done, .. } in &self.cells {
            let told = match told {
                Told::Done => "ok",
                Told::Failed(_) => "error",
                Told::NotDone => "ok, not done",
                Told::Untrue(_) => "untrue",
            };
            let changes = operation.before() != operation.after();
            let done = if *done && changes { " (done)" } else { "" };
            write!(f, " {operation} {told}{done};")?;
        }
        Ok(())
    }
}
