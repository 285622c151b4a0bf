//! The world around a scenario: a clock and ids that are scripted, and a store that notes each call
//! and fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::{error, fmt};

use http_session::store::{Delete, Load, Rotate, Save, Stored, Touch, Touched, Written};
use http_session::{IdError, Record, SessionId, Timestamp};
use http_session_store::testing::TestEnv;
use http_session_store::{BlockingStore, Env, Store};
use serde_json::{Value, json};

use crate::scenario::{FaultCode, Faults, Options, Scenario};
use crate::trace::{Call, StoreCall};

/// A world; clones are the same one.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) env: TestEnv,
    options: Options,
    start: Timestamp,
    state: Arc<Mutex<State>>,
}

struct State {
    calls: Vec<Call>,
    faults: Faults,
    /// The handler of the request has begun.
    handling: bool,
    /// How many ids were made.
    ids: u64,
    records: BTreeMap<String, Value>,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let start = Timestamp::from_millis(scenario.start).expect("a scenario starts at a date");
        let state = State {
            calls: Vec::new(),
            faults: Faults::default(),
            handling: false,
            ids: 0,
            records: scenario.preload.clone(),
        };
        Self {
            env: TestEnv::new(start),
            options: scenario.options.clone(),
            start,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A request begins `at` milliseconds after the start.
    pub(crate) fn request(&self, at: i64, faults: Option<Faults>) {
        self.env.set(self.start.plus_millis(at).expect("a request comes at a date"));
        let mut state = self.lock();
        state.calls.clear();
        state.faults = faults.unwrap_or_default();
        state.handling = false;
    }

    /// The request's handler begins.
    pub(crate) fn handler_begins(&self) {
        self.lock().handling = true;
    }

    /// Somebody else writes a record.
    pub(crate) fn put(&self, id: &str, record: &Value) {
        self.lock().records.insert(id.into(), record.clone());
    }

    /// Somebody else removes a record.
    pub(crate) fn remove(&self, id: &str) {
        self.lock().records.remove(id);
    }

    /// The store's calls since the request began.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// What the store holds.
    pub(crate) fn records(&self) -> BTreeMap<String, Value> {
        self.lock().records.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl Env for World {
    fn now(&self) -> Timestamp {
        self.env.now()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        let mut state = self.lock();
        state.ids += 1;
        SessionId::from_text(&self.options.id(state.ids))
    }
}

impl State {
    fn call(
        &mut self,
        call: StoreCall,
        id: &SessionId,
        record: Option<Value>,
    ) -> Result<(), Fault> {
        self.calls.push(Call { call, id: id.as_str().into(), record });
        self.faults.of(call).map_or(Ok(()), |code| Err(Fault(code)))
    }
}

/// What this store reports when it is told to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault(FaultCode);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripted fault {:?}", self.0)
    }
}

impl error::Error for Fault {}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a record is JSON")
}

impl BlockingStore for World {
    type Error = Fault;

    fn load(&self, load: &Load) -> Result<Option<Stored>, Fault> {
        let mut state = self.lock();
        match state.call(StoreCall::Get, &load.id, None) {
            Ok(()) => {}
            // express-session takes ENOENT for "not found" when a request begins (B-066), and only
            // there. A store of ours says `None`.
            Err(Fault(FaultCode::Enoent)) if !state.handling => return Ok(None),
            Err(fault) => return Err(fault),
        }
        let id = load.id.as_str();
        let Some(record) = state.records.get(id) else { return Ok(None) };
        let text = record.to_string();
        let expires = Record::from_json(&text).ok().and_then(|record| record.expires());
        if expires.is_some_and(|end| end <= load.now) {
            state.records.remove(id);
            return Ok(None);
        }
        Ok(Some(Stored::new(text)))
    }

    fn save(&self, save: &Save) -> Result<Written, Fault> {
        let mut state = self.lock();
        let record = parse(&save.record.to_json());
        state.call(StoreCall::Set, &save.id, Some(record.clone()))?;
        state.records.insert(save.id.as_str().into(), record);
        Ok(Written::Saved(None))
    }

    fn rotate(&self, _: &Rotate) -> Result<Written, Fault> {
        unreachable!("express-session has no such call, and Config::express never makes it")
    }

    fn touch(&self, touch: &Touch) -> Result<Touched, Fault> {
        if !self.options.store_touch() {
            return Ok(Touched::Alive);
        }
        let mut state = self.lock();
        let cookie = parse(&touch.cookie.to_json());
        state.call(StoreCall::Touch, &touch.id, Some(json!({ "cookie": cookie })))?;
        match state.records.get_mut(touch.id.as_str()) {
            None => Ok(Touched::Gone),
            Some(record) => {
                record["cookie"] = cookie;
                Ok(Touched::Alive)
            }
        }
    }

    fn delete(&self, delete: &Delete) -> Result<(), Fault> {
        let mut state = self.lock();
        state.call(StoreCall::Destroy, &delete.id, None)?;
        state.records.remove(delete.id.as_str());
        Ok(())
    }
}

impl Store for World {
    type Error = Fault;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Fault> {
        BlockingStore::load(self, load)
    }

    async fn save(&self, save: &Save) -> Result<Written, Fault> {
        BlockingStore::save(self, save)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Fault> {
        BlockingStore::rotate(self, rotate)
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Fault> {
        BlockingStore::touch(self, touch)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Fault> {
        BlockingStore::delete(self, delete)
    }
}
