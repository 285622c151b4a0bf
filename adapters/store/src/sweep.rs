//! Removing expired records, where a store does not do so by itself.

use std::time::Duration;

use http_session::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Env, OsEnv, Store};

/// A store in which expired records stay until somebody removes them. They are absent for every
/// operation all the same.
pub trait Sweep: Store {
    /// Removes at most `limit` records that have expired at `now`, and says how many. It asks what a load
    /// asks, so that nothing is removed that a load would still find.
    ///
    /// # Errors
    /// The store's own: nothing is lost, the records are removed later.
    fn sweep(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// A task that removes expired records from time to time, in batches, until it is stopped or dropped.
///
/// One in each process that shares a store does no harm, one in all is enough.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub struct Sweeper(JoinHandle<()>);

impl Sweeper {
    /// At most this many records are removed by one statement, so that none holds up the requests.
    pub const BATCH: u32 = 1_000;

    /// Sweeps `store` now and then each time when `every` has passed. What fails is logged, and tried
    /// again the next time.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer, or if `every` is zero.
    pub fn start(store: impl Sweep + 'static, every: Duration) -> Self {
        Self::with_env(store, every, OsEnv)
    }

    /// As [`Sweeper::start`], with another clock.
    ///
    /// # Panics
    /// As [`Sweeper::start`].
    pub fn with_env(store: impl Sweep + 'static, every: Duration, env: impl Env) -> Self {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(tokio::spawn(async move {
            loop {
                ticks.tick().await;
                match sweep_all(&store, env.now()).await {
                    Ok(0) => {}
                    Ok(removed) => tracing::debug!(removed, "expired sessions removed"),
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "expired sessions not removed");
                    }
                }
            }
        }))
    }

    /// Stops the task, and waits until it has ended. A batch under way may have been removed or not.
    pub async fn stop(mut self) {
        self.0.abort();
        // It was aborted, or it could not have ended.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn sweep_all<S: Sweep>(store: &S, now: Timestamp) -> Result<u64, S::Error> {
    let mut removed: u64 = 0;
    loop {
        let batch = store.sweep(now, Sweeper::BATCH).await?;
        removed = removed.saturating_add(batch);
        if batch < u64::from(Sweeper::BATCH) {
            return Ok(removed);
        }
    }
}
