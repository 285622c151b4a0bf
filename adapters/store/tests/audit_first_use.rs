//! An audit of sessions that are loaded on first use, of `touch_after`, and of what is logged.

mod common;

use std::collections::HashMap;
use std::fmt::{self, Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_session_store::core::store::{
    Delete, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{
    Config, Connection, CookieAction, CookieOptions, IdError, Origin, Reason, RequestFacts,
    SessionId, StoreAction, Timeouts, Timestamp,
};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Env, Error, Main, Session, Sessions, Store, report};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};

use self::common::{Op, Outage, START, World, poll_once, quiet, safe, settle, soon};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn idle(length: i64) -> Timeouts {
    Timeouts { idle: Some(millis(length)), ..Timeouts::DEFAULT }
}

/// A request that changes nothing.
async fn visit(world: &World, cookie: &http::HeaderValue) -> Option<u64> {
    let session = world.open(Some(cookie)).await.expect("the store works");
    session.load().await.expect("the store works");
    let n = session.get("n").expect("a number");
    let _ = world.close(&session).await.expect("the store works");
    n
}

// B-088, B-100, B-108: under express-session's preset a changed lifetime is no modification, and reaches the
// record with the touch
#[tokio::test]
async fn a_shorter_max_age_reaches_the_record() {
    for after in [None, Some(millis(MINUTE))] {
        let world = World::on_tls(quiet().timeouts(idle(HOUR)).touch_after(after));
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        session.set_max_age(millis(10_000)).expect("it is open");
        let _ = world.close(&session).await.expect("the store works");
        world.env.advance(10_001);
        assert_eq!(visit(&world, &cookie).await, None, "{after:?}");
    }
}

// the same, where the application makes it longer than a touch of the old one would
#[tokio::test]
async fn a_longer_max_age_reaches_the_record() {
    for after in [None, Some(millis(30 * MINUTE))] {
        let config = quiet().timeouts(idle(HOUR)).touch_after(after);
        let world = World::on_tls(config.cookie(CookieOptions::new().max_age(millis(10 * MINUTE))));
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        session.set_max_age(millis(40 * MINUTE)).expect("it is open");
        let _ = world.close(&session).await.expect("the store works");
        world.env.advance(11 * MINUTE);
        assert_eq!(visit(&world, &cookie).await, Some(1), "{after:?}");
    }
}

// B-073: so do new attributes
#[tokio::test]
async fn a_reset_cookie_reaches_the_record() {
    for after in [None, Some(millis(MINUTE))] {
        let world = World::on_tls(quiet().timeouts(idle(HOUR)).touch_after(after));
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        session
            .cookie_mut(|cookie, _| {
                cookie
                    .set(http_session_store::core::Attribute::HttpOnly, false)
                    .expect("a boolean");
            })
            .expect("it is open");
        let _ = world.close(&session).await.expect("the store works");
        let record = world.store.records()["sid1"].clone();
        assert!(record.contains("\"httpOnly\":false"), "{after:?} {record}");
    }
}

// "never later": a record whose end is later than the idle timeout of today says (a shorter one was deployed, or
// another service shares the store) ends by it from the first request on
#[tokio::test]
async fn a_shorter_idle_timeout_holds() {
    for after in [None, Some(millis(MINUTE))] {
        let before = World::on_tls(safe().timeouts(idle(24 * HOUR)));
        let cookie = before.logged_in().await;
        let config = safe().timeouts(idle(HOUR)).touch_after(after).build().expect("sound");
        let sessions = Sessions::new(config, before.store.clone()).env(before.env.clone());
        let today = World {
            connection: Connection::Encrypted,
            env: before.env.clone(),
            sessions,
            store: before.store.clone(),
        };
        assert_eq!(visit(&today, &cookie).await, Some(1));
        today.env.advance(2 * HOUR);
        assert_eq!(visit(&today, &cookie).await, None, "{after:?}");
    }
}

