//! A server that dies, stops, refuses, or is full: each request gets a definite answer in time,
//! nothing that was acknowledged is lost, and service resumes by itself.

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_session_conformance::servers::Private;
use http_session_redis::{RedisError, RedisStore};
use http_session_store::core::store::{Expect, Load, Touched, Written};
use http_session_store::{Deadline, DeadlineError, Store};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::common::{
    Monitor, PATIENCE, delete, id, load, n, now, number, put, raw, record, rotate, run, save, touch,
};

/// What the server keeps although it is killed.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// What a store waits in these tests, and what a busy machine may add.
const LIMIT: Duration = Duration::from_millis(500);
const SLACK: Duration = Duration::from_secs(5);

async fn store(server: &Private) -> RedisStore {
    RedisStore::connect(&server.url()).await.expect("it answers").timeout(LIMIT)
}

/// Sessions in use: each is loaded and counted up, over and over.
struct Traffic {
    answers: Arc<AtomicU64>,
    errors: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<Duration>,
}

impl Traffic {
    fn start(store: &RedisStore) -> Self {
        let (answers, errors, stop) = (Arc::default(), Arc::default(), Arc::default());
        let mut traffic = Self { answers, errors, stop, workers: JoinSet::new() };
        for worker in 0..8 {
            let (answers, errors) = (traffic.answers.clone(), traffic.errors.clone());
            let (stop, store) = (traffic.stop.clone(), store.clone());
            traffic.workers.spawn(async move {
                let id = id(&format!("worker{worker}"));
                // What was acknowledged, and how far it may have got.
                let (mut acknowledged, mut attempted, mut longest) = (None, 0, Duration::ZERO);
                while !stop.load(Ordering::SeqCst) {
                    let asked = Instant::now();
                    let found = load(&store, &id).await;
                    longest = longest.max(asked.elapsed());
                    let Ok(found) = found else {
                        errors.fetch_add(1, Ordering::SeqCst);
                        // As a client would: not at once.
                        sleep(Duration::from_millis(5)).await;
                        continue;
                    };
                    let there = found.as_ref().map(|found| n(&found.record));
                    assert!(there >= acknowledged, "{acknowledged:?} was lost: {there:?}");
                    assert!(there.unwrap_or_default() <= attempted, "{attempted} {there:?}");
                    attempted = there.unwrap_or_default() + 1;
                    let expect = match found {
                        Some(found) => Expect::Version(found.version.expect("it has one")),
                        None => Expect::Absent,
                    };
                    let asked = Instant::now();
                    let written = save(&store, &id, record(attempted, None), expect).await;
                    longest = longest.max(asked.elapsed());
                    match written {
                        Ok(Written::Saved(_)) => {
                            acknowledged = Some(attempted);
                            answers.fetch_add(1, Ordering::SeqCst);
                        }
                        // A write that took too long, and was done after the load.
                        Ok(Written::Changed(_) | Written::Exists) => {}
                        Ok(other) => panic!("{other:?}"),
                        Err(_) => {
                            errors.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
                longest
            });
        }
        traffic
    }

    /// Waits until so many more writes are acknowledged.
    async fn flows(&self) {
        let (started, before) = (Instant::now(), self.answers.load(Ordering::SeqCst));
        while self.answers.load(Ordering::SeqCst) < before + 40 {
            assert!(started.elapsed() < PATIENCE * 2, "service does not resume");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until so many more requests have failed.
    async fn fails(&self) {
        let (started, before) = (Instant::now(), self.errors.load(Ordering::SeqCst));
        while self.errors.load(Ordering::SeqCst) < before + 16 {
            assert!(started.elapsed() < PATIENCE * 2, "nothing fails");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// All answers came in time.
    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        let longest = self.workers.join_all().await.into_iter().max().expect("there are workers");
        println!("the longest answer took {longest:?}");
        assert!(longest < LIMIT + SLACK, "{longest:?}");
    }
}

// ST-4: killed and started again, several times, under load
#[tokio::test(flavor = "multi_thread")]
async fn killed() {
    let Some(mut server) = Private::redis("killed", &DURABLE) else { return };
    let traffic = Traffic::start(&store(&server).await);
    for _ in 0..3 {
        traffic.flows().await;
        server.kill();
        traffic.fails().await;
        server.start();
    }
    traffic.flows().await;
    traffic.end().await;
}

// ST-4: it stands still, and goes on
#[tokio::test(flavor = "multi_thread")]
async fn paused() {
    let Some(server) = Private::redis("paused", &DURABLE) else { return };
    let traffic = Traffic::start(&store(&server).await);
    for _ in 0..2 {
        traffic.flows().await;
        server.pause();
        traffic.fails().await;
        server.resume();
    }
    traffic.flows().await;
    traffic.end().await;
}

// the answer of a paused server is an error that says so; a Deadline is one as well
#[tokio::test]
async fn elapsed() {
    let Some(server) = Private::redis("elapsed", &[]) else { return };
    let store = store(&server).await;
    let limit = Duration::from_millis(100);
    let hasty = Deadline::new(store.clone().timeout(PATIENCE), limit);
    let a = id("a");
    let version = Expect::Version(put(&store, &a, record(1, None)).await);
    server.pause();
    let errors = [
        load(&store, &a).await.map(drop),
        save(&store, &a, record(2, None), Expect::Anything).await.map(drop),
        save(&store, &a, record(2, None), version).await.map(drop),
        rotate(&store, &a, &id("b"), record(2, None), Expect::Present).await.map(drop),
        touch(&store, &a, None, now()).await.map(drop),
        delete(&store, &a).await,
    ];
    for error in errors {
        let error = error.expect_err("it does not answer");
        assert!(matches!(error, RedisError::Elapsed(LIMIT)), "{error:?}");
        assert_eq!(error.to_string(), "Redis did not answer within 500ms");
    }
    let error = load(&hasty, &a).await.expect_err("it does not answer");
    assert!(matches!(error, DeadlineError::Elapsed(elapsed) if elapsed == limit), "{error:?}");
    server.resume();
}

// ST-4: a write is sent once at most, whatever becomes of it
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_twice() {
    let Some(mut server) = Private::redis("nothing_is_sent_twice", &DURABLE) else { return };
    let store = store(&server).await;
    let mut seen = Vec::new();
    for round in 0..3_u64 {
        let mut monitor = Monitor::new(server.port());
        let mut writes = JoinSet::new();
        for write in 0..200 {
            let store = store.clone();
            let (id, number) = (id(&format!("{write}")), round * 1_000 + write);
            writes.spawn(async move {
                sleep(Duration::from_millis(write)).await;
                let _ = save(&store, &id, record(number, None), Expect::Anything).await;
            });
        }
        sleep(Duration::from_millis(60)).await;
        server.pause();
        sleep(LIMIT + Duration::from_millis(100)).await;
        server.resume();
        writes.join_all().await;
        seen.extend(monitor.sent());
        // With the answers still to come.
        let mut writes = JoinSet::new();
        for write in 0..50 {
            let store = store.clone();
            let (id, number) = (id(&format!("{write}")), round * 1_000 + 500 + write);
            writes.spawn(async move {
                save(&store, &id, record(number, None), Expect::Anything).await.map(drop)
            });
        }
        tokio::task::yield_now().await;
        server.kill();
        writes.join_all().await;
        server.start();
        for write in 0..50 {
            // At most what was written last.
            let there = number(&store.clone().timeout(PATIENCE), &id(&format!("{write}"))).await;
            let late = round * 1_000 + 500 + write;
            assert!(there.is_none_or(|there| there <= late), "{there:?}");
        }
    }
    let mut times = HashMap::new();
    for command in seen.iter().filter(|command| command.starts_with("\"SET\"")) {
        *times.entry(command).or_insert(0) += 1;
    }
    assert!(times.len() > 100, "{}", times.len());
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

// a connection that broke is made again when nobody asks: the next request finds it
#[tokio::test(flavor = "multi_thread")]
async fn restarted_while_idle() {
    let Some(mut server) = Private::redis("restarted_while_idle", &DURABLE) else { return };
    let store = store(&server).await.timeout(PATIENCE);
    let a = id("a");
    put(&store, &a, record(1, None)).await;
    for _ in 0..5 {
        server.kill();
        sleep(Duration::from_millis(100)).await;
        server.start();
        assert_eq!(number(&store, &a).await, Some(1));
    }
}

// ST-4: a server that takes no new connection, or no password, for a while: service resumes all the same
#[tokio::test(flavor = "multi_thread")]
async fn locked_out() {
    let Some(server) = Private::redis("locked_out", &[]) else { return };
    let admin = raw(&server.url()).await;
    run::<()>(&admin, &["CONFIG", "SET", "requirepass", "old"]).await;
    let url = format!("redis://:old@127.0.0.1:{}/", server.port());
    let store = RedisStore::connect(&url).await.expect("it answers").timeout(LIMIT);
    let a = id("a");
    put(&store, &a, record(1, None)).await;
    for (closed, open) in [
        (["CONFIG", "SET", "requirepass", "new"], ["CONFIG", "SET", "requirepass", "old"]),
        (["CONFIG", "SET", "maxclients", "1"], ["CONFIG", "SET", "maxclients", "100"]),
    ] {
        run::<()>(&admin, &closed).await;
        run::<()>(&admin, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        for _ in 0..3 {
            let asked = Instant::now();
            load(&store, &a).await.expect_err("it is locked out");
            assert!(asked.elapsed() < LIMIT + SLACK, "{:?}", asked.elapsed());
        }
        run::<()>(&admin, &open).await;
        let opened = Instant::now();
        while load(&store, &a).await.is_err() {
            assert!(opened.elapsed() < PATIENCE, "service does not resume");
        }
        assert_eq!(number(&store.clone().timeout(PATIENCE), &a).await, Some(1));
    }
}

// ST-4: a replica takes no writes; a load under an idle timeout is one
#[tokio::test]
async fn read_only() {
    let Some(server) = Private::redis("read_only", &[]) else { return };
    let (admin, store) = (raw(&server.url()).await, store(&server).await.timeout(PATIENCE));
    let a = id("a");
    let version = Expect::Version(put(&store, &a, record(1, None)).await);
    run::<()>(&admin, &["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_eq!(number(&store, &a).await, Some(1));
    let renew = Load::new(a.clone(), now(), Some(Duration::from_secs(60)));
    let errors = [
        store.load(&renew).await.map(drop),
        save(&store, &a, record(2, None), Expect::Anything).await.map(drop),
        save(&store, &a, record(2, None), version).await.map(drop),
        rotate(&store, &a, &id("b"), record(2, None), Expect::Present).await.map(drop),
        touch(&store, &a, None, now()).await.map(drop),
        delete(&store, &a).await,
    ];
    for error in errors {
        assert_eq!(error.expect_err("it is read-only").to_string(), "Redis refused: READONLY");
    }
    run::<()>(&admin, &["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(number(&store, &a).await, Some(1));
    put(&store, &a, record(2, None)).await;
    assert_eq!(number(&store, &a).await, Some(2));
}

// ST-4: a full server that evicts nothing: saves fail and lose nothing; what needs no room goes on
#[tokio::test]
async fn full() {
    let Some(server) = Private::redis("full", &["--maxmemory-policy", "noeviction"]) else {
        return;
    };
    let (admin, store) = (raw(&server.url()).await, store(&server).await.timeout(PATIENCE));
    let (a, b) = (id("a"), id("b"));
    put(&store, &a, record(0, None)).await;
    let version = Expect::Version(put(&store, &a, record(1, None)).await);
    run::<()>(&admin, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let errors = [
        save(&store, &a, record(2, None), Expect::Anything).await.map(drop),
        save(&store, &a, record(2, None), Expect::Present).await.map(drop),
        save(&store, &a, record(2, None), version.clone()).await.map(drop),
        save(&store, &b, record(2, None), Expect::Absent).await.map(drop),
    ];
    for error in errors {
        assert_eq!(error.expect_err("it is full").to_string(), "Redis refused: OOM");
    }
    assert_eq!((number(&store, &a).await, number(&store, &b).await), (Some(1), None));
    let renew = Load::new(a.clone(), now(), Some(Duration::from_secs(60)));
    assert!(store.load(&renew).await.expect("it works").is_some_and(|found| found.refreshed));
    assert_eq!(touch(&store, &a, None, now()).await.expect("it works"), Touched::Alive);
    // The old record makes room for the new one.
    let rotated = rotate(&store, &a, &b, record(3, None), version).await;
    assert!(matches!(rotated, Ok(Written::Saved(_))), "{rotated:?}");
    assert_eq!((number(&store, &a).await, number(&store, &b).await), (None, Some(3)));
    delete(&store, &b).await.expect("it works");
    run::<()>(&admin, &["CONFIG", "SET", "maxmemory", "0"]).await;
    put(&store, &a, record(4, None)).await;
    assert_eq!(number(&store, &a).await, Some(4));
}
