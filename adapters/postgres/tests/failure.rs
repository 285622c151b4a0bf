//! A server that is killed, stands still, refuses writes or is full, while requests go on.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http_session_conformance::servers::Private;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx::postgres::PgPoolOptions;
use http_session_store::core::Record;
use http_session_store::core::store::{Expect, Load, Save, Written};
use http_session_store::{Deadline, Store};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use common::{LONG, NOW, id, load, pool, put, record, run, soon};

const LIMIT: Duration = Duration::from_secs(1);
/// A busy machine may need so much more to notice.
const SLACK: Duration = Duration::from_secs(10);

type Bounded = Deadline<PostgresStore>;

/// A store as the README says to make it.
async fn bounded(server: &Private) -> Bounded {
    let options = PgPoolOptions::new().max_connections(6).acquire_timeout(LIMIT);
    let pool = options.connect(&server.url()).await.expect("the server is there");
    let store = PostgresStore::new(pool);
    store.migrate().await.expect("made");
    Deadline::new(store, LIMIT)
}

/// What one client has seen of its session, which it counts up.
#[derive(Debug, Default)]
struct Seen {
    acknowledged: u64,
    failed: u64,
    longest: Duration,
    saved: u64,
}

/// Clients that count up until they are told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Seen>>,
    /// How many saves have been acknowledged.
    saves: Arc<std::sync::atomic::AtomicU64>,
}

impl Clients {
    async fn start(store: &Bounded) -> Self {
        let (stop, saves) = (Arc::<AtomicBool>::default(), Arc::default());
        let mut tasks = Vec::new();
        for client in 0..4 {
            let key = format!("client{client}");
            put(store, &key, 0, None).await;
            let (store, stop, saves) = (store.clone(), Arc::clone(&stop), Arc::clone(&saves));
            tasks.push(tokio::spawn(count_up(store, key, stop, saves)));
        }
        let clients = Self { stop, tasks, saves };
        clients.go_on().await;
        clients
    }

    /// Waits until some saves more have been acknowledged: the service is there.
    async fn go_on(&self) {
        let (before, started) = (self.saves.load(Ordering::SeqCst), Instant::now());
        while self.saves.load(Ordering::SeqCst) < before + 40 {
            assert!(started.elapsed() < LONG, "the service does not resume");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing that was acknowledged is lost, and nobody had to wait. How many requests failed?
    async fn finish(self, store: &Bounded) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        let mut failed = 0;
        for (client, task) in self.tasks.into_iter().enumerate() {
            let seen = soon(task).await.expect("no panic");
            let stored = soon(load(store, &format!("client{client}"), NOW)).await.expect("alive");
            let n = common::n(&stored);
            // What was not answered may have been done.
            assert!((seen.acknowledged..=seen.acknowledged + 1).contains(&n), "{n} {seen:?}");
            assert!(seen.longest < LIMIT + SLACK, "{seen:?}");
            assert!(seen.saved > 0);
            failed += seen.failed;
        }
        failed
    }
}

async fn count_up(
    store: Bounded,
    key: String,
    stop: Arc<AtomicBool>,
    saves: Arc<std::sync::atomic::AtomicU64>,
) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        let started = Instant::now();
        let loaded = store.load(&Load::new(id(&key), NOW, None)).await;
        seen.longest = seen.longest.max(started.elapsed());
        let Ok(loaded) = loaded else {
            seen.failed += 1;
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let loaded = loaded.expect("nobody deletes it");
        let n = common::n(&loaded);
        assert!(n >= seen.acknowledged, "{n} {seen:?}");
        let expect = Expect::Version(loaded.version.expect("it has one"));
        let started = Instant::now();
        let saved = store.save(&Save::new(id(&key), record(n + 1, None), expect, NOW)).await;
        seen.longest = seen.longest.max(started.elapsed());
        match saved {
            Ok(Written::Saved(_)) => {
                seen.acknowledged = n + 1;
                seen.saved += 1;
                saves.fetch_add(1, Ordering::SeqCst);
            }
            // An earlier save that nobody waited for was done late.
            Ok(Written::Changed(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                seen.failed += 1;
                // It may be done a little later: then it is found by the load after it.
                seen.acknowledged = seen.acknowledged.max(n);
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    seen
}

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_comes_back() {
    let Some(mut server) = Private::postgres("failure_killed", &[], None) else { return };
    let store = bounded(&server).await;
    let clients = Clients::start(&store).await;
    for away in [0, 300, 2_500] {
        server.kill();
        sleep(Duration::from_millis(away)).await;
        server.start();
        clients.go_on().await;
    }
    assert!(clients.finish(&store).await > 0);
}

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still() {
    let Some(server) = Private::postgres("failure_paused", &[], None) else { return };
    let store = bounded(&server).await;
    let clients = Clients::start(&store).await;
    for still in [200, 3_000] {
        server.pause();
        sleep(Duration::from_millis(still)).await;
        server.resume();
        clients.go_on().await;
    }
    assert!(clients.finish(&store).await > 0, "three seconds are longer than a second");
}

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads() {
    let Some(server) = Private::postgres("failure_read_only", &[], None) else { return };
    let store = bounded(&server).await;
    let clients = Clients::start(&store).await;
    let admin = pool(&server.url(), 1).await;
    run(&admin, "ALTER SYSTEM SET default_transaction_read_only = on").await;
    run(&admin, "SELECT pg_reload_conf()").await;
    let started = Instant::now();
    let save = Save::new(id("a"), record(1, None), Expect::Anything, NOW);
    let error = loop {
        if let Err(error) = store.save(&save).await {
            break error;
        }
        assert!(started.elapsed() < LONG, "it is read-only by now");
    };
    assert!(error.to_string().contains("25006"), "{error}");
    assert!(load(&store, "client0", NOW).await.is_some(), "it still reads");
    run(&admin, "SET default_transaction_read_only = off").await;
    run(&admin, "ALTER SYSTEM RESET default_transaction_read_only").await;
    run(&admin, "SELECT pg_reload_conf()").await;
    clients.go_on().await;
    assert!(clients.finish(&store).await > 0);
}

// ST-4
#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_is_full() {
    // Each of its files ends at 4 MiB.
    let Some(server) = Private::postgres("failure_full", &["autovacuum=off"], Some(4_096)) else {
        return;
    };
    let store = bounded(&server).await;
    let filler = "x".repeat(1_500);
    let big = Record::from_json(&format!(r#"{{"cookie":{{}},"n":1,"filler":"{filler}"}}"#));
    let big = big.expect("JSON");
    let mut kept = 0;
    let error = loop {
        let save = Save::new(id(&format!("big{kept}")), big.clone(), Expect::Absent, NOW);
        match store.save(&save).await {
            Ok(written) => assert!(matches!(written, Written::Saved(_))),
            Err(error) => break error,
        }
        kept += 1;
        assert!(kept < 10_000, "4 MiB are not so much");
    };
    assert!(kept > 1_000 && error.to_string().contains("SQLSTATE"), "{kept} {error}");
    for n in 0..kept {
        assert!(load(&store, &format!("big{n}"), NOW).await.is_some(), "what was acknowledged");
    }
    let absent = load(&store, &format!("big{kept}"), NOW).await;
    assert!(absent.is_none(), "what was refused");
    let admin = pool(&server.url(), 1).await;
    run(&admin, "DELETE FROM session WHERE sid > 'big2'").await;
    run(&admin, "VACUUM session").await;
    let save = Save::new(id("again"), big, Expect::Absent, NOW);
    assert!(matches!(store.save(&save).await, Ok(Written::Saved(_))));
}
