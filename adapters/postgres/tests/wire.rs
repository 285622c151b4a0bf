//! What stands in the table, and what is read of what others wrote there.

mod common;

use http_session_conformance::servers;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::{self, AssertSqlSafe, Row};
use http_session_store::core::store::{Expect, Load, Save, Touched, Written};
use http_session_store::core::{Record, Timestamp};
use http_session_store::{Store, Sweep};

use common::{
    NODE_GET, NODE_SET, NOW, Place, at, delete, id, load, n, number, put, record, rotation, run,
    save, touch,
};

const NODE_RECORD: &str =
    r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":7}"#;

/// When `key` expires, in seconds.
async fn expire(place: &Place, key: &str) -> f64 {
    let text = "SELECT extract(epoch FROM expire)::float8 FROM TABLE WHERE sid = $1";
    let row = sqlx::query(place.sql(text)).bind(key).fetch_one(&place.pool).await;
    row.expect("a row").get(0)
}

// P-04: each of the ways to write leaves the row that connect-pg-simple's statement leaves
// P-03: and it reads ours
#[tokio::test]
async fn a_row_is_as_connect_pg_simple_writes_it() {
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("wire_row", column).await else { return };
        let end = at(10_250);
        let json = record(7, Some(end)).to_json();
        let node =
            sqlx::query(place.sql(NODE_SET)).bind(&json).bind(1_700_000_011_f64).bind("node");
        node.execute(&place.pool).await.expect("written");
        let Written::Saved(Some(version)) =
            save(&place.store, "absent", record(7, Some(end)), Expect::Absent, NOW).await
        else {
            panic!("it was absent")
        };
        put(&place.store, "anything", 7, Some(end)).await;
        for key in ["present", "version", "from"] {
            put(&place.store, key, 1, Some(end)).await;
        }
        let other = load(&place.store, "version", NOW).await.expect("there").version;
        let other = Expect::Version(other.expect("it has a version"));
        for (key, expect) in [("present", Expect::Present), ("version", other)] {
            let saved = save(&place.store, key, record(7, Some(end)), expect, NOW).await;
            assert_eq!(saved, Written::Saved(Some(version.clone())));
        }
        let mut rotate = rotation("from", "to", 7, Expect::Present);
        rotate.record = record(7, Some(end));
        let rotated = place.store.rotate(&rotate).await.expect("no failure");
        assert_eq!(rotated, Written::Saved(Some(version)));

        let text = "SELECT count(*), count(DISTINCT (sess::text, expire)) FROM TABLE";
        let row = sqlx::query(place.sql(text)).fetch_one(&place.pool).await.expect("rows");
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (6, 1), "{column}");
        let read = sqlx::query(place.sql(NODE_GET)).bind("to").bind(1_700_000_011_f64);
        let read: String = read.fetch_one(&place.pool).await.expect("alive").get(0);
        assert!(column == "jsonb" || read == json);
        assert_eq!(number(&place.store, "node", NOW).await, Some(7));
    }
}

// P-07: the cookie's end, rounded up to whole seconds, or now and the ttl
#[tokio::test]
async fn the_expiry_is_in_whole_seconds() {
    let Some(place) = Place::new("wire_expiry", "json").await else { return };
    let store = &place.store;
    for (end, seconds) in [(500, 1_700_000_001), (501, 1_700_000_002), (-500, 1_700_000_000)] {
        put(store, "a", 1, Some(at(end))).await;
        assert_eq!(expire(&place, "a").await, f64::from(seconds));
    }
    put(store, "a", 1, None).await;
    assert_eq!(expire(&place, "a").await, 1_700_086_401.);
    assert_eq!(touch(store, "a", Some(at(99_999_000)), NOW).await, Touched::Alive);
    assert_eq!(expire(&place, "a").await, 1_700_100_000.);
    assert_eq!(touch(store, "a", None, NOW).await, Touched::Alive);
    assert_eq!(expire(&place, "a").await, 1_700_086_401.);
    let store = store.clone().ttl(std::time::Duration::from_millis(2_600));
    put(&store, "a", 1, None).await;
    assert_eq!(expire(&place, "a").await, 1_700_000_004.);
    // However far away: what no clock shows is no error.
    for (end, seconds) in
        [(Timestamp::MAX, 8_640_000_000_000_f64), (Timestamp::MIN, -210_000_000_000.)]
    {
        put(&store, "a", 1, Some(end)).await;
        assert_eq!(expire(&place, "a").await, seconds);
    }
    assert_eq!(number(&store, "a", Timestamp::MAX).await, None);
    assert_eq!(number(&store, "a", Timestamp::MIN).await, Some(1));
}

