//! Attacks on whole requests over a store, each by its id: `conformance/src/adversarial/attacks.txt` lists them.

mod common;
#[path = "common/log.rs"]
mod log;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::{
    Config, Conflict, IdError, Origin, Outcome, RequestFacts, SessionId, Timeouts, Timestamp,
};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Env, Error, MemoryStore, OsEnv, Session, Sessions};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use self::common::{LONG_SECRET, START, World, quiet, safe};
use self::log::{Capture, listen};

/// How much a test does: the variable `MANY`, or else this much.
fn many(default: usize) -> usize {
    std::env::var("MANY").map_or(default, |many| many.parse().expect("a number"))
}

fn user(session: &Session) -> Option<String> {
    session.get("user").expect("a session")
}

/// The Cookie header that answers a response.
fn presented(outcome: &Outcome) -> HeaderValue {
    let line = outcome.set_cookie().expect("a cookie is sent");
    let pair = line.as_bytes().split(|byte| *byte == b';').next().expect("a pair");
    HeaderValue::from_bytes(pair).expect("ASCII")
}

/// Two cookies in one header.
fn both(first: &HeaderValue, second: &HeaderValue) -> HeaderValue {
    let line = [first.as_bytes(), b"; ", second.as_bytes()].concat();
    HeaderValue::from_bytes(&line).expect("ASCII")
}

// FX-1: an id that we once gave and that has no record is not adopted, and the log says what happened
#[tokio::test]
async fn an_id_without_a_record() {
    for config in [safe(), quiet()] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        world.store.drop_all();
        let (capture, _guard) = Capture::start();
        let session = world.open(Some(&cookie)).await.expect("the store works");
        let events = capture.events();
        let said = events.iter().any(|event| event.contains("the store has no such session"));
        assert!(said, "{events:?}");
        session.insert("n", 7).expect("it is open");
        let outcome = world.close(&session).await.expect("the store works");
        assert_ne!(presented(&outcome), cookie);
        assert_eq!(world.ids(), ["sid2"]);
    }
}

// FX-2, FX-3: a session that an attacker planted is nobody's after the log-in: not before, during or after it does
// its id show a user, and what was in it comes along unless it is cleared
#[tokio::test]
async fn a_planted_session() {
    for clears in [false, true] {
        let world = World::on_tls(safe());
        let planted = world.logged_in().await;
        let before = world.again(&planted).await;
        let victim = world.again(&planted).await;
        if clears {
            victim.clear().expect("it is open");
        }
        let gate = world.store.hold(common::Op::Rotate);
        let logs_in = async {
            victim.log_in("user", "ada").await.expect("the store works");
            world.close(&victim).await.expect("the store works")
        };
        let (outcome, ()) = tokio::join!(logs_in, async {
            gate.reached().await;
            let during = world.again(&planted).await;
            assert_eq!((during.origin().ok(), user(&during)), (Some(Origin::Loaded), None));
            during.insert("during", 1).expect("it is open");
            gate.open();
            gate.passed().await;
            assert!(matches!(world.close(&during).await, Err(Error::Gone)));
        });
        assert_eq!(user(&before), None);
        before.insert("before", 1).expect("it is open");
        assert!(matches!(world.close(&before).await, Err(Error::Gone)));
        for _ in 0..2 {
            let after = world.again(&planted).await;
            assert_eq!((after.origin().ok(), user(&after)), (Some(Origin::Missing), None));
            world.close(&after).await.map(drop).expect("nothing to do");
        }
        assert_eq!(world.ids().len(), 1);
        assert!(world.data("sid1").is_none());
        let session = world.again(&presented(&outcome)).await;
        assert_eq!(user(&session).as_deref(), Some("ada"));
        assert_eq!(session.get::<u64>("n").ok(), Some((!clears).then_some(1)));
    }
}