// the same after the clock was set back
#[tokio::test]
async fn the_clock_was_set_back() {
    for after in [None, Some(millis(MINUTE))] {
        let world = World::on_tls(safe().timeouts(idle(HOUR)).touch_after(after));
        world.env.advance(10 * HOUR);
        let cookie = world.logged_in().await;
        world.env.advance(-10 * HOUR);
        assert_eq!(visit(&world, &cookie).await, Some(1));
        world.env.advance(2 * HOUR);
        assert_eq!(visit(&world, &cookie).await, None, "{after:?}");
    }
}

// B-089: a session whose cookie lives for less than `touch_after` lives on while it is used, or these options are
// refused
#[tokio::test]
async fn a_cookie_shorter_than_touch_after() {
    for after in [None, Some(millis(HOUR))] {
        for config in [safe(), quiet()] {
            let config = config
                .timeouts(idle(24 * HOUR))
                .cookie(CookieOptions::new().max_age(millis(30 * MINUTE)))
                .touch_after(after);
            if config.clone().build().is_err() {
                continue;
            }
            let world = World::on_tls(config);
            let cookie = world.logged_in().await;
            for minute in 0..60 {
                world.env.advance(MINUTE);
                assert_eq!(visit(&world, &cookie).await, Some(1), "{after:?} {minute}");
            }
        }
    }
}

// with a cookie that ends sooner than the idle timeout, to the millisecond
#[tokio::test]
async fn touch_after_with_a_short_cookie() {
    for config in [safe(), quiet()] {
        for (wait, touched) in [(MINUTE, false), (MINUTE + 1, true)] {
            let config = config.clone().timeouts(idle(HOUR)).touch_after(millis(MINUTE));
            let cookie = CookieOptions::new().max_age(millis(10 * MINUTE));
            let world = World::on_tls(config.cookie(cookie));
            let cookie = world.logged_in().await;
            world.env.advance(wait);
            assert_eq!(visit(&world, &cookie).await, Some(1));
            assert_eq!(world.store.calls().contains(&"touch sid1".into()), touched, "{wait}");
            world.env.advance(10 * MINUTE - if touched { 1 } else { wait + 1 });
            assert_eq!(visit(&world, &cookie).await, Some(1), "{wait}");
        }
    }
}

// what the request asks counts, not the moment of the store's answer; and no load is asked to renew
#[tokio::test]
async fn touch_after_and_a_slow_store() {
    for options in [CookieOptions::new(), CookieOptions::new().max_age(millis(10 * MINUTE))] {
        let config = safe().timeouts(idle(HOUR)).touch_after(millis(MINUTE));
        let world = World::on_tls(config.cookie(options));
        let cookie = world.logged_in().await;
        world.env.advance(MINUTE);
        let gate = world.store.hold(Op::Load);
        let sessions = world.sessions.clone();
        let begin = world.begin(Some(&cookie));
        let opening = tokio::spawn(async move { sessions.open::<Main>(begin).await });
        gate.reached().await;
        world.env.advance(1);
        gate.open();
        let session = opening.await.expect("no panic").expect("the store works").expect("there is");
        let _ = world.close(&session).await.expect("the store works");
        assert_eq!(world.store.calls(), ["load sid1"]);
        assert_eq!(world.store.refreshes(), [None]);
    }
}

// a record that is to live without an end is touched: a store lifts the end that it had
#[tokio::test]
async fn an_end_is_lifted() {
    let world = World::on_tls(quiet().timeouts(idle(HOUR)));
    let cookie = world.logged_in().await;
    let never = Timeouts { idle: Some(Duration::MAX), absolute: None };
    let config = quiet().timeouts(never).touch_after(millis(MINUTE)).build().expect("sound");
    let sessions = Sessions::new(config, world.store.clone()).env(world.env.clone());
    let (env, store) = (world.env.clone(), world.store.clone());
    let today = World { connection: Connection::Encrypted, env, sessions, store };
    assert_eq!(visit(&today, &cookie).await, Some(1));
    assert_eq!(today.store.calls(), ["load sid1", "touch sid1"]);
    today.env.advance(2 * HOUR);
    assert_eq!(visit(&today, &cookie).await, Some(1));
}

