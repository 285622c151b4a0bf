//! A store that does what a test tells it, and a set-up around it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written,
};
use http_session_store::core::{
    Begin, Config, ConfigBuilder, Connection, Outcome, Record, RequestFacts, SessionId, Timestamp,
};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Error, MemoryStore, Session, Sessions, Store};
use serde_json::Value;
use tokio::sync::Notify;

/// What a [`Script`] can be told something about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Op {
    Delete,
    Load,
    Rotate,
    Save,
    Touch,
}

/// What the next call does, apart from the work itself.
#[derive(Default)]
struct Step {
    answer: Option<Written>,
    fail: Option<When>,
    gate: Option<Gate>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum When {
    AfterTheWork,
    Before,
    Panic,
}

/// The error of a [`Script`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection refused")
    }
}

impl std::error::Error for Outage {}

/// A call of the store that waits until the test lets it through.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Signals>);

#[derive(Default)]
struct Signals {
    go: Notify,
    passed: Notify,
    reached: Notify,
}

impl Gate {
    /// The call has begun.
    pub(crate) async fn reached(&self) {
        soon(self.0.reached.notified()).await;
    }

    /// Lets the call do its work.
    pub(crate) fn open(&self) {
        self.0.go.notify_one();
    }

    /// The work is done.
    pub(crate) async fn passed(&self) {
        soon(self.0.passed.notified()).await;
    }

    /// Waits in the place of the store's call.
    pub(crate) async fn wait(&self) {
        self.0.reached.notify_one();
        self.0.go.notified().await;
    }
}

/// What must come at once comes, or the test fails instead of hanging.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it comes at once")
}

/// A [`MemoryStore`] that keeps a list of its calls, and fails or waits when told to. Clones are
/// the same store.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Inner>);

#[derive(Default)]
struct Inner {
    calls: Mutex<Vec<String>>,
    /// What is no record: a [`MemoryStore`] would not take it.
    garbled: Mutex<BTreeMap<String, String>>,
    memory: MemoryStore,
    most_at_once: AtomicUsize,
    refreshes: Mutex<Vec<Option<Duration>>>,
    running: AtomicUsize,
    steps: Mutex<Vec<(Op, Step)>>,
}

impl Script {
    /// The next `op` fails, and nothing is done.
    pub(crate) fn fail(&self, op: Op) {
        self.step(op, Step { fail: Some(When::Before), ..Step::default() });
    }

    /// The next `op` is done, and its answer is lost.
    pub(crate) fn fail_after(&self, op: Op) {
        self.step(op, Step { fail: Some(When::AfterTheWork), ..Step::default() });
    }

    /// The next `op` waits.
    pub(crate) fn hold(&self, op: Op) -> Gate {
        let gate = Gate::default();
        self.step(op, Step { gate: Some(gate.clone()), ..Step::default() });
        gate
    }

    /// The next `op` waits, and fails then.
    pub(crate) fn hold_and_fail(&self, op: Op) -> Gate {
        let gate = Gate::default();
        let fail = Some(When::Before);
        self.step(op, Step { fail, gate: Some(gate.clone()), ..Step::default() });
        gate
    }

    /// The next `op` panics.
    pub(crate) fn panic_next(&self, op: Op) {
        self.step(op, Step { fail: Some(When::Panic), ..Step::default() });
    }

    /// The next save writes nothing, and answers this.
    pub(crate) fn answer_save(&self, answer: Written) {
        self.step(Op::Save, Step { answer: Some(answer), ..Step::default() });
    }

    fn step(&self, op: Op, step: Step) {
        self.0.steps.lock().expect("no panic").push((op, step));
    }

    fn next_step(&self, op: Op) -> Step {
        let mut steps = self.0.steps.lock().expect("no panic");
        match steps.iter().position(|(of, _)| *of == op) {
            Some(index) => steps.remove(index).1,
            None => Step::default(),
        }
    }