// FX-4: a browser that has both a planted cookie and its own is whoever logged in there, in either order; a planted
// session that was not there at the log-in shows no user when it comes first
#[tokio::test]
async fn a_planted_cookie_beside_ours() {
    let world = World::on_tls(safe().name("id"));
    let planted = world.logged_in().await;
    let victim = world.again(&planted).await;
    victim.log_in("user", "ada").await.expect("the store works");
    let own = presented(&world.close(&victim).await.expect("the store works"));
    for cookies in [both(&planted, &own), both(&own, &planted)] {
        let session = world.again(&cookies).await;
        assert_eq!(user(&session).as_deref(), Some("ada"), "{cookies:?}");
    }
    let again = world.logged_in().await;
    for (cookies, expected) in [(both(&own, &again), Some("ada")), (both(&again, &own), None)] {
        let session = world.again(&cookies).await;
        assert_eq!(user(&session).as_deref(), expected);
        // To log in there ends the planted one as well.
        session.log_in("user", "ada").await.expect("the store works");
        assert_eq!(user(&session).as_deref(), Some("ada"));
    }
}

// FX-6, attacks 23 and 24: each id is 192 bits of the system's source: each bit counts, no character is more frequent than another
// (p = 1e-8 for each place), and no id comes twice
#[test]
fn very_many_ids() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let zeros = SessionId::from_bytes([0; 24]);
    let mut flipped = HashSet::new();
    for bit in 0..192 {
        let mut bytes = [0; 24];
        bytes[bit / 8] = 1 << (bit % 8);
        let id = SessionId::from_bytes(bytes);
        let pairs = id.as_str().bytes().zip(zeros.as_str().bytes());
        assert_eq!(pairs.filter(|(a, b)| a != b).count(), 1);
        flipped.insert(id);
    }
    assert_eq!(flipped.len(), 192);
    let count = many(100_000);
    let mut counts = [[0_u64; 64]; 32];
    let mut seen = HashSet::new();
    for _ in 0..count {
        let id = OsEnv.genid().expect("a random source");
        let text = id.as_str().as_bytes();
        assert_eq!(text.len(), 32);
        for (place, byte) in counts.iter_mut().zip(text) {
            let at = ALPHABET.iter().position(|known| known == byte).expect("in the alphabet");
            place[at] += 1;
        }
        assert!(seen.len() >= 1_000_000 || seen.insert(id), "twice");
    }
    let expected = count as f64 / 64.0;
    let square = |seen: &u64| (*seen as f64 - expected).powi(2) / expected;
    let squares = counts.map(|place| place.iter().map(square).sum::<f64>());
    let worst = squares.iter().copied().fold(0.0, f64::max);
    println!("{count} ids: the largest of 32 chi-squares with 63 degrees of freedom is {worst:.1}");
    assert!(worst < 148.0, "{squares:?}");
}

/// Ids as a test says; when none is left, they count.
struct Ids {
    env: TestEnv,
    ids: Mutex<Vec<Result<&'static str, IdError>>>,
}

impl Ids {
    fn new(ids: impl IntoIterator<Item = Result<&'static str, IdError>>) -> Self {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.reverse();
        Self { env: TestEnv::new(START), ids: Mutex::new(ids) }
    }
}

impl Env for Ids {
    fn now(&self) -> Timestamp {
        self.env.now()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        let next = self.ids.lock().expect("no panic").pop();
        match next {
            Some(Ok("panic")) => panic!("no random source"),
            Some(id) => SessionId::from_text(id?),
            None => self.env.genid(),
        }
    }
}

// FX-7: wherever the random source fails, there is an error, no cookie, and the store is as it was
#[tokio::test]
async fn a_random_source_that_fails() {
    const GOOD: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for nth in 0..8 {
        for method in ["open", "renew", "log in", "regenerate"] {
            let mut world = World::on_tls(safe());
            let cookie = world.logged_in().await;
            let good = GOOD[..nth].iter().map(|id| Ok(*id));
            world.sessions =
                world.sessions.clone().env(Ids::new(good.chain([Err(IdError::Random)])));
            for id in &GOOD[..nth] {
                let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
                let cookie = cookie.expect("the store works");
                assert!(cookie.to_str().expect("ASCII").contains(&format!("s%3A{id}.")));
            }
            let records = world.store.records();
            assert_eq!(records.len(), 1 + nth);
            let session = match method {
                "open" => None,
                _ => Some(world.again(&cookie).await),
            };
            world.store.calls();
            let error = match (&session, method) {
                (None, _) => world.open(None).await.map(drop),
                (Some(session), "renew") => session.renew().await,
                (Some(session), "log in") => session.log_in("user", "ada").await,
                (Some(session), _) => session.regenerate().await,
            };
            assert!(matches!(error, Err(Error::Id(IdError::Random))), "{method} {nth}");
            assert_eq!(world.store.calls(), [""; 0], "{method} {nth}");
            if let Some(session) = session {
                assert_eq!(user(&session), None);
                let outcome = world.close(&session).await.expect("the store works");
                assert!(outcome.set_cookie().is_none());
            }
            let now = world.store.records();
            assert_eq!(now.keys().collect::<Vec<_>>(), records.keys().collect::<Vec<_>>());
        }
    }
}

