//! What else happens to a pool's connections: requests that go away, sweeps, and errors that tell nothing.

mod common;
#[path = "../../store/tests/common/errors.rs"]
mod errors;

use std::time::{Duration, Instant};

use http_session_conformance::servers;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx;
use http_session_postgres::sqlx::Acquire;
use http_session_postgres::sqlx::Row;
use http_session_postgres::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use http_session_store::core::store::{Delete, Expect, Load, Save, Touch, Written};
use http_session_store::core::{Expires, Record, SessionId, Timestamp};
use http_session_store::{Store, Sweep, Sweeper};
use tokio::time::{sleep, timeout};

use common::{LONG, NOW, Place, at, cookie, delete, id, number, put, record, rotation, run, soon};
use errors::all_of;

/// A pool of two connections that can be told from others.
async fn small(place: &Place, name: &str) -> (PgPool, PostgresStore) {
    let options: PgConnectOptions = (*place.pool.connect_options()).clone();
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(LONG);
    let pool = pool.connect_with(options.application_name(name)).await.expect("connected");
    (pool.clone(), PostgresStore::new(pool).schema(place.schema.as_str()))
}

/// How many of them are in a transaction.
async fn in_transaction(place: &Place, name: &str) -> i64 {
    let text =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'";
    let row = sqlx::query(text).bind(name).fetch_one(&place.pool).await;
    row.expect("no failure").get(0)
}

