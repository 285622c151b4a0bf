//! Parallel requests of one session, to two processes, lose nothing and fail nowhere.
//!
//! `cargo run --release -p http-session-conformance --example parallel` puts express-session beside it.

#[path = "../examples/interop_app.rs"]
#[expect(dead_code, reason = "its main is not called")]
mod app;
#[path = "common/apps.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod apps;
#[path = "common/browser.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod browser;
#[path = "common/load.rs"]
mod load;

use std::time::Duration;

use http::HeaderValue;
use http_session::{Begin, Config, Connection, RequestFacts};
use http_session_conformance::servers;
use http_session_redis::RedisStore;
use http_session_store::testing::cookie_for;
use http_session_store::{Error, Session, Sessions};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::apps::{App, Kind, Side, Store};
use self::browser::Browser;
use self::load::Outcome;

/// The other processes: see [`apps::App::start`].
#[tokio::test]
async fn the_rust_application() {
    if let Some(arguments) = apps::arguments() {
        app::serve(&arguments).await.expect("the application runs");
    }
}

async fn lose_nothing(test: &str, kind: Kind, options: Value) {
    let Some(store) = Store::new(test, kind).await else { return };
    let apps = [(); 2].map(|()| App::start(Side::Rust, &store, &options));
    let ports = apps.each_ref().map(|app| app.port);
    let mut browser = Browser::default();
    browser.ok(ports[1], "POST /login?user=ada").await;
    let bursts = load::bursts(&mut browser, &ports, 200).await;
    let increments = load::increments(&mut browser, &ports, 1_000).await;
    assert_eq!([bursts, increments], [Outcome::default(); 2], "200 keys, 1,000 increments");
    let data = browser.ok(ports[1], "GET /").await;
    assert_eq!((&data["n"], &data["user"]), (&json!(1_000), &json!("ada")));
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(202));
}

fn recommended() -> Value {
    json!({ "preset": "recommended", "secret": ["a secret that has more than its 32 bytes"] })
}

fn express() -> Value {
    json!({ "conflict": "merge", "secret": ["keyboard cat"] })
}

#[tokio::test]
async fn recommended_on_redis() {
    lose_nothing("recommended_on_redis", Kind::Redis, recommended()).await;
}

#[tokio::test]
async fn recommended_on_postgres() {
    lose_nothing("recommended_on_postgres", Kind::Postgres("json"), recommended()).await;
}

#[tokio::test]
async fn recommended_on_jsonb() {
    lose_nothing("recommended_on_jsonb", Kind::Postgres("jsonb"), recommended()).await;
}

#[tokio::test]
async fn express_on_redis() {
    lose_nothing("express_on_redis", Kind::Redis, express()).await;
}

#[tokio::test]
async fn express_on_postgres() {
    lose_nothing("express_on_postgres", Kind::Postgres("json"), express()).await;
}

// B-130: eight processes that write to one session without a pause wait for each other, and none gives up,
// as some do if there is a wait before each try
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes() {
    let Some(url) = servers::redis("many_processes") else { return };
    let prefix = format!("many_processes:{}:", std::process::id());
    // Each with a connection and a queue of its own, as in a process of its own.
    let sessions = async || {
        let store = RedisStore::connect(&url).await.expect("the server answers").prefix(&prefix);
        let config = Config::recommended("a secret that has more than its 32 bytes").build();
        Sessions::new(config.expect("sound options"), store.timeout(Duration::from_secs(20)))
    };
    for work in [Duration::ZERO, Duration::from_millis(3)] {
        let first = sessions().await;
        let cookie = cookie_for(&first, |session| session.insert("n", 0)).await.expect("saved");
        let mut processes = JoinSet::new();
        for _ in 0..8 {
            let (sessions, cookie) = (sessions().await, cookie.clone());
            processes.spawn(async move {
                for _ in 0..50 {
                    let begin = begin(&sessions, &cookie);
                    let session: Session = sessions.open(begin).await?.expect("every path has one");
                    sleep(work).await;
                    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)?;
                    sessions.close(&session).await.map(drop)?;
                }
                Ok::<_, Error>(())
            });
        }
        for ended in processes.join_all().await {
            ended.expect("no request fails");
        }
        let session: Session =
            first.open(begin(&first, &cookie)).await.expect("found").expect("every path has one");
        assert_eq!(session.get::<u64>("n").expect("a number"), Some(400));
        session.destroy().await.expect("the server answers");
    }
}

fn begin(sessions: &Sessions, cookie: &HeaderValue) -> Begin {
    let connection = Connection::Encrypted;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    sessions.config().begin(&facts, [cookie.as_bytes()], sessions.now())
}

// The test sees what is lost, where something is: under `Overwrite` parallel changes are.
#[tokio::test]
async fn overwriting_loses() {
    let Some(store) = Store::new("overwriting_loses", Kind::Redis).await else { return };
    let options = json!({ "conflict": "overwrite", "secret": ["keyboard cat"] });
    let apps = [(); 2].map(|()| App::start(Side::Rust, &store, &options));
    let ports = apps.each_ref().map(|app| app.port);
    let mut browser = Browser::default();
    browser.ok(ports[0], "POST /login?user=ada").await;
    let bursts = load::bursts(&mut browser, &ports, 50).await;
    let increments = load::increments(&mut browser, &ports, 80).await;
    assert!(bursts.lost > 0 && increments.lost > 0, "{bursts:?} {increments:?}");
    assert_eq!((bursts.failed, increments.failed), (0, 0));
}
