//! A store that tells what it is asked, and when each session will end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http_session_store::Store;
use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{SessionId, Timestamp};
use serde_json::Value;

use crate::inspector::shorten;
use crate::lock;
use crate::visit::{options, see};

/// What the store was asked, and its answer.
pub(crate) struct Operation {
    pub(crate) answer: String,
    /// Whose record.
    pub(crate) id: String,
    pub(crate) name: &'static str,
    /// Its place among all operations of all requests: of what is read, when it was there; of what
    /// is written, when it was asked for.
    pub(crate) step: u64,
    /// What must hold, or nothing is written.
    pub(crate) terms: String,
}

/// What ends a session by itself.
#[derive(Clone, Copy)]
pub(crate) enum Clause {
    Absolute,
    Cookie,
    Idle,
}

/// The end of a record as it stands.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    pub(crate) clause: Clause,
}

/// A store that tells what it is asked.
#[derive(Clone)]
pub(crate) struct Spy<S> {
    /// A store throws away what has expired, and does not say so: it is remembered here.
    ends: Arc<Mutex<HashMap<SessionId, End>>>,
    steps: Arc<AtomicU64>,
    store: S,
}

impl<S: Store> Spy<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { ends: Arc::default(), steps: Arc::default(), store }
    }

    pub(crate) const fn inner(&self) -> &S {
        &self.store
    }

    /// When the session ends, if nobody uses it. It may have done so already.
    pub(crate) fn end(&self, id: &SessionId) -> Option<End> {
        lock(&self.ends).get(id).copied()
    }

    fn step(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Remembers when a record ends that was written or touched. `cookie`: the session's, as JSON.
    fn lives(&self, id: &SessionId, expires: Option<Timestamp>, now: Timestamp, cookie: &Value) {
        let end = expires.and_then(|at| {
            let lasts = Some(at.millis_since(now));
            let idle = options()?.idle.millis();
            let clause = match lasts {
                lasts if lasts == idle => Clause::Idle,
                lasts if lasts == cookie["originalMaxAge"].as_i64() => Clause::Cookie,
                _ => Clause::Absolute,
            };
            Some(End { at, clause })
        });
        let mut ends = lock(&self.ends);
        match end {
            Some(end) => ends.insert(id.clone(), end),
            None => ends.remove(id),
        };
    }
}

impl<S: Store> Store for Spy<S> {
    type Error = S::Error;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, S::Error> {
        let reply = self.store.load(load).await;
        if let Ok(None) = reply {
            let end = self.end(&load.id);
            see(|seen| seen.ended = end.map(|end| end.clause));
        }
        note(self.step(), "load", short(&load.id), "", &reply, |stored| match stored {
            Some(stored) => format!("found{}", version(", version", stored.version.as_ref())),
            None => "not found".into(),
        });
        reply
    }

    async fn save(&self, save: &Save) -> Result<Written, S::Error> {
        let step = self.step();
        let reply = self.store.save(save).await;
        note(step, "save", short(&save.id), &terms(&save.expect), &reply, written);
        if let Ok(Written::Saved(_)) = reply {
            let record = record(&save.record.to_json());
            self.lives(&save.id, save.record.expires(), save.now, &record["cookie"]);
        }
        reply
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, S::Error> {
        let step = self.step();
        let reply = self.store.rotate(rotate).await;
        let ids = format!("{} to {}", short(&rotate.from), short(&rotate.to));
        note(step, "rotate", ids, &terms(&rotate.expect), &reply, written);
        if let Ok(Written::Saved(_)) = reply {
            let record = record(&rotate.record.to_json());
            lock(&self.ends).remove(&rotate.from);
            self.lives(&rotate.to, rotate.record.expires(), rotate.now, &record["cookie"]);
        }
        reply
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, S::Error> {
        let step = self.step();
        let reply = self.store.touch(touch).await;
        note(step, "touch", short(&touch.id), "", &reply, |touched| match touched {
            Touched::Alive => "lives on".into(),
            Touched::Gone => "gone".into(),
        });
        if let Ok(Touched::Alive) = reply {
            self.lives(&touch.id, touch.expires, touch.now, &record(&touch.cookie.to_json()));
        }
        reply
    }

    async fn delete(&self, delete: &Delete) -> Result<(), S::Error> {
        let step = self.step();
        let reply = self.store.delete(delete).await;
        note(step, "delete", short(&delete.id), "", &reply, |()| "deleted".into());
        if reply.is_ok() {
            lock(&self.ends).remove(&delete.id);
        }
        reply
    }
}

fn note<T, E>(
    step: u64,
    name: &'static str,
    id: String,
    terms: &str,
    reply: &Result<T, E>,
    answer: impl FnOnce(&T) -> String,
) {
    let answer = reply.as_ref().map_or_else(|_| "failed".into(), answer);
    let operation = Operation { answer, id, name, step, terms: terms.into() };
    see(|seen| seen.operations.push(operation));
}

fn record(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn terms(expect: &Expect) -> String {
    match expect {
        Expect::Absent => "only if there is none".into(),
        Expect::Anything => "whatever is there".into(),
        Expect::Present => "only if there is one".into(),
        Expect::Version(expected) => {
            format!("only if it is still{}", version(" version", Some(expected)))
        }
    }
}

fn written(written: &Written) -> String {
    match written {
        Written::Changed(stored) => {
            let now = version(", it is version", stored.version.as_ref());
            format!("refused: changed meanwhile{now}")
        }
        Written::Exists => "refused: there is one".into(),
        Written::Gone => "refused: there is none any more".into(),
        Written::Saved(saved) => format!("written{}", version(", version", saved.as_ref())),
    }
}

/// A version's bytes mean something to its store alone. MemoryStore's are a number.
fn version(what: &str, version: Option<&Version>) -> String {
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).ok();
    match version.and_then(|version| number(&version.0)) {
        Some(number) => format!("{what} {number}"),
        None => String::new(),
    }
}

fn short(id: &SessionId) -> String {
    shorten(id.as_str())
}
