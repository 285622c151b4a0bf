//! Each operation under each fault of the server and of the way to it.

mod common;

use std::time::Duration;

use http_session_conformance::outages::{Operation, Outages, Proxy, WayFault};
use http_session_conformance::servers::Private;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::postgres::PgPoolOptions;
use http_session_store::Deadline;

use common::{LONG, Place, run};

/// What the store waits, and what it may take on a busy machine until it says that it has waited.
const LIMIT: Duration = Duration::from_millis(500);
const IN_TIME: Duration = Duration::from_secs(10);

/// `BindComplete`; a `DataRow` of three times `NULL`; `CommandComplete`; `ReadyForQuery`.
const NULLS: &[u8] = b"2\0\0\0\x04D\0\0\0\x12\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffC\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn with_json() {
    each_operation_under_each_fault("json").await;
}

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn with_jsonb() {
    each_operation_under_each_fault("jsonb").await;
}

/// With `sess` of the type `column`.
async fn each_operation_under_each_fault(column: &str) {
    // No file of it grows beyond 2 MiB: a table can be full.
    let Some(server) = Private::postgres("outages", &["autovacuum=off"], Some(2_048)) else {
        return;
    };
    let place = Place::empty(&format!("outages_{column}"), server.url()).await;
    place.store.migrate().await.expect("the table can be made");
    let (admin, schema) = (&place.pool, &place.schema);
    run(admin, &format!("ALTER TABLE {schema}.session ALTER sess TYPE {column}")).await;
    run(admin, &format!("CREATE ROLE {column} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {column}"))
        .await;
    let all = "SELECT, INSERT, UPDATE, DELETE";
    run(admin, &format!("GRANT {all} ON {schema}.session TO {column}")).await;

    let proxy = Proxy::start(server.port());
    let url = format!("postgres://{column}@127.0.0.1:{}/postgres", proxy.port());
    let pool = PgPoolOptions::new().max_connections(9).acquire_timeout(LIMIT);
    let pool = pool.connect(&url).await.expect("the server is there");
    let way = Deadline::new(
        PostgresStore::new(pool).schema(schema.as_str()).release_timeout(LIMIT * 4),
        LIMIT,
    );
    let direct = Deadline::new(place.store.clone(), LONG);
    let mut outages = Outages::new(way, direct, proxy, IN_TIME).await;
    for fault in WayFault::usual(LIMIT * 2).into_iter().chain([WayFault::Silent]) {
        let row = outages.on_the_way(fault).await;
        assert!(row.failed().eq(Operation::ALL), "{row}");
    }
    // The first one looks like the beginning of a gigabyte; a message of no known type; an error without a code.
    for answer in [&b"HTTP/1.1 400\r\n\r\n"[..], b"?\0\0\0\x04", b"E\0\0\0\x05\0Z\0\0\0\x05I"] {
        let row = outages.on_the_way(WayFault::Garbled(answer.into())).await;
        assert!(row.failed().eq(Operation::ALL), "{row}");
    }
    let row = outages.on_the_way(WayFault::Garbled(NULLS.into())).await;
    let reads = [Operation::Load, Operation::Refresh, Operation::Rotate];
    assert!(row.failed().eq(reads), "{row}");
    let lock_out = async |locked: bool| {
        let login = if locked { "NOLOGIN" } else { "LOGIN" };
        run(admin, &format!("ALTER ROLE {column} {login}")).await;
        let theirs = format!("FROM pg_stat_activity WHERE usename = '{column}'");
        run(admin, &format!("SELECT pg_terminate_backend(pid) {theirs}")).await;
    };
    let row = outages.at_the_server("no longer let in", lock_out).await;
    assert!(row.failed().eq(Operation::ALL), "{row}");
    let forbid = async |forbidden: bool| {
        let (verb, to) = if forbidden { ("REVOKE", "FROM") } else { ("GRANT", "TO") };
        run(admin, &format!("{verb} {all} ON {schema}.session {to} {column}")).await;
    };
    let row = outages.at_the_server("no longer allowed anything", forbid).await;
    assert!(row.failed().eq(Operation::ALL), "{row}");
    // That of the admin's connection does not count: it sets it anew.
    let demote = async |demoted: bool| {
        let read_only = if demoted { "on" } else { "off" };
        run(admin, "SET default_transaction_read_only = off").await;
        run(admin, &format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}")).await;
        run(admin, "SELECT pg_reload_conf()").await;
        run(admin, "SELECT pg_sleep(0.2)").await;
    };
    let row = outages.at_the_server("a replica that is read-only", demote).await;
    assert!(row.failed().eq(Operation::ALL.into_iter().skip(1)), "{row}");
    let fill = async |full: bool| {
        let text =
            if full { FILL } else { "DELETE FROM TABLE WHERE sid LIKE 'filler%'; VACUUM TABLE" };
        for text in text.split_inclusive("; ") {
            run(admin, &text.replace("TABLE", &format!("{schema}.session"))).await;
        }
    };
    let row = outages.at_the_server("a disk that is full", fill).await;
    // A change of a record may find room on its own page.
    let failed = row.failed().collect::<Vec<_>>();
    let fits = |failed| !matches!(failed, Operation::Load | Operation::Delete);
    assert!(failed.contains(&Operation::Create) && failed.into_iter().all(fits), "{row}");
    println!("{outages}");
    outages.assert();
}

/// Rows until there is no room for another one, of any length.
const FILL: &str = "DO $$ BEGIN
    FOR length IN REVERSE 10..0 LOOP
        FOR row IN 1..100000 LOOP
            BEGIN
                INSERT INTO TABLE (sid, sess, expire)
                VALUES ('filler ' || length || ' ' || row, to_json(repeat('x', 1 << length)), now());
            EXCEPTION WHEN OTHERS THEN EXIT;
            END;
        END LOOP;
    END LOOP;
END $$";