// at the end of time there is no later end to be had
#[tokio::test]
async fn at_the_last_moment() {
    let world = World::on_tls(safe().timeouts(idle(HOUR)).touch_after(millis(30 * MINUTE)));
    world.env.set(Timestamp::MAX.plus_millis(-HOUR - MINUTE).expect("a moment"));
    let cookie = world.logged_in().await;
    world.env.advance(MINUTE);
    assert_eq!(visit(&world, &cookie).await, Some(1));
    assert_eq!(world.store.calls(), ["load sid1"]);
}

/// Keeps records as PostgreSQL does: a load that renews does so from the moment that it is asked at, and a load
/// tells the end only if that is wanted.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Rows>>, Arc<Mutex<Vec<bool>>>, Arc<AtomicBool>);

type Rows = HashMap<String, (String, Option<Timestamp>)>;

impl Store for Table {
    type Error = Outage;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Outage> {
        assert!(!load.tell_end || load.refresh.is_none());
        self.1.lock().expect("no panic").push(load.tell_end);
        let mut rows = self.0.lock().expect("no panic");
        let Some((text, end)) = rows.get_mut(load.id.as_str()) else { return Ok(None) };
        if end.is_some_and(|end| end <= load.now) {
            return Ok(None);
        }
        if let Some(refresh) = load.refresh {
            *end = load.now.plus_millis(refresh.as_millis().try_into().expect("short"));
        }
        let version = Some(Version(text.as_bytes().into()));
        let expires = end.filter(|_| load.tell_end);
        let refreshed = load.refresh.is_some();
        Ok(Some(Stored { expires, refreshed, version, ..Stored::new(text.as_bytes()) }))
    }

    async fn save(&self, save: &Save) -> Result<Written, Outage> {
        let (text, end) = (save.record.to_json(), save.record.expires());
        self.0.lock().expect("no panic").insert(save.id.as_str().into(), (text.clone(), end));
        Ok(Written::Saved(Some(Version(text.into_bytes().into()))))
    }

