//! Rotations that are cut off: the old id lives or the new one, never both and never neither.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use http_session_conformance::servers;
use http_session_conformance::servers::Private;
use http_session_postgres::PostgresStore;
use http_session_postgres::sqlx;
use http_session_postgres::sqlx::Row;
use http_session_postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use http_session_store::Store;
use http_session_store::core::store::{Expect, Rotate, Written};

use common::{LONG, NOW, Place, at, id, number, pool, put, record, soon};

const KILLS: u64 = 100;
/// Sessions that are rotated at the same time.
const CHAINS: usize = 6;

fn key(chain: usize, n: u64) -> String {
    format!("chain{chain}-{n}")
}

fn rotation(chain: usize, n: u64) -> Rotate {
    let (from, to) = (id(&key(chain, n)), id(&key(chain, n + 1)));
    Rotate::new(from, to, record(n + 1, Some(at(60_500))), Expect::Present, NOW)
}

/// The one id that lives: `n`, or the next one.
async fn survivor(store: &PostgresStore, chain: usize, n: u64) -> u64 {
    let old = soon(number(store, &key(chain, n), NOW)).await;
    let new = soon(number(store, &key(chain, n + 1), NOW)).await;
    match (old, new) {
        (Some(_), None) => n,
        (None, Some(_)) => n + 1,
        both => panic!("chain {chain} at {n}: {both:?}"),
    }
}

// ST-11
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_during_rotations() {
    let Some(mut server) = Private::postgres("crash_server", &[], None) else { return };
    let store = PostgresStore::new(pool(&server.url(), 8).await);
    store.migrate().await.expect("made");
    let mut at = [0; CHAINS];
    for chain in 0..CHAINS {
        put(&store, &key(chain, 0), 0, Some(common::at(60_500))).await;
    }
    let (mut done, mut not_done) = (0, 0);
    for kill in 0..KILLS {
        let rotated = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for (chain, n) in at.into_iter().enumerate() {
            let (store, rotated, stop) = (store.clone(), Arc::clone(&rotated), Arc::clone(&stop));
            tasks.push(tokio::spawn(async move {
                let mut n = n;
                while !stop.load(Ordering::SeqCst) {
                    match store.rotate(&rotation(chain, n)).await {
                        Ok(Written::Saved(_)) => n += 1,
                        Ok(other) => panic!("{other:?}"),
                        Err(_) => return (n, true),
                    }
                    rotated.fetch_add(1, Ordering::SeqCst);
                }
                (n, false)
            }));
        }
        let started = Instant::now();
        while rotated.load(Ordering::SeqCst) < CHAINS {
            assert!(started.elapsed() < LONG, "they rotate");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(kill * 137 % 5_000)).await;
        server.kill();
        stop.store(true, Ordering::SeqCst);
        server.start();
        for (chain, task) in tasks.into_iter().enumerate() {
            let (n, unknown) = soon(task).await.expect("no panic");
            if n > 0 {
                let old = soon(number(&store, &key(chain, n - 1), NOW)).await;
                assert_eq!(old, None, "a rotation that was confirmed stays");
            }
            at[chain] = survivor(&store, chain, n).await;
            assert!(unknown || at[chain] == n, "nothing was begun");
            done += u32::from(at[chain] > n);
            not_done += u32::from(unknown && at[chain] == n);
        }
    }
    report("server", done, not_done);
}

/// Rotations were cut off: some before they were done, and some after.
fn report(whose: &str, done: u32, not_done: u32) {
    // Not `eprintln!`, which the test harness swallows when a test passes.
    let _ = writeln!(
        std::io::stderr(),
        "{KILLS} kills of the {whose}, {} answers lost: {done} done, {not_done} not done",
        done + not_done
    );
    assert!(done + not_done > 0, "no kill has hit a rotation");
}

/// What the client process of the test below does: it rotates, and says so, until it is killed. On its
/// own it is a test that has nothing to do.
#[tokio::test]
async fn client() {
    let Ok(place) = std::env::var("CRASH_CLIENT") else { return };
    let parts: Vec<&str> = place.split('|').collect();
    let [url, schema, name, start] = parts[..] else { panic!("four parts: {parts:?}") };
    let options: PgConnectOptions = url.parse().expect("a URL");
    let pool = PgPoolOptions::new().max_connections(u32::try_from(CHAINS).expect("few"));
    let pool = pool.connect_with(options.application_name(name)).await.expect("connected");
    let store = PostgresStore::new(pool).schema(schema);
    let starts = start.split(',').map(|n| n.parse::<u64>().expect("a number"));
    let chains = starts.enumerate().map(|(chain, start)| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in start.. {
                say(&format!("try {chain} {n}"));
                let rotated = store.rotate(&rotation(chain, n)).await.expect("no failure");
                assert!(matches!(rotated, Written::Saved(_)), "{rotated:?}");
                say(&format!("done {chain} {n}"));
            }
        })
    });
    for chain in chains.collect::<Vec<_>>() {
        chain.await.expect("no panic");
    }
}

/// One line by one write: a line that was begun is whole.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| out.flush()).expect("a pipe");
}

// ST-11
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_during_rotations() {
    let Some(url) = servers::postgres("crash_client") else { return };
    let Some(place) = Place::new("crash_client", "json").await else { return };
    let store = &place.store;
    let mut at = [0; CHAINS];
    for chain in 0..CHAINS {
        put(store, &key(chain, 0), 0, Some(common::at(60_500))).await;
    }
    let (mut done, mut not_done) = (0, 0);
    for kill in 0..KILLS {
        let name = format!("{}-{kill}", place.schema);
        let starts = at.map(|n| n.to_string()).join(",");
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "client", "--nocapture", "--test-threads=1"]);
        command.env(
            "CRASH_CLIENT",
            [&url, &place.schema, &name, &starts].map(String::as_str).join("|"),
        );
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut begun = at.map(|n| (n, false));
        let mut confirmed = 0;
        let hear = |line: &str, begun: &mut [(u64, bool); CHAINS]| {
            let words: Vec<&str> = line.split(' ').collect();
            let ([what @ ("try" | "done"), chain, n], true) = (&words[..], words.len() == 3) else {
                return 0;
            };
            let (chain, n): (usize, u64) = (chain.parse().expect("one"), n.parse().expect("one"));
            begun[chain] = if *what == "try" { (n, true) } else { (n + 1, false) };
            usize::from(*what == "done")
        };
        while confirmed < CHAINS {
            let line = lines.next().expect("it goes on until it is killed").expect("text");
            confirmed += hear(&line, &mut begun);
        }
        sleep(Duration::from_micros(kill * 137 % 5_000));
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
        for line in lines {
            hear(&line.expect("text"), &mut begun);
        }
        // The server notices when it wants to read or to answer.
        let text = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        let started = Instant::now();
        while sqlx::query(text)
            .bind(&name)
            .fetch_one(&place.pool)
            .await
            .expect("a row")
            .get::<i64, _>(0)
            > 0
        {
            assert!(started.elapsed() < LONG, "the server does not notice");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for (chain, (n, unknown)) in begun.into_iter().enumerate() {
            at[chain] = survivor(store, chain, n).await;
            assert!(unknown || at[chain] == n, "nothing was begun");
            done += u32::from(at[chain] > n);
            not_done += u32::from(unknown && at[chain] == n);
        }
    }
    report("client", done, not_done);
    assert!(done > 0 && not_done > 0, "{done} done, {not_done} not done");
}
