//! Stores that fail as they must not, and what of each is told first.

use std::time::Duration;

use http_session_conformance::outages::{Outages, Proxy, WayFault};
use http_session_conformance::servers::Private;
use http_session_redis::{RedisError, RedisStore};
use http_session_store::Store;
use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Written,
};

/// What is too late: four times as long as a store waits, and twice as long as one that waits for ever may take.
const LATE: Duration = Duration::from_secs(2);

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wrong {
    /// A failed load is no session.
    FailedLoadIsNone,
    /// A failed write is called done.
    FailedWriteIsSaved,
    /// A failed delete is called done.
    FailedDeleteIsDone,
    /// A refresh that failed loads once more without one, and says that it has refreshed.
    ForgetsToRefresh,
    /// A new id is two steps.
    RotatesInTwoSteps,
    /// It tries again what has failed.
    TriesAgain,
    /// It waits for ever.
    Waits,
}

struct Broken {
    store: RedisStore,
    wrong: Wrong,
}

impl Broken {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }
}

impl Store for Broken {
    type Error = RedisError;

    async fn load(&self, op: &Load) -> Result<Option<Stored>, RedisError> {
        let loaded = self.store.load(op).await;
        // One that tells the end is the suite's own.
        if self.is(Wrong::FailedLoadIsNone) && !op.tell_end {
            return Ok(loaded.unwrap_or_default());
        }
        if self.is(Wrong::ForgetsToRefresh) && op.refresh.is_some() && loaded.is_err() {
            let plain = Load::new(op.id.clone(), op.now, None);
            let loaded = self.store.load(&plain).await?;
            return Ok(loaded.map(|found| Stored { refreshed: true, ..found }));
        }
        loaded
    }

    async fn save(&self, op: &Save) -> Result<Written, RedisError> {
        let saved = self.store.save(op).await;
        if self.is(Wrong::TriesAgain) && saved.is_err() {
            return self.store.save(op).await;
        }
        if self.is(Wrong::FailedWriteIsSaved) && saved.is_err() {
            return Ok(Written::Saved(None));
        }
        saved
    }

    async fn rotate(&self, op: &Rotate) -> Result<Written, RedisError> {
        if self.is(Wrong::RotatesInTwoSteps) {
            let save = Save::new(op.to.clone(), op.record.clone(), Expect::Absent, op.now);
            let saved = self.store.save(&save).await?;
            self.store.delete(&Delete::new(op.from.clone(), op.now)).await?;
            return Ok(saved);
        }
        self.store.rotate(op).await
    }

    async fn touch(&self, op: &Touch) -> Result<Touched, RedisError> {
        self.store.touch(op).await
    }

    async fn delete(&self, op: &Delete) -> Result<(), RedisError> {
        let deleted = self.store.delete(op).await;
        if self.is(Wrong::FailedDeleteIsDone) { Ok(()) } else { deleted }
    }
}

/// What is told of the store under this fault. `None`: skipped.
async fn told(wrong: Wrong, fault: WayFault) -> Option<Vec<String>> {
    let server = Private::redis("broken_stores", &[])?;
    let proxy = Proxy::start(server.port()).await;
    let store = async |port, timeout| {
        let url = format!("redis://127.0.0.1:{port}/");
        let store = RedisStore::connect(&url).await.expect("it answers").timeout(timeout);
        Broken { store, wrong }
    };
    let (timeout, limit) = match wrong {
        Wrong::Waits => (LATE * 20, LATE / 2),
        _ => (LATE / 4, LATE * 10),
    };
    let (way, direct) = (store(proxy.port(), timeout).await, store(server.port(), LATE * 20).await);
    let mut outages = Outages::new(way, direct, proxy, limit).await;
    outages.on_the_way(fault).await;
    Some(outages.flaws().map(ToString::to_string).collect())
}

// ST-4: each defect shows, and first at the operation that has it
#[tokio::test(flavor = "multi_thread")]
async fn broken_stores() {
    let broken = [
        (
            Wrong::FailedLoadIsNone,
            WayFault::Refused,
            "refused, load: expected an answer that is true, was Untrue",
        ),
        (
            Wrong::FailedWriteIsSaved,
            WayFault::ResetBefore,
            "reset before it was sent, create: expected an answer that is true, was Done",
        ),
        (
            Wrong::FailedDeleteIsDone,
            WayFault::Refused,
            "refused, delete: expected an answer that is true, was Done",
        ),
        (
            Wrong::ForgetsToRefresh,
            WayFault::ResetBefore,
            "reset before it was sent, refresh: expected it to be sent once, was sent 2 times",
        ),
        (
            Wrong::RotatesInTwoSteps,
            WayFault::Partial,
            "half an answer, rotate: expected all of it or nothing",
        ),
        (
            Wrong::TriesAgain,
            WayFault::ResetAfter,
            "reset after its effect, create: expected it to be sent once, was sent 2 times",
        ),
        (Wrong::Waits, WayFault::Late(LATE), "too late, load: expected an answer in time"),
    ];
    let told = broken.map(|(wrong, fault, first)| (wrong, first, tokio::spawn(told(wrong, fault))));
    for (wrong, first, told) in told {
        let Some(flaws) = told.await.expect("no panic") else { return };
        assert!(flaws.first().is_some_and(|flaw| flaw.starts_with(first)), "{wrong:?}: {flaws:#?}");
    }
}
