//! Stores that fail as they must not, and what of each is told first.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_session_conformance::outages::{Outages, Proxy, WayFault};
use http_session_conformance::servers::Private;
use http_session_redis::{RedisError, RedisStore};
use http_session_store::Store;
use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written,
};

/// How long a sound store waits, and how long an answer may take.
const WAITS: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wrong {
    /// It remembers what it loaded.
    Caches,
    /// A failed load is no session.
    FailedLoadIsNone,
    /// A failed write is called done.
    FailedWriteIsSaved,
    /// A failed delete is called done.
    FailedDeleteIsDone,
    /// It says that it has refreshed, and has not.
    ForgetsToRefresh,
    /// The record of another id is as good.
    MixesUp,
    /// A new id is two steps.
    RotatesInTwoSteps,
    /// Its errors show the id.
    ShowsIds,
    /// Once something has failed, all does.
    StaysBroken,
    /// It tries again what has failed.
    TriesAgain,
    /// It tries again what has failed, a little later, when it has answered.
    TriesAgainLater,
    /// It waits for ever.
    Waits,
}

#[derive(Clone)]
struct Broken {
    store: RedisStore,
    wrong: Wrong,
    broken: Arc<AtomicBool>,
    cache: Arc<Mutex<HashMap<String, Stored>>>,
}

/// What it says, and the id that it shows.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl Broken {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn said<T>(&self, id: &str, answer: Result<T, RedisError>) -> Result<T, Failure> {
        self.broken.fetch_or(answer.is_err(), Ordering::SeqCst);
        if self.is(Wrong::StaysBroken) && self.broken.load(Ordering::SeqCst) {
            return Err(Failure("broken".into()));
        }
        let shown = if self.is(Wrong::ShowsIds) { id } else { "" };
        answer.map_err(|error| Failure(format!("{error}{shown}")))
    }

    fn cache(&self, id: &str, answer: Option<&Stored>) -> Option<Stored> {
        let mut cache = self.cache.lock().expect("nothing panics with it");
        match answer {
            Some(answer) => Some(cache.entry(id.into()).or_insert_with(|| answer.clone()).clone()),
            None => cache.get(id).cloned(),
        }
    }
}

impl Store for Broken {
    type Error = Failure;

    async fn load(&self, op: &Load) -> Result<Option<Stored>, Failure> {
        let mut asked = op.clone();
        if self.is(Wrong::ForgetsToRefresh) {
            asked.refresh = None;
        }
        let mut loaded = self.store.load(&asked).await;
        if let (true, Ok(Some(found))) = (self.is(Wrong::ForgetsToRefresh), &mut loaded) {
            found.refreshed = op.refresh.is_some();
        }
        if self.is(Wrong::Caches) {
            let found = loaded.as_ref().ok().and_then(Option::as_ref);
            let remembered = self.cache(op.id.as_str(), found);
            loaded = loaded.or_else(|error| remembered.map(Some).ok_or(error));
        }
        if self.is(Wrong::MixesUp) {
            let first = self.cache("", loaded.as_ref().ok().and_then(Option::as_ref));
            loaded = loaded.or(Ok(first));
        }
        // One that tells the end is the suite's own.
        if self.is(Wrong::FailedLoadIsNone) && !op.tell_end {
            return Ok(loaded.unwrap_or_default());
        }
        self.said(op.id.as_str(), loaded)
    }

    async fn save(&self, op: &Save) -> Result<Written, Failure> {
        let mut saved = self.store.save(op).await;
        if self.is(Wrong::TriesAgain) && saved.is_err() {
            saved = self.store.save(op).await;
        }
        if self.is(Wrong::TriesAgainLater) && saved.is_err() {
            let (store, op) = (self.store.clone(), op.clone());
            tokio::spawn(async move { store.save(&op).await.map(drop) });
        }
        if self.is(Wrong::FailedWriteIsSaved) && saved.is_err() {
            return Ok(Written::Saved(None));
        }
        self.said(op.id.as_str(), saved)
    }

