//! The contract for stores, with both types of the column and with a pool that is closed.

mod common;

use std::time::Duration;

use http_session_conformance::contract::Contract;
use http_session_postgres::PostgresStore;

use self::common::{Place, pool, run};

/// Everything that is asked of a store; each name of the contract is a table.
async fn keeps_the_contract(test: &str, column: &str) {
    let Some(place) = Place::new(test, column).await else { return };
    let closed = pool(place.url(), 1).await;
    closed.close().await;
    let contract = Contract::new(async |name: &str| {
        let store = place.store.clone().table(name);
        store.migrate().await.expect("the table can be made");
        if column != "json" {
            let name = name.replace('"', "\"\"");
            let schema = &place.schema;
            let change = format!("ALTER TABLE {schema}.\"{name}\" ALTER sess TYPE {column}");
            run(&place.pool, &change).await;
        }
        store
    })
    .granularity(Duration::from_secs(1))
    .outage(async || PostgresStore::new(closed.clone()));
    let contract = if column == "json" { contract } else { contract.rewrites_json() };
    contract.run().await.assert();
}

// P-01 … P-08
#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_in_json() {
    keeps_the_contract("keeps_the_contract_in_json", "json").await;
}

// P-10
#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_in_jsonb() {
    keeps_the_contract("keeps_the_contract_in_jsonb", "jsonb").await;
}