// FX-8: an id that is taken, short, odd, or not to be had: nobody gets another one's session, and who has one keeps it
#[tokio::test]
async fn a_careless_source_of_ids() {
    for config in [safe(), safe().conflict(Conflict::Refuse), quiet().conflict(Conflict::Merge)] {
        let mut world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let other = cookie_for(&world.sessions, |session| session.insert("n", 2)).await;
        let other = other.expect("the store works");
        world.sessions = world.sessions.clone().env(Ids::new(["sid1", "sid1", "sid1"].map(Ok)));
        let session = world.fresh().await;
        session.insert("n", 7).expect("it is open");
        assert!(matches!(world.close(&session).await, Err(Error::Conflict)));
        let session = world.again(&other).await;
        assert!(matches!(session.renew().await, Err(Error::Conflict)));
        assert!(matches!(session.log_in("user", "ada").await, Err(Error::Conflict)));
        world.close(&session).await.map(drop).expect("the store works");
        for (cookie, n) in [(&cookie, 1), (&other, 2)] {
            let session = world.again(cookie).await;
            assert_eq!((session.get::<u64>("n").ok(), user(&session)), (Some(Some(n)), None));
        }
    }
    for id in ["a", "a b", "a;b=c", "ä€😀", "a\0b\r\n", "%2F", "../..", "s:a.b", "\"a\""] {
        let mut world = World::on_tls(safe());
        world.sessions = world.sessions.clone().env(Ids::new([Ok(id)]));
        let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
        let session = world.again(&cookie.expect("the store works")).await;
        assert_eq!((session.id().expect("a session").as_str(), world.ids()), (id, vec![id.into()]));
    }
    let mut world = World::on_tls(safe());
    world.sessions = world.sessions.clone().env(Ids::new(["panic", "sid1", "panic"].map(Ok)));
    let world = Arc::new(world);
    let opens = {
        let world = world.clone();
        async move { world.open(None).await.map(drop) }
    };
    assert!(tokio::spawn(opens).await.is_err_and(|error| error.is_panic()));
    let session = Arc::new(world.fresh().await);
    session.insert("n", 1).expect("it is open");
    let renews = {
        let session = session.clone();
        async move { session.renew().await }
    };
    assert!(tokio::spawn(renews).await.is_err_and(|error| error.is_panic()));
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.ids(), ["sid1"]);
}

// RC-6: of 64 log-ins of one session at the same time one is done, and is the only one that gets a cookie
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_log_ins() {
    let world = Arc::new(World::on_tls(safe()));
    let cookie = world.logged_in().await;
    let all = Arc::new(Barrier::new(64));
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let (all, cookie, world) = (all.clone(), cookie.clone(), world.clone());
        tasks.spawn(async move {
            let session = world.open(Some(&cookie)).await.expect("the store works");
            all.wait().await;
            let done = session.log_in("user", number).await;
            let outcome = world.close(&session).await;
            let has_cookie = outcome.is_ok_and(|outcome| outcome.set_cookie().is_some());
            (number, done, has_cookie)
        });
    }
    let (winners, losers): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(|(_, done, _)| done.is_ok());
    assert_eq!((winners.len(), losers.len()), (1, 63));
    assert!(winners[0].2);
    for (number, done, has_cookie) in losers {
        assert!(matches!(done, Err(Error::Gone)) && !has_cookie, "{number}: {done:?}");
    }
    let [id] = &world.ids()[..] else { panic!("{:?}", world.ids()) };
    assert_eq!(world.data(id), Some(json!({"n": 1, "user": winners[0].0})));
}

