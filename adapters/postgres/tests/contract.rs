//! The contract that every store keeps.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_session_conformance::contract::Contract;
use http_session_conformance::servers;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::postgres::PgPoolOptions;

use common::{Place, pool, run};

/// A table for each name. Each time that it is opened, it is by the other one of two pools, as by another
/// process.
async fn keeps_the_contract(test: &str, column: &str) {
    let Some(url) = servers::postgres(test) else { return };
    let place = Place::empty(test, url.clone()).await;
    let (pools, opened) = ([pool(&url, 6).await, pool(&url, 6).await], AtomicUsize::new(0));
    let contract = Contract::new(async |name: &str| {
        let pool = &pools[opened.fetch_add(1, Ordering::SeqCst) % 2];
        let store = PostgresStore::new(pool.clone()).schema(place.schema.as_str()).table(name);
        store.migrate().await.expect("made");
        if column != "json" {
            let table = format!("{}.\"{}\"", place.schema, name.replace('"', "\"\""));
            run(pool, &format!("ALTER TABLE {table} ALTER sess TYPE {column}")).await;
        }
        store
    });
    let contract = contract.granularity(Duration::from_secs(1)).outage(async || {
        let options = PgPoolOptions::new().acquire_timeout(Duration::from_millis(200));
        let nobody = options.connect_lazy("postgres://postgres@127.0.0.1:1/").expect("a URL");
        PostgresStore::new(nobody)
    });
    let contract = if column == "json" { contract } else { contract.rewrites_json() };
    let report = contract.run().await;
    report.assert();
    assert_eq!(report.skipped().count(), 0);
}

// ST-1, ST-2, ST-5, ST-6, P-03, P-07: a record lives to the end of its second
#[tokio::test(flavor = "multi_thread")]
async fn with_json() {
    keeps_the_contract("contract_json", "json").await;
}

// P-10: jsonb gives back an equal value, and refuses a NUL
#[tokio::test(flavor = "multi_thread")]
async fn with_jsonb() {
    keeps_the_contract("contract_jsonb", "jsonb").await;
}
