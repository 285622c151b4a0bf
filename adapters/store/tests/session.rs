//! The handle that an application holds: what it asks the store, in which order, and what happens
//! when the store or the caller goes away.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::store::Written;
use http_session_store::core::{
    CookieOptions, DataError, Expires, Origin, Reason, RecordError, Unset,
};
use http_session_store::{Error, Session, Sessions, StoreError, to_the_end};
use serde::ser::{Error as _, Serialize, Serializer};
use tokio::sync::Notify;

use self::common::{Gate, Op, SECRET, START, World, poll_once, quiet, ready, safe, settle, soon};

fn n(session: &Session) -> Option<u64> {
    session.get("n").expect("a number")
}

/// The number in the record of a session.
fn stored_n(world: &World, id: &str) -> Option<u64> {
    let records = world.store.records();
    let record: serde_json::Value = serde_json::from_str(records.get(id)?).expect("JSON");
    record["n"].as_u64()
}

fn id(session: &Session) -> String {
    session.id().expect("a session").as_str().into()
}

/// Starts the save of a clone, and waits until the store has it.
async fn begin_save(
    world: &World,
    session: &Session,
) -> (Gate, tokio::task::JoinHandle<Result<(), Error>>) {
    let gate = world.store.hold(Op::Save);
    let clone = session.clone();
    let save = tokio::spawn(async move { clone.save().await });
    gate.reached().await;
    (gate, save)
}

// one method at a time asks the store: the second one waits for the first one's answer
#[tokio::test]
async fn one_method_at_a_time() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    let (gate, save) = begin_save(&world, &session).await;
    // The save has its record already: this comes too late for it, and the reload undoes it.
    session.insert("n", 3).expect("it is open");
    let clone = session.clone();
    let reload = tokio::spawn(async move { clone.reload().await });
    settle().await;
    assert_eq!(world.store.calls(), ["save sid1"]);
    gate.open();
    save.await.expect("no panic").expect("the store works");
    reload.await.expect("no panic").expect("the store works");
    assert_eq!(world.store.calls(), ["load sid1"]);
    assert_eq!((n(&session), world.store.most_at_once()), (Some(2), 1));
}

// what waits behind a method sees what that method left: here, no session
#[tokio::test]
async fn a_method_behind_a_destroy() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    let gate = world.store.hold(Op::Delete);
    let mut destroy = Box::pin(session.destroy());
    assert!(poll_once(&mut destroy).is_pending());
    let mut save = Box::pin(session.save());
    assert!(poll_once(&mut save).is_pending());
    gate.open();
    destroy.await.expect("the store works");
    assert!(matches!(save.await, Err(Error::NoSession)));
    assert_eq!(world.store.calls(), ["delete sid1"]);
}

// B-116: reading and writing go on while a method asks the store; that change is saved at the end
#[tokio::test]
async fn data_while_the_store_is_asked() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    let (gate, save) = begin_save(&world, &session).await;
    session.insert("n", 5).expect("it is open");
    assert_eq!(n(&session), Some(5));
    gate.open();
    save.await.expect("no panic").expect("the store works");
    world.sessions.close(&session).await.map(drop).expect("the store works");
    assert_eq!(stored_n(&world, "sid1"), Some(5));
}

/// Ways in which a caller goes away.
#[derive(Clone, Copy, Debug)]
enum GoesAway {
    Abort,
    Drop,
    Timeout,
}

async fn save_and_go(session: &Session, gate: &Gate, how: GoesAway) {
    let clone = session.clone();
    let save = async move { clone.save().await };
    match how {
        GoesAway::Abort => {
            let task = tokio::spawn(save);
            gate.reached().await;
            task.abort();
            assert!(task.await.expect_err("it was aborted").is_cancelled());
        }
        GoesAway::Drop => {
            let mut save = Box::pin(save);
            assert!(poll_once(&mut save).is_pending());
            drop(save);
            gate.reached().await;
        }
        GoesAway::Timeout => {
            let late = tokio::time::timeout(Duration::from_secs(1), save).await;
            assert!(late.is_err(), "the store waits");
            gate.reached().await;
        }
    }
}

