//! A connection of the pool, and how it goes back.

use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// A connection that goes back to its pool within a time, or is closed.
///
/// sqlx 0.9 asks whether a connection still works before the pool has it again, and waits for the answer as long as it takes:
/// one to a host that went away without a word would be missing until the system gives it up, after a quarter of an hour
/// or never (sqlx issue 4349).
pub(crate) struct Lease {
    /// There is one until it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    limit: Duration,
}

impl Lease {
    pub(crate) async fn new(pool: &PgPool, limit: Duration) -> sqlx::Result<Self> {
        Ok(Self { connection: Some(pool.acquire().await?), limit })
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("it is not dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // Without a runtime, sqlx says what it thinks of that.
        if let Ok(runtime) = Handle::try_current() {
            // Given up, it closes the connection.
            let back = timeout(self.limit, connection.return_to_pool());
            runtime.spawn(async move {
                let _ = back.await;
                // Makes another one, if the pool has too few then.
                drop(connection);
            });
        }
    }
}
