//! How many statements it takes, as the server counts them.

mod common;

use std::fs;
use std::time::{Duration, Instant};

use http::HeaderValue;
use http_session_conformance::servers::Private;
use http_session_postgres::PostgresStore;
use http_session_store::core::store::{Expect, Load};
use http_session_store::core::{Config, Connection, RequestFacts};
use http_session_store::testing::cookie_for;
use http_session_store::{Session, Sessions, Store};

use common::{LONG, NOW, delete, id, load, pool, put, record, rotation, run, save, touch};

/// A server that logs each statement.
struct Counted {
    server: Private,
    store: PostgresStore,
}

impl Counted {
    async fn new(test: &str) -> Option<Self> {
        let server = Private::postgres(test, &["log_statement=all"], None)?;
        let store = PostgresStore::new(pool(&server.url(), 1).await);
        store.migrate().await.expect("made");
        Some(Self { server, store })
    }

    /// The statements since the beginning: their first words.
    async fn log(&self) -> Vec<String> {
        let mark = format!("SELECT 'mark {:?}'", Instant::now());
        run(&pool(&self.server.url(), 1).await, &mark).await;
        let started = Instant::now();
        loop {
            let log = fs::read_to_string(self.server.folder().join("log")).expect("there is a log");
            if let Some((log, _)) = log.split_once(&mark) {
                let statements = log.lines().filter_map(|line| line.split_once("  execute "));
                let first_words = statements.filter_map(|(_, rest)| rest.split_once(": "));
                return first_words
                    .map(|(_, text)| text.split_whitespace().next().unwrap_or_default().into())
                    .collect();
            }
            assert!(started.elapsed() < LONG, "the mark comes");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        let before = self.log().await.len();
        let done = work.await;
        (done, self.log().await.split_off(before))
    }
}

#[tokio::test]
async fn an_operation_is_one_statement() {
    let Some(counted) = Counted::new("economy_operations").await else { return };
    let store = &counted.store;
    let (version, seen) = counted.during(put(store, "a", 1, None)).await;
    assert_eq!(seen, ["INSERT"]);
    let (stored, seen) = counted.during(load(store, "a", NOW)).await;
    assert_eq!(seen, ["SELECT"]);
    assert!(stored.expect("alive").version == Some(version.clone()));
    let refresh = Load::new(id("a"), NOW, Some(Duration::from_secs(60)));
    let (stored, seen) = counted.during(store.load(&refresh)).await;
    assert_eq!(seen, ["UPDATE"]);
    assert!(stored.expect("no failure").expect("alive").refreshed);
    let same = Expect::Version(version.clone());
    let (_, seen) = counted.during(save(store, "a", record(2, None), same.clone(), NOW)).await;
    assert_eq!(seen, ["UPDATE"]);
    let (_, seen) = counted.during(save(store, "a", record(2, None), same, NOW)).await;
    assert_eq!(seen, ["UPDATE", "SELECT"], "refused: what stands there?");
    let (_, seen) = counted.during(save(store, "a", record(2, None), Expect::Absent, NOW)).await;
    assert_eq!(seen, ["INSERT"]);
    let rotate = rotation("a", "b", 3, Expect::Present);
    let (rotated, seen) = counted.during(store.rotate(&rotate)).await;
    rotated.map(drop).expect("no failure");
    assert_eq!(seen, ["WITH"]);
    let (_, seen) = counted.during(touch(store, "b", None, NOW)).await;
    assert_eq!(seen, ["UPDATE"]);
    let (_, seen) = counted.during(delete(store, "b")).await;
    assert_eq!(seen, ["DELETE"]);
}

/// A request that does `work`.
async fn request(sessions: &Sessions, cookie: &HeaderValue, work: impl FnOnce(&Session)) {
    let connection = Connection::Encrypted;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let begin = sessions.config().begin(&facts, [cookie.as_bytes()], sessions.now());
    let session: Session = sessions.open(begin).await.expect("no failure").expect("a session");
    work(&session);
    sessions.close(&session).await.map(drop).expect("no failure");
}

#[tokio::test]
async fn a_request_is_one_statement_and_a_change_is_two() {
    let Some(counted) = Counted::new("economy_requests").await else { return };
    let config =
        Config::recommended("a secret of 32 bytes: 8fK2pQz7vX1m").build().expect("sound options");
    let sessions = Sessions::new(config, counted.store.clone());
    let fill = cookie_for(&sessions, |session| session.insert("n", 1));
    let (cookie, seen) = counted.during(fill).await;
    let cookie = cookie.expect("no failure");
    assert_eq!(seen, ["INSERT"], "a new session");
    let read = request(&sessions, &cookie, |session| {
        assert_eq!(session.get::<u64>("n").expect("a number"), Some(1));
    });
    assert_eq!(counted.during(read).await.1, ["UPDATE"], "a read renews in the same step");
    let change = request(&sessions, &cookie, |session| session.insert("n", 2).expect("it fits"));
    assert_eq!(counted.during(change).await.1, ["UPDATE", "UPDATE"], "a change");
    let mut forged = cookie.to_str().expect("ASCII").to_owned();
    forged.replace_range(forged.len() - 3.., "AAA");
    let forged = HeaderValue::from_str(&forged).expect("ASCII");
    let visit = request(&sessions, &forged, |session| {
        assert_eq!(session.get::<u64>("n").expect("no failure"), None);
    });
    assert_eq!(counted.during(visit).await.1, [""; 0], "a forged cookie");
}
