//! A store that does not answer in time.

mod common;

use std::error::Error as _;
use std::time::Duration;

use http_session_store::core::store::{Delete, Expect, Load, Rotate, Save, Touch};
use http_session_store::core::{Record, SessionId};
use http_session_store::{
    AtomicRotation, Deadline, DeadlineError, Error, MemoryStore, Session, Sessions, Store,
};
use serde_json::json;
use tokio::time::{Instant, advance};

use self::common::{Op, Outage, START, Script, World, safe};

const LIMIT: Duration = Duration::from_secs(2);

/// A world whose store has a deadline.
fn world() -> (World, Script) {
    let mut world = World::on_tls(safe());
    let config = world.sessions.config().clone();
    let store = Deadline::new(world.store.clone(), LIMIT);
    world.sessions = Sessions::new(config, store).env(world.env.clone());
    let script = world.store.clone();
    (world, script)
}

/// What came of it, and after how long.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

fn insert(session: &Session, key: &str, value: u64) {
    session.insert(key, value).expect("it is open");
}

/// Is it the error of a store that took too long?
fn is_elapsed(error: &Error) -> bool {
    let Error::Store(error) = error else { return false };
    let source = error.source().and_then(|source| source.downcast_ref::<DeadlineError<Outage>>());
    matches!(source, Some(DeadlineError::Elapsed(LIMIT)))
}

// each operation has an answer after the limit at the latest, and is asked once
#[tokio::test(start_paused = true)]
async fn each_operation_has_a_limit() {
    let script = Script::default();
    let store = Deadline::new(script.clone(), LIMIT);
    let id = SessionId::from_text("old").expect("an id");
    let record = Record::from_json(r#"{"cookie":{},"n":1}"#).expect("a record");
    let (world, to) = (world().0, SessionId::from_text("new").expect("an id"));
    let cookie = world.loaded().await.cookie().expect("a session");
    for late in [false, true] {
        for op in [Op::Load, Op::Save, Op::Rotate, Op::Touch, Op::Delete] {
            let gate = script.hold(op);
            if !late {
                gate.open();
            }
            let (id, record) = (id.clone(), record.clone());
            let answer = async {
                match op {
                    Op::Load => store.load(&Load::new(id, START, None)).await.map(drop),
                    Op::Save => {
                        let save = Save::new(id, record, Expect::Anything, START);
                        store.save(&save).await.map(drop)
                    }
                    Op::Rotate => {
                        let rotate = Rotate::new(id, to.clone(), record, Expect::Anything, START);
                        store.rotate(&rotate).await.map(drop)
                    }
                    Op::Touch => {
                        let touch = Touch::new(id, cookie.clone(), None, None, START);
                        store.touch(&touch).await.map(drop)
                    }
                    Op::Delete => store.delete(&Delete::new(id, START)).await,
                }
            };
            let (answer, after) = timed(answer).await;
            match answer {
                Ok(()) => assert!(!late && after.is_zero(), "{op:?} {after:?}"),
                Err(DeadlineError::Elapsed(limit)) => {
                    assert!(late, "{op:?}");
                    assert_eq!((limit, after), (LIMIT, LIMIT), "{op:?}");
                }
                Err(DeadlineError::Store(error)) => panic!("{op:?}: {error}"),
            }
            assert_eq!(script.calls().len(), 1, "{op:?}");
        }
    }
}

// the store's own error is passed on as it is
#[tokio::test]
async fn an_error_in_time() {
    let script = Script::default();
    script.fail(Op::Load);
    let store = Deadline::new(script, LIMIT);
    let id = SessionId::from_text("old").expect("an id");
    let error = store.load(&Load::new(id, START, None)).await.expect_err("an outage");
    assert!(matches!(error, DeadlineError::Store(Outage)));
    assert_eq!(error.to_string(), Outage.to_string());
}

// B-067: a load that takes too long is a failed request, and the handler does not run
#[tokio::test(start_paused = true)]
async fn a_late_load() {
    let (world, script) = world();
    let cookie = world.logged_in().await;
    script.hold(Op::Load);
    let (opened, after) = timed(world.open(Some(&cookie))).await;
    let error = opened.expect_err("it took too long");
    assert!(is_elapsed(&error), "{error:?}");
    assert_eq!((error.status().as_u16(), after), (500, LIMIT));
    assert_eq!(script.calls(), ["load sid1"]);
}

// ST-4: D-write-failure: whether a late write was done is not known: a 500, no cookie, not tried again, also if a
// parallel request has changed the session meanwhile
#[tokio::test(start_paused = true)]
async fn a_late_save() {
    for known in [false, true] {
        let (world, script) = world();
        let session = if known { world.loaded().await } else { world.fresh().await };
        insert(&session, "m", 1);
        let gate = script.hold(Op::Save);
        let (closed, after) = timed(world.close(&session)).await;
        let error = closed.expect_err("it took too long");
        assert!(is_elapsed(&error), "{error:?}");
        assert_eq!((error.status().as_u16(), after), (500, LIMIT));
        // Nobody asks again, whatever comes of it.
        gate.open();
        advance(LIMIT * 10).await;
        assert_eq!(script.calls(), ["save sid1"]);
    }
}

// B-176 without the quirk: a save in the handler that was late and was done all the same is not done twice,
// nor merged with itself
#[tokio::test(start_paused = true)]
async fn a_late_save_that_was_done() {
    let (world, script) = world();
    let session = world.loaded().await;
    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).expect("a number");
    let gate = script.hold(Op::Save);
    let error = session.save().await.expect_err("it took too long");
    assert!(is_elapsed(&error), "{error:?}");
    drop(gate);
    // The server had it, and only the answer was lost.
    let record = script.records().remove("sid1").expect("a record");
    script.put("sid1", &record.replace("\"n\":1", "\"n\":2"));
    script.calls();
    let error = world.close(&session).await.expect_err("who wrote it is not known");
    assert!(matches!(error, Error::Conflict), "{error:?}");
    assert_eq!(script.calls(), ["save sid1"]);
    assert_eq!(world.data("sid1"), Some(json!({"n": 2})));
}

// B-210: a late touch loses lifetime alone
#[tokio::test(start_paused = true)]
async fn a_late_touch() {
    let (world, script) = world();
    let session = world.loaded().await;
    script.hold(Op::Touch);
    let (closed, after) = timed(world.close(&session)).await;
    assert!(closed.is_ok());
    assert_eq!(after, LIMIT);
}

// nobody is logged in, and nobody is logged out
#[tokio::test(start_paused = true)]
async fn a_late_login_and_a_late_logout() {
    let (world, script) = world();
    let session = world.loaded().await;
    script.hold(Op::Rotate);
    let error = session.log_in("user", "ada").await.expect_err("it took too long");
    assert!(is_elapsed(&error), "{error:?}");
    assert_eq!(session.get::<String>("user").expect("a session"), None);
    assert_eq!(session.id().expect("a session").as_str(), "sid1");
    script.hold(Op::Delete);
    let error = session.destroy().await.expect_err("it took too long");
    assert!(is_elapsed(&error), "{error:?}");
    assert_eq!(session.get::<u64>("n").expect("a session"), Some(1));
}

// what a store can do, it can do with a deadline
const _: fn() = || {
    fn is_atomic<S: AtomicRotation>() {}
    is_atomic::<Deadline<MemoryStore>>();
};