    async fn rotate(&self, _: &Rotate) -> Result<Written, Outage> {
        unreachable!("nobody does")
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Outage> {
        if self.2.load(Ordering::SeqCst) {
            return Err(Outage);
        }
        match self.0.lock().expect("no panic").get_mut(touch.id.as_str()) {
            Some((_, end)) if end.is_none_or(|end| end > touch.now) => {
                *end = touch.expires;
                Ok(Touched::Alive)
            }
            _ => Ok(Touched::Gone),
        }
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Outage> {
        self.0.lock().expect("no panic").remove(delete.id.as_str());
        Ok(())
    }
}

struct Tabled {
    env: TestEnv,
    sessions: Sessions,
    table: Table,
}

impl Tabled {
    fn new(config: http_session_store::core::ConfigBuilder) -> Self {
        let (env, table) = (TestEnv::new(START), Table::default());
        let config = config.build().expect("sound options");
        let sessions = Sessions::new(config, table.clone()).env(env.clone());
        Self { env, sessions, table }
    }

    async fn open(&self, cookie: &http::HeaderValue) -> Session {
        let connection = Connection::Encrypted;
        let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
        let begin = self.sessions.config().begin(&facts, [cookie.as_bytes()], self.env.now());
        self.sessions.open(begin).await.expect("it works").expect("a session")
    }

    fn end(&self) -> Option<Timestamp> {
        self.table.0.lock().expect("no panic").values().next().and_then(|(_, end)| *end)
    }
}

// the end is asked for with `touch_after`, and not without; a store that is not asked does not tell
#[tokio::test]
async fn the_end_is_asked_for() {
    for after in [None, Some(millis(MINUTE))] {
        let config = safe().timeouts(idle(HOUR)).touch_after(after);
        // Shorter than the idle timeout, so that no load renews.
        let world = Tabled::new(config.cookie(CookieOptions::new().max_age(millis(30 * MINUTE))));
        let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
        let cookie = cookie.expect("it works");
        let end = world.end().expect("an end");
        world.env.advance(1);
        let session = world.open(&cookie).await;
        let _ = world.sessions.close(&session).await.expect("it works");
        let moved = world.end().expect("an end").millis_since(end);
        assert_eq!(moved, i64::from(after.is_none()));
        let told = world.table.1.lock().expect("no panic").clone();
        assert_eq!(told, [after.is_some()]);
    }
}

// a request that uses its session late uses it then: it does not take away what a parallel one has renewed
#[tokio::test]
async fn a_late_use_shortens_nothing() {
    let world = Tabled::new(safe().timeouts(idle(HOUR)).load_on_first_use(true));
    let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
    let cookie = cookie.expect("it works");
    // An upload begins, and another page is looked at meanwhile.
    let slow = world.open(&cookie).await;
    world.env.advance(50 * MINUTE);
    let fast = world.open(&cookie).await;
    fast.load().await.expect("it works");
    let _ = world.sessions.close(&fast).await.expect("it works");
    let renewed = world.end().expect("an end");
    assert_eq!(renewed.millis_since(world.env.now()), HOUR);
    world.env.advance(5 * MINUTE);
    slow.load().await.expect("it works");
    let _ = world.sessions.close(&slow).await.expect("it works");
    assert!(
        world.end() >= Some(renewed),
        "{} ms",
        world.end().expect("an end").millis_since(renewed)
    );
}

// and it begins the idle timeout anew
#[tokio::test]
async fn a_late_use_is_a_use() {
    let world = Tabled::new(safe().timeouts(idle(HOUR)).load_on_first_use(true));
    let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
    let cookie = cookie.expect("it works");
    let slow = world.open(&cookie).await;
    world.env.advance(50 * MINUTE);
    slow.load().await.expect("it works");
    let _ = world.sessions.close(&slow).await.expect("it works");
    world.env.advance(50 * MINUTE);
    let next = world.open(&cookie).await;
    next.load().await.expect("it works");
    assert_eq!(next.origin().ok(), Some(Origin::Loaded));
}

// B-068: what has ended when it is first used is not loaded
#[tokio::test]
async fn a_use_after_the_idle_timeout() {
    let world = World::on_tls(safe().timeouts(idle(HOUR)).load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    world.env.advance(2 * HOUR);
    session.load().await.expect("the store works");
    assert_eq!(session.get::<u64>("n").ok(), Some(None));
}

// outside of a runtime a load that is cut off was none: it can be asked for again, or the request fails; it is
// not taken for one that did not use its session
#[test]
fn a_load_that_is_cut_off() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = runtime.block_on(world.logged_in());
    let session = runtime.block_on(world.open(Some(&cookie))).expect("the store is not asked");
    let gate = world.store.hold(Op::Load);
    let mut first = Box::pin(session.load());
    assert!(poll_once(&mut first).is_pending());
    drop(first);
    gate.open();
    let again = runtime.block_on(session.load());
    let closed = runtime.block_on(world.close(&session));
    assert!(again.is_ok() || closed.is_err(), "{again:?}, and then {closed:?}");
}

// a store that panics while it loads has not loaded: the request fails
#[tokio::test]
async fn a_load_that_panics() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    world.store.panic_next(Op::Load);
    let handler = tokio::spawn({
        let session = session.clone();
        async move { session.load().await }
    });
    assert!(handler.await.expect_err("it panics").is_panic());
    let again = session.load().await;
    let closed = world.close(&session).await;
    assert!(again.is_ok() || closed.is_err(), "{again:?}, and then {closed:?}");
}

// a handle that waits for the load says the same of a request that has ended as one that comes later
#[tokio::test]
async fn a_load_behind_the_end() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    let gate = world.store.hold(Op::Load);
    let (mut first, mut end, mut second) = (
        Box::pin(session.load()),
        Box::pin(world.sessions.close(&session)),
        Box::pin(session.load()),
    );
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut end).is_pending());
    assert!(poll_once(&mut second).is_pending());
    gate.open();
    soon(first).await.expect("it is loaded");
    let _ = soon(end).await.expect("it has ended");
    let (waited, later) = (soon(second).await, session.load().await);
    assert_eq!(waited.is_ok(), later.is_ok(), "{waited:?} {later:?}");
}

