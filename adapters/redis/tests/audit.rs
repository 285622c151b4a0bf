//! What errors tell, and texts and keys that this store did not write.

mod common;
#[path = "../../store/tests/common/errors.rs"]
mod errors;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_session_conformance::servers::Private;
use http_session_redis::{RedisError, RedisStore};
use http_session_store::Store;
use http_session_store::core::Timestamp;
use http_session_store::core::store::{Expect, Load, Touched, Written};

use self::common::{delete, id, load, now, number, put, record, rotate, save, touch};
use self::errors::all_of;

// no error shows the password of the URL
#[tokio::test]
async fn passwords() {
    let Some(server) = Private::redis("passwords", &[]) else { return };
    let mut raw = common::raw(&server.url()).await;
    let set = ["SET", "requirepass", "hunter1"];
    redis::cmd("CONFIG").arg(&set).exec_async(&mut raw).await.expect("works");
    let port = server.port();
    for url in [
        format!("redis://:hunter2@127.0.0.1:{port}/"),
        format!("redis://ada:hunter2@127.0.0.1:{port}/"),
        "redis://ada:hunter2@127.0.0.1:1/".into(),
        "redis://ada:hunter2@nowhere.invalid/".into(),
        "redis://ada:hunter2@127.0.0.1:99999/".into(),
        "redis://ada:hunter2@127.0.0.1/x".into(),
        "rediss://ada:hunter2@127.0.0.1/".into(),
        "rediss://ada:hunter2@127.0.0.1/#insecure".into(),
        "redis+unix:///hunter2?db=x&pass=hunter2".into(),
        "ada:hunter2".into(),
        "hunter2://ada".into(),
        "redis://ada:hunter2@[::1/".into(),
        "redis://ada:hunter2@h%00/".into(),
        "redis://ada:hunter2%ff@127.0.0.1/".into(),
        format!("redis://:hunter1@127.0.0.1:{port}/99"),
    ] {
        let error = RedisStore::connect(&url).await.expect_err(&url);
        let text = all_of(&error);
        println!("{url}: {text}");
        assert!(!text.contains("hunter"), "{url}: {text}");
    }
}

// LG-1: no error shows an id or data, whatever the server quotes
#[tokio::test]
async fn quotes() {
    let Some(server) = Private::redis(
        "quotes",
        &[
            "--rename-command",
            "GETEX",
            "",
            "--rename-command",
            "EVALSHA",
            "",
            "--rename-command",
            "EXPIRE",
            "",
        ],
    ) else {
        return;
    };
    let store = RedisStore::connect(&server.url()).await.expect("it answers").prefix("");
    let mut raw = redis::Client::open(server.url())
        .expect("a URL")
        .get_multiplexed_async_connection()
        .await
        .expect("it answers");
    let a = id("ERR hunter-id");
    let version = Expect::Version(put(&store, &a, record(424_242, None)).await);
    let refresh = Load::new(a.clone(), now(), Some(Duration::from_secs(9)));
    let mut texts = vec![
        all_of(&store.load(&refresh).await.expect_err("no such command")),
        all_of(&save(&store, &a, record(424_242, None), version).await.expect_err("none")),
        all_of(
            &rotate(&store, &a, &id("hunter-b"), record(424_242, None), Expect::Present)
                .await
                .expect_err("none"),
        ),
        all_of(&touch(&store, &a, None, now()).await.expect_err("none")),
    ];
    for wrong in ["LPUSH", "SADD"] {
        redis::cmd("DEL").arg("ERR hunter-id").exec_async(&mut raw).await.expect("works");
        redis::cmd(wrong)
            .arg("ERR hunter-id")
            .arg("hunter-data")
            .exec_async(&mut raw)
            .await
            .expect("works");
        texts.push(all_of(&load(&store, &a).await.expect_err("wrong type")));
        let mut tell = Load::new(a.clone(), now(), None);
        tell.tell_end = true;
        let told = store.load(&tell).await.expect_err("wrong type");
        assert!(matches!(&told, RedisError::Refused(code) if code == "WRONGTYPE"), "{told}");
        texts.push(all_of(&told));
    }
    for text in texts {
        println!("{text}");
        assert!(!text.contains("hunter") && !text.contains("424242"), "{text}");
    }
}