// a method whose caller goes away runs to its end, and the end of the request waits for it
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away() {
    for how in [GoesAway::Abort, GoesAway::Drop, GoesAway::Timeout] {
        let world = World::new(quiet());
        let session = world.loaded().await;
        session.insert("n", 2).expect("it is open");
        let gate = world.store.hold(Op::Save);
        save_and_go(&session, &gate, how).await;
        let mut close = Box::pin(world.sessions.close(&session));
        assert!(poll_once(&mut close).is_pending(), "{how:?}");
        settle().await;
        assert!(poll_once(&mut close).is_pending(), "{how:?}");
        assert_eq!(world.store.calls(), ["save sid1"], "{how:?}");
        gate.open();
        gate.passed().await;
        let outcome = close.await;
        assert!(outcome.is_ok(), "{how:?}");
        assert_eq!(world.store.calls(), ["touch sid1"], "{how:?}");
        assert_eq!(stored_n(&world, "sid1"), Some(2), "{how:?}");
        assert_eq!(world.store.most_at_once(), 1, "{how:?}");
    }
}

// the answer of a method whose caller went away still counts: the new id is in place
#[tokio::test]
async fn a_regenerate_whose_caller_goes_away() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    let gate = world.store.hold(Op::Delete);
    let mut regenerate = Box::pin(session.regenerate());
    assert!(poll_once(&mut regenerate).is_pending());
    drop(regenerate);
    gate.open();
    let outcome = world.sessions.close(&session).await.expect("the store works");
    assert!(outcome.set_cookie().is_some());
    assert_eq!(world.store.calls(), ["delete sid1", "save sid2"]);
}

// a method that waits for its turn is carried out, too, whether its caller has gone away or holds
// it and never polls it again: the end of the request does not wait for ever
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_in_the_queue() {
    for keep in [false, true] {
        let world = World::new(quiet());
        let session = world.loaded().await;
        let (gate, save) = begin_save(&world, &session).await;
        let queued = session.clone();
        let mut destroy = Box::pin(async move { queued.destroy().await });
        assert!(poll_once(&mut destroy).is_pending());
        let kept = keep.then_some(destroy);
        gate.open();
        let outcome = soon(world.sessions.close(&session)).await.expect("the store works");
        assert_eq!(outcome.decision().store_reason, Reason::NoSession);
        save.await.expect("no panic").expect("the store works");
        assert_eq!(world.store.calls(), ["save sid1", "delete sid1"]);
        drop(kept);
    }
}

// a request that is given up while a method is under way: the store's work is done, the handle
// closed
#[tokio::test]
async fn abandoned_while_a_method_is_under_way() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    let (gate, save) = begin_save(&world, &session).await;
    Sessions::abandon(&session);
    assert!(matches!(session.get::<u64>("n"), Err(Error::Ended)));
    gate.open();
    assert!(matches!(save.await.expect("no panic"), Err(Error::Ended)));
    assert_eq!(stored_n(&world, "sid1"), Some(2));
    assert!(matches!(world.sessions.close(&session).await, Err(Error::Ended)));
}

/// The result of every method that a handle has.
async fn every_method(session: &Session) -> Vec<(&'static str, Result<(), Error>)> {
    vec![
        ("id", session.id().map(drop)),
        ("is_new", session.is_new().map(drop)),
        ("get", session.get::<u64>("n").map(drop)),
        ("insert", session.insert("n", 2)),
        ("update", session.update("n", |n: Option<u64>| n.unwrap_or_default()).map(drop)),
        ("read", session.read::<serde_json::Value>().map(drop)),
        ("write", session.write(&serde_json::json!({ "n": 2 }))),
        ("flash", session.flash("info", "hello")),
        ("flashes", session.flashes().map(drop)),
        ("remove", session.remove("n").map(drop)),
        ("clear", session.clear()),
        ("keys", session.keys().map(drop)),
        ("cookie", session.cookie().map(drop)),
        ("cookie_mut", session.cookie_mut(|_, _| ())),
        ("set_max_age", session.set_max_age(Duration::from_secs(1))),
        ("touch", session.touch()),
        ("reset_cookie", session.reset_cookie()),
        ("save", session.save().await),
        ("reload", session.reload().await),
        ("regenerate", session.regenerate().await),
        ("renew", session.renew().await),
        ("log_in", session.log_in("user", "ada").await),
        ("destroy", session.destroy().await),
        ("unset", session.unset()),
    ]
}