// to wait for what is under way holds up nobody else
#[tokio::test]
async fn settled_holds_up_nobody() {
    let world = World::on_tls(safe());
    let stuck = world.loaded().await;
    stuck.insert("n", 2).expect("it is open");
    let other = world.fresh().await;
    other.insert("m", 1).expect("it is open");
    let gate = world.store.hold(Op::Save);
    let sessions = world.sessions.clone();
    let closing = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.close(&stuck).await.map(drop) }
    });
    gate.reached().await;
    let settled = tokio::spawn(async move { sessions.settled().await });
    settle().await;
    let free = tokio::time::timeout(Duration::from_secs(1), world.close(&other)).await;
    gate.open();
    closing.await.expect("no panic").expect("the store works");
    soon(settled).await.expect("no panic");
    assert!(free.is_ok(), "a request waits for another one's save");
}

// it waits for saves outside of requests as well
#[tokio::test]
async fn settled_waits_for_edits() {
    let world = World::on_tls(safe());
    let id = world.loaded().await.id().expect("an id");
    let gate = world.store.hold(Op::Save);
    let editing = tokio::spawn({
        let sessions = world.sessions.clone();
        async move { sessions.edit(id, |session| session.insert("n", 2)).await }
    });
    gate.reached().await;
    let settled = {
        let mut settled = Box::pin(world.sessions.settled());
        poll_once(&mut settled).is_ready()
    };
    gate.open();
    soon(editing).await.expect("no panic").expect("the store works");
    assert!(!settled, "a save is under way");
}

// clones that load, save and end at the same time: no hang, and each change counts
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_the_same_time() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    for turn in 0..200_u64 {
        let session = world.open(Some(&cookie)).await.expect("the store is not asked");
        let uses: Vec<_> = (0..8)
            .map(|number| {
                let session = session.clone();
                tokio::spawn(async move {
                    session.load().await?;
                    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)?;
                    if number % 2 == 0 { session.save().await } else { Ok(()) }
                })
            })
            .collect();
        let settled = tokio::spawn({
            let sessions = world.sessions.clone();
            async move { sessions.settled().await }
        });
        for one in uses {
            soon(one).await.expect("no panic").expect("the store works");
        }
        let _ = soon(world.close(&session)).await.expect("the store works");
        soon(settled).await.expect("no panic");
        assert_eq!(world.data("sid1"), Some(serde_json::json!({"n": 1 + 8 * (turn + 1)})));
    }
}

// RC-10: loads that are dropped at any moment, and an end right after: nothing hangs, nothing is lost
#[tokio::test]
async fn dropped_at_any_poll() {
    for polls in 0..4 {
        let world = World::on_tls(safe().load_on_first_use(true));
        let cookie = world.logged_in().await;
        let session = world.open(Some(&cookie)).await.expect("the store is not asked");
        let gate = world.store.hold(Op::Load);
        let mut loads: Vec<_> = (0..3).map(|_| Box::pin(session.load())).collect();
        for _ in 0..polls {
            for load in &mut loads {
                assert!(poll_once(load).is_pending());
            }
            settle().await;
        }
        drop(loads);
        if polls == 0 {
            let outcome = soon(world.close(&session)).await.expect("nothing can fail");
            assert_eq!(outcome.origin(), Origin::Unused);
            continue;
        }
        let closing = tokio::spawn({
            let (sessions, session) = (world.sessions.clone(), session.clone());
            async move { sessions.close(&session).await }
        });
        settle().await;
        assert!(!closing.is_finished());
        gate.open();
        let outcome = soon(closing).await.expect("no panic").expect("the store works");
        assert_eq!(outcome.origin(), Origin::Loaded);
    }
}

