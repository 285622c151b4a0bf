//! Sessions that are loaded on first use.

mod common;

use http_session_store::core::{Config, ConfigBuilder, Origin, Reason, StoreAction};
use http_session_store::{AbandonOnDrop, Error, Session, Sessions};
use serde_json::json;

use self::common::{Op, World, poll_once, quiet, safe, settle};

/// A request of a client with a session, under options that load on first use.
async fn presented(config: ConfigBuilder) -> (World, Session) {
    let world = World::on_tls(config.load_on_first_use(true));
    let cookie = world.logged_in().await;
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    (world, session)
}

fn each() -> [ConfigBuilder; 2] {
    [safe(), quiet()]
}

// a request that does not use its session asks the store nothing, and its response does not depend on it
#[tokio::test]
async fn unused() {
    for config in each() {
        let (world, session) = presented(config).await;
        world.env.advance(1_000);
        let outcome = world.close(&session).await.expect("nothing can fail");
        let mut headers = http::HeaderMap::new();
        outcome.apply(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
        assert_eq!(outcome.origin(), Origin::Unused);
        let decision = outcome.decision();
        assert_eq!((decision.store, decision.store_reason), (StoreAction::Nothing, Reason::Unused));
        assert_eq!(world.store.calls(), [""; 0]);
        // It has ended as any other.
        assert!(matches!(session.get::<u64>("n"), Err(Error::Ended)));
        session.load().await.expect("nothing is loaded any more");
        assert_eq!(world.store.calls(), [""; 0]);
    }
}

// B-071: once used, it is the session that any other request gets, to the end
#[tokio::test]
async fn used() {
    for config in each() {
        let (world, session) = presented(config).await;
        assert!(matches!(session.get::<u64>("n"), Err(Error::NotLoaded)));
        assert!(matches!(session.save().await, Err(Error::NotLoaded)));
        session.load().await.expect("the store works");
        session.load().await.expect("it is loaded");
        assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)));
        assert_eq!(session.origin().ok(), Some(Origin::Loaded));
        session.insert("n", 2).expect("it is open");
        let _ = world.close(&session).await.expect("the store works");
        assert_eq!(world.store.calls(), ["load sid1", "save sid1"]);
        assert_eq!(world.data("sid1"), Some(json!({"n": 2})));
    }
}

// B-063, B-065: without a cookie there is nothing to load, and a session that has ended is a new one
#[tokio::test]
async fn nothing_to_load() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let session = world.fresh().await;
    assert_eq!(session.origin().ok(), Some(Origin::Absent));
    let cookie = world.logged_in().await;
    world.store.drop_all();
    let session = world.open(Some(&cookie)).await.expect("the store is not asked");
    session.load().await.expect("the store works");
    assert_eq!(session.origin().ok(), Some(Origin::Missing));
    let _ = world.close(&session).await.expect("the store works");
    assert_eq!(world.store.calls(), ["load sid2"]);
}

// uses at the same time share one load
#[tokio::test]
async fn at_the_same_time() {
    let (world, session) = presented(safe()).await;
    let gate = world.store.hold(Op::Load);
    let uses: Vec<_> = (0..10)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move {
                session.load().await?;
                session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)
            })
        })
        .collect();
    settle().await;
    assert_eq!(world.store.calls(), ["load sid1"]);
    gate.open();
    for one in uses {
        one.await.expect("no panic").expect("the store works");
    }
    let _ = world.close(&session).await.expect("the store works");
    assert_eq!(world.store.calls(), ["save sid1"]);
    assert_eq!(world.data("sid1"), Some(json!({"n": 11})));
}

// a load goes on when its caller is dropped: the next use finds it done
#[tokio::test]
async fn without_its_caller() {
    let (world, session) = presented(safe()).await;
    let gate = world.store.hold(Op::Load);
    let mut first = Box::pin(session.load());
    assert!(poll_once(&mut first).is_pending());
    drop(first);
    gate.open();
    session.load().await.expect("the store works");
    assert_eq!(session.get::<u64>("n").ok(), Some(Some(1)));
    assert_eq!(world.store.calls(), ["load sid1"]);
}

// B-067: a load that fails is a failed request, whatever the handler makes of the error; nobody asks again
#[tokio::test]
async fn a_failed_load() {
    for config in each() {
        let (world, session) = presented(config).await;
        world.store.fail(Op::Load);
        assert!(matches!(session.load().await, Err(Error::Store(_))));
        assert!(matches!(session.load().await, Err(Error::Store(_))));
        assert!(matches!(session.insert("n", 2), Err(Error::Store(_))));
        assert!(matches!(world.close(&session).await, Err(Error::Store(_))));
        assert_eq!(world.store.calls(), ["load sid1"]);
        assert_eq!(world.data("sid1"), Some(json!({"n": 1})));
    }
}

// a request that is given up while its session is being loaded is over
#[tokio::test]
async fn given_up() {
    let (world, session) = presented(safe()).await;
    let gate = world.store.hold(Op::Load);
    let loading = tokio::spawn({
        let session = session.clone();
        async move { session.load().await }
    });
    settle().await;
    drop(AbandonOnDrop(Some(session.clone())));
    gate.open();
    loading.await.expect("no panic").expect("there is nothing to load any more");
    assert!(matches!(session.get::<u64>("n"), Err(Error::Ended)));
    assert!(matches!(world.close(&session).await, Err(Error::Ended)));
    assert_eq!(world.store.calls(), ["load sid1"]);
}

// what is outside of requests is not concerned
#[tokio::test]
async fn outside_of_requests() {
    let world = World::on_tls(safe().load_on_first_use(true));
    let cookie = world.logged_in().await;
    let headers = [(http::header::COOKIE, cookie)].into_iter().collect();
    let found = world.sessions.look(&headers).await.expect("the store works").expect("a session");
    assert_eq!(found.get::<u64>("n"), Ok(Some(1)));
    let id = found.id().clone();
    let edited = world.sessions.edit(id, |session| session.insert("n", 5)).await;
    assert_eq!(edited.expect("the store works"), Some(()));
    assert_eq!(world.data("sid1"), Some(json!({"n": 5})));
}

// a graceful shutdown waits for what a client that went away has left behind
#[tokio::test]
async fn settled() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    session.insert("n", 2).expect("it is open");
    let gate = world.store.hold(Op::Save);
    let mut closing = Box::pin(world.sessions.close(&session));
    assert!(poll_once(&mut closing).is_pending());
    drop(closing);
    settle().await;
    let other = Sessions::clone(&world.sessions);
    let mut settled = Box::pin(other.settled());
    assert!(poll_once(&mut settled).is_pending());
    gate.open();
    settled.await;
    assert_eq!(world.data("sid1"), Some(json!({"n": 2})));
    other.settled().await;
    // It does not end the service.
    let session = world.fresh().await;
    session.insert("n", 3).expect("it is open");
    let _ = world.close(&session).await.expect("the store works");
}

// what each request's session is needed for can't be had together with it
#[test]
fn what_excludes_it() {
    for (config, sound) in [
        (safe(), true),
        (quiet(), true),
        (Config::express("keyboard cat"), false),
        (quiet().rolling(true), false),
        (safe().resave(true), false),
    ] {
        let built = config.load_on_first_use(true).build();
        assert_eq!(built.is_ok(), sound, "{built:?}");
        assert!(sound || format!("{built:?}").contains("load_on_first_use can't go"));
    }
}