// B-173: after the end every method of every clone says so, and the store is not asked
#[tokio::test]
async fn after_the_end() {
    for abandoned in [false, true] {
        let world = World::new(quiet());
        let session = world.loaded().await;
        let clone = session.clone();
        if abandoned {
            Sessions::abandon(&session);
        } else {
            world.sessions.close(&session).await.map(drop).expect("the store works");
        }
        let before = world.store.records();
        world.store.calls();
        for (method, result) in every_method(&clone).await {
            assert!(matches!(result, Err(Error::Ended)), "{method}: {result:?}");
        }
        assert!(matches!(clone.origin(), Err(Error::Ended)));
        assert!(matches!(world.sessions.close(&clone).await, Err(Error::Ended)));
        assert_eq!((world.store.calls(), world.store.records()), (vec![], before));
    }
}

// B-184: after unset or destroy there is no session, for every method
#[tokio::test]
async fn after_unset_and_destroy() {
    for destroyed in [false, true] {
        let world = World::new(quiet());
        let session = world.loaded().await;
        if destroyed {
            session.destroy().await.expect("the store works");
        } else {
            session.unset().expect("it is open");
        }
        world.store.calls();
        for (method, result) in every_method(&session).await {
            assert!(matches!(result, Err(Error::NoSession)), "{method}: {result:?}");
        }
        assert_eq!(session.origin().expect("it is open"), Origin::Loaded);
        assert_eq!(world.store.calls(), [""; 0]);
    }
}

// B-175, B-176: a failed save is not tried again at the end, which only touches
#[tokio::test]
async fn save_fails() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    world.store.fail(Op::Save);
    assert!(matches!(session.save().await, Err(Error::Store(_))));
    assert_eq!(n(&session), Some(2));
    world.sessions.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["save sid1", "touch sid1"]);
    assert_eq!(stored_n(&world, "sid1"), Some(1));
}

// B-209: what is changed after a save that failed is saved at the end
#[tokio::test]
async fn changed_after_a_save_that_failed() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    world.store.fail(Op::Save);
    assert!(session.save().await.is_err());
    session.insert("n", 3).expect("it is open");
    world.sessions.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["save sid1", "save sid1"]);
    assert_eq!(stored_n(&world, "sid1"), Some(3));
}

// a store that does not do a save that has no condition: for save and for the end a conflict, or
// the session is gone
#[tokio::test]
async fn a_save_that_is_refused() {
    let world = World::new(quiet());
    for written in [Written::Gone, Written::Exists] {
        let is_it = |error: &Error| match written {
            Written::Gone => matches!(error, Error::Gone),
            _ => matches!(error, Error::Conflict),
        };
        let session = world.loaded().await;
        session.insert("n", 2).expect("it is open");
        world.store.answer_save(written.clone());
        assert!(is_it(&session.save().await.expect_err("it was refused")));
        session.insert("n", 3).expect("it is open");
        world.store.answer_save(written.clone());
        let error = world.sessions.close(&session).await.expect_err("it was refused");
        assert!(is_it(&error));
        assert_eq!(error.status(), 409);
    }
}

// B-091, B-177, B-185: save() writes the lifetime as it was loaded, touch() renews it in memory
#[tokio::test]
async fn save_does_not_touch() {
    let hour = Duration::from_secs(3_600);
    let world = World::new(quiet().cookie(CookieOptions::new().max_age(hour)));
    let cookie = world.logged_in().await;
    world.env.advance(1_000);
    let session = world.open(Some(&cookie)).await.expect("the store works");
    session.insert("n", 2).expect("it is open");
    session.save().await.expect("the store works");
    let expires = START.plus_millis(3_600_000).expect("a moment");
    assert!(world.store.records()["sid1"].contains(r#""expires":"2023-11-14T23:13:20.000Z""#));
    assert_eq!(session.cookie().expect("it is open").expires(), Expires::At(expires));
    session.touch().expect("it is open");
    let later = expires.plus_millis(1_000).expect("a moment");
    assert_eq!(session.cookie().expect("it is open").expires(), Expires::At(later));
    assert!(world.store.records()["sid1"].contains(r#""expires":"2023-11-14T23:13:20.000Z""#));
}

// B-182: regenerate deletes the old record and begins an empty session with a new id
#[tokio::test]
async fn regenerate() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    assert_eq!(session.is_new().ok(), Some(false));
    session.regenerate().await.expect("the store works");
    assert_eq!((id(&session), n(&session)), ("sid2".into(), None));
    assert_eq!(session.is_new().ok(), Some(true));
    assert_eq!(world.store.records().len(), 0);
    let outcome = world.sessions.close(&session).await.expect("the store works");
    assert!(outcome.set_cookie().is_some());
    assert_eq!(world.store.calls(), ["delete sid1", "save sid2"]);
}

// B-183: regenerate fails: the caller is told, the new session is in place, the old one stays valid
#[tokio::test]
async fn regenerate_fails() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    world.store.fail(Op::Delete);
    assert!(matches!(session.regenerate().await, Err(Error::Store(_))));
    assert_eq!((id(&session), n(&session)), ("sid2".into(), None));
    world.sessions.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["delete sid1", "save sid2"]);
    assert_eq!((stored_n(&world, "sid1"), stored_n(&world, "sid2")), (Some(1), None));
    assert!(world.store.records().contains_key("sid2"));
}

// B-184, B-216: destroy fails: gone from the request, alive in the store
#[tokio::test]
async fn destroy_fails() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    world.store.fail(Op::Delete);
    assert!(matches!(session.destroy().await, Err(Error::Store(_))));
    assert!(matches!(session.id(), Err(Error::NoSession)));
    let outcome = world.sessions.close(&session).await.expect("nothing is to be done");
    assert!(outcome.set_cookie().is_none());
    assert_eq!(world.store.calls(), ["delete sid1"]);
    assert_eq!(stored_n(&world, "sid1"), Some(1));
}

