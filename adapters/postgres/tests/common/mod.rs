//! A schema of a test's own on a server, and what tests write there.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::thread;
use std::time::Duration;

use http_session_conformance::servers;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::postgres::{PgPool, PgPoolOptions};
use http_session_postgres::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use http_session_store::Store;
use http_session_store::core::store::{Delete, Expect, Load, Rotate, Save, Stored, Touch, Touched};
use http_session_store::core::store::{Version, Written};
use http_session_store::core::{Expires, Record, SessionCookie, SessionId, Timestamp};
use http_session_store::testing::session_cookie;

/// Half of a second past a whole one.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500).expect("a moment");

/// Generous: the machine may be busy.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn at(millis: i64) -> Timestamp {
    NOW.plus_millis(millis).expect("a moment")
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

/// A record with `n`, which expires at `end`.
pub(crate) fn record(n: u64, end: Option<Timestamp>) -> Record {
    let cookie = cookie(end.map_or(Expires::Session, Expires::At)).to_json();
    Record::from_json(&format!(r#"{{"cookie":{cookie},"n":{n}}}"#)).expect("a JSON object")
}

pub(crate) fn n(stored: &Stored) -> u64 {
    let record: serde_json::Value = serde_json::from_slice(&stored.record).expect("JSON");
    record["n"].as_u64().expect("a number")
}

pub(crate) fn cookie(end: Expires) -> SessionCookie {
    session_cookie(end, NOW)
}

pub(crate) async fn load<S: Store>(store: &S, key: &str, now: Timestamp) -> Option<Stored> {
    store.load(&Load::new(id(key), now, None)).await.expect("no failure")
}

/// The number under `key`, if there is one.
pub(crate) async fn number<S: Store>(store: &S, key: &str, now: Timestamp) -> Option<u64> {
    load(store, key, now).await.as_ref().map(n)
}

pub(crate) async fn save<S: Store>(
    store: &S,
    key: &str,
    record: Record,
    expect: Expect,
    now: Timestamp,
) -> Written {
    store.save(&Save::new(id(key), record, expect, now)).await.expect("no failure")
}

pub(crate) async fn put<S: Store>(store: &S, key: &str, n: u64, end: Option<Timestamp>) -> Version {
    match save(store, key, record(n, end), Expect::Anything, NOW).await {
        Written::Saved(Some(version)) => version,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn rotation(from: &str, to: &str, n: u64, expect: Expect) -> Rotate {
    Rotate::new(id(from), id(to), record(n, Some(at(60_500))), expect, NOW)
}

pub(crate) async fn touch<S: Store>(
    store: &S,
    key: &str,
    end: Option<Timestamp>,
    now: Timestamp,
) -> Touched {
    let cookie = cookie(end.map_or(Expires::Session, Expires::At));
    store.touch(&Touch::new(id(key), cookie, end, None, now)).await.expect("no failure")
}

pub(crate) async fn delete<S: Store>(store: &S, key: &str) {
    store.delete(&Delete::new(id(key), NOW)).await.expect("no failure");
}

/// What comes must come in time.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it comes in time")
}

/// A schema that is dropped in the end, with a table as connect-pg-simple makes it.
pub(crate) struct Place {
    pub(crate) pool: PgPool,
    pub(crate) schema: String,
    pub(crate) store: PostgresStore,
    url: String,
}

impl Place {
    /// With `sess` of the type `column`, on the server that runs. `None`: skip `test`.
    pub(crate) async fn new(test: &str, column: &str) -> Option<Self> {
        let url = servers::postgres(test)?;
        let place = Self::empty(test, url).await;
        place.store.migrate().await.expect("the table can be made");
        let (schema, pool) = (&place.schema, &place.pool);
        let column = format!("ALTER TABLE {schema}.session ALTER sess TYPE {column}");
        run(pool, &column).await;
        Some(place)
    }

    /// Without a table.
    pub(crate) async fn empty(test: &str, url: String) -> Self {
        let schema = format!("{test}_{}", std::process::id());
        let pool = pool(&url, 4).await;
        run(&pool, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
        run(&pool, &format!("CREATE SCHEMA {schema}")).await;
        let store = PostgresStore::new(pool.clone()).schema(schema.as_str());
        Self { pool, schema, store, url }
    }

    /// A statement on this table, which is `TABLE` in it.
    pub(crate) fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(text.replace("TABLE", &format!("\"{}\".\"session\"", self.schema)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (url, schema) = (self.url.clone(), self.schema.clone());
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut connection = PgConnection::connect(&url).await?;
                // A test that has failed may have left a lock behind.
                let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA {schema} CASCADE");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await
            })
        });
        // If the server is away, so is the schema.
        let _ = dropped.join();
    }
}

pub(crate) async fn pool(url: &str, connections: u32) -> PgPool {
    let options = PgPoolOptions::new().max_connections(connections).acquire_timeout(LONG);
    options.connect(url).await.expect("the server is there")
}

pub(crate) async fn run(pool: &PgPool, text: &str) {
    sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(pool).await.expect(text);
}

/// P-04, as connect-pg-simple sends it.
pub(crate) const NODE_SET: &str =
    "INSERT INTO TABLE (sess, expire, sid) SELECT $1::json, to_timestamp($2), $3
    ON CONFLICT (sid) DO UPDATE SET sess=$1::json, expire=to_timestamp($2) RETURNING sid";
/// P-03.
pub(crate) const NODE_GET: &str =
    "SELECT sess::text FROM TABLE WHERE sid = $1 AND expire >= to_timestamp($2)";