// what is loaded is loaded: an extractor does not wait for a save, nor for whoever waits for what is under way
#[tokio::test]
async fn a_loaded_session_is_there_at_once() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    session.load().await.expect("the store works");
    session.insert("n", 2).expect("it is open");
    let gate = world.store.hold(Op::Save);
    let saving = tokio::spawn({
        let session = session.clone();
        async move { session.save().await }
    });
    gate.reached().await;
    let mut load = Box::pin(session.load());
    assert!(poll_once(&mut load).is_ready());
    gate.open();
    soon(saving).await.expect("no panic").expect("the store works");
}

// nobody asked: both halves of the decision say so
#[tokio::test]
async fn the_decision_of_an_unused_session() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    let decision = world.close(&session).await.expect("nothing can fail").decision();
    assert_eq!((decision.cookie, decision.cookie_reason), (CookieAction::Withhold, Reason::Unused));
    assert_eq!((decision.store, decision.store_reason), (StoreAction::Nothing, Reason::Unused));
}

// a session that is used by the closure which changes it is not loaded by it
#[tokio::test]
async fn a_load_within_an_update() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    session.load().await.expect("the store works");
    let inner = session.clone();
    session
        .update("n", move |n: Option<u64>| {
            let mut load = Box::pin(inner.load());
            let std::task::Poll::Ready(loaded) = poll_once(&mut load) else { panic!("it waits") };
            assert!(matches!(loaded, Err(Error::Nested)), "{loaded:?}");
            n.unwrap_or_default() + 1
        })
        .expect("it is open");
    let _ = soon(world.close(&session)).await.expect("the store works");
    assert_eq!(world.data("sid1"), Some(serde_json::json!({"n": 2})));
}

// B-017, B-031: the options of the request itself count for a session that a late load makes
#[tokio::test]
async fn cookie_options_of_the_request() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    world.store.drop_all();
    let options = CookieOptions::new().max_age(millis(MINUTE));
    let template = world.sessions.config().template(options).expect("sound options");
    let facts = RequestFacts {
        path: "/",
        connection: Connection::Encrypted,
        template: Some(template),
        ..RequestFacts::default()
    };
    let config = world.sessions.config();
    let begin = config.begin(&facts, [cookie.as_bytes()], world.env.now());
    let session: Session =
        world.sessions.open(begin).await.expect("nobody asks").expect("a session");
    session.load().await.expect("the store works");
    session.insert("n", 2).expect("it is open");
    let outcome = world.close(&session).await.expect("the store works");
    let line = outcome.set_cookie().expect("a cookie").to_str().expect("ASCII").to_owned();
    assert!(line.contains("Expires=Tue, 14 Nov 2023 22:14:20 GMT"), "{line}");
}

/// A source of ids that fails.
#[derive(Clone)]
struct NoIds(TestEnv);

impl Env for NoIds {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        Err(IdError::Random)
    }
}

/// The texts of all errors and warnings.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = fmt::from_fn(|f| value.fmt(f));
        write!(self.0, " {}={value:?}", field.name()).expect("a String takes all");
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().expect("no panic").push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What a request logs whose first use of its session fails, and whose handler answers with that error, as the
/// extractor's rejection is answered.
async fn logged(prepare: impl FnOnce(&mut World)) -> Vec<String> {
    let mut world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    prepare(&mut world);
    let errors = Errors::default();
    let guard = tracing::subscriber::set_default(errors.clone());
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    let error = session.load().await.expect_err("it fails");
    report(&error);
    let _ = world.close(&session).await.expect_err("it fails");
    drop(guard);
    let logged = std::mem::take(&mut *errors.0.lock().expect("no panic"));
    assert!(!logged.is_empty());
    for line in &logged {
        assert!(!line.contains("sid"), "{line}");
    }
    logged
}

