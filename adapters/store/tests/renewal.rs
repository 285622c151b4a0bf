//! A new id for a session, and logging in: one step of the store, or nothing at all.

mod common;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::{Conflict, Origin, Reason, StoreAction};
use http_session_store::testing::cookie_for;
use http_session_store::{Error, Session};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use self::common::{Op, World, poll_once, quiet, safe, settle, soon};

fn id(session: &Session) -> String {
    session.id().expect("a session").as_str().into()
}

fn insert(session: &Session, key: &str, value: u64) {
    session.insert(key, value).expect("it is open");
}

/// The Cookie header that answers a response.
fn presented(outcome: &http_session_store::core::Outcome) -> HeaderValue {
    let line = outcome.set_cookie().expect("a cookie is sent");
    let pair = line.as_bytes().split(|byte| *byte == b';').next().expect("a pair");
    HeaderValue::from_bytes(pair).expect("ASCII")
}

// one operation of the store moves the session: data and all, and the old cookie is worth nothing;
// at no time are there two ids
#[tokio::test]
async fn renew() {
    for config in [safe(), quiet()] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        let gate = world.store.hold(Op::Rotate);
        let mut renew = Box::pin(session.renew());
        assert!(poll_once(&mut renew).is_pending());
        assert_eq!((id(&session), world.ids()), ("sid1".into(), vec!["sid1".into()]));
        gate.open();
        renew.await.expect("the store works");
        assert_eq!((id(&session), world.ids()), ("sid2".into(), vec!["sid2".into()]));
        assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)));
        assert_eq!(world.store.calls(), ["rotate sid1"]);
        let outcome = world.close(&session).await.expect("the store works");
        assert_eq!(world.data("sid2"), Some(json!({"n": 1})));
        let new = presented(&outcome);
        assert_eq!(outcome.decision().cookie_reason, Reason::NewId);
        let next = world.again(&new).await;
        assert_eq!((next.origin().ok(), id(&next)), (Some(Origin::Loaded), "sid2".into()));
        assert_eq!(world.again(&cookie).await.origin().ok(), Some(Origin::Missing));
    }
}

// under the safe preset the end of the request has nothing left to write
#[tokio::test]
async fn a_renewal_is_the_only_write() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    insert(&session, "n", 2);
    session.renew().await.expect("the store works");
    let outcome = world.close(&session).await.expect("the store works");
    assert_eq!(outcome.decision().store, StoreAction::Nothing);
    assert_eq!(world.store.calls(), ["rotate sid1"]);
    assert_eq!(world.data("sid2"), Some(json!({"n": 2})));
    // What comes after it is written under the new id.
    let session = world.again(&presented(&outcome)).await;
    session.renew().await.expect("the store works");
    insert(&session, "n", 3);
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["rotate sid2", "save sid3"]);
    assert_eq!((world.ids(), world.data("sid3")), (vec!["sid3".into()], Some(json!({"n": 3}))));
}

// a session that was never stored gets its new id without the store
#[tokio::test]
async fn renew_a_new_session() {
    let world = World::on_tls(safe());
    let session = world.fresh().await;
    insert(&session, "n", 1);
    session.log_in("user", "ada").await.expect("nothing is asked");
    assert_eq!((id(&session), world.store.calls()), ("sid2".into(), vec![]));
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["save sid2"]);
    assert_eq!(world.data("sid2"), Some(json!({"n": 1, "user": "ada"})));
}

// a renewal that fails leaves everything as it was: id, data, record, and nobody is logged in
#[tokio::test]
async fn a_renewal_that_fails() {
    for logs_in in [false, true] {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        let before = world.store.records();
        let session = world.again(&cookie).await;
        world.env.advance(1_000);
        world.store.fail(Op::Rotate);
        let failed =
            if logs_in { session.log_in("user", "ada").await } else { session.renew().await };
        assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
        assert_eq!((id(&session), session.keys().ok()), ("sid1".into(), Some(vec!["n".into()])));
        assert_eq!(session.is_new().ok(), Some(false));
        assert_eq!(
            (world.store.calls(), world.store.records()),
            (vec!["rotate sid1".into()], before)
        );
        // The rest of the request is an ordinary one, and so is the next.
        insert(&session, "n", 2);
        let outcome = world.close(&session).await.expect("the store works");
        assert!(outcome.set_cookie().is_none());
        assert_eq!(world.store.calls(), ["save sid1"]);
        assert_eq!(world.again(&cookie).await.get::<u64>("n").ok(), Some(Some(2)));
        assert_eq!(world.data("sid1"), Some(json!({"n": 2})));
    }
}

