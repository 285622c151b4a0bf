//! The time-zone trap: a column without a zone, and connections with several.

mod common;

use http_session_conformance::servers::Private;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::postgres::{PgPool, PgPoolOptions};
use http_session_postgres::sqlx::{self, AssertSqlSafe};
use http_session_store::core::Timestamp;
use http_session_store::core::store::{Expect, Save, Touched};
use http_session_store::{Store, Sweep};

use common::{LONG, NODE_GET, NODE_SET, NOW, Place, id, number, put, record, touch};

/// Connections whose own zone is this one, as those of a Node service are.
async fn in_zone(url: &str, zone: &str) -> PgPool {
    let set = format!("SET TIME ZONE '{zone}'");
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(LONG);
    let options = options.after_connect(move |connection, _| {
        let set = set.clone();
        Box::pin(async move { sqlx::query(AssertSqlSafe(set)).execute(connection).await.map(drop) })
    });
    options.connect(url).await.expect("the server is there")
}

async fn node_set(place: &Place, pool: &PgPool, key: &str, end: i64) {
    let record = record(1, None).to_json();
    let set = sqlx::query(place.sql(NODE_SET)).bind(record).bind(end as f64).bind(key);
    set.execute(pool).await.expect("written");
}

async fn node_finds(place: &Place, pool: &PgPool, key: &str, now: i64) -> bool {
    let get = sqlx::query(place.sql(NODE_GET)).bind(key).bind(now as f64);
    get.fetch_optional(pool).await.expect("no failure").is_some()
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000).expect("a moment")
}

// P-08: what the server and the connections think of the time does not count: the store's zone does
#[tokio::test]
async fn rows_shared_across_zones_live_as_long_as_they_were_to() {
    let settings = ["timezone=America/New_York"];
    let Some(server) = Private::postgres("zones", &settings, None) else { return };
    let place = Place::empty("zones", server.url()).await;
    place.store.migrate().await.expect("made");
    let now = NOW.as_millis() / 1_000 + 1;
    for zone in ["America/New_York", "UTC", "Asia/Kolkata", "<+02>-02"] {
        let node = in_zone(&server.url(), zone).await;
        for ours in ["UTC", "Pacific/Auckland"] {
            let pool = in_zone(&server.url(), ours).await;
            let store = PostgresStore::new(pool).schema(place.schema.as_str()).time_zone(zone);
            for lifetime in [-3_601, -1, 0, 1, 3_599] {
                let end = now + lifetime;
                node_set(&place, &node, "node", end).await;
                assert_eq!(
                    number(&store, "node", NOW).await.is_some(),
                    lifetime >= 0,
                    "{zone} {lifetime}"
                );
                put(&store, "ours", 1, Some(seconds(end))).await;
                assert_eq!(node_finds(&place, &node, "ours", now).await, lifetime >= 0, "{zone}");
                if lifetime >= 0 {
                    let touched = touch(&store, "node", Some(seconds(end + 60)), NOW).await;
                    assert_eq!(touched, Touched::Alive);
                    assert!(node_finds(&place, &node, "node", end + 60).await);
                    assert!(!node_finds(&place, &node, "node", end + 61).await);
                    assert_eq!(store.sweep(seconds(end), 9).await.expect("no failure"), 0);
                }
                assert_eq!(store.sweep(seconds(end + 61), 9).await.expect("no failure"), 2);
            }
        }
    }
}

// P-08: a session that has ended stays ended when the clocks go back
#[tokio::test]
async fn the_hour_that_comes_twice_revives_nothing() {
    let Some(place) = Place::new("zones_twice", "json").await else { return };
    let store = place.store.clone().time_zone("America/New_York");
    let node = in_zone(
        &http_session_conformance::servers::postgres("zones_twice").expect("it is there"),
        "America/New_York",
    )
    .await;
    let back = 1_699_164_000; // 2023-11-05T06:00:00Z, 02:00 becomes 01:00
    for end in (back - 5_400..back + 5_400).step_by(900) {
        put(&store, "a", 1, Some(seconds(end))).await;
        let mut lives = true;
        for now in (end - 900..end + 9_000).step_by(450) {
            let alive = number(&store, "a", seconds(now)).await.is_some();
            assert!(lives || !alive, "it is not revived");
            assert!(alive || now > end, "it does not end early");
            assert!(!alive || now <= end + 3_600, "it lives an hour longer at most");
            assert_eq!(
                alive,
                node_finds(&place, &node, "a", now).await,
                "as for connect-pg-simple"
            );
            lives = alive;
            if alive {
                assert_eq!(store.sweep(seconds(now), 9).await.expect("no failure"), 0);
            }
        }
        assert_eq!(store.sweep(seconds(end + 7_201), 9).await.expect("no failure"), 1);
    }
}

#[tokio::test]
async fn a_zone_that_is_none_is_an_error() {
    let Some(place) = Place::new("zones_none", "json").await else { return };
    for zone in ["Mars/Olympus", "", "it's", "\\"] {
        let store = place.store.clone().time_zone(zone);
        let error = store.migrate().await.expect_err("no such zone");
        assert_eq!(error.code(), Some("22023"), "{zone} {error}");
        let save = Save::new(id("a"), record(1, None), Expect::Anything, NOW);
        let error = store.save(&save).await.expect_err("no such zone");
        assert_eq!(error.code(), Some("22023"), "{zone} {error}");
    }
    assert_eq!(number(&place.store, "a", NOW).await, None);
}