// P-03: alive when expire is not before now, rounded up: equality lives
#[tokio::test]
async fn a_record_lives_to_the_end_of_its_second() {
    let Some(place) = Place::new("wire_boundary", "json").await else { return };
    let store = &place.store;
    put(store, "a", 1, Some(at(9_500))).await; // 10 s past the whole second
    for (millis, alive) in [(9_500, true), (9_499, true), (9_501, false), (10_500, false)] {
        assert_eq!(number(store, "a", at(millis)).await.is_some(), alive, "{millis}");
        let now = at(millis);
        let swept = store.clone().sweep(now, 0).await.expect("no failure");
        assert_eq!(swept, 0, "a batch of none");
        let touched = touch(store, "a", Some(at(9_500)), now).await;
        assert_eq!(touched == Touched::Alive, alive, "{millis}");
        let node = sqlx::query(place.sql(NODE_GET)).bind("a");
        let seconds = now.as_millis().div_euclid(1_000) + i64::from(now.as_millis() % 1_000 > 0);
        let node = node.bind(seconds as f64).fetch_optional(&place.pool).await.expect("no failure");
        assert_eq!(node.is_some(), alive, "as connect-pg-simple, {millis}");
    }
    assert_eq!(store.sweep(at(9_500), 10).await.expect("no failure"), 0);
    assert_eq!(store.sweep(at(9_501), 10).await.expect("no failure"), 1);
}

// P-05: a touch writes the expiry and nothing else, and makes no row
#[tokio::test]
async fn a_touch_and_a_refresh_leave_the_record_as_it_is() {
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("wire_touch", column).await else { return };
        let store = &place.store;
        let version = put(store, "a", 1, Some(at(10_000))).await;
        assert_eq!(touch(store, "a", Some(at(20_000)), NOW).await, Touched::Alive);
        let stored = load(store, "a", at(15_000)).await.expect("it lives on");
        assert!(stored.version == Some(version.clone()) && !stored.refreshed);
        assert_eq!(touch(store, "b", Some(at(20_000)), NOW).await, Touched::Gone);
        assert_eq!(number(store, "b", NOW).await, None);

        let minute = Some(std::time::Duration::from_secs(60));
        let refresh = Load::new(id("a"), at(15_000), minute);
        let stored = store.load(&refresh).await.expect("no failure").expect("it lives on");
        assert!(stored.version == Some(version) && stored.refreshed);
        assert_eq!(expire(&place, "a").await, 1_700_000_076.);
        let late = Load::new(id("a"), at(76_000), minute);
        assert!(store.load(&late).await.expect("no failure").is_none(), "it is not revived");
        assert_eq!(expire(&place, "a").await, 1_700_000_076.);
    }
}

// P-06: destroy deletes the row
#[tokio::test]
async fn a_deleted_row_is_gone() {
    let Some(place) = Place::new("wire_delete", "json").await else { return };
    put(&place.store, "a", 1, None).await;
    delete(&place.store, "a").await;
    delete(&place.store, "a").await;
    let rows = sqlx::query(place.sql("SELECT FROM TABLE")).fetch_all(&place.pool).await;
    assert!(rows.expect("no failure").is_empty());
}

#[tokio::test]
async fn an_id_is_data() {
    let Some(place) = Place::new("wire_ids", "json").await else { return };
    let store = &place.store;
    let long = "x".repeat(1_024);
    let ids =
        ["%", "_", "'; DROP TABLE session; --", "\"", "\\", "a\nb", "日本\u{1F600}", " ", "A", "a"];
    for (n, key) in (0..).zip(ids.into_iter().chain([long.as_str()])) {
        put(store, key, n, None).await;
    }
    for (n, key) in (0..).zip(ids.into_iter().chain([long.as_str()])) {
        assert_eq!(number(store, key, NOW).await, Some(n), "{key}");
        let to = format!("{}+", key.get(..key.len().min(100)).unwrap_or(key));
        let rotated = store.rotate(&rotation(key, &to, 99, Expect::Present)).await;
        assert!(matches!(rotated, Ok(Written::Saved(_))));
        assert_eq!(number(store, key, NOW).await, None);
        assert_eq!(number(store, &to, NOW).await, Some(99));
        delete(store, &to).await;
    }
}

