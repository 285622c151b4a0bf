//! The world around a scenario: a clock and ids that are scripted, and a store that notes each call
//! and fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::{error, fmt, mem};

use http_session::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session::{IdError, Record, SessionId, Timestamp};
use http_session_store::testing::TestEnv;
use http_session_store::{Env, Store};
use serde_json::{Value, json};

use crate::scenario::{FaultCode, Faults, Options, Preset, Scenario};
use crate::trace::{Call, Refused, StoreCall};

/// A world; clones are the same one.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) env: TestEnv,
    options: Arc<Options>,
    start: Timestamp,
    state: Arc<Mutex<State>>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Its session is looked for.
    Opening,
    /// Its handler runs, and has begun so many operations.
    Handling(usize),
    /// Its handler is done.
    Ending,
}

#[derive(Clone)]
struct State {
    calls: Vec<Call>,
    /// The next call fails.
    failing: bool,
    faults: Faults,
    /// The id of the session with which the request's handler begins: the one that was made, or that
    /// was asked for last.
    found: Option<String>,
    /// How many ids were made.
    ids: u64,
    phase: Phase,
    records: BTreeMap<String, Entry>,
    /// How many versions there were.
    versions: u64,
}

#[derive(Clone)]
struct Entry {
    expires: Option<Timestamp>,
    record: Value,
    version: u64,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let start = Timestamp::from_millis(scenario.start).expect("a scenario starts at a date");
        let mut state = State {
            calls: Vec::new(),
            failing: false,
            faults: Faults::default(),
            found: None,
            ids: 0,
            phase: Phase::Opening,
            records: BTreeMap::new(),
            versions: 0,
        };
        for (id, record) in &scenario.preload {
            state.put(id, record.clone(), expires(record));
        }
        Self {
            env: TestEnv::new(start),
            options: Arc::new(scenario.options.clone()),
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
        state.found = None;
        state.phase = Phase::Opening;
    }

    /// The request's handler begins. The id of its session if it has one, without asking the session
    /// itself: that would be using it, and show in Vary.
    pub(crate) fn handler_begins(&self) -> Option<String> {
        let mut state = self.lock();
        state.phase = Phase::Handling(0);
        state.found.clone()
    }

    /// The handler begins with its next operation.
    pub(crate) fn operation_begins(&self) {
        let mut state = self.lock();
        if let Phase::Handling(begun) = &mut state.phase {
            *begun += 1;
        }
    }

    /// The request's handler is done.
    pub(crate) fn handler_ends(&self) {
        self.lock().phase = Phase::Ending;
    }

    /// Does the store have a touch?
    pub(crate) fn touches(&self) -> bool {
        self.options.store_touch()
    }

    /// Is there a record that has not expired?
    pub(crate) fn lives(&self, id: &str) -> bool {
        let (state, now) = (self.lock(), self.now());
        state.records.get(id).is_some_and(|entry| entry.expires.is_none_or(|end| end > now))
    }

    /// How far the request has come.
    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Lets the next call of the store fail, and do nothing.
    pub(crate) fn fail_next(&self) {
        self.lock().failing = true;
    }

    /// A world that is as this one is now, and goes on by itself.
    pub(crate) fn fork(&self) -> Self {
        let state = Arc::new(Mutex::new(self.lock().clone()));
        Self { env: TestEnv::new(self.now()), state, ..self.clone() }
    }

    /// How long after the start it is.
    pub(crate) fn elapsed(&self) -> i64 {
        self.now().millis_since(self.start)
    }

    /// Does the preset have express-session's quirks?
    pub(crate) fn has_quirks(&self) -> bool {
        self.options.preset() == Preset::Express
    }

    /// Somebody else writes a record.
    pub(crate) fn put(&self, id: &str, record: &Value) {
        self.lock().put(id, record.clone(), expires(record));
    }

    /// Somebody else removes a record.
    pub(crate) fn remove(&self, id: &str) {
        self.lock().records.remove(id);
    }

    /// Takes the store's calls since the request began.
    pub(crate) fn calls(&self) -> Vec<Call> {
        mem::take(&mut self.lock().calls)
    }

    /// What the store holds.
    pub(crate) fn records(&self) -> BTreeMap<String, Value> {
        let state = self.lock();
        let records = state.records.iter();
        records.map(|(id, entry)| (id.clone(), entry.record.clone())).collect()
    }

    /// The state at the moment of an operation. Under [`Preset::Recommended`] a record that has expired
    /// is absent for every operation, as in real stores; otherwise what express-session's recorder
    /// does counts, where only a load looks at the expiry.
    fn lock_at(&self, id: &SessionId, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if !self.has_quirks() {
            state.expire(id.as_str(), now);
        }
        state
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
        let id = self.options.id(state.ids);
        if state.phase == Phase::Opening {
            state.found = Some(id.clone());
        }
        SessionId::from_text(&id)
    }
}

/// When a record that somebody else wrote is to expire: with its cookie.
fn expires(record: &Value) -> Option<Timestamp> {
    Record::from_json(&record.to_string()).ok()?.expires()
}

impl State {
    fn call(&mut self, call: Call) -> Result<(), Fault> {
        let failing = mem::take(&mut self.failing).then_some(FaultCode::Eio);
        let fault = failing.or_else(|| self.faults.of(call.call));
        self.calls.push(call);
        fault.map_or(Ok(()), |code| Err(Fault(code)))
    }