// B-127: with unset destroy, an explicit destroy is followed by a second one
#[tokio::test]
async fn destroy_fails_under_unset_destroy() {
    let world = World::new(quiet().unset(Unset::Destroy));
    let session = world.loaded().await;
    world.store.fail(Op::Delete);
    assert!(session.destroy().await.is_err());
    world.sessions.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["delete sid1", "delete sid1"]);
    assert_eq!(world.store.records().len(), 0);
}

// B-178: reload of what is gone: an error, and the session stays as it is
#[tokio::test]
async fn reload_of_what_is_gone() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    world.store.drop_all();
    assert!(matches!(session.reload().await, Err(Error::Missing)));
    assert_eq!((id(&session), n(&session)), ("sid1".into(), Some(2)));
}

// B-069, B-180: a reload that fails, however often and why, leaves the session as it is
#[tokio::test]
async fn reload_fails() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    for _ in 0..3 {
        world.store.fail(Op::Load);
        assert!(matches!(session.reload().await, Err(Error::Store(_))));
    }
    world.store.put("sid1", r#"{"n":7}"#);
    assert!(matches!(session.reload().await, Err(Error::Record(RecordError::NoCookie))));
    assert_eq!(n(&session), Some(2));
    assert_eq!(world.store.records()["sid1"], r#"{"n":7}"#);
}

// B-178, B-179: reload takes over data and cookie
#[tokio::test]
async fn reload() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    session.insert("lost", true).expect("it is open");
    let end = START.plus_millis(5_000).expect("a moment");
    world.store.put("sid1", r#"{"cookie":{"expires":"2023-11-14T22:13:25.000Z"},"n":7}"#);
    session.reload().await.expect("it is there");
    assert_eq!(session.keys().ok(), Some(vec!["n".into()]));
    assert_eq!(n(&session), Some(7));
    assert_eq!(session.cookie().expect("it is open").expires(), Expires::At(end));
}

// B-181: a session that was unset while a reload asks the store does not come back
#[tokio::test]
async fn unset_during_a_reload() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    let gate = world.store.hold(Op::Load);
    let mut reload = Box::pin(session.reload());
    assert!(poll_once(&mut reload).is_pending());
    session.unset().expect("it is open");
    gate.open();
    assert!(matches!(reload.await, Err(Error::NoSession)));
    assert!(matches!(session.id(), Err(Error::NoSession)));
}

// B-067, B-069: no session where the load failed, and the record stays
#[tokio::test]
async fn open_fails() {
    let world = World::new(quiet());
    let cookie = world.logged_in().await;
    world.store.fail(Op::Load);
    let error = world.open(Some(&cookie)).await.expect_err("the store failed");
    assert!(matches!(error, Error::Store(_)));
    world.store.put("sid1", "{}");
    let error = world.open(Some(&cookie)).await.expect_err("it is no record");
    assert!(matches!(error, Error::Record(RecordError::NoCookie)));
    assert_eq!(error.status(), 500);
    assert_eq!(world.store.calls(), ["load sid1", "load sid1"]);
    assert_eq!(world.store.records()["sid1"], "{}");
}