    /// The calls since the last time, as `save sid1`.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.calls.lock().expect("no panic"))
    }

    /// What the loads were asked to let their records live on, since the last time.
    pub(crate) fn refreshes(&self) -> Vec<Option<Duration>> {
        std::mem::take(&mut *self.0.refreshes.lock().expect("no panic"))
    }

    /// How many calls were under way at the same time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::SeqCst)
    }

    /// All records, expired or not.
    pub(crate) fn records(&self) -> BTreeMap<String, String> {
        let all = self.0.memory.all(Timestamp::MIN).into_iter();
        let records = all.map(|(id, record)| (id.as_str().into(), record.to_json()));
        records.chain(self.0.garbled.lock().expect("no panic").clone()).collect()
    }

    /// Puts a record there, behind the back of everybody.
    pub(crate) fn put(&self, id: &str, record: &str) {
        let Ok(record) = Record::from_json(record) else {
            self.0.garbled.lock().expect("no panic").insert(id.into(), record.into());
            return;
        };
        let id = SessionId::from_text(id).expect("an id");
        let save = Save::new(id, record, Expect::Anything, Timestamp::MIN);
        ready(self.0.memory.save(&save)).map(drop).expect("there is room");
    }

    /// Deletes a record, behind the back of everybody.
    pub(crate) fn drop_all(&self) {
        self.0.memory.clear();
    }

    fn garbled(&self, id: &SessionId) -> Option<Stored> {
        let garbled = self.0.garbled.lock().expect("no panic");
        garbled.get(id.as_str()).map(|text| Stored::new(text.clone()))
    }

    fn begin(&self, op: Op, id: &SessionId) -> Running<'_> {
        let call = format!("{op:?} {}", id.as_str()).to_lowercase();
        self.0.calls.lock().expect("no panic").push(call);
        let now = self.0.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_at_once.fetch_max(now, Ordering::SeqCst);
        Running(self)
    }

    fn work<T>(
        &self,
        step: &Step,
        work: impl FnOnce(&MemoryStore) -> Result<T, http_session_store::Full>,
    ) -> Result<T, Outage> {
        match step.fail {
            Some(When::Before) => return Err(Outage),
            Some(When::Panic) => panic!("the store is broken"),
            Some(When::AfterTheWork) | None => {}
        }
        let reply = work(&self.0.memory).expect("there is room");
        if step.fail == Some(When::AfterTheWork) { Err(Outage) } else { Ok(reply) }
    }

    async fn carry_out<T>(
        &self,
        op: Op,
        id: &SessionId,
        work: impl FnOnce(&MemoryStore) -> Result<T, http_session_store::Full>,
    ) -> Result<T, Outage> {
        let _running = self.begin(op, id);
        let step = self.next_step(op);
        if let Some(gate) = &step.gate {
            gate.wait().await;
        }
        let reply = self.work(&step, work);
        if let Some(gate) = &step.gate {
            gate.0.passed.notify_one();
        }
        reply
    }
}

struct Running<'a>(&'a Script);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Store for Script {
    type Error = Outage;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Outage> {
        self.0.refreshes.lock().expect("no panic").push(load.refresh);
        let garbled = self.garbled(&load.id);
        let work = |memory: &MemoryStore| match garbled {
            Some(stored) => Ok(Some(stored)),
            None => ready(memory.load(load)),
        };
        self.carry_out(Op::Load, &load.id, work).await
    }

