//! Sessions in a table of PostgreSQL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{SessionId, Timestamp};
use http_session_store::{AtomicRotation, Store, Sweep};
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row, SqlStr};

use crate::PostgresError;
use crate::lease::Lease;
use crate::statements::Statements;

/// Before the first moment that PostgreSQL can name, in seconds: what expired earlier has expired.
const FIRST: i64 = -210_000_000_000;

/// Keeps records in a table of PostgreSQL, as connect-pg-simple does (P-01 … P-10 of the store formats). Clones are the
/// same store.
///
/// A record lives to the end of the second in which its cookie or its timeout ends it (P-03, P-07). One that
/// says nothing of its end lives for the [`ttl`](Self::ttl), from each time that it is written or touched. What has expired
/// stays in the table until it is [swept](Sweep).
///
/// The version of a record is its text as the column has it, so no other column is needed. It holds among
/// writers that ask for it; express-session overwrites.
///
/// Every operation is one statement, a refused conditional save two: a future that is dropped leaves no
/// transaction open.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    release_timeout: Duration,
    schema: Option<Box<str>>,
    statements: Arc<Statements>,
    table: Box<str>,
    time_zone: Box<str>,
    ttl: Duration,
}

impl PostgresStore {
    /// The table `session`, in the first schema of the connections' `search_path` that has it.
    pub fn new(pool: PgPool) -> Self {
        let (table, time_zone) = ("session", "UTC");
        Self {
            pool,
            release_timeout: Duration::from_secs(30),
            schema: None,
            statements: Arc::new(Statements::new(None, table, time_zone)),
            table: table.into(),
            time_zone: time_zone.into(),
            ttl: Duration::from_secs(86_400),
        }
    }

    /// How long the connection of a request that was given up may take to answer before it is closed, so that the pool can
    /// make another one: 30 s unless set. A host that went away without a word never answers. A server that is only
    /// slow goes on with the statement all the same, and then has more connections than the pool.
    #[must_use]
    pub fn release_timeout(self, release_timeout: Duration) -> Self {
        Self { release_timeout, ..self }
    }

    /// The table is in this schema, which must exist. The name is quoted: upper case counts (P-01).
    #[must_use]
    pub fn schema(self, name: impl Into<Box<str>>) -> Self {
        Self { schema: Some(name.into()), ..self }.renewed()
    }

    /// The table's name, `session` unless set. It is quoted: upper case counts (P-01).
    #[must_use]
    pub fn table(self, name: impl Into<Box<str>>) -> Self {
        Self { table: name.into(), ..self }.renewed()
    }

    /// The zone whose local time the table's column `expire` holds: `UTC` unless set (P-08).
    ///
    /// Set it where the table is shared with a Node service, to what `SHOW TimeZone` says on a connection of
    /// that service. What the connections of this pool say does not count: sqlx sets them to UTC. A zone that
    /// the server does not know is an error of [`migrate`](Self::migrate) and of each write (`22023`).
    ///
    /// In a zone with daylight saving time, a record whose end falls into the hour that comes twice may live
    /// an hour longer, here as there.
    #[must_use]
    pub fn time_zone(self, name: impl Into<Box<str>>) -> Self {
        Self { time_zone: name.into(), ..self }.renewed()
    }

    /// How long a record lives that says nothing of its end, as that of a browser-session cookie without
    /// timeouts: 24 hours unless set, rounded up to whole seconds (P-07).
    #[must_use]
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Makes the table and its index as connect-pg-simple makes them (P-02), if there is no such table; one that
    /// exists is left as it is. Several processes may do so at the same time. It does not make the schema.
    ///
    /// # Errors
    /// Where the server is away, the schema is missing (`3F000`), making tables is not allowed (`42501`), or there
    /// is no such time zone (`22023`).
    pub async fn migrate(&self) -> Result<(), PostgresError> {
        query(&self.statements.migrate).execute(self.lease().await?.connection()).await?;
        Ok(())
    }

    async fn lease(&self) -> Result<Lease, PostgresError> {
        Ok(Lease::new(&self.pool, self.release_timeout).await?)
    }

    fn renewed(self) -> Self {
        let statements = Statements::new(self.schema.as_deref(), &self.table, &self.time_zone);
        Self { statements: Arc::new(statements), ..self }
    }

    /// When a record expires, in seconds (P-07).
    fn end(&self, expires: Option<Timestamp>, now: Timestamp) -> f64 {
        seconds(expires.unwrap_or_else(|| later(now, self.ttl)))
    }
}

impl Store for PostgresStore {
    type Error = PostgresError;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, PostgresError> {
        let Load { id, now, refresh, .. } = load;
        let text = if refresh.is_some() { &self.statements.refresh } else { &self.statements.load };
        let mut query = query(text).bind(key(id)).bind(seconds(*now));
        if let Some(refresh) = refresh {
            query = query.bind(seconds(later(*now, *refresh)));
        }
        let Some(row) = query.fetch_optional(self.lease().await?.connection()).await? else {
            return Ok(None);
        };
        let mut stored = stored(row.try_get(0)?);
        stored.refreshed = refresh.is_some();
        if load.tell_end {
            // Out of range is `infinity` alone.
            let millis: f64 = row.try_get::<f64, _>(1)? * 1_000.0;
            stored.expires = Timestamp::from_millis(millis as i64);
        }
        Ok(Some(stored))
    }

