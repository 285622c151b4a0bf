//! The task that removes expired records.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_session_store::core::Timestamp;
use http_session_store::core::store::{
    Delete, Load, Rotate, Save, Stored, Touch, Touched, Written,
};
use http_session_store::testing::TestEnv;
use http_session_store::{Store, Sweep, Sweeper};
use tokio::time::sleep;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
const EVERY: Duration = Duration::from_secs(900);

/// Has so many expired records, and nothing else.
#[derive(Clone, Default)]
struct Expired {
    /// The next batch fails.
    fails: Arc<Mutex<bool>>,
    left: Arc<AtomicU64>,
    /// When each batch was asked for, and its limit.
    seen: Arc<Mutex<Vec<(Timestamp, u32)>>>,
}

#[derive(Debug)]
struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection refused")
    }
}

impl std::error::Error for Outage {}

impl Store for Expired {
    type Error = Outage;

    async fn load(&self, _: &Load) -> Result<Option<Stored>, Outage> {
        Ok(None)
    }

    async fn save(&self, _: &Save) -> Result<Written, Outage> {
        Err(Outage)
    }

    async fn rotate(&self, _: &Rotate) -> Result<Written, Outage> {
        Err(Outage)
    }

    async fn touch(&self, _: &Touch) -> Result<Touched, Outage> {
        Ok(Touched::Gone)
    }

    async fn delete(&self, _: &Delete) -> Result<(), Outage> {
        Ok(())
    }
}

impl Sweep for Expired {
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u64, Outage> {
        self.seen.lock().expect("no panic").push((now, limit));
        if std::mem::take(&mut *self.fails.lock().expect("no panic")) {
            return Err(Outage);
        }
        let left = self.left.load(Ordering::SeqCst);
        let batch = left.min(limit.into());
        self.left.store(left - batch, Ordering::SeqCst);
        Ok(batch)
    }
}

impl Expired {
    fn seen(&self) -> Vec<(Timestamp, u32)> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }
}

/// Within the pause after the next tick.
async fn next() {
    sleep(EVERY - Duration::from_secs(1)).await;
}

// batch after batch until none is full, at once and each time that the time has passed
#[tokio::test(start_paused = true)]
async fn in_batches() {
    let (store, env) = (Expired::default(), TestEnv::new(START));
    store.left.store(2_500, Ordering::SeqCst);
    let sweeper = Sweeper::with_env(store.clone(), EVERY, env.clone());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.left.load(Ordering::SeqCst), 0);
    assert_eq!(store.seen(), [(START, Sweeper::BATCH); 3]);
    // A batch that is full is not the last one.
    store.left.store(1_000, Ordering::SeqCst);
    env.advance(900_000);
    next().await;
    assert_eq!(store.seen(), []);
    sleep(Duration::from_secs(1)).await;
    let later = START.plus_millis(900_000).expect("a moment");
    assert_eq!(store.seen(), [(later, Sweeper::BATCH); 2]);
    sweeper.stop().await;
}

// what fails is tried again the next time
#[tokio::test(start_paused = true)]
async fn a_failure_ends_nothing() {
    let store = Expired::default();
    store.left.store(3, Ordering::SeqCst);
    *store.fails.lock().expect("no panic") = true;
    let _sweeper = Sweeper::start(store.clone(), EVERY);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.left.load(Ordering::SeqCst), 3);
    sleep(EVERY).await;
    assert_eq!(store.left.load(Ordering::SeqCst), 0);
}

// when it is stopped or dropped, nothing more is removed
#[tokio::test(start_paused = true)]
async fn stopped() {
    for drops in [false, true] {
        let store = Expired::default();
        let sweeper = Sweeper::start(store.clone(), EVERY);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(store.seen().len(), 1);
        if drops {
            drop(sweeper);
        } else {
            sweeper.stop().await;
        }
        sleep(EVERY * 10).await;
        assert_eq!(store.seen(), []);
        // Nobody holds the store any more.
        assert_eq!(Arc::strong_count(&store.left), 1);
    }
}
