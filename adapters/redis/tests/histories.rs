//! Requests that race, in every order of their operations, on a real server.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use http_session_conformance::histories::{
    Case, End, History, Script, Setting, Tally, at_the_same_time, every_order, follow, orders,
};
use http_session_conformance::servers;
use http_session_redis::RedisStore;
use http_session_store::MemoryStore;

use self::common::{PATIENCE, shared, unique};

/// Keys expire by the server's clock, which can't be moved.
fn setting() -> Setting {
    Setting::default().tick(Duration::ZERO).granularity(Duration::from_secs(1))
}

// B-130: two requests, one operation at a time: the invariants hold, and each history ends as in memory. Every
// 11th of the 9,072, or with HISTORIES_EVERY=1 all.
#[tokio::test]
async fn orders_of_two() {
    let Some(store) = shared("orders_of_two").await else { return };
    let every =
        std::env::var("HISTORIES_EVERY").map_or(11, |every| every.parse().expect("a number"));
    let (setting, mut tally, mut model) = (setting(), Tally::default(), Tally::default());
    for (number, (ends, order)) in orders::all(2, Script::Five).enumerate().step_by(every) {
        let case = Case::new(&ends, Script::Five, &order).name(format!("{number}-"));
        tally.add(&follow(&setting, &store, &case).await.expect("it works"));
        model.add(&follow(&setting, &MemoryStore::new(), &case).await.expect("it has room"));
    }
    store.clear().await.expect("it works");
    println!("{tally}");
    tally.assert();
    assert_eq!((tally.histories, tally.ends), (model.histories, model.ends));
}

// B-130: two connections ask at the same moment, and the end is one to which some order leads
#[tokio::test(flavor = "multi_thread")]
async fn at_the_same_moment() {
    let Some(url) = servers::redis("at_the_same_moment") else { return };
    let prefix = unique("moment");
    let store = async || {
        let store = RedisStore::connect(&url).await.expect("the server answers");
        store.prefix(&prefix).timeout(PATIENCE)
    };
    let stores = [store().await, store().await];
    let mut seen = BTreeSet::new();
    for (pair, ends) in orders::ends(2).enumerate() {
        let allowed = ends_in_memory(&ends).await;
        for turn in 0..20 {
            let case = Case::new(&ends, Script::Four, &[]).name(format!("{pair}-{turn}-"));
            let history = at_the_same_time(&setting(), &stores, &case).await.expect("it works");
            let end = history.end_state();
            assert!(allowed.contains(&end), "{ends:?} ended with {end}, not one of {allowed:#?}");
            seen.insert((pair, end));
        }
    }
    stores[0].clear().await.expect("it works");
    println!("{} different ends of 720 races", seen.len());
    assert!(seen.len() > 36, "in each race the same connection was first");
}

/// The ends to which the orders of these requests lead.
async fn ends_in_memory(ends: &[End]) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    let each = |history: History| allowed.extend([history.end_state()]);
    every_order(&setting(), ends, Script::Four, MemoryStore::new, each).await.expect("it has room");
    allowed
}