// a failed load is logged once: the store's error
#[tokio::test]
async fn a_store_that_fails_is_logged_once() {
    let lines = logged(|world| world.store.fail(Op::Load)).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

/// What is logged while `work` runs.
async fn log_of(work: impl Future<Output = ()>) -> Vec<String> {
    let errors = Errors::default();
    let guard = tracing::subscriber::set_default(errors.clone());
    work.await;
    drop(guard);
    std::mem::take(&mut *errors.0.lock().expect("no panic"))
}

// an id that can't be made, where the session is opened at once
#[tokio::test]
async fn a_new_session_without_an_id_is_logged() {
    let world = World::on_tls(safe());
    let sessions = world.sessions.clone().env(NoIds(world.env.clone()));
    let lines = log_of(async {
        let opened = sessions.open::<Main>(world.begin(None)).await;
        assert!(matches!(opened, Err(Error::Id(IdError::Random))));
    });
    let lines = lines.await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

// a look that fails, and one at a record that can't be read
#[tokio::test]
async fn a_look_that_fails_is_logged() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let headers = [(http::header::COOKIE, cookie)].into_iter().collect();
    world.store.fail(Op::Load);
    let look = || async {
        assert!(world.sessions.look(&headers).await.is_err());
    };
    let lines = log_of(look()).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    world.store.put("sid1", "no record");
    let lines = log_of(look()).await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

// a session that can't be written is logged at its end, before the store is asked
#[tokio::test]
async fn too_much_data_is_logged() {
    let world = World::on_tls(safe().max_record_bytes(100));
    let session = world.fresh().await;
    session.insert("n", "x".repeat(200)).expect("it is open");
    let lines = log_of(async {
        assert!(matches!(world.close(&session).await, Err(Error::Record(_))));
    });
    let lines = lines.await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(world.store.calls(), [""; 0]);
}

// a touch that fails before the handler runs is logged, and the request goes on
#[tokio::test]
async fn a_touch_that_fails_before_the_handler_is_logged() {
    for first_use in [false, true] {
        let world = Tabled::new(safe().timeouts(idle(HOUR)).load_on_first_use(first_use));
        let fill = |session: &Session| {
            session.insert("n", 1)?;
            session.set_max_age(millis(MINUTE))
        };
        let cookie = cookie_for(&world.sessions, fill).await.expect("it works");
        world.table.2.store(true, Ordering::SeqCst);
        let lines = log_of(async {
            let session = world.open(&cookie).await;
            session.load().await.expect("it is loaded");
            assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)));
            Sessions::abandon(&session);
        });
        let lines = lines.await;
        assert_eq!(lines.len(), 1, "{lines:#?}");
    }
}

// a handle that is used after its request was given up: the failure is in the log
#[tokio::test]
async fn an_end_twice_is_logged() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let session = world.fresh().await;
    Sessions::abandon(&session);
    let errors = Errors::default();
    let guard = tracing::subscriber::set_default(errors.clone());
    let _ = world.close(&session).await.expect_err("it was given up");
    drop(guard);
    let logged = errors.0.lock().expect("no panic").len();
    assert_eq!(logged, 1);
}

// the presets' options alone don't make a request with `Config::express` another one
#[tokio::test]
async fn express_loads_on_first_use() {
    let config = Config::express("keyboard cat").resave(false).load_on_first_use(true);
    let world = World::on_tls(config);
    let cookie = world.logged_in().await;
    world.store.drop_all();
    // It has ended. Unused, no new one is made.
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    let outcome = world.close(&session).await.expect("nothing can fail");
    assert!(outcome.set_cookie().is_none());
    assert_eq!(world.store.calls(), [""; 0]);
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    session.load().await.expect("the store works");
    let outcome = world.close(&session).await.expect("the store works");
    assert!(outcome.set_cookie().is_some());
    assert_eq!(world.store.calls(), ["load sid1", "save sid2"]);
}
