//! What becomes of a store's operations when its server, or the way to it, fails: each operation under each
//! fault, on a real server (ST-4).
//!
//! The store talks to its server through a [`Proxy`], which breaks what an operation sends or is sent. After it, another
//! store that talks to the server directly says what is there. Whatever fails:
//!
//! - the answer comes in time, and is true, or an error that shows no id;
//! - what was acknowledged is there, and what failed was done whole or not at all: not at all if the server did
//!   not get it, or refused it;
//! - what has reached the server is not sent again behind the application's back;
//! - the store goes on as soon as the server does, and nobody gets an answer that was another's.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use http_session_conformance::outages::{Operation, Outages, Proxy, WayFault};
//! # use http_session_store::MemoryStore as MyStore;
//! # async fn connect(port: u16) -> MyStore { MyStore::new() }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let proxy = Proxy::start(6379);
//! // A store that waits a second for an answer, by itself or by a `Deadline` around it.
//! let (store, direct) = (connect(proxy.port()).await, connect(6379).await);
//! let mut outages = Outages::new(store, direct, proxy, Duration::from_secs(10)).await;
//! for fault in WayFault::usual(Duration::from_secs(2)) {
//!     assert!(outages.on_the_way(fault).await.failed().eq(Operation::ALL));
//! }
//! let forbid = async |forbidden: bool| { /* take the store's permissions, and give them back */ };
//! outages.at_the_server("no longer allowed anything", forbid).await;
//! println!("{outages}");
//! outages.assert();
//! # }
//! ```

use std::fmt;
use std::time::{Duration, Instant};

use http_session_store::Store;
use tokio::time::{sleep, timeout};

mod operation;
mod proxy;

pub use self::operation::Operation;
pub use self::proxy::{Proxy, WayFault};

use self::operation::{Case, State, Told};
use crate::sample::random;
use crate::suite::{Flaw, Outcome, ensure};

/// A store, its server, and what came of the faults so far.
#[derive(Debug)]
pub struct Outages<S> {
    store: S,
    direct: S,
    proxy: Proxy,
    limit: Duration,
    operations: Vec<Operation>,
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

/// What came of an operation, before anybody has looked at what is there.
struct Seen {
    told: Told,
    /// The fault has happened.
    met: bool,
    /// How often it was sent.
    sent: usize,
}

impl<S: Store> Outages<S> {
    /// `store` talks to its server through `proxy`, `direct` does not, and they share their records. Each answer must come
    /// within `limit`, and the store must go on within it when nothing is broken any more: it is much longer than the
    /// store waits for an answer.
    ///
    /// Each operation is asked once to begin with. It is a flaw if one fails; a store that does not renew a record as it
    /// loads it is not asked to later.
    pub async fn new(store: S, direct: S, proxy: Proxy, limit: Duration) -> Self {
        let operations = Operation::ALL.into();
        let mut outages = Self { store, direct, proxy, limit, operations, rows: Vec::new() };
        let cells = &outages.under("nothing broken", None, async |_| {}).await.cells;
        let idle = cells.iter().filter(|cell| cell.told == Told::NotDone);
        let idle: Vec<_> = idle.map(|cell| cell.operation).collect();
        outages.operations.retain(|operation| !idle.contains(operation));
        outages
    }

    /// Each operation under a fault of the way to the server. It must be sent once, in one piece with its id in it,
    /// and answered with an error, but for a garbled answer that the store may take for a true one.
    pub async fn on_the_way(&mut self, fault: WayFault) -> &Row {
        self.under(&fault.to_string(), Some(fault), async |_| {}).await
    }

    /// Each operation while the server is in a state in which it refuses some of them: `failing(true)` brings it about,
    /// `failing(false)` ends it. What is answered with an error must not be done: a server that is slow or
    /// stands still is [`WayFault::Late`] or [`WayFault::Silent`].
    pub async fn at_the_server(&mut self, state: &str, failing: impl AsyncFn(bool)) -> &Row {
        self.under(state, None, failing).await
    }