/// Waits until every connection is back in the pool, which it is when the server has answered.
async fn quiet(place: &Place, pool: &PgPool, name: &str) {
    let started = Instant::now();
    while pool.num_idle() < pool.size() as usize || in_transaction(place, name).await > 0 {
        assert!(started.elapsed() < LONG, "a transaction stays open");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Each of the operations, dropped after `patience`.
async fn drop_each(store: &PostgresStore, patience: Duration) {
    let (a, end) = (id("a"), Some(at(60_500)));
    let touch = Touch::new(a.clone(), cookie(Expires::At(at(60_500))), end, None, NOW);
    let refresh = Load::new(a.clone(), NOW, Some(Duration::from_secs(60)));
    let save = Save::new(a.clone(), record(2, end), Expect::Present, NOW);
    drop(timeout(patience, store.load(&refresh)).await);
    drop(timeout(patience, store.save(&save)).await);
    drop(timeout(patience, store.rotate(&rotation("a", "b", 3, Expect::Present))).await);
    drop(timeout(patience, store.touch(&touch)).await);
    drop(timeout(patience, store.delete(&Delete::new(a, NOW))).await);
    drop(timeout(patience, store.sweep(NOW, 10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_leaves_nothing_behind() {
    let Some(place) = Place::new("pool_dropped", "json").await else { return };
    let name = format!("{}_dropped", place.schema);
    let (pool, store) = small(&place, &name).await;
    put(&store, "a", 1, None).await;
    // While the row is locked, each is dropped in the middle of its statement.
    for _ in 0..3 {
        let mut locker = place.pool.acquire().await.expect("connected");
        let mut lock = locker.begin().await.expect("begun");
        let text = place.sql("SELECT FROM TABLE FOR UPDATE");
        sqlx::query(text).fetch_all(&mut *lock).await.expect("locked");
        drop_each(&store, Duration::from_millis(40)).await;
        lock.rollback().await.expect("free again");
        quiet(&place, &pool, &name).await;
        soon(put(&store, "a", 1, None)).await;
        assert_eq!(soon(number(&store, "a", NOW)).await, Some(1));
    }
    // At whatever moment.
    for micros in (0..3_000).step_by(50) {
        drop_each(&store, Duration::from_micros(micros)).await;
        soon(put(&store, "a", 1, None)).await;
        soon(delete(&store, "b")).await;
    }
    quiet(&place, &pool, &name).await;
    assert!(pool.size() <= 2);
}

// RC-10
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_rotation_is_done_or_not() {
    let Some(place) = Place::new("pool_rotation", "json").await else { return };
    let name = format!("{}_rotation", place.schema);
    let (pool, store) = small(&place, &name).await;
    let (mut done, mut dropped) = (0, 0);
    for micros in (0..6_000_u64).step_by(40) {
        delete(&store, "b").await;
        put(&store, "a", 1, None).await;
        let rotate = rotation("a", "b", 2, Expect::Present);
        let patience = Duration::from_micros(micros);
        match timeout(patience, store.rotate(&rotate)).await {
            Ok(rotated) => {
                assert!(matches!(rotated.expect("no failure"), Written::Saved(_)));
                done += 1;
            }
            Err(_) => dropped += 1,
        }
        quiet(&place, &pool, &name).await;
        let both = (number(&store, "a", NOW).await, number(&store, "b", NOW).await);
        assert!(matches!(both, (Some(1), None) | (None, Some(2))), "{both:?}");
    }
    assert!(dropped > 0, "{done} done, {dropped} dropped");
}

// ST-7, P-09: what has expired is removed, and nothing else
#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_removes_what_has_expired() {
    let Some(place) = Place::new("pool_sweeper", "json").await else { return };
    let store = &place.store;
    let fill =
        "INSERT INTO TABLE SELECT 'old' || i, '{}'::json, '2020-01-01'::timestamp + i * interval '1 s'
        FROM generate_series(2500, 1, -1) i UNION ALL
        SELECT 'new' || i, '{}', '2400-01-01' FROM generate_series(1, 10) i";
    let count = || async {
        let row = sqlx::query(place.sql("SELECT count(*) FROM TABLE")).fetch_one(&place.pool).await;
        row.expect("no failure").get::<i64, _>(0)
    };
    let fill =
        || async { sqlx::query(place.sql(fill)).execute(&place.pool).await.expect("filled") };
    fill().await;
    let first = store.sweep(NOW, 1_000).await.expect("no failure");
    let oldest = place.sql("SELECT min(expire)::text FROM TABLE");
    let oldest: String = sqlx::query(oldest).fetch_one(&place.pool).await.expect("rows").get(0);
    assert_eq!((first, oldest.as_str()), (1_000, "2020-01-01 00:16:41"), "the oldest first");
    for (limit, removed) in [(0, 0), (1_000, 1_000), (1_000, 500), (1_000, 0)] {
        assert_eq!(store.sweep(NOW, limit).await.expect("no failure"), removed);
    }
    assert_eq!(count().await, 10);
    for stop in [true, false] {
        let delete = place.sql("DELETE FROM TABLE");
        sqlx::query(delete).execute(&place.pool).await.expect("empty");
        fill().await;
        let sweeper = Sweeper::start(store.clone(), Duration::from_millis(20));
        let started = Instant::now();
        while count().await > 10 {
            assert!(started.elapsed() < LONG, "it sweeps");
            sleep(Duration::from_millis(10)).await;
        }
        if stop {
            soon(sweeper.stop()).await;
        } else {
            drop(sweeper);
            sleep(Duration::from_millis(100)).await; // a sweep under way may end
        }
        put(store, "late", 1, Some(NOW)).await;
        sleep(Duration::from_millis(200)).await;
        assert_eq!(count().await, 11, "it does no more");
    }
}

// EX-11: A sweep waits for nobody, and spares what a request is renewing.
#[tokio::test]
async fn a_sweep_passes_by_a_locked_row() {
    let Some(place) = Place::new("pool_locked", "json").await else { return };
    let store = &place.store;
    put(store, "a", 1, Some(at(-10_500))).await;
    put(store, "b", 1, Some(at(-10_500))).await;
    let mut other = place.pool.acquire().await.expect("connected");
    let mut other = other.begin().await.expect("begun");
    let touch = place.sql("UPDATE TABLE SET expire = expire + interval '1 h' WHERE sid = 'a'");
    sqlx::query(touch).execute(&mut *other).await.expect("touched");
    assert_eq!(soon(store.sweep(NOW, 10)).await.expect("no failure"), 1);
    other.commit().await.expect("committed");
    assert_eq!(number(store, "a", NOW).await, Some(1));
    assert_eq!(store.sweep(NOW, 10).await.expect("no failure"), 0);
}

// LG-1
#[tokio::test]
async fn no_error_tells_an_id_or_data() {
    let record = |data: &str| {
        Record::from_json(&format!(r#"{{"cookie":{{}},"a":"hunter2","b":"{data}"}}"#))
            .expect("JSON")
    };
    let save = |key: &str, data: &str| Save::new(id(key), record(data), Expect::Anything, NOW);
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("pool_errors", column).await else { return };
        let Place { pool, schema, store, .. } = &place;
        let trigger = format!(
            "ALTER TABLE {schema}.session ADD CHECK (sess->>'b' <> 'check');
            CREATE UNIQUE INDEX ON {schema}.session (lower(sid));
            CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN RAISE ''refused: % %'', NEW.sid, NEW.sess; END';
            CREATE TRIGGER refuse BEFORE INSERT ON {schema}.session FOR EACH ROW
                WHEN (NEW.sess->>'b' = 'trigger') EXECUTE FUNCTION {schema}.refuse()"
        );
        store.save(&save("secret-id", "")).await.map(drop).expect("written");
        run(pool, &trigger).await;
        let cases = [
            ("SECRET-id", "", "23505"),
            ("secret-id2", "check", "23514"),
            ("secret-id3", "trigger", "P0001"),
            ("secret-id4\0", "", "23502"),
            ("secret-id5", "\\u0000", "22P05"),
        ];
        for (key, data, code) in cases {
            let error = store.save(&save(key, data)).await.expect_err(code);
            assert_eq!(error.code(), Some(code));
            let text = all_of(&error).to_lowercase();
            assert!(!text.contains("secret-id") && !text.contains("hunter2"), "{text}");
            assert!(text.contains(&code.to_lowercase()));
        }
        let missing = store.clone().table("missing");
        let error = missing.load(&Load::new(id("a"), NOW, None)).await.expect_err("no table");
        assert!(error.to_string().contains(".missing\" does not exist, SQLSTATE 42P01"), "{error}");
    }
}

#[tokio::test]
async fn a_store_shows_no_password() {
    let options =
        "postgres://ada:hunter2@127.0.0.1:1/x?application_name=y".parse::<PgConnectOptions>();
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(300));
    let store = PostgresStore::new(pool.connect_lazy_with(options.expect("a URL"))).schema("s");
    let shown = format!("{store:?}");
    assert!(shown.contains("session") && !shown.contains("hunter2"), "{shown}");
    let error = store.load(&Load::new(id("a"), NOW, None)).await.expect_err("nobody is there");
    assert!(!all_of(&error).contains("hunter2") && error.code().is_none());
}

// A pool without a free connection is an error in its own time, and works again.
#[tokio::test]
async fn a_pool_that_has_no_connection_left_says_so() {
    let Some(url) = servers::postgres("pool_full") else { return };
    let place = Place::empty("pool_full", url.clone()).await;
    place.store.migrate().await.expect("made");
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(200));
    let pool = pool.connect(&url).await.expect("connected");
    let store = PostgresStore::new(pool.clone()).schema(place.schema.as_str());
    let taken = pool.acquire().await.expect("the only one");
    let load = Load::new(SessionId::from_text("a").expect("an id"), Timestamp::MIN, None);
    let error = soon(store.load(&load)).await.expect_err("there is no other");
    assert!(error.to_string().contains("timed out"), "{error}");
    drop(taken);
    put(&store, "a", 1, None).await;
}
