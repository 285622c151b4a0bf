//! What a server is sent, to the word, and what it then holds.

mod common;

use std::time::Duration;

use http_session_conformance::servers::Private;
use http_session_redis::RedisStore;
use http_session_store::Store;
use http_session_store::core::store::{Expect, Load, Rotate, Save, Touched, Version, Written};
use redis::aio::MultiplexedConnection;

use self::common::{
    Monitor, cookie, delete, id, load, now, put, raw, record, rotate, run, save, touch,
};

/// A server of its own, a store on it, a connection, and an eye on what is sent.
struct World {
    monitor: Monitor,
    raw: MultiplexedConnection,
    _server: Private,
    store: RedisStore,
}

impl World {
    async fn new(test: &str) -> Option<Self> {
        let server = Private::redis(test, &[])?;
        let store = RedisStore::connect(&server.url()).await.expect("it answers");
        let store = store.timeout(common::PATIENCE);
        let raw = raw(&server.url()).await;
        let mut monitor = Monitor::new(server.port());
        monitor.sent();
        Some(Self { monitor, raw, _server: server, store })
    }

    fn sent(&mut self) -> Vec<String> {
        self.monitor.sent()
    }

    /// Milliseconds that the key lives on; none if it lives for ever, or is not there.
    async fn life(&self, key: &str) -> Option<u64> {
        let life: i64 = run(&self.raw, &["PTTL", key]).await;
        u64::try_from(life).ok()
    }
}

/// As `MONITOR` shows an argument.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