#[tokio::test]
async fn nothing_is_under_an_id_with_a_nul() {
    let Some(place) = Place::new("wire_nul", "json").await else { return };
    let store = &place.store;
    put(store, "a", 1, None).await;
    for nul in ["\0", "a\0", "a\0b"] {
        assert_eq!(number(store, nul, NOW).await, None);
        assert_eq!(touch(store, nul, None, NOW).await, Touched::Gone);
        delete(store, nul).await;
        assert_eq!(save(store, nul, record(1, None), Expect::Present, NOW).await, Written::Gone);
        for expect in [Expect::Absent, Expect::Anything] {
            let refused = store.save(&Save::new(id(nul), record(1, None), expect, NOW)).await;
            assert_eq!(refused.expect_err("it can't be kept").code(), Some("23502"));
        }
        let refused = store.rotate(&rotation("a", nul, 2, Expect::Present)).await;
        refused.expect_err("it can't be kept");
        assert_eq!(number(store, "a", NOW).await, Some(1), "the old id lives");
        let gone = store.rotate(&rotation(nul, "b", 2, Expect::Present)).await;
        assert_eq!(gone.expect("no failure"), Written::Gone);
        let absent = store.rotate(&rotation(nul, "b", 2, Expect::Absent)).await;
        assert!(matches!(absent, Ok(Written::Saved(_))));
        delete(store, "b").await;
    }
}

// P-10: in a column of jsonb the order of keys is lost, and a NUL in the data is refused
#[tokio::test]
async fn json_keeps_the_text_and_jsonb_the_value() {
    let text = NODE_RECORD.replace("7}", "\"\\u0000\"}");
    let nul = Record::from_json(&text).expect("a record");
    for column in ["json", "jsonb"] {
        let Some(place) = Place::new("wire_json", column).await else { return };
        let Place { store, pool, .. } = &place;
        let node = sqlx::query(place.sql(NODE_SET)).bind(NODE_RECORD).bind(2e9).bind("a");
        node.execute(pool).await.expect("written");
        let stored = load(store, "a", NOW).await.expect("alive");
        assert_eq!(n(&stored), 7);
        assert_eq!(stored.record == NODE_RECORD.as_bytes(), column == "json");
        let version = Expect::Version(stored.version.expect("it has one"));
        let saved = store.save(&Save::new(id("a"), nul.clone(), version, NOW)).await;
        if column == "json" {
            let stored = saved.map(|_| load(store, "a", NOW));
            let stored = stored.expect("no failure").await.expect("alive");
            assert_eq!(stored.record, nul.to_json().as_bytes());
        } else {
            assert_eq!(saved.expect_err("jsonb has no NUL").code(), Some("22P05"));
            assert_eq!(number(store, "a", NOW).await, Some(7), "nothing is lost");
        }
    }
}