// a renewal whose answer is lost may have been done: nobody is logged in, under neither id
#[tokio::test]
async fn a_renewal_whose_answer_is_lost() {
    let world = World::on_tls(safe().rolling(true));
    let session = world.loaded().await;
    world.store.fail_after(Op::Rotate);
    assert!(matches!(session.log_in("user", "ada").await, Err(Error::Store(_))));
    assert_eq!((id(&session), session.get::<String>("user").ok()), ("sid1".into(), Some(None)));
    let outcome = world.close(&session).await.expect("the store works");
    assert_eq!(outcome.decision().cookie_reason, Reason::Gone);
    assert!(outcome.set_cookie().is_none());
    assert_eq!((world.ids(), world.data("sid2")), (vec!["sid2".into()], Some(json!({"n": 1}))));
}

/// At which of its await points a login is dropped.
#[derive(Clone, Copy, Debug)]
enum Dropped {
    /// Before it was polled.
    AtOnce,
    /// While another method asks the store.
    InTheQueue,
    /// While the store is asked.
    AtTheStore,
    /// While the store is asked, which then fails.
    AtTheStoreThatFails,
}

// RC-10: a login whose caller goes away, wherever it waits, logs nobody in; least of all under the old id
#[tokio::test]
async fn a_login_that_is_dropped() {
    for dropped in
        [Dropped::AtOnce, Dropped::InTheQueue, Dropped::AtTheStore, Dropped::AtTheStoreThatFails]
    {
        let world = World::on_tls(safe());
        let session = world.loaded().await;
        let rotate = match dropped {
            Dropped::AtTheStoreThatFails => world.store.hold_and_fail(Op::Rotate),
            _ => world.store.hold(Op::Rotate),
        };
        let save = world.store.hold(Op::Save);
        let mut saving = Box::pin(session.save());
        if matches!(dropped, Dropped::InTheQueue) {
            assert!(poll_once(&mut saving).is_pending());
        }
        let mut login = Box::pin(session.log_in("user", "ada"));
        if !matches!(dropped, Dropped::AtOnce) {
            assert!(poll_once(&mut login).is_pending());
        }
        drop(login);
        save.open();
        rotate.open();
        settle().await;
        let outcome = soon(world.close(&session)).await.expect("the store works");
        let id = match dropped {
            Dropped::AtOnce | Dropped::AtTheStoreThatFails => "sid1",
            Dropped::InTheQueue | Dropped::AtTheStore => "sid2",
        };
        assert_eq!(outcome.set_cookie().is_some(), id == "sid2", "{dropped:?}");
        assert_eq!((world.ids(), world.data(id)), (vec![id.into()], Some(json!({"n": 1}))));
    }
}

// the same with a time limit around it, which the application goes on after
#[tokio::test(start_paused = true)]
async fn a_login_that_is_late() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    let gate = world.store.hold(Op::Rotate);
    let login = tokio::time::timeout(Duration::from_secs(1), session.log_in("user", "ada"));
    assert!(login.await.is_err(), "the store waits");
    insert(&session, "tries", 1);
    gate.open();
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.store.calls(), ["rotate sid1", "save sid2"]);
    assert_eq!(world.ids(), ["sid2"]);
    assert_eq!(world.data("sid2"), Some(json!({"n": 1, "tries": 1})));
}