    async fn under(
        &mut self,
        name: &str,
        fault: Option<WayFault>,
        failing: impl AsyncFn(bool),
    ) -> &Row {
        let mut cases = Vec::new();
        for operation in self.operations.iter().copied() {
            // Nobody else's number.
            let n = 2 * (self.rows.len() * Operation::ALL.len() + cases.len()) as u64;
            cases.push(Case::prepare(operation, unique(operation), n, &self.direct).await);
        }
        failing(true).await;
        let mut answers = Vec::new();
        for case in &cases {
            // That it is the operation which meets the fault, and not the making of a connection.
            let ready = if fault.is_some() { self.goes_on(case).await } else { Ok(()) };
            self.proxy.begin(fault.clone(), &case.key).await;
            let told = match ready {
                Ok(()) => timeout(self.limit, case.carry_out(&self.store)).await,
                Err(error) => Ok(Told::Untrue(error)),
            };
            let told = told.unwrap_or(Told::Nothing);
            answers.push((told, self.proxy.end()));
        }
        failing(false).await;
        let mut cells = Vec::new();
        for ((case, (told, met)), sent) in cases.into_iter().zip(answers).zip(self.proxy.sent()) {
            let state = case.found(&self.direct).await.expect("the server is well");
            let (operation, done) = (case.operation, case.is_after(&state));
            let seen = Seen { told, met, sent };
            let name = format!("{name}, {operation}");
            let mut verdict = self.look(&name, &case, &seen, &state, fault.as_ref());
            if verdict.is_ok() {
                let again = self.goes_on(&case).await;
                verdict = again.map_err(|error| Flaw::new(name, "service to go on", error));
            }
            cells.push(Cell { operation, told: seen.told, done, flaw: verdict.err() });
            case.clear(&self.direct).await;
        }
        self.rows.push(Row { fault: name.into(), cells });
        self.rows.last().expect("it was pushed")
    }

    /// Is it as it must be?
    fn look(
        &self,
        name: &str,
        case: &Case,
        seen: &Seen,
        state: &State,
        fault: Option<&WayFault>,
    ) -> Outcome {
        let Seen { told, met, sent } = seen;
        let (before, after) = (case.is_before(state), case.is_after(state));
        let first = self.rows.is_empty();
        let was = || format!("{told:?}, with {state:?} in the store");
        let must = |holds, expected, was| ensure(holds, name, expected, was);

        must(*told != Told::Nothing, "an answer in time", was())?;
        // Who names a script that the server does not know yet sends it after that.
        let most = if first { 2 } else { 1 };
        must(*sent <= most, "it to be sent once", format!("sent {sent} times"))?;
        must(before || after, "all of it or nothing", was())?;
        let shown = matches!(told, Told::Failed(error) if error.contains(&case.key));
        must(!shown, "an error without ids", was())?;
        let is_true = match (told, fault) {
            (Told::Done, _) => after,
            (Told::NotDone, _) => before,
            (Told::Failed(_), None | Some(WayFault::Refused | WayFault::ResetBefore)) => before,
            (Told::Failed(_), Some(_)) => after,
            (Told::Nothing | Told::Untrue(_), _) => false,
        };
        must(is_true, "an answer that is true", was())?;
        must(fault.is_none() || *met, "the fault to happen", was())?;
        let failed = matches!(told, Told::Failed(_));
        match fault {
            None => must(!first || !failed, "no error", was()),
            Some(WayFault::Garbled(_)) => Ok(()),
            Some(_) => must(failed, "an error", was()),
        }
    }

    /// Does the store soon read what is there, and that alone?
    async fn goes_on(&self, case: &Case) -> Result<(), String> {
        let started = Instant::now();
        let there = case.found(&self.direct).await?;
        loop {
            let seen = timeout(self.limit, case.found(&self.store)).await;
            match seen.unwrap_or_else(|_| Err("no answer".into())) {
                Ok(seen) if seen == there => return Ok(()),
                Ok(seen) => return Err(format!("{seen:?} instead of {there:?}")),
                Err(error) if started.elapsed() > self.limit => return Err(error),
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl<S> Outages<S> {
    /// # Panics
    /// If something was not as it must be, with what came of all operations.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.flaws().next().is_none(), "{self}");
    }

    /// What was not as it must be, the first of each operation, in the order of the faults and operations.
    pub fn flaws(&self) -> impl Iterator<Item = &Flaw> {
        self.rows.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.flaw.as_ref())
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
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))?;
        self.flaws().try_for_each(|flaw| writeln!(f, "{flaw}"))
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
                Told::Nothing => "no answer",
                Told::Untrue(_) => "untrue",
            };
            let done = if *done && operation.changes() { " (done)" } else { "" };
            write!(f, " {operation} {told}{done};")?;
        }
        Ok(())
    }
}

/// An id that nobody else has.
fn unique(operation: Operation) -> String {
    format!("outage-{operation}-{:016x}", random())
}
