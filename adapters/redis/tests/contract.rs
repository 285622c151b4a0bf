//! The contract for stores, on a server that runs and with one that is away.

mod common;

use std::time::Duration;

use http_session_conformance::contract::{Clock, Contract};
use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;

use self::common::{shared, unique};

// ST-1, ST-2, ST-5, ST-6, R-01 … R-06: everything that is asked of a store; each name of the contract is a prefix
#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let Some(store) = shared("keeps_the_contract").await else { return };
    let Some(mut server) = Private::redis("keeps_the_contract", &[]) else { return };
    let away = RedisStore::connect(&server.url()).await.expect("the server answers");
    server.kill();
    let away = away.timeout(Duration::from_millis(200));
    let run = unique("contract");
    let report = Contract::new(async |name: &str| store.clone().prefix(&format!("{run}{name}")))
        .clock(Clock::Server)
        .granularity(Duration::from_secs(1))
        .outage(async || away.clone())
        .run()
        .await;
    store.clone().prefix(&run).clear().await.expect("the server answers");
    report.assert();
}