// a key with an empty text, which nobody writes, is no session for a load and the script, but it is a
// key for SET NX, SET XX and EXPIRE: an open finding, of no harm
#[tokio::test]
async fn empty_text() {
    let Some(server) = Private::redis("empty_text", &[]) else { return };
    let store = RedisStore::connect(&server.url()).await.expect("it answers");
    let mut raw = redis::Client::open(server.url())
        .expect("a URL")
        .get_multiplexed_async_connection()
        .await
        .expect("it answers");
    let a = id("a");
    let mut told = Vec::new();
    for expect in [
        Expect::Absent,
        Expect::Present,
        Expect::Version(http_session_store::core::store::Version([].into())),
    ] {
        redis::cmd("SET").arg("sess:a").arg("").exec_async(&mut raw).await.expect("works");
        assert!(load(&store, &a).await.expect("works").is_none());
        let written = save(&store, &a, record(1, None), expect.clone()).await.expect("works");
        told.push(format!("{expect:?}: {written:?}"));
    }
    redis::cmd("SET").arg("sess:a").arg("").exec_async(&mut raw).await.expect("works");
    let touched = touch(&store, &a, None, now()).await.expect("works");
    println!("{told:?} {touched:?}");
    assert!(told[0].contains("Exists") && told[1].contains("Saved"), "{told:?}");
    assert!(told[2].contains("Gone"), "{told:?}");
    assert_eq!(touched, Touched::Alive);
}

// ends at the edges: nothing overflows, and what is past is gone
#[tokio::test]
async fn edges() {
    let Some(server) = Private::redis("edges", &[]) else { return };
    let store = RedisStore::connect(&server.url()).await.expect("it answers");
    let a = id("a");
    for end in [Timestamp::MIN, Timestamp::MAX, now(), now().plus_millis(1).expect("in range")] {
        for from in [Timestamp::MIN, now(), Timestamp::MAX] {
            let _ = put(&store, &a, record(1, None)).await;
            let op = http_session_store::core::store::Save::new(
                a.clone(),
                record(2, Some(end)),
                Expect::Present,
                from,
            );
            assert!(matches!(store.save(&op).await.expect("works"), Written::Saved(_)));
            let _ = touch(&store, &a, Some(end), from).await.expect("works");
            delete(&store, &a).await.expect("works");
        }
    }
    for life in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        put(&store, &a, record(1, None)).await;
        let found = store.load(&Load::new(a.clone(), now(), Some(life))).await.expect("works");
        assert!(found.is_some_and(|found| found.refreshed));
        put(&store.clone().ttl(life), &a, record(1, None)).await;
        assert_eq!(number(&store, &a).await, Some(1));
    }
}

// a late answer is never that of another command
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_mixed_up() {
    let Some(server) = Private::redis("no_answer_is_mixed_up", &[]) else { return };
    let store = RedisStore::connect(&server.url()).await.expect("it answers");
    let hasty = store.clone().timeout(Duration::from_millis(5));
    for n in 0..50 {
        put(&store, &id(&n.to_string()), record(n, None)).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..20 {
        let (done, hasty) = (done.clone(), hasty.clone());
        tasks.spawn(async move {
            let mut counts = (0, 0);
            for n in (0..50).cycle().skip(task * 7) {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                match load(&hasty, &id(&n.to_string())).await {
                    Ok(found) => {
                        let found = found.expect("it is there");
                        assert_eq!(common::n(&found.record), n);
                        counts.0 += 1;
                    }
                    Err(_) => counts.1 += 1,
                }
            }
            counts
        });
    }
    // However fast the machine is, a server that stands still is late.
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        server.pause();
        tokio::time::sleep(Duration::from_millis(10)).await;
        server.resume();
    }
    done.store(true, Ordering::Relaxed);
    let (mut elapsed, mut answered) = (0, 0);
    while let Some(counts) = tasks.join_next().await {
        let counts = counts.expect("no answer of another command");
        answered += counts.0;
        elapsed += counts.1;
    }
    println!("{answered} answers, {elapsed} too late");
    assert!(answered > 50 && elapsed > 50, "{answered} and {elapsed}");
}