// RC-8, attack 10: a session that is loaded on first use is ended, cleared or renewed though nothing of it was read; and what
// was not loaded is an error, never a session that looks ended
#[tokio::test]
async fn before_anything_is_read() {
    for method in ["destroy", "unset", "clear", "renew", "log in", "regenerate"] {
        let world = World::on_tls(
            safe().load_on_first_use(true).unset(http_session_store::core::Unset::Destroy),
        );
        let cookie = world.logged_in().await;
        let session = world.open(Some(&cookie)).await.expect("the store is not asked");
        let carry_out = async || match method {
            "destroy" => session.destroy().await,
            "unset" => session.unset(),
            "clear" => session.clear(),
            "renew" => session.renew().await,
            "log in" => session.log_in("user", "ada").await,
            _ => session.regenerate().await,
        };
        assert!(matches!(carry_out().await, Err(Error::NotLoaded)), "{method}");
        assert!(matches!(session.insert("n", 2), Err(Error::NotLoaded)));
        assert!(matches!(session.remove("n").map(drop), Err(Error::NotLoaded)));
        assert_eq!(world.data("sid1"), Some(json!({"n": 1})));
        session.load().await.expect("the store works");
        carry_out().await.expect(method);
        world.close(&session).await.map(drop).expect("the store works");
        let expected: &[(&str, Value)] = match method {
            "clear" => &[("sid1", json!({}))],
            "renew" => &[("sid2", json!({"n": 1}))],
            "log in" => &[("sid2", json!({"n": 1, "user": "ada"}))],
            _ => &[],
        };
        let ids: Vec<_> = expected.iter().map(|(id, _)| String::from(*id)).collect();
        assert_eq!(world.ids(), ids, "{method}");
        for (id, data) in expected {
            assert_eq!(world.data(id).as_ref(), Some(data), "{method}");
        }
    }
}

// RC-11: of two nodes that make one id at the same time, one keeps its session, and the other one is told
#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_twice() {
    for _ in 0..20 {
        let store = common::Script::default();
        let both = Arc::new(Barrier::new(2));
        let mut tasks = JoinSet::new();
        for node in ["a", "b"] {
            let (both, store) = (both.clone(), store.clone());
            tasks.spawn(async move {
                let config = safe().build().expect("sound options");
                let sessions = Sessions::new(config, store).env(Ids::new([Ok("same")]));
                let begin = sessions.config().begin(&facts(), [], START);
                let session: Session =
                    sessions.open(begin).await.expect("an id").expect("the path");
                session.insert(node, 1).expect("it is open");
                both.wait().await;
                (node, sessions.close(&session).await)
            });
        }
        let done = tasks.join_all().await;
        let winners: Vec<_> =
            done.iter().filter(|(_, done)| done.is_ok()).map(|(node, _)| *node).collect();
        let told = done.iter().filter(|(_, done)| matches!(done, Err(Error::Conflict))).count();
        assert_eq!((winners.len(), told), (1, 1));
        let record: Value = serde_json::from_str(&store.records()["same"]).expect("JSON");
        assert_eq!((record["a"] == 1, record["b"] == 1), (winners == ["a"], winners == ["b"]));
    }
}

fn facts() -> RequestFacts<'static> {
    let connection = http_session_store::core::Connection::Encrypted;
    RequestFacts { path: "/", connection, ..RequestFacts::default() }
}

fn timeouts(idle: u64, absolute: u64) -> Timeouts {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    Timeouts { idle: seconds(idle), absolute: seconds(absolute) }
}

/// A request that only reads: is the session there?
async fn lives(world: &World, cookie: &HeaderValue) -> bool {
    let session = world.again(cookie).await;
    let origin = session.origin().expect("a session");
    world.close(&session).await.map(drop).expect("the store works");
    origin == Origin::Loaded
}

// EX-1: alive a millisecond before the idle timeout, dead at it and after it, whatever the client does with its cookie
#[tokio::test]
async fn the_last_millisecond() {
    for (after, alive) in
        [(0, true), (59_999, true), (60_000, false), (60_001, false), (1 << 40, false)]
    {
        let world = World::on_tls(safe().timeouts(timeouts(60, 300)));
        let cookie = world.logged_in().await;
        world.env.advance(after);
        assert_eq!(lives(&world, &cookie).await, alive, "{after}");
        assert_eq!(world.ids().len(), usize::from(alive));
    }
}

// EX-2: used every 30 seconds, a session ends with the absolute timeout
#[tokio::test]
async fn used_until_the_end() {
    let world = World::on_tls(safe().timeouts(timeouts(60, 300)));
    let cookie = world.logged_in().await;
    for request in 1..=11 {
        world.env.advance(30_000);
        assert_eq!(lives(&world, &cookie).await, request < 10, "{request}");
    }
}