// B-063, B-064, B-065: where a session comes from, and which id it has
#[tokio::test]
async fn origins() {
    let world = World::new(quiet());
    let session = world.fresh().await;
    assert_eq!(session.origin().ok(), Some(Origin::Absent));
    assert_eq!(world.store.calls(), [""; 0]);
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store works");
    assert_eq!((session.origin().ok(), id(&session)), (Some(Origin::Loaded), "sid2".into()));
    world.store.drop_all();
    let session = world.open(Some(&cookie)).await.expect("the store works");
    assert_eq!((session.origin().ok(), id(&session)), (Some(Origin::Missing), "sid3".into()));
    assert_eq!(world.store.calls(), ["load sid2", "load sid2"]);
}

/// A value that has no JSON, and an error that gives it away.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("not a place for hunter2"))
    }
}

// LG-1: no text that the crate makes shows an id, the secret, or data
#[tokio::test]
async fn texts_show_neither_ids_nor_data() {
    let world = World::new(quiet());
    let session = world.fresh().await;
    session.insert("password", "hunter2").expect("it is open");
    let wrong_type = session.get::<u64>("password").expect_err("it is a text");
    let not_json = session.insert("password", Unwritable).expect_err("it has no JSON");
    let reserved = session.insert("cookie", "hunter2").expect_err("the name is taken");
    assert!(matches!(reserved, Error::Data(DataError::ReservedKey)));
    world.store.fail(Op::Save);
    let store = session.save().await.expect_err("the store failed");
    let debugs = [format!("{session:?}"), format!("{:?}", world.sessions)];
    let outcome = world.sessions.close(&session).await.expect("the store works");
    let line = outcome.set_cookie().cloned().expect("it was changed");
    world.store.put("sid1", r#"{"hunter2":"sid1"}"#);
    let record = world.open(Some(&line)).await.expect_err("it is no record");
    let errors = [
        wrong_type,
        not_json,
        reserved,
        store,
        record,
        Error::Conflict,
        Error::Ended,
        Error::Gone,
        Error::LayeredTwice,
        Error::Missing,
        Error::NoLayer,
        Error::NoSession,
        Error::PathMismatch,
        Error::Undeliverable,
    ];
    let texts = errors.iter().flat_map(|error| [error.to_string(), format!("{error:?}")]);
    for text in texts.chain(debugs).chain([format!("{outcome:?}")]) {
        for secret in ["sid1", "hunter2", "password", SECRET] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

// the store's own error is the source, and the status is 500 unless a parallel request was faster
#[test]
fn sources_and_statuses() {
    use std::error::Error as _;
    let error = StoreError::new(common::Outage);
    assert_eq!(error.to_string(), "the session store failed");
    let own = error.source().expect("the store's error");
    assert_eq!(own.downcast_ref(), Some(&common::Outage));
    let error = Error::Store(error);
    assert_eq!(error.to_string(), "the session store failed");
    assert_eq!(error.status(), 500);
    assert_eq!(
        [Error::Conflict.status(), Error::Gone.status()].map(|status| status.as_u16()),
        [409; 2]
    );
    for error in
        [Error::Ended, Error::Missing, Error::NoLayer, Error::NoSession, Error::Undeliverable]
    {
        assert_eq!(error.status(), 500);
        assert!(error.source().is_none());
    }
}

// the store's own error is reached from an Error by its sources
#[test]
fn the_source_of_an_error() {
    use std::error::Error as _;
    let error = Error::Store(StoreError::new(common::Outage));
    let mut last = error.source().expect("a source");
    while let Some(source) = last.source() {
        last = source;
    }
    assert_eq!(last.downcast_ref(), Some(&common::Outage));
}

// to_the_end: the result, at once or later
#[tokio::test]
async fn to_the_end_gives_the_result() {
    assert_eq!(to_the_end(async { 1 }).await, 1);
    assert_eq!(to_the_end(later(2)).await, 2);
}

async fn later<T>(value: T) -> T {
    tokio::task::yield_now().await;
    value
}

// to_the_end: a panic is the caller's, at once or later, with its own payload
#[tokio::test]
async fn to_the_end_passes_a_panic_on() {
    let at_once = tokio::spawn(to_the_end(async { panic!("at once") }));
    let late = tokio::spawn(to_the_end(async {
        later(()).await;
        panic!("late")
    }));
    for (task, text) in [(at_once, "at once"), (late, "late")] {
        let payload = task.await.expect_err("it panics").into_panic();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&text));
    }
}

// to_the_end: the work goes on when the caller is dropped
#[tokio::test]
async fn to_the_end_without_its_caller() {
    let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut work = Box::pin(to_the_end({
        let (go, done) = (go.clone(), done.clone());
        async move {
            go.notified().await;
            done.notify_one();
        }
    }));
    assert!(poll_once(&mut work).is_pending());
    drop(work);
    go.notify_one();
    soon(done.notified()).await;
}

// to_the_end: nothing has begun before it is polled
#[tokio::test]
async fn to_the_end_is_lazy() {
    let begun = Arc::new(AtomicBool::new(false));
    let flag = begun.clone();
    drop(to_the_end(async move { flag.store(true, Ordering::SeqCst) }));
    settle().await;
    assert!(!begun.load(Ordering::SeqCst));
}

// to_the_end: it works without a runtime, as part of the caller
#[test]
fn to_the_end_without_a_runtime() {
    assert_eq!(block_on(to_the_end(async { 1 })), 1);
    assert_eq!(block_on(to_the_end(Twice::default())), 2);
}

/// A future that is ready the second time.
#[derive(Default)]
struct Twice(bool);

impl Future for Twice {
    type Output = u64;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(2) } else { Poll::Pending }
    }
}