    async fn rotate(&self, op: &Rotate) -> Result<Written, Failure> {
        if self.is(Wrong::RotatesInTwoSteps) {
            let save = Save::new(op.to.clone(), op.record.clone(), Expect::Absent, op.now);
            let saved = self.save(&save).await?;
            self.delete(&Delete::new(op.from.clone(), op.now)).await?;
            return Ok(saved);
        }
        self.said(op.from.as_str(), self.store.rotate(op).await)
    }

    async fn touch(&self, op: &Touch) -> Result<Touched, Failure> {
        self.said(op.id.as_str(), self.store.touch(op).await)
    }

    async fn delete(&self, op: &Delete) -> Result<(), Failure> {
        let deleted = self.store.delete(op).await;
        if self.is(Wrong::FailedDeleteIsDone) { Ok(()) } else { self.said(op.id.as_str(), deleted) }
    }
}

/// What is told of the store under this fault.
async fn told(wrong: Wrong, fault: WayFault, server: &Private) -> Vec<String> {
    let proxy = Proxy::start(server.port());
    let store = async |port, wait| {
        let url = format!("redis://127.0.0.1:{port}/");
        let store = RedisStore::connect(&url).await.expect("it answers").timeout(wait);
        Broken { store, wrong, broken: Arc::default(), cache: Arc::default() }
    };
    let wait = if wrong == Wrong::Waits { LONG } else { WAITS };
    let (way, direct) = (store(proxy.port(), wait).await, store(server.port(), LONG).await);
    let mut outages = Outages::new(way, direct, proxy, LIMIT).await;
    outages.on_the_way(fault).await;
    outages.flaws().map(ToString::to_string).collect()
}

// ST-4: each defect shows, and first at the operation that has it
#[tokio::test(flavor = "multi_thread")]
async fn broken_stores() {
    let broken = [
        (Wrong::Caches, WayFault::ResetBefore, "load: expected an error, was Done"),
        (
            Wrong::FailedLoadIsNone,
            WayFault::Refused,
            "load: expected an answer that is true, was Untrue",
        ),
        (
            Wrong::FailedWriteIsSaved,
            WayFault::ResetBefore,
            "create: expected an answer that is true, was Done",
        ),
        (
            Wrong::FailedDeleteIsDone,
            WayFault::Refused,
            "delete: expected an answer that is true, was Done",
        ),
        (
            Wrong::ForgetsToRefresh,
            WayFault::Partial,
            "refresh: expected an answer that is true, was Done",
        ),
        (
            Wrong::MixesUp,
            WayFault::ResetBefore,
            "load: expected an answer that is true, was Untrue",
        ),
        (Wrong::RotatesInTwoSteps, WayFault::Partial, "rotate: expected all of it or nothing"),
        (Wrong::ShowsIds, WayFault::ResetAfter, "load: expected an error without ids"),
        (Wrong::StaysBroken, WayFault::ResetAfter, "load: expected service to go on, was broken"),
        (
            Wrong::TriesAgain,
            WayFault::ResetAfter,
            "create: expected it to be sent once, was sent 2 times",
        ),
        (
            Wrong::TriesAgainLater,
            WayFault::ResetAfter,
            "create: expected it to be sent once, was sent 2 times",
        ),
        (Wrong::Waits, WayFault::Silent, "load: expected an answer in time"),
    ];
    let mut servers = Vec::new();
    for _ in &broken {
        let Some(server) = Private::redis("broken_stores", &[]) else { return };
        servers.push(server);
    }
    let told = broken.into_iter().zip(&servers).map(async |((wrong, fault, first), server)| {
        let flaws = told(wrong, fault, server).await;
        let flaw = flaws.first().and_then(|flaw| flaw.split_once(", "));
        assert!(flaw.is_some_and(|(_, flaw)| flaw.starts_with(first)), "{wrong:?}: {flaws:#?}");
    });
    futures_util::future::join_all(told).await;
}