// EX-3: a new id a second before the absolute end moves it by nothing; a log-in begins it anew
#[tokio::test]
async fn a_new_id_before_the_end() {
    for logs_in in [false, true] {
        let world = World::on_tls(safe().timeouts(timeouts(300, 300)));
        let cookie = world.logged_in().await;
        world.env.advance(299_000);
        let session = world.again(&cookie).await;
        if logs_in {
            session.log_in("user", "ada").await.expect("the store works");
        } else {
            session.renew().await.expect("the store works");
        }
        let cookie = presented(&world.close(&session).await.expect("the store works"));
        world.env.advance(999);
        assert!(lives(&world, &cookie).await);
        world.env.advance(1);
        assert_eq!(lives(&world, &cookie).await, logs_in);
        world.env.advance(298_999);
        assert_eq!(lives(&world, &cookie).await, logs_in);
        world.env.advance(1);
        assert!(!lives(&world, &cookie).await);
    }
}

// EX-11: a store that is swept at the very end of a session under way: what lives stays, what has ended does not come
// back with the touch
#[tokio::test]
async fn swept_at_the_end() {
    for (end, alive) in [(59_999, true), (60_000, false)] {
        for sweeps in [false, true] {
            let (store, env) = (MemoryStore::new(), TestEnv::new(START));
            let config = safe().timeouts(timeouts(60, 300)).build().expect("sound options");
            // What loads does not renew: the touch at the end counts.
            let sessions = Sessions::new(config, store.clone()).env(env.clone());
            let cookie = cookie_for(&sessions, |session| session.insert("n", 1)).await;
            let cookie = cookie.expect("the store works");
            env.advance(1);
            let begin = sessions.config().begin(&facts(), [cookie.as_bytes()], START);
            let session: Session = sessions.open(begin).await.expect("it works").expect("the path");
            assert_eq!(session.origin().ok(), Some(Origin::Loaded));
            env.set(START.plus_millis(end).expect("a moment"));
            if sweeps {
                assert_eq!(store.len(env.now()), usize::from(alive), "{end}");
            }
            session.insert("n", 2).expect("it is open");
            assert_eq!(sessions.close(&session).await.is_ok(), alive, "{end}");
            assert_eq!(store.len(env.now()), usize::from(alive), "{end}");
        }
    }
}

// ST-3: a session from which all was taken is there, and empty
#[tokio::test]
async fn an_empty_session() {
    for config in [safe(), quiet()] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        session.clear().expect("it is open");
        world.close(&session).await.map(drop).expect("the store works");
        assert_eq!(world.data("sid1"), Some(json!({})));
        for _ in 0..2 {
            let session = world.again(&cookie).await;
            assert_eq!(
                (session.origin().ok(), session.keys().ok()),
                (Some(Origin::Loaded), Some(vec![]))
            );
            world.close(&session).await.map(drop).expect("the store works");
        }
        world.store.drop_all();
        assert_eq!(world.again(&cookie).await.origin().ok(), Some(Origin::Missing));
    }
}

// ST-7: while sessions are made and used, all that has expired goes, and nothing else
#[tokio::test(flavor = "multi_thread")]
async fn swept_in_use() {
    use http_session_store::Store;
    use http_session_store::core::Record;
    use http_session_store::core::store::{Expect, Load, Save};
    let count = many(20_000);
    let store = MemoryStore::new();
    let later = |seconds: i64| START.plus_millis(seconds * 1_000).expect("a moment");
    let save = |id: String, end: i64| {
        let text = format!("{{\"cookie\":{{\"expires\":\"{}\"}}}}", iso(end));
        let record = Record::from_json(&text).expect("a record");
        Save::new(SessionId::from_text(&id).expect("an id"), record, Expect::Anything, START)
    };
    for number in 0..count {
        assert!(store.save(&save(format!("live{number}"), 50)).await.is_ok());
        assert!(store.save(&save(format!("dead{number}"), 1)).await.is_ok());
    }
    assert_eq!(store.len(START), 2 * count);
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (task..count).step_by(4) {
                if number % 16 == 0 {
                    let id = SessionId::from_text(&format!("live{number}")).expect("an id");
                    let found = store.load(&Load::new(id, later(2), None)).await;
                    assert!(matches!(found, Ok(Some(_))), "{number}");
                }
                if number % 64 == 0 {
                    assert!(store.len(later(2)) >= count);
                }
            }
        });
    }
    let news = store.clone();
    tasks.spawn(async move {
        for number in 0..count {
            assert!(news.save(&save(format!("new{number}"), 50)).await.is_ok());
        }
    });
    tasks.join_all().await;
    assert_eq!(store.len(later(2)), 2 * count);
    assert_eq!(store.len(later(60)), 0);
}

