//! Interleavings that are forced by transactions of others, and what names can do.

mod common;

use std::time::Duration;

use http_session_store::core::store::{Expect, Touched, Written};
use http_session_store::core::store::{Load, Save};
use http_session_store::{Store, Sweep};
use sqlx::Acquire;

use http_session_postgres::sqlx;

use self::common::{
    NOW, Place, at, delete, id, load, number, pool, put, record, rotation, save, soon,
};

// Each operation on `a`, which waits for somebody else's statement on it: what it then does is as if it
// had come after.
#[tokio::test(flavor = "multi_thread")]
async fn each_operation_after_each_other_one() {
    let Some(place) = Place::new("audit_pairs", "json").await else { return };
    let store = &place.store;
    let text = |n: u64| record(n, Some(at(60_500))).to_json();
    let others = [
        (
            "save",
            format!("UPDATE TABLE SET sess = '{}', expire = '2100-01-01' WHERE sid = 'a'", text(5)),
        ),
        ("touch", "UPDATE TABLE SET expire = '2100-01-01' WHERE sid = 'a'".into()),
        ("expire", "UPDATE TABLE SET expire = '2001-01-01' WHERE sid = 'a'".into()),
        ("delete", "DELETE FROM TABLE WHERE sid = 'a'".into()),
        ("move", "UPDATE TABLE SET sid = 'c' WHERE sid = 'a'".into()),
    ];
    let mut told = Vec::new();
    for (other, statement) in &others {
        for expired in [false, true] {
            for op in [
                "version",
                "present",
                "anything",
                "absent",
                "rotate",
                "rotate version",
                "rotate anything",
                "rotate absent",
                "touch",
                "load",
                "delete",
                "sweep",
            ] {
                for key in ["a", "b", "c"] {
                    delete(store, key).await;
                }
                let end = if expired { at(-10_000) } else { at(60_500) };
                let version = put(store, "a", 1, Some(end)).await;
                let mut connection = place.pool.acquire().await.expect("connected");
                let mut transaction = connection.begin().await.expect("begun");
                sqlx::query(place.sql(statement)).execute(&mut *transaction).await.expect("done");
                let (store2, op2) = (store.clone(), op.to_owned());
                let waits = tokio::spawn(async move {
                    let store = &store2;
                    let new = || record(2, Some(at(60_500)));
                    let version = Expect::Version(version);
                    match &*op2 {
                        "version" => word(&save(store, "a", new(), version, NOW).await),
                        "present" => word(&save(store, "a", new(), Expect::Present, NOW).await),
                        "anything" => word(&save(store, "a", new(), Expect::Anything, NOW).await),
                        "absent" => word(&save(store, "a", new(), Expect::Absent, NOW).await),
                        "rotate" => rotate(store, Expect::Present).await,
                        "rotate version" => rotate(store, version).await,
                        "rotate anything" => rotate(store, Expect::Anything).await,
                        "rotate absent" => rotate(store, Expect::Absent).await,
                        "touch" => match common::touch(store, "a", Some(at(60_500)), NOW).await {
                            Touched::Alive => "alive".into(),
                            Touched::Gone => "gone".into(),
                        },
                        "load" => {
                            let load = Load::new(id("a"), NOW, Some(Duration::from_secs(60)));
                            let found = store.load(&load).await.expect("no failure");
                            found.map_or_else(
                                || "none".into(),
                                |found| common::n(&found).to_string(),
                            )
                        }
                        "delete" => {
                            delete(store, "a").await;
                            "deleted".into()
                        }
                        _ => store.sweep(NOW, 10).await.expect("no failure").to_string(),
                    }
                });
                tokio::time::sleep(Duration::from_millis(25)).await;
                let waited = !waits.is_finished();
                transaction.commit().await.expect("committed");
                drop(connection);
                let answer = soon(waits).await.expect("no panic");
                let (a, b) = (number(store, "a", NOW).await, number(store, "b", NOW).await);
                told.push(format!(
                    "{other} expired={expired} | {op}: {answer} waited={waited} a={a:?} b={b:?}"
                ));
            }
        }
    }
    let mut wrong = Vec::new();
    for line in &told {
        println!("{line}");
        let gone =
            line.starts_with("delete") || line.starts_with("expire") || line.starts_with("move");
        // Never both, and never a lost save.
        // (What had expired and was made anew meanwhile is another session's.)
        if !line.contains("expired=true")
            && line.contains("| rotate")
            && line.contains("a=Some")
            && line.contains("b=Some")
        {
            wrong.push(line);
        }
        if gone && !line.contains("anything") && !line.contains("absent") && line.contains("a=Some")
        {
            wrong.push(line);
        }
        if line.starts_with("save") && line.contains("version") && !line.contains("a=Some(5)") {
            wrong.push(line);
        }
        if line.starts_with("save expired=true | rotate") && !line.contains("a=Some(5)") {
            wrong.push(line);
        }
        if line.contains("sweep: 1") && !line.contains("waited") {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn rotate<S: Store>(store: &S, expect: Expect) -> String {
    word(&store.rotate(&rotation("a", "b", 2, expect)).await.expect("no failure"))
}

fn word(written: &Written) -> String {
    match written {
        Written::Changed(found) => format!("changed to {}", common::n(found)),
        Written::Exists => "exists".into(),
        Written::Gone => "gone".into(),
        Written::Saved(_) => "saved".into(),
    }
}

// Two rotations that cross lose nothing: the server ends one of them.
#[tokio::test(flavor = "multi_thread")]
async fn rotations_that_cross() {
    let Some(place) = Place::new("audit_cross", "json").await else { return };
    let store = &place.store;
    let mut failed = Vec::new();
    for _ in 0..200 {
        put(store, "a", 1, None).await;
        put(store, "b", 1, None).await;
        let (there, back) =
            (rotation("a", "b", 2, Expect::Present), rotation("b", "a", 3, Expect::Present));
        let (one, two) = (store.clone(), store.clone());
        let one = tokio::spawn(async move { one.rotate(&there).await });
        let two = tokio::spawn(async move { two.rotate(&back).await });
        for answer in [one.await.expect("no panic"), two.await.expect("no panic")] {
            failed.extend(answer.err().map(|error| error.to_string()));
        }
        assert!(number(store, "a", NOW).await.is_some() && number(store, "b", NOW).await.is_some());
    }
    println!("{} errors of 400: {:?}", failed.len(), failed.first());
    // It can't happen: new ids are random.
    assert!(failed.iter().all(|error| error.contains("40P01")), "{failed:?}");
}

// Names and zones are data, whatever the server thinks of backslashes.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_data() {
    let Some(place) = Place::new("audit_names", "json").await else { return };
    let url = http_session_conformance::servers::postgres("audit_names").expect("it is there");
    for strings in ["on", "off"] {
        let options = format!(
            "{url}?options=-c%20standard_conforming_strings%3D{strings}%20-c%20backslash_quote%3Don"
        );
        let pool = pool(&options, 2).await;
        for name in [
            "a'b", "a\"b", "a\\b", "a\\'b", "$1", "a;--", "$$", "/*", "a''b\\", "E'", "%s", "\\\"",
            "ä🦀", "session",
        ] {
            let store = http_session_postgres::PostgresStore::new(pool.clone())
                .schema(place.schema.as_str())
                .table(name);
            store.migrate().await.unwrap_or_else(|error| panic!("{strings} {name}: {error}"));
            store.migrate().await.unwrap_or_else(|error| panic!("{strings} {name}: {error}"));
            put(&store, "a'\\\"", 1, None).await;
            assert_eq!(number(&store, "a'\\\"", NOW).await, Some(1));
            let rotated = store.rotate(&rotation("a'\\\"", "b", 2, Expect::Present)).await;
            assert!(matches!(rotated.expect("works"), Written::Saved(_)));
            delete(&store, "b").await;
            // The zone.
            let zone = store.clone().time_zone(format!("UTC{name}"));
            let _ = zone.migrate().await;
            let _ = zone.load(&Load::new(id("a"), NOW, None)).await;
        }
        // A zone that ends the literal.
        let store = http_session_postgres::PostgresStore::new(pool.clone())
            .schema(place.schema.as_str())
            .time_zone("UTC'; DROP TABLE x; --\\");
        let error = store.migrate().await.expect_err("no such zone");
        assert_eq!(error.code(), Some("22023"), "{error}");
    }
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1",
    )
    .bind(&place.schema)
    .fetch_one(&place.pool)
    .await
    .expect("counted");
    assert_eq!(left, 14);
}

// A connection's own temporary table, or a stricter isolation, is not a session that is lost silently.
#[tokio::test(flavor = "multi_thread")]
async fn stricter_isolation_is_an_error() {
    let Some(place) = Place::new("audit_isolation", "json").await else { return };
    let url = http_session_conformance::servers::postgres("audit_isolation").expect("it is there");
    for level in ["repeatable%5C%20read", "serializable"] {
        let strict =
            pool(&format!("{url}?options=-c%20default_transaction_isolation%3D{level}"), 2).await;
        let store = http_session_postgres::PostgresStore::new(strict).schema(place.schema.as_str());
        for op in ["save", "rotate", "delete", "sweep", "touch"] {
            for key in ["a", "b"] {
                delete(&store, key).await;
            }
            put(&store, "a", 1, None).await;
            let mut other = place.pool.acquire().await.expect("connected");
            let mut other = other.begin().await.expect("begun");
            sqlx::query(
                place.sql("UPDATE TABLE SET sess = '{\"cookie\":{},\"n\":5}' WHERE sid = 'a'"),
            )
            .execute(&mut *other)
            .await
            .expect("done");
            let waiting = store.clone();
            let waits = tokio::spawn(async move {
                match op {
                    "save" => {
                        let save = Save::new(id("a"), record(2, None), Expect::Present, NOW);
                        waiting.save(&save).await.map(|written| word(&written))
                    }
                    "rotate" => waiting
                        .rotate(&rotation("a", "b", 2, Expect::Present))
                        .await
                        .map(|written| word(&written)),
                    "delete" => waiting
                        .delete(&http_session_store::core::store::Delete::new(id("a"), NOW))
                        .await
                        .map(|()| "deleted".into()),
                    "touch" => {
                        let load = Load::new(id("a"), NOW, Some(Duration::from_secs(60)));
                        waiting.load(&load).await.map(|found| found.is_some().to_string())
                    }
                    _ => waiting.sweep(NOW, 10).await.map(|n| n.to_string()),
                }
            });
            tokio::time::sleep(Duration::from_millis(50)).await;
            other.commit().await.expect("committed");
            let answer = soon(waits).await.expect("no panic");
            let (a, b) = (load(&store, "a", NOW).await, load(&store, "b", NOW).await);
            println!("{level} {op}: {answer:?} a={} b={}", a.is_some(), b.is_some());
            assert!(a.is_some() != b.is_some(), "{op}");
        }
    }
}