    async fn save(&self, save: &Save) -> Result<Written, PostgresError> {
        let Save { id, record, expect, now, .. } = save;
        let text = match expect {
            Expect::Absent => &self.statements.insert,
            Expect::Anything => &self.statements.upsert,
            Expect::Present | Expect::Version(_) => &self.statements.update,
        };
        let json = record.to_json();
        let query = query(text).bind(key(id)).bind(&json).bind(self.end(record.expires(), *now));
        // The server takes no parameter that its statement has not.
        let query = match expect {
            Expect::Anything => query,
            Expect::Absent => query.bind(seconds(*now)),
            Expect::Present | Expect::Version(_) => query.bind(seconds(*now)).bind(version(expect)),
        };
        if let Some(row) = query.fetch_optional(self.lease().await?.connection()).await? {
            return saved(json, &row, 0);
        }
        Ok(match expect {
            Expect::Absent | Expect::Anything => Written::Exists,
            Expect::Present => Written::Gone,
            Expect::Version(_) => {
                let found = self.load(&Load::new(id.clone(), *now, None)).await?;
                found.map_or(Written::Gone, Written::Changed)
            }
        })
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Written, PostgresError> {
        let Rotate { from, to, record, expect, now, .. } = rotate;
        let json = record.to_json();
        let present = match expect {
            Expect::Absent => Some(false),
            Expect::Anything => None,
            Expect::Present | Expect::Version(_) => Some(true),
        };
        let query = query(&self.statements.rotate).bind(key(to)).bind(&json);
        let query = query.bind(self.end(record.expires(), *now)).bind(seconds(*now));
        let query = query.bind(key(from)).bind(present).bind(version(expect));
        let row = query.fetch_one(self.lease().await?.connection()).await?;
        if row.try_get(0)? {
            return saved(json, &row, 1);
        }
        Ok(match (expect, row.try_get::<Option<String>, _>(2)?) {
            (Expect::Present | Expect::Version(_), None) => Written::Gone,
            (Expect::Version(version), Some(found)) if *version.0 != *found.as_bytes() => {
                Written::Changed(stored(found))
            }
            _ => Written::Exists,
        })
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, PostgresError> {
        let query = query(&self.statements.touch).bind(key(&touch.id));
        let query = query.bind(seconds(touch.now)).bind(self.end(touch.expires, touch.now));
        let alive = query.execute(self.lease().await?.connection()).await?.rows_affected() > 0;
        Ok(if alive { Touched::Alive } else { Touched::Gone })
    }

    async fn delete(&self, delete: &Delete) -> Result<(), PostgresError> {
        query(&self.statements.delete)
            .bind(key(&delete.id))
            .execute(self.lease().await?.connection())
            .await?;
        Ok(())
    }
}

impl AtomicRotation for PostgresStore {}

impl Sweep for PostgresStore {
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<u64, PostgresError> {
        let query = query(&self.statements.sweep).bind(seconds(now)).bind(i64::from(limit));
        Ok(query.execute(self.lease().await?.connection()).await?.rows_affected())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the pool, whose options know a password.
        let Self { pool: _, release_timeout, schema, statements: _, table, time_zone, ttl } = self;
        let mut debug = f.debug_struct("PostgresStore");
        debug
            .field("release_timeout", release_timeout)
            .field("schema", schema)
            .field("table", table)
            .field("time_zone", time_zone);
        debug.field("ttl", ttl).finish_non_exhaustive()
    }
}

fn query(text: &SqlStr) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(text.clone())
}

/// A moment in whole seconds, rounded up (P-03, P-07).
fn seconds(moment: Timestamp) -> f64 {
    let seconds = -(-moment.as_millis()).div_euclid(1_000);
    seconds.max(FIRST) as f64
}

fn later(now: Timestamp, span: Duration) -> Timestamp {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    now.plus_millis(millis).unwrap_or(Timestamp::MAX)
}

/// What is asked for. No text of PostgreSQL has a NUL: nothing is under such an id, as under `NULL`, and
/// nothing can be written.
fn key(id: &SessionId) -> Option<&str> {
    Some(id.as_str()).filter(|id| !id.contains('\0'))
}

/// The text that is expected, if one is. No record is the empty text.
fn version(expect: &Expect) -> Option<&str> {
    let Expect::Version(Version(text)) = expect else { return None };
    Some(str::from_utf8(text).unwrap_or_default())
}

fn stored(text: String) -> Stored {
    let version = Some(Version(text.as_bytes().into()));
    Stored { version, ..Stored::new(text) }
}

/// The answer to a write of `json`; the column says how it is written now, if otherwise.
fn saved(json: String, row: &PgRow, column: usize) -> Result<Written, PostgresError> {
    let text = row.try_get::<Option<String>, _>(column)?.unwrap_or(json);
    Ok(Written::Saved(Some(Version(text.into_bytes().into()))))
}