/// Runs a future on this thread, with nothing around it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

// to_the_end: a runtime that ends under it is a panic that says so, not a hang
#[test]
fn to_the_end_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut work = Box::pin(to_the_end(std::future::pending::<()>()));
    {
        let _inside = runtime.enter();
        assert!(poll_once(&mut work).is_pending());
    }
    drop(runtime);
    let panic = catch_unwind(AssertUnwindSafe(|| poll_once(&mut work))).expect_err("it is lost");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.starts_with("a session's task was ended: "), "{text}");
}

// a whole request without a runtime, over a store that never waits
#[test]
fn a_request_without_a_runtime() {
    let world = World::new(quiet());
    block_on(async {
        let session = world.loaded().await;
        session.insert("n", 2).expect("it is open");
        session.save().await.expect("the store works");
        session.regenerate().await.expect("the store works");
        world.sessions.close(&session).await.map(drop).expect("the store works");
    });
    assert_eq!(world.store.calls(), ["save sid1", "delete sid1", "save sid2"]);
}

// FX-7: an id that can't be made is an error of the request, and nothing is done
#[tokio::test]
async fn no_id() {
    use http_session_store::core::{IdError, SessionId, Timestamp};
    struct Broken;
    impl http_session_store::Env for Broken {
        fn now(&self) -> Timestamp {
            START
        }
        fn genid(&self) -> Result<SessionId, IdError> {
            Err(IdError::Random)
        }
    }
    for preset in [quiet(), safe().for_localhost()] {
        let mut world = World::new(preset);
        let cookie = world.logged_in().await;
        world.sessions = world.sessions.clone().env(Broken);
        assert!(matches!(world.open(None).await, Err(Error::Id(IdError::Random))));
        let session = world.open(Some(&cookie)).await.expect("it has an id");
        assert!(matches!(session.regenerate().await, Err(Error::Id(IdError::Random))));
        assert_eq!((id(&session), n(&session)), ("sid1".into(), Some(1)));
        assert_eq!(world.store.calls(), ["load sid1"]);
        // The handle is usable after that.
        session.save().await.expect("the store works");
    }
}

// a store that panics takes the caller with it, and not the handle
#[tokio::test]
async fn a_store_that_panics() {
    let world = World::new(quiet());
    let session = world.loaded().await;
    world.store.panic_next(Op::Save);
    let clone = session.clone();
    let save = tokio::spawn(async move { clone.save().await });
    assert!(save.await.expect_err("it panics").is_panic());
    session.insert("n", 2).expect("it is open");
    session.save().await.expect("the store works");
    assert_eq!(stored_n(&world, "sid1"), Some(2));
}

// B-212: cookie values are taken from the header's bytes: what is no text is no error
#[tokio::test]
async fn a_cookie_line_that_is_no_text() {
    let world = World::new(quiet());
    let line = HeaderValue::from_bytes(b"connect.sid=s:\xff\xfe.x").expect("a header's value");
    let session = world.open(Some(&line)).await.expect("no failure");
    assert_eq!(session.origin().ok(), Some(Origin::BadSignature));
    ready(session.save()).expect("it is a session as any other");
}