    async fn save(&self, save: &Save) -> Result<Written, Outage> {
        let answer = {
            let mut steps = self.0.steps.lock().expect("no panic");
            steps
                .iter_mut()
                .find(|(op, _)| *op == Op::Save)
                .and_then(|(_, step)| step.answer.take())
        };
        let work = |memory: &MemoryStore| match answer {
            Some(answer) => Ok(answer),
            None => ready(memory.save(save)),
        };
        self.carry_out(Op::Save, &save.id, work).await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, Outage> {
        self.carry_out(Op::Rotate, &rotate.from, |memory| ready(memory.rotate(rotate))).await
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Outage> {
        self.carry_out(Op::Touch, &touch.id, |memory| ready(memory.touch(touch))).await
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Outage> {
        self.carry_out(Op::Delete, &delete.id, |memory| ready(memory.delete(delete))).await
    }
}

/// The result of a future that does not wait.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match poll_once(&mut Box::pin(future)) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

/// Polls once, and wakes nobody.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets every task of this thread go on as far as it can.
pub(crate) async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

pub(crate) const SECRET: &str = "keyboard cat";

/// The moment at which the clock of every [`World`] stands first.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000).expect("a moment");

/// The options of most tests: nothing is saved or sent unless something was changed.
pub(crate) fn quiet() -> ConfigBuilder {
    Config::express(SECRET).resave(false).save_uninitialized(false)
}

/// A secret that is long enough for [`safe`].
pub(crate) const LONG_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The safe preset.
pub(crate) fn safe() -> ConfigBuilder {
    Config::recommended(LONG_SECRET)
}

/// One more visit.
pub(crate) fn count(session: &Session) -> Result<u64, Error> {
    let visits = session.get::<u64>("n")?.unwrap_or_default() + 1;
    session.insert("n", visits)?;
    Ok(visits)
}

/// Sessions with a store that does what it is told and a clock that stands still.
pub(crate) struct World {
    pub(crate) connection: Connection,
    pub(crate) env: TestEnv,
    pub(crate) sessions: Sessions,
    pub(crate) store: Script,
}

impl World {
    /// On plain HTTP.
    pub(crate) fn new(config: ConfigBuilder) -> Self {
        let env = TestEnv::new(START);
        let store = Script::default();
        let config = config.build().expect("sound options");
        let sessions = Sessions::new(config, store.clone()).env(env.clone());
        Self { connection: Connection::Plain, env, sessions, store }
    }

    /// On TLS.
    pub(crate) fn on_tls(config: ConfigBuilder) -> Self {
        Self { connection: Connection::Encrypted, ..Self::new(config) }
    }

    /// A stored session with `n` = 1, and the Cookie header that presents it.
    pub(crate) async fn logged_in(&self) -> HeaderValue {
        let cookie = cookie_for(&self.sessions, |session| session.insert("n", 1)).await;
        self.store.calls();
        cookie.expect("the store works")
    }

    /// How a request begins.
    pub(crate) fn begin(&self, cookie: Option<&HeaderValue>) -> Begin {
        let connection = self.connection;
        let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
        let lines = cookie.map(HeaderValue::as_bytes);
        self.sessions.config().begin(&facts, lines, self.sessions.now())
    }

    /// Begins a request.
    pub(crate) async fn open(&self, cookie: Option<&HeaderValue>) -> Result<Session, Error> {
        let session = self.sessions.open(self.begin(cookie)).await?;
        Ok(session.expect("a session on every path"))
    }

    /// A request of the client that [`logged_in`](Self::logged_in).
    pub(crate) async fn loaded(&self) -> Session {
        let cookie = self.logged_in().await;
        self.again(&cookie).await
    }

    /// Another request of that client.
    pub(crate) async fn again(&self, cookie: &HeaderValue) -> Session {
        let session = self.open(Some(cookie)).await.expect("the store works");
        self.store.calls();
        session
    }

    /// A request of an unknown client.
    pub(crate) async fn fresh(&self) -> Session {
        self.open(None).await.expect("the store is not asked")
    }

    /// Ends a request.
    pub(crate) async fn close(&self, session: &Session) -> Result<Outcome, Error> {
        self.sessions.close(session).await
    }

    /// The record of `id`: without its cookie, and without what says when it was made.
    pub(crate) fn data(&self, id: &str) -> Option<Value> {
        let mut record: Value = serde_json::from_str(self.store.records().get(id)?).expect("JSON");
        let data = record.as_object_mut().expect("an object");
        data.retain(|key, _| key != "cookie" && key != "http-session:created");
        Some(record)
    }

    /// The ids that have a record.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.store.records().into_keys().collect()
    }
}