    fn put(&mut self, id: &str, record: Value, expires: Option<Timestamp>) -> Version {
        self.versions += 1;
        let entry = Entry { expires, record, version: self.versions };
        let version = entry.version();
        self.records.insert(id.into(), entry);
        version
    }

    fn expire(&mut self, id: &str, now: Timestamp) {
        let end = self.records.get(id).and_then(|entry| entry.expires);
        if end.is_some_and(|end| end <= now) {
            self.records.remove(id);
        }
    }

    /// What a write answers if `expect` does not hold.
    fn refusal(&self, id: &SessionId, expect: &Expect) -> Option<Written> {
        match (expect, self.records.get(id.as_str())) {
            (Expect::Anything, _) | (Expect::Absent, None) | (Expect::Present, Some(_)) => None,
            (Expect::Absent, Some(_)) => Some(Written::Exists),
            (Expect::Present | Expect::Version(_), None) => Some(Written::Gone),
            (Expect::Version(version), Some(entry)) => {
                (*version != entry.version()).then(|| Written::Changed(entry.stored()))
            }
        }
    }

    /// Notes in the last call that the store refused it.
    fn refuse(&mut self, written: Written) -> Written {
        self.note(match written {
            Written::Changed(_) => Refused::Changed,
            Written::Exists => Refused::Exists,
            Written::Gone => Refused::Gone,
            Written::Saved(_) => return written,
        });
        written
    }

    fn note(&mut self, refused: Refused) {
        if let Some(call) = self.calls.last_mut() {
            call.refused = Some(refused);
        }
    }
}

impl Entry {
    fn stored(&self) -> Stored {
        let mut stored = Stored::new(self.record.to_string());
        stored.version = Some(self.version());
        stored
    }

    fn version(&self) -> Version {
        Version(Box::new(self.version.to_be_bytes()))
    }
}

/// A call, with its end if it is not the one of the cookie that `record` holds.
fn call(call: StoreCall, id: &SessionId, record: Option<Value>, end: Option<Timestamp>) -> Call {
    let differs = record.as_ref().is_some_and(|record| expires(record) != end);
    let expires = end.filter(|_| differs).map(Timestamp::as_millis);
    Call { call, id: id.as_str().into(), to: None, record, expires, refused: None }
}

/// What this store reports when it is told to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault(pub(crate) FaultCode);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripted fault {:?}", self.0)
    }
}

impl error::Error for Fault {}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a record is JSON")
}

impl Store for World {
    type Error = Fault;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Fault> {
        let mut state = self.lock();
        if state.phase == Phase::Opening {
            state.found = Some(load.id.as_str().into());
        }
        match state.call(call(StoreCall::Get, &load.id, None, None)) {
            Ok(()) => {}
            // express-session takes ENOENT for "not found" when a request begins (B-066), and only
            // there. A store of ours says `None`.
            Err(Fault(FaultCode::Enoent)) if state.phase == Phase::Opening => return Ok(None),
            Err(fault) => return Err(fault),
        }
        state.expire(load.id.as_str(), load.now);
        Ok(state.records.get(load.id.as_str()).map(Entry::stored))
    }

    async fn save(&self, save: &Save) -> Result<Written, Fault> {
        let mut state = self.lock_at(&save.id, save.now);
        let (record, end) = (parse(&save.record.to_json()), save.record.expires());
        state.call(call(StoreCall::Set, &save.id, Some(record.clone()), end))?;
        if let Some(refusal) = state.refusal(&save.id, &save.expect) {
            return Ok(state.refuse(refusal));
        }
        Ok(Written::Saved(Some(state.put(save.id.as_str(), record, end))))
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Fault> {
        let mut state = self.lock_at(&rotate.from, rotate.now);
        let (record, end) = (parse(&rotate.record.to_json()), rotate.record.expires());
        let to = rotate.to.as_str();
        state.call(Call {
            to: Some(to.into()),
            ..call(StoreCall::Rotate, &rotate.from, Some(record.clone()), end)
        })?;
        let taken = state.records.contains_key(to).then_some(Written::Exists);
        if let Some(refusal) = state.refusal(&rotate.from, &rotate.expect).or(taken) {
            return Ok(state.refuse(refusal));
        }
        state.records.remove(rotate.from.as_str());
        Ok(Written::Saved(Some(state.put(to, record, end))))
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Fault> {
        if !self.options.store_touch() {
            return Ok(Touched::Alive);
        }
        let mut state = self.lock_at(&touch.id, touch.now);
        let cookie = parse(&touch.cookie.to_json());
        let handed = json!({ "cookie": cookie });
        state.call(call(StoreCall::Touch, &touch.id, Some(handed), touch.expires))?;
        match state.records.get_mut(touch.id.as_str()) {
            None => {
                if !self.has_quirks() {
                    state.note(Refused::Gone);
                }
                Ok(Touched::Gone)
            }
            // Another version has an end of its own.
            Some(entry) if touch.version.as_ref().is_some_and(|old| *old != entry.version()) => {
                Ok(Touched::Alive)
            }
            Some(entry) => {
                if let Some(record) = entry.record.as_object_mut() {
                    record.insert("cookie".into(), cookie);
                }
                entry.expires = touch.expires;
                Ok(Touched::Alive)
            }
        }
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Fault> {
        let mut state = self.lock();
        state.call(call(StoreCall::Destroy, &delete.id, None, None))?;
        state.records.remove(delete.id.as_str());
        Ok(())
    }
}