// a parallel change does not fail a renewal: both count
#[tokio::test]
async fn a_renewal_merges() {
    for logs_in in [false, true] {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        let (session, other) = (world.again(&cookie).await, world.again(&cookie).await);
        insert(&other, "other", 1);
        world.close(&other).await.map(drop).expect("it is the first");
        world.store.calls();
        insert(&session, "own", 1);
        if logs_in {
            session.log_in("user", "ada").await.expect("it merges");
        } else {
            session.renew().await.expect("it merges");
        }
        assert_eq!(world.store.calls(), ["rotate sid1", "rotate sid1"]);
        assert_eq!(session.get::<u64>("other").ok(), Some(Some(1)));
        world.close(&session).await.map(drop).expect("the store works");
        let mut data = json!({"n": 1, "other": 1, "own": 1});
        if logs_in {
            data["user"] = "ada".into();
        }
        assert_eq!((world.ids(), world.data("sid2")), (vec!["sid2".into()], Some(data)));
    }
}

// with Refuse a renewal that was overtaken fails, and leaves the session its id
#[tokio::test]
async fn a_renewal_that_is_refused() {
    let world = World::on_tls(safe().conflict(Conflict::Refuse));
    let cookie = world.logged_in().await;
    let (session, other) = (world.again(&cookie).await, world.again(&cookie).await);
    insert(&other, "other", 1);
    world.close(&other).await.map(drop).expect("it is the first");
    assert!(matches!(session.log_in("user", "ada").await, Err(Error::Conflict)));
    assert_eq!((id(&session), session.keys().ok()), ("sid1".into(), Some(vec!["n".into()])));
    world.close(&session).await.map(drop).expect("it changes nothing");
    assert_eq!(
        (world.ids(), world.data("sid1")),
        (vec!["sid1".into()], Some(json!({"n": 1, "other": 1})))
    );
}

// RC-4: who comes with the old id after a renewal has nothing: a write of a request that had begun before
// is refused, and no record of the old id comes back
#[tokio::test]
async fn a_write_under_the_old_id() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (session, other) = (world.again(&cookie).await, world.again(&cookie).await);
    session.renew().await.expect("the store works");
    world.close(&session).await.map(drop).expect("the store works");
    insert(&other, "n", 7);
    assert!(matches!(world.close(&other).await, Err(Error::Gone)));
    assert_eq!((world.ids(), world.data("sid2")), (vec!["sid2".into()], Some(json!({"n": 1}))));
}

// RC-6: of renewals at the same time one wins, and the others are told that the session is gone
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renewals_at_the_same_time() {
    let world = Arc::new(World::on_tls(safe()));
    let cookie = world.logged_in().await;
    let all = Arc::new(Barrier::new(8));
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (all, cookie, world) = (all.clone(), cookie.clone(), world.clone());
        tasks.spawn(async move {
            let session = world.open(Some(&cookie)).await.expect("the store works");
            all.wait().await;
            let renewed = session.renew().await;
            (renewed.map(|()| id(&session)), id(&session))
        });
    }
    let mut winners = Vec::new();
    for (renewed, id) in tasks.join_all().await {
        match renewed {
            Ok(new) => winners.push(new),
            Err(error) => assert!(matches!(error, Error::Gone) && id == "sid1", "{error:?}"),
        }
    }
    assert_eq!((world.ids(), winners.len()), (winners.clone(), 1));
}

// a logout that was faster: nothing is renewed, and no record comes back
#[tokio::test]
async fn renew_what_is_gone() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let (session, other) = (world.again(&cookie).await, world.again(&cookie).await);
    other.destroy().await.expect("the store works");
    assert!(matches!(session.log_in("user", "ada").await, Err(Error::Gone)));
    assert_eq!((id(&session), world.ids()), ("sid1".into(), vec![]));
}

// a cookie that can't be delivered: nobody is logged in, and nothing is moved
#[tokio::test]
async fn a_login_that_cannot_be_delivered() {
    let mut world = World::on_tls(safe());
    let cookie = cookie_for(&world.sessions, |session| session.insert("n", 1)).await;
    world.connection = http_session_store::core::Connection::Plain;
    let session = world.again(&cookie.expect("the store works")).await;
    assert!(matches!(session.log_in("user", "ada").await, Err(Error::Undeliverable)));
    assert!(matches!(session.renew().await, Err(Error::Undeliverable)));
    assert_eq!((id(&session), session.keys().ok()), ("sid1".into(), Some(vec!["n".into()])));
    assert_eq!((world.store.calls(), world.ids()), (vec![], vec!["sid1".into()]));
}