/// A moment some seconds, less than a minute, after [`START`].
fn iso(seconds: i64) -> String {
    let second = 20 + seconds;
    format!("2023-11-14T22:{:02}:{:02}.000Z", 13 + second / 60, second % 60)
}

/// A sink of log events that panics at each.
struct Broken;

impl tracing::Subscriber for Broken {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("the disk is full");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

// ST-8: a log that panics keeps no session alive: what was to be ended is gone before a word of it is logged
#[tokio::test]
async fn a_log_that_panics() {
    for unsets in [false, true] {
        let config = safe().unset(http_session_store::core::Unset::Destroy);
        let world = Arc::new(World::on_tls(config));
        let session = world.loaded().await;
        let ends = {
            let world = world.clone();
            async move {
                let _guard = listen(Broken);
                if unsets { session.unset() } else { session.destroy().await }
                    .expect("the store works");
                world.close(&session).await.map(drop)
            }
        };
        let error = tokio::spawn(ends).await.expect_err("it logs");
        assert!(error.is_panic());
        assert_eq!(world.ids(), [""; 0]);
    }
}

// DS-5: whoever presents nothing that lives, and keeps nothing, leaves nothing in the store: anonymous requests, forged
// ids and log-outs
#[tokio::test]
async fn very_many_visitors() {
    let count = many(5_000);
    for config in [safe(), quiet()] {
        let store = MemoryStore::new();
        let config = config.build().expect("sound options");
        let name = config.name().to_owned();
        let sessions = Sessions::new(config, store.clone()).env(TestEnv::new(START));
        let request = async |cookie: Option<&HeaderValue>, logs_out: bool| {
            let lines = cookie.map(HeaderValue::as_bytes);
            let begin = sessions.config().begin(&facts(), lines, START);
            let session: Session = sessions.open(begin).await.expect("it works").expect("the path");
            assert_eq!(session.origin().ok() == Some(Origin::Loaded), logs_out);
            if logs_out {
                session.destroy().await.expect("it works");
            }
            sessions.close(&session).await.expect("it works")
        };
        for number in 0..count {
            assert!(request(None, false).await.set_cookie().is_none());
            let forged =
                format!("{name}=s%3Aid{number}.6mZQ2bXbWy1lVtQzdBk0UqvyzmqK1jSlw8TzrhJgk7I");
            let forged = HeaderValue::from_str(&forged).expect("ASCII");
            assert!(request(Some(&forged), false).await.set_cookie().is_none());
        }
        assert_eq!(store.len(Timestamp::MIN), 0);
        for _ in 0..count {
            let cookie = cookie_for(&sessions, |session| session.insert("n", 1)).await;
            assert_eq!(store.len(Timestamp::MIN), 1);
            let _ = request(Some(&cookie.expect("it works")), true).await;
            assert_eq!(store.len(Timestamp::MIN), 0);
        }
    }
}

// LG-5: an id that somebody read in a listing of the store is no cookie: it is not signed
#[tokio::test]
async fn an_id_from_a_listing() {
    let (store, env) = (MemoryStore::new(), TestEnv::new(START));
    for config in [Config::recommended(LONG_SECRET), quiet().name("__Host-id")] {
        let config = config.build().expect("sound options");
        let sessions = Sessions::new(config, store.clone()).env(env.clone());
        cookie_for(&sessions, |session| session.insert("n", 1)).await.expect("it works");
        for (id, record) in store.all(START) {
            let id = id.as_str();
            for value in [id.into(), format!("s:{id}"), format!("s%3A{id}."), record.to_json()] {
                let line = format!("__Host-id={value}");
                let begin = sessions.config().begin(&facts(), [line.as_bytes()], START);
                let session: Session =
                    sessions.open(begin).await.expect("it works").expect("the path");
                let origin = session.origin().expect("a session");
                assert!(matches!(origin, Origin::Unsigned | Origin::BadSignature), "{value}");
            }
        }
    }
}