// P-01: names are quoted, and quotes in them doubled
// P-02: the table and its index are made as connect-pg-simple makes them
#[tokio::test]
async fn tables_are_made_as_connect_pg_simple_makes_them() {
    let Some(url) = servers::postgres("wire_tables") else { return };
    let place = Place::empty("wire_tables", url).await;
    let columns =
        "SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), collname,
            attnotnull), ', ' ORDER BY attnum)
        FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation
        WHERE attrelid = to_regclass($1) AND attnum > 0";
    let indexes = "SELECT string_agg(concat_ws(' ', i.relname, pg_get_indexdef(i.oid, 1, true),
            indisprimary, conname), ', ' ORDER BY conname, i.relname)
        FROM pg_index JOIN pg_class i ON i.oid = indexrelid LEFT JOIN pg_constraint k ON conindid = i.oid
        WHERE indrelid = to_regclass($1)";
    let mut names =
        vec!["session", "Session", "my\"table", "100%", "two words", "quo'te", "ba\\ck", "E''"];
    names.extend(["a_name_that_is_longer_than_sixty_three_bytes_which_is_postgresqls_limit", "$$"]);
    for name in names {
        let store = place.store.clone().table(name);
        store.migrate().await.expect("made");
        put(&store, "a", 1, None).await;
        store.migrate().await.expect("made already");
        assert_eq!(number(&store, "a", NOW).await, Some(1), "it is left as it is");
        assert_eq!(store.sweep(Timestamp::MAX, 5).await.expect("no failure"), 1);

        let table = format!("{}.\"{}\"", place.schema, name.replace('"', "\"\""));
        let row = sqlx::query(columns).bind(&table).fetch_one(&place.pool).await.expect("a table");
        let expected = "sid character varying default t, sess json t, \
            expire timestamp(6) without time zone t";
        assert_eq!(row.get::<String, _>(0), expected, "{name}");
        let row = sqlx::query(indexes).bind(&table).fetch_one(&place.pool).await.expect("a table");
        let indexes: String = row.get(0);
        if name == "session" {
            let expected = "session_pkey sid t session_pkey, IDX_session_expire expire f";
            assert_eq!(indexes, expected);
        }
        assert_eq!(indexes.matches(" sid t ").count(), 1, "{indexes}");
        assert_eq!(indexes.matches(" expire f").count(), 1, "{indexes}");
    }
}

// P-02: a table that connect-pg-simple has made is used as it is
#[tokio::test]
async fn an_existing_table_is_left_as_it_is() {
    let Some(url) = servers::postgres("wire_existing") else { return };
    let place = Place::empty("wire_existing", url).await;
    let Place { pool, schema, store, .. } = &place;
    let ddl = r#"CREATE TABLE "session" ("sid" varchar NOT NULL COLLATE "default", "sess" json NOT NULL,
            "expire" timestamp(6) NOT NULL) WITH (OIDS=FALSE);
        ALTER TABLE "session" ADD CONSTRAINT "session_pkey" PRIMARY KEY ("sid") NOT DEFERRABLE INITIALLY IMMEDIATE;
        CREATE INDEX "IDX_session_expire" ON "session" ("expire");"#;
    run(pool, &format!("BEGIN; SET LOCAL search_path = {schema}; {ddl} COMMIT")).await;
    // Its user need not be allowed to make tables.
    run(pool, &format!("DROP ROLE IF EXISTS {schema}; CREATE ROLE {schema}; GRANT USAGE ON SCHEMA {schema} TO {schema}")).await;
    run(pool, &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.session TO {schema}"))
        .await;
    let role = schema.clone();
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let options = options.after_connect(move |connection, _| {
        let set = format!("SET ROLE {role}");
        Box::pin(async move { sqlx::query(AssertSqlSafe(set)).execute(connection).await.map(drop) })
    });
    let plain = options.connect_with((*pool.connect_options()).clone()).await.expect("connected");
    let theirs = PostgresStore::new(plain).schema(schema.as_str());
    theirs.migrate().await.expect("there is nothing to do");
    put(&theirs, "a", 1, None).await;
    assert_eq!(number(store, "a", NOW).await, Some(1));
    assert_eq!(
        theirs.clone().table("other").migrate().await.expect_err("forbidden").code(),
        Some("42501")
    );
    let missing = theirs.clone().schema("no_such_schema");
    assert_eq!(missing.migrate().await.expect_err("no schema").code(), Some("3F000"));
    drop(theirs);
    run(pool, &format!("DROP OWNED BY {schema}; DROP ROLE {schema}")).await;
}

// P-02: several processes that start at once make one table
#[tokio::test(flavor = "multi_thread")]
async fn the_table_can_be_made_by_several_at_once() {
    let Some(url) = servers::postgres("wire_parallel") else { return };
    let place = Place::empty("wire_parallel", url.clone()).await;
    for round in 0..10 {
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (store, url) = (place.schema.clone(), url.clone());
            tasks.push(tokio::spawn(async move {
                let pool = common::pool(&url, 1).await;
                let store = PostgresStore::new(pool).schema(store).table(format!("t{round}"));
                store.migrate().await
            }));
        }
        for task in tasks {
            task.await.expect("no panic").expect("made, or there already");
        }
    }
}