// R-01, R-02, R-03, R-04, R-05: each operation is one command, and these are its words
#[tokio::test]
async fn words() {
    let Some(mut world) = World::new("words").await else { return };
    let now = now();
    let end = now.plus_millis(60_000);
    let one = record(1, end);
    let text = quoted(&one.to_json());
    let a = id("a");
    let save = |expect| Save::new(a.clone(), one.clone(), expect, now);

    let load = Load::new(a.clone(), now, None);
    assert_eq!(world.store.load(&load).await.expect("it works"), None);
    assert_eq!(world.sent(), [r#""GET" "sess:a""#]);

    assert_eq!(world.store.save(&save(Expect::Present)).await.expect("it works"), Written::Gone);
    assert_eq!(world.sent(), [format!(r#""SET" "sess:a" {text} "XX" "EX" "60""#)]);
    let saved = world.store.save(&save(Expect::Absent)).await.expect("it works");
    assert_eq!(world.sent(), [format!(r#""SET" "sess:a" {text} "NX" "EX" "60""#)]);
    assert_eq!(world.store.save(&save(Expect::Absent)).await.expect("it works"), Written::Exists);
    world.sent();
    assert_eq!(world.store.save(&save(Expect::Anything)).await.expect("it works"), saved);
    assert_eq!(world.sent(), [format!(r#""SET" "sess:a" {text} "EX" "60""#)]);

    let found = world.store.load(&load).await.expect("it works").expect("it is there");
    assert_eq!((found.record, found.refreshed), (one.to_json().into_bytes(), false));
    assert_eq!(saved, Written::Saved(found.version));
    world.sent();
    let renew = Load::new(a.clone(), now, Some(Duration::from_millis(7_001)));
    assert!(world.store.load(&renew).await.expect("it works").expect("it is there").refreshed);
    assert_eq!(world.sent(), [r#""GETEX" "sess:a" "EX" "8""#]);
    let life = world.life("sess:a").await.expect("it has an end");
    assert!((1..=8_000).contains(&life), "{life}");
    world.sent();

    let touched = touch(&world.store, &a, now.plus_millis(30_000), now).await;
    assert_eq!(touched.expect("it works"), Touched::Alive);
    assert_eq!(world.sent(), [r#""EXPIRE" "sess:a" "30""#]);
    let value: String = run(&world.raw, &["GET", "sess:a"]).await;
    assert_eq!(value, one.to_json());
    world.sent();

    delete(&world.store, &a).await.expect("it works");
    assert_eq!(world.sent(), [r#""DEL" "sess:a""#]);
    // B-203: once more is success.
    delete(&world.store, &a).await.expect("it works");
    world.sent();
    let touched = touch(&world.store, &a, end, now).await;
    assert_eq!(touched.expect("it works"), Touched::Gone);
    assert_eq!(world.sent(), [r#""EXPIRE" "sess:a" "60""#]);
}

// a load that renews is one command, and the key lives on for as long as it says
#[tokio::test]
async fn a_load_that_renews() {
    let Some(mut world) = World::new("a_load_that_renews").await else { return };
    put(&world.store, &id("a"), record(1, None)).await;
    world.sent();
    let renew = Load::new(id("a"), now(), Some(Duration::from_secs(1_800)));
    let found = world.store.load(&renew).await.expect("it works").expect("it is there");
    assert!(found.refreshed);
    assert_eq!(world.sent(), [r#""GETEX" "sess:a" "EX" "1800""#]);
    let life: u64 = run(&world.raw, &["TTL", "sess:a"]).await;
    assert!((1_700..=1_800).contains(&life), "{life}");
    assert_eq!(
        world.store.load(&Load::new(id("b"), now(), renew.refresh)).await.expect("it works"),
        None
    );
}

// a write that compares is one command when the server knows the script, and works when it does not
#[tokio::test]
async fn scripts() {
    let Some(mut world) = World::new("scripts").await else { return };
    let (a, b) = (id("a"), id("b"));
    for flush in [false, true] {
        let mut version = put(&world.store, &a, record(0, None)).await;
        for n in 1..4 {
            if flush {
                run::<()>(&world.raw, &["SCRIPT", "FLUSH"]).await;
            }
            world.sent();
            let expect = Expect::Version(version);
            let written = save(&world.store, &a, record(n, None), expect).await;
            let Ok(Written::Saved(Some(next))) = written else { panic!("{written:?}") };
            version = next;
            let sent = world.sent();
            let expected = if flush || n == 1 { 3 } else { 1 };
            assert!(n == 1 || sent.len() == expected, "{sent:?}");
            assert!(
                sent.iter()
                    .all(|line| line.starts_with("\"EVALSHA\"") || line.starts_with("\"SCRIPT\""))
            );
        }
        let rotated = rotate(&world.store, &a, &b, record(9, None), Expect::Version(version)).await;
        assert!(matches!(rotated, Ok(Written::Saved(_))), "{rotated:?}");
        assert_eq!(world.sent().len(), 1);
        assert_eq!(common::number(&world.store, &b).await, Some(9));
        delete(&world.store, &b).await.expect("it works");
    }
}

// R-06: whole seconds, rounded up, from the request's moment; whatever writes them
#[tokio::test]
async fn lifetimes() {
    let Some(mut world) = World::new("lifetimes").await else { return };
    let now = now();
    for (millis, seconds) in [
        (1, 1),
        (999, 1),
        (1_000, 1),
        (1_001, 2),
        (1_999, 2),
        (86_400_000, 86_400),
        (86_400_001, 86_401),
    ] {
        let end = now.plus_millis(millis);
        let a = id(&format!("a{millis}"));
        let written = format!(r#""EX" "{seconds}""#);
        for expect in [Expect::Absent, Expect::Present, Expect::Anything] {
            let save = Save::new(a.clone(), record(1, end), expect, now);
            assert!(matches!(world.store.save(&save).await, Ok(Written::Saved(_))));
            let sent = world.sent();
            assert!(sent[0].ends_with(&written), "{millis}: {sent:?}");
        }
        let touched = touch(&world.store, &a, end, now).await;
        assert_eq!(touched.expect("it works"), Touched::Alive);
        assert!(world.sent()[0].ends_with(&format!(r#" "{seconds}""#)), "{millis}");

        // A script writes the same.
        let life = async |key: &str| world.life(key).await.expect("it has an end").div_ceil(1_000);
        let version = put(&world.store, &a, record(2, None)).await;
        let save = Save::new(a.clone(), record(3, end), Expect::Version(version), now);
        assert!(matches!(world.store.save(&save).await, Ok(Written::Saved(_))));
        let left = life(&format!("sess:a{millis}")).await;
        assert!(left <= seconds && left + 60 > seconds, "{millis}: {left}");
        put(&world.store, &a, record(2, None)).await;
        let to = id(&format!("b{millis}"));
        let rotate = Rotate::new(a, to, record(3, end), Expect::Present, now);
        assert!(matches!(world.store.rotate(&rotate).await, Ok(Written::Saved(_))));
        let left = life(&format!("sess:b{millis}")).await;
        assert!(left <= seconds && left + 60 > seconds, "{millis}: {left}");
        world.sent();
    }
}

// R-06: `ttl` is for records that say nothing of their end, and zero is not set
#[tokio::test]
async fn records_without_an_end() {
    let Some(mut world) = World::new("records_without_an_end").await else { return };
    let a = id("a");
    for (ttl, seconds) in [
        (None, 86_400),
        (Some(Duration::ZERO), 86_400),
        (Some(Duration::from_millis(1)), 1),
        (Some(Duration::from_millis(59_001)), 60),
        (Some(Duration::MAX), 8_640_000_000_000_u64),
    ] {
        let mut store = world.store.clone();
        if let Some(ttl) = ttl {
            store = store.ttl(ttl);
        }
        put(&store, &a, record(1, None)).await;
        assert!(world.sent()[0].ends_with(&format!(r#""EX" "{seconds}""#)), "{ttl:?}");
        put(&store, &a, record(1, now().plus_millis(5_000_000))).await;
        let sent = world.sent();
        assert!(sent[0].ends_with(r#""EX" "5000""#), "{ttl:?} {sent:?}");
        assert_eq!(touch(&store, &a, None, now()).await.expect("it works"), Touched::Alive);
        assert!(world.sent()[0].ends_with(&format!(r#""{seconds}""#)), "{ttl:?}");
    }
    // Nor is there a time that Redis would refuse.
    for life in [Duration::ZERO, Duration::MAX] {
        let load = Load::new(a.clone(), now(), Some(life));
        assert!(world.store.load(&load).await.expect("it works").is_some());
    }
}

// R-03, R-04: what has expired is deleted, and that is success
#[tokio::test]
async fn what_has_expired() {
    let Some(mut world) = World::new("what_has_expired").await else { return };
    let (now, a) = (now(), id("a"));
    for millis in [0, -1, -999, -1_000, -1_001, -86_400_000] {
        let end = now.plus_millis(millis);
        let version = put(&world.store, &a, record(1, None)).await;
        world.sent();
        let save = |expect| Save::new(a.clone(), record(2, end), expect, now);
        let written = world.store.save(&save(Expect::Anything)).await;
        assert!(matches!(written, Ok(Written::Saved(_))), "{millis}: {written:?}");
        assert_eq!(world.sent(), [r#""DEL" "sess:a""#]);
        assert_eq!(load(&world.store, &a).await.expect("it works"), None);

        // Conditional ones only if the condition holds.
        for expect in [Expect::Present, Expect::Version(version.clone())] {
            let written = world.store.save(&save(expect.clone())).await;
            assert_eq!(written.expect("it works"), Written::Gone);
            let version = put(&world.store, &a, record(1, None)).await;
            let written = world.store.save(&save(Expect::Absent)).await;
            assert_eq!(written.expect("it works"), Written::Exists);
            let other = Expect::Version(Version((*b"x").into()));
            let written = world.store.save(&save(other)).await;
            assert!(matches!(written, Ok(Written::Changed(now)) if now.version == Some(version)));
            let written = world.store.save(&save(expect)).await;
            assert!(matches!(written, Ok(Written::Saved(_))), "{millis}: {written:?}");
            assert_eq!(load(&world.store, &a).await.expect("it works"), None);
            let written = world.store.save(&save(Expect::Absent)).await;
            assert!(matches!(written, Ok(Written::Saved(_))), "{millis}: {written:?}");
            assert_eq!(load(&world.store, &a).await.expect("it works"), None);
        }

        put(&world.store, &a, record(1, None)).await;
        let touched = touch(&world.store, &a, end, now).await;
        assert_eq!(touched.expect("it works"), Touched::Alive);
        assert_eq!(load(&world.store, &a).await.expect("it works"), None);

        put(&world.store, &a, record(1, None)).await;
        let rotate = Rotate::new(a.clone(), id("b"), record(2, end), Expect::Present, now);
        let written = world.store.rotate(&rotate).await;
        assert!(matches!(written, Ok(Written::Saved(_))), "{millis}: {written:?}");
        assert_eq!(run::<u64>(&world.raw, &["DBSIZE"]).await, 0);
    }
}

// R-02: an empty text is no session; a record comes back as it is; another type is an error
#[tokio::test]
async fn what_others_wrote() {
    let Some(world) = World::new("what_others_wrote").await else { return };
    let a = id("a");
    run::<()>(&world.raw, &["SET", "sess:a", ""]).await;
    assert_eq!(load(&world.store, &a).await.expect("it works"), None);
    let version = Expect::Version(put(&world.store, &id("b"), record(1, None)).await);
    let written = save(&world.store, &a, record(1, None), version).await;
    assert_eq!(written.expect("it works"), Written::Gone);

    let text = r#"{ "n" : 1, "cookie" : {} }"#;
    run::<()>(&world.raw, &["SET", "sess:a", text]).await;
    let found = load(&world.store, &a).await.expect("it works").expect("it is there");
    assert_eq!(found.record, text.as_bytes());
    let expect = Expect::Version(found.version.expect("it has one"));
    let written = save(&world.store, &a, record(2, None), expect.clone()).await;
    assert!(matches!(written, Ok(Written::Saved(_))), "{written:?}");
    // Another writer's text is another version.
    run::<()>(&world.raw, &["SET", "sess:a", "{}"]).await;
    let written = save(&world.store, &a, record(3, None), expect).await;
    assert!(matches!(&written, Ok(Written::Changed(now)) if now.record == b"{}"), "{written:?}");

    run::<()>(&world.raw, &["DEL", "sess:a"]).await;
    run::<()>(&world.raw, &["LPUSH", "sess:a", "x"]).await;
    let mut errors = vec![load(&world.store, &a).await.expect_err("a list").to_string()];
    for expect in
        [Expect::Present, Expect::Version(put(&world.store, &id("b"), record(1, None)).await)]
    {
        let rotated = rotate(&world.store, &a, &id("c"), record(2, None), expect).await;
        errors.push(rotated.expect_err("a list").to_string());
    }
    assert_eq!(errors, ["Redis refused: WRONGTYPE"; 3]);
}

// LG-1: no error shows an id or data, not even when the server quotes the command; nor does the store
#[tokio::test]
async fn texts() {
    let renamed = ["--rename-command", "GETEX", ""];
    let Some(server) = Private::redis("texts", &renamed) else { return };
    run::<()>(&raw(&server.url()).await, &["CONFIG", "SET", "requirepass", "hush"]).await;
    let url = format!("redis://:hush@127.0.0.1:{}/", server.port());
    let store = RedisStore::connect(&url).await.expect("it answers").timeout(common::PATIENCE);
    let renew = Load::new(id("top-secret"), now(), Some(Duration::from_secs(1)));
    let error = store.load(&renew).await.expect_err("there is no such command");
    let shown = format!(
        "{error} {error:?} {:?}",
        std::error::Error::source(&error).map(ToString::to_string)
    );
    assert_eq!(error.to_string(), "Redis refused: ERR");
    assert!(!shown.contains("top-secret"), "{shown}");

    let shown = format!("{store:?} {:?}", cookie(None));
    assert!(shown.contains("RedisStore { prefix: \"sess:\""), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");

    // Why a connection can't be made is said at once, and without the password.
    let port = server.port();
    for (url, text) in [
        (format!("redis://:wrong@127.0.0.1:{port}/"), "WRONGPASS"),
        (format!("redis://127.0.0.1:{port}/"), "NOAUTH"),
        (format!("wrong://:wrong@127.0.0.1:{port}/"), "URL did not parse"),
        ("redis://:wrong@127.0.0.1:1/".into(), "refused"),
        ("rediss://:wrong@127.0.0.1:1/".into(), "TLS"),
    ] {
        let error = RedisStore::connect(&url).await.expect_err("it does not work").to_string();
        println!("{error}");
        assert!(error.contains(text) && !error.contains(":wrong@"), "{error}");
    }
}
