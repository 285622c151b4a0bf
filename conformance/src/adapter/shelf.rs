//! The store of an application: it notes its calls, fails when told to, and waits at gates.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::{error, fmt};

use http_session::Timestamp;
use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session_store::{MemoryStore, Store};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::suite::Flaw;

/// How long something may take that is to happen.
const SOON: Duration = Duration::from_secs(5);
/// How long something is waited for that is not to happen.
const SETTLED: Duration = Duration::from_millis(40);

/// What is to happen soon.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Flaw> {
    let late = |_| Flaw::new(what, format!("it within {SOON:?}"), "nothing");
    timeout(SOON, future).await.map_err(late)
}

/// Lets happen what is not to happen.
pub(super) async fn settle() {
    tokio::time::sleep(SETTLED).await;
}

/// Lets the server notice that its client went away.
pub(super) async fn notice() {
    tokio::time::sleep(3 * SETTLED).await;
}

/// Waits until it is so.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), Flaw> {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(what, wait).await
}

/// What a store is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Op {
    Delete,
    Load,
    Rotate,
    Save,
    Touch,
}

/// A store in memory; clones are the same one.
#[derive(Clone)]
pub(super) struct Shelf {
    memory: MemoryStore,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Op>,
    failing: Option<Op>,
    gates: Vec<(Op, Gate)>,
    spoiled: bool,
}

/// What a call waits at, until it is opened.
#[derive(Clone)]
pub(super) struct Gate(Arc<Signals>);

struct Signals {
    opened: Semaphore,
    passed: Semaphore,
    reached: Semaphore,
}

impl Gate {
    pub(super) fn new() -> Self {
        let (opened, passed, reached) = (Semaphore::new(0), Semaphore::new(0), Semaphore::new(0));
        Self(Arc::new(Signals { opened, passed, reached }))
    }

    /// Waits here.
    pub(super) async fn wait(&self) {
        self.0.reached.add_permits(1);
        drop(self.0.opened.acquire().await);
    }

    pub(super) fn open(&self) {
        self.0.opened.add_permits(1);
    }

    /// Somebody waits here.
    pub(super) async fn reached(&self, what: &str) -> Result<(), Flaw> {
        soon(what, self.0.reached.acquire()).await?.expect("it stays open").forget();
        Ok(())
    }

    /// What waited here has been carried out.
    pub(super) async fn passed(&self, what: &str) -> Result<(), Flaw> {
        soon(what, self.0.passed.acquire()).await?.expect("it stays open").forget();
        Ok(())
    }
}

impl Shelf {
    pub(super) fn new() -> Self {
        Self { memory: MemoryStore::new(), state: Arc::default() }
    }

    /// The next call of this kind waits at a gate.
    pub(super) fn hold(&self, op: Op) -> Gate {
        let gate = Gate::new();
        self.lock().gates.push((op, gate.clone()));
        gate
    }

    /// Calls of this kind fail from now on; `None`: all work.
    pub(super) fn fail(&self, op: impl Into<Option<Op>>) {
        self.lock().failing = op.into();
    }

    /// No record can be read from now on.
    pub(super) fn spoil(&self) {
        self.lock().spoiled = true;
    }

    /// What was asked since the last call.
    pub(super) fn calls(&self) -> Vec<Op> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The data of all records by their ids.
    pub(super) fn records(&self) -> BTreeMap<String, Value> {
        let all = self.memory.all(Timestamp::MIN).into_iter();
        all.map(|(id, record)| {
            let record = serde_json::from_str(&record.to_json()).expect("a record is JSON");
            (id.as_str().into(), record)
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under this lock")
    }

    async fn ask<T>(
        &self,
        op: Op,
        answer: impl Future<Output = Result<T, <MemoryStore as Store>::Error>> + Send,
    ) -> Result<T, OutOfOrder> {
        let gate = {
            let mut state = self.lock();
            state.calls.push(op);
            let held = state.gates.iter().position(|(held, _)| *held == op);
            held.map(|index| state.gates.remove(index).1)
        };
        if let Some(gate) = &gate {
            gate.wait().await;
        }
        if self.lock().failing == Some(op) {
            return Err(OutOfOrder);
        }
        let answer = answer.await.map_err(|_| OutOfOrder);
        if let Some(gate) = gate {
            gate.0.passed.add_permits(1);
        }
        answer
    }
}

/// What the store reports when it is told to fail.
#[derive(Debug)]
pub(super) struct OutOfOrder;

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of order, as the check wants it")
    }
}

impl error::Error for OutOfOrder {}

impl Store for Shelf {
    type Error = OutOfOrder;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, OutOfOrder> {
        let found = self.ask(Op::Load, Store::load(&self.memory, load)).await?;
        let spoiled = self.lock().spoiled;
        Ok(if spoiled {
            found.map(|_| Stored::new("not what a session store wrote"))
        } else {
            found
        })
    }

    async fn save(&self, save: &Save) -> Result<Written, OutOfOrder> {
        self.ask(Op::Save, Store::save(&self.memory, save)).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, OutOfOrder> {
        self.ask(Op::Rotate, Store::rotate(&self.memory, rotate)).await
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, OutOfOrder> {
        self.ask(Op::Touch, Store::touch(&self.memory, touch)).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), OutOfOrder> {
        self.ask(Op::Delete, Store::delete(&self.memory, delete)).await
    }
}
