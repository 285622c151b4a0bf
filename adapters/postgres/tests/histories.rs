//! Requests that race, in every order of their operations, on a real server.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use http_session_conformance::histories::{
    Case, History, Script, Setting, Tally, at_the_same_time, every_order, follow, orders,
};
use http_session_store::MemoryStore;

use common::Place;

/// Records live to the end of their second.
fn setting() -> Setting {
    Setting::default().granularity(Duration::from_secs(1))
}

// B-130: two requests, one operation at a time: the invariants hold, and each history ends as in memory. Every
// 41st of the 9,072, or with HISTORIES_EVERY=1 all.
#[tokio::test]
async fn orders_of_two() {
    let Some(place) = Place::new("orders_of_two", "json").await else { return };
    let every =
        std::env::var("HISTORIES_EVERY").map_or(41, |every| every.parse().expect("a number"));
    let (setting, mut tally, mut model) = (setting(), Tally::default(), Tally::default());
    for (number, (ends, order)) in orders::all(2, Script::Five).enumerate().step_by(every) {
        let case = Case::new(&ends, Script::Five, &order).name(format!("{number}-"));
        tally.add(&follow(&setting, &place.store, &case).await.expect("it works"));
        model.add(&follow(&setting, &MemoryStore::new(), &case).await.expect("it has room"));
    }
    println!("{tally}");
    tally.assert();
    assert_eq!((tally.histories, tally.ends), (model.histories, model.ends));
}

// B-130: two connections ask at the same moment, and the end is one to which some order leads
#[tokio::test(flavor = "multi_thread")]
async fn at_the_same_moment() {
    let Some(place) = Place::new("at_the_same_moment", "json").await else { return };
    // Each operation takes a connection of the pool.
    let (stores, mut seen) = ([place.store.clone(), place.store.clone()], BTreeSet::new());
    for (pair, ends) in orders::ends(2).enumerate() {
        let mut allowed = BTreeSet::new();
        let each = |history: History| allowed.extend([history.end_state()]);
        let setting = setting();
        let orders = every_order(&setting, &ends, Script::Four, MemoryStore::new, each);
        orders.await.expect("it has room");
        for turn in 0..5 {
            let case = Case::new(&ends, Script::Four, &[]).name(format!("{pair}-{turn}-"));
            let history = at_the_same_time(&setting, &stores, &case).await.expect("it works");
            let end = history.end_state();
            assert!(allowed.contains(&end), "{ends:?} ended with {end}, not one of {allowed:#?}");
            seen.insert((pair, end));
        }
    }
    println!("{} different ends of 180 races", seen.len());
    assert!(seen.len() > 36, "in each race the same connection was first");
}
