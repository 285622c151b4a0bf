//! Parallel requests of one session: whose change counts, and who is told that none does.

mod common;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http_session_store::core::store::{Load, Stored, Version, Written};
use http_session_store::core::{
    Attribute, ConfigBuilder, Conflict, Connection, Reason, RequestFacts, SessionId, Timeouts,
    Timestamp, Unset,
};
use http_session_store::testing::cookie_for;
use http_session_store::{Error, MemoryStore, Session, Sessions, Store};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use self::common::{Op, START, World, quiet, safe};

/// A request of its own over a store of this process: begun, handled, ended.
async fn request(
    sessions: &Sessions,
    cookie: &HeaderValue,
    handle: impl AsyncFnOnce(&Session) -> Result<(), Error>,
) -> Result<(), Error> {
    let connection = Connection::Encrypted;
    let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
    let begin = sessions.config().begin(&facts, [cookie.as_bytes()], sessions.now());
    let session = sessions.open(begin).await?.expect("a session on every path");
    handle(&session).await?;
    // Others come in between here.
    yield_now().await;
    sessions.close(&session).await.map(drop)
}

/// A memory store with one session.
async fn memory(config: ConfigBuilder) -> (MemoryStore, Sessions, HeaderValue) {
    let store = MemoryStore::new();
    let sessions = Sessions::new(config.build().expect("sound options"), store.clone());
    let cookie = cookie_for(&sessions, |session| session.insert("n", 0)).await;
    (store, sessions, cookie.expect("there is room"))
}

/// The data of the only record.
fn only(store: &MemoryStore) -> Value {
    let all = store.all(Timestamp::from(SystemTime::now()));
    let [(_, record)] = &all[..] else { panic!("{} records", all.len()) };
    serde_json::from_str(&record.to_json()).expect("JSON")
}

fn increment(session: &Session) -> Result<(), Error> {
    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).map(drop)
}

fn insert<T: serde::Serialize>(session: &Session, key: &str, value: T) {
    session.insert(key, value).expect("it is open");
}

// RC-9, B-130: of parallel increments all count, and no request fails: 8 tasks, 1,000 requests
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_increments() {
    let (store, sessions, cookie) = memory(safe()).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (sessions, cookie) = (sessions.clone(), cookie.clone());
        tasks.spawn(async move {
            for _ in 0..125 {
                request(&sessions, &cookie, async |session| increment(session)).await?;
            }
            Ok::<_, Error>(())
        });
    }
    for ended in tasks.join_all().await {
        ended.expect("no request fails");
    }
    assert_eq!(only(&store)["n"], 1_000);
}

// RC-3, B-130: what parallel requests put under keys of their own is all there: 200 in bursts of 10, each
// of which has loaded the session before the first of them saves
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_keys() {
    let (store, sessions, cookie) = memory(safe()).await;
    for burst in 0..20 {
        let all = Arc::new(Barrier::new(10));
        let mut tasks = JoinSet::new();
        for task in 0..10 {
            let (all, sessions, cookie) = (all.clone(), sessions.clone(), cookie.clone());
            tasks.spawn(async move {
                request(&sessions, &cookie, async |session| {
                    all.wait().await;
                    session.insert(&format!("key {burst} {task}"), burst * 10 + task)
                })
                .await
            });
        }
        for ended in tasks.join_all().await {
            ended.expect("no request fails");
        }
    }
    let data = only(&store);
    for n in 0..200 {
        assert_eq!(data[format!("key {} {}", n / 10, n % 10)], n);
    }
}

/// Two requests of one session at the same time: both have loaded it when the first one ends.
async fn two(
    world: &World,
    first: impl FnOnce(&Session),
    second: impl FnOnce(&Session),
) -> (Result<(), Error>, Value) {
    let cookie = cookie_for(&world.sessions, |session| session.write(&json!({"n": 1, "m": 1})))
        .await
        .expect("the store works");
    let id = world.ids().pop().expect("it was saved");
    let (one, other) = (world.again(&cookie).await, world.again(&cookie).await);
    first(&one);
    second(&other);
    world.close(&one).await.map(drop).expect("it is the first");
    let ended = world.close(&other).await.map(drop);
    (ended, world.data(&id).unwrap_or_default())
}

/// What two requests leave behind, neither of which fails.
async fn merged(first: impl FnOnce(&Session), second: impl FnOnce(&Session)) -> Value {
    let (ended, data) = two(&World::on_tls(safe()), first, second).await;
    ended.expect("it merges");
    data
}

// of two values for one key, the last writer's counts; what only one of them wrote counts, too
#[tokio::test]
async fn the_same_key() {
    let data = merged(
        |first| first.write(&json!({"n": 2, "a": 1})).expect("it is open"),
        |second| second.write(&json!({"n": 3, "b": 1})).expect("it is open"),
    )
    .await;
    assert_eq!(data, json!({"n": 3, "m": 1, "a": 1, "b": 1}));
}

// RC-3, B-130: the lost update is what Overwrite says it is, under either preset: the last writer's copy
#[tokio::test]
async fn overwrite() {
    for world in [
        World::new(quiet()),
        World::on_tls(safe().conflict(Conflict::Overwrite)),
        World::new(quiet().conflict(Conflict::Overwrite)),
    ] {
        let (ended, data) =
            two(&world, |first| insert(first, "a", 1), |second| insert(second, "b", 1)).await;
        ended.expect("it overwrites");
        assert_eq!(data, json!({"n": 1, "m": 1, "b": 1}));
        let both = |session: &Session| increment(session).expect("a number");
        assert_eq!(two(&world, both, both).await.1["n"], 2);
    }
}

// RC-3: with Refuse the later writer is told, and what the first one wrote stands; who changes nothing is
// not in anybody's way
#[tokio::test]
async fn refuse() {
    for world in [
        World::on_tls(safe().conflict(Conflict::Refuse)),
        World::new(quiet().conflict(Conflict::Refuse)),
    ] {
        let (ended, data) =
            two(&world, |first| insert(first, "a", 1), |second| insert(second, "b", 1)).await;
        let error = ended.expect_err("it was later");
        assert!(matches!(error, Error::Conflict), "{error:?}");
        assert_eq!((error.status().as_u16(), data), (409, json!({"n": 1, "m": 1, "a": 1})));
        let (ended, data) = two(&world, |first| insert(first, "a", 1), |_| {}).await;
        ended.expect("it changes nothing");
        assert_eq!(data["a"], 1);
        two(&world, |_| {}, |second| insert(second, "b", 1)).await.0.expect("it is the only one");
    }
}

// merging works under express-session's quirks as well: that is how to share sessions with Node
#[tokio::test]
async fn express_that_merges() {
    let world = World::new(quiet().conflict(Conflict::Merge));
    let (ended, data) =
        two(&world, |first| insert(first, "a", 1), |second| insert(second, "b", 1)).await;
    ended.expect("it merges");
    assert_eq!(data, json!({"n": 1, "m": 1, "a": 1, "b": 1}));
}

// an update of a value that is of another type by then can't be carried out: a conflict
#[tokio::test]
async fn another_type_meanwhile() {
    let world = World::on_tls(safe());
    let text = |first: &Session| insert(first, "n", "text");
    let (ended, data) =
        two(&world, text, |second| increment(second).expect("still a number")).await;
    let error = ended.expect_err("it is no number");
    assert!(matches!(error, Error::Conflict), "{error:?}");
    assert_eq!((error.status().as_u16(), data), (409, json!({"n": "text", "m": 1})));
}

// an update of what this request has put there itself knows nothing of other requests: it is a
// value
#[tokio::test]
async fn insert_then_update() {
    let data = merged(
        |first| insert(first, "n", 5),
        |second| {
            insert(second, "n", 10);
            increment(second).expect("a number");
        },
    )
    .await;
    assert_eq!(data["n"], 11);
}

// what was updated and then taken out, or written over, is taken out, or written
#[tokio::test]
async fn update_then_something_else() {
    let first = |first: &Session| insert(first, "n", 5);
    let data = merged(first, |second| {
        increment(second).expect("a number");
        second.remove("n").map(drop).expect("it is open");
    })
    .await;
    assert_eq!(data, json!({"m": 1}));
    let data = merged(first, |second| {
        increment(second).expect("a number");
        insert(second, "n", 10);
    })
    .await;
    assert_eq!(data["n"], 10);
}

// several updates are made again in their order
#[tokio::test]
async fn updates_in_order() {
    let data = merged(
        |first| insert(first, "n", 100),
        |second| {
            increment(second).expect("a number");
            second.update("n", |n: Option<u64>| n.unwrap_or_default() * 2).expect("a number");
            second.update("m", |m: Option<u64>| m.unwrap_or_default() + 7).expect("a number");
        },
    )
    .await;
    assert_eq!(data, json!({"n": 202, "m": 8}));
}

// B-175: a save in the middle merges like the one at the end, and what comes after it counts once
#[tokio::test]
async fn a_save_in_the_middle() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    let session = world.again(&cookie).await;
    for _ in 0..2 {
        let other = world.again(&cookie).await;
        increment(&other).expect("a number");
        increment(&session).expect("a number");
        world.close(&other).await.map(drop).expect("it is the first");
        session.save().await.expect("it merges");
    }
    assert_eq!(session.get::<u64>("n").ok(), Some(Some(5)));
    assert_eq!(world.data("sid1"), Some(json!({"n": 5})));
    let other = world.again(&cookie).await;
    increment(&other).expect("a number");
    world.close(&other).await.map(drop).expect("it is the first");
    increment(&session).expect("a number");
    world.close(&session).await.map(drop).expect("it merges");
    assert_eq!(world.data("sid1"), Some(json!({"n": 7})));
}

// what is changed while a save asks the store is kept, whether that save merges or not
#[tokio::test]
async fn changes_while_a_save_merges() {
    for merges in [false, true] {
        let world = World::on_tls(safe());
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        increment(&session).expect("a number");
        let gate = world.store.hold(Op::Save);
        let clone = session.clone();
        let save = tokio::spawn(async move { clone.save().await });
        gate.reached().await;
        if merges {
            world.store.put("sid1", r#"{"cookie":{"originalMaxAge":null},"n":100,"x":1}"#);
        }
        increment(&session).expect("a number");
        insert(&session, "late", true);
        gate.open();
        save.await.expect("no panic").expect("it merges");
        world.close(&session).await.map(drop).expect("it merges");
        let data = world.data("sid1").expect("a record");
        assert_eq!(
            (&data["n"], &data["late"]),
            (&json!(if merges { 102 } else { 3 }), &json!(true))
        );
        assert_eq!(data.get("x").is_some(), merges);
    }
}

// clear takes out what was there, and what a parallel request has put there meanwhile
#[tokio::test]
async fn clear_and_a_write() {
    let clear = |session: &Session| session.clear().expect("it is open");
    let write = |session: &Session| session.write(&json!({"n": 5, "a": 1})).expect("it is open");
    // The last writer's word counts.
    assert_eq!(merged(write, clear).await, json!({}));
    assert_eq!(merged(clear, write).await, json!({"n": 5, "a": 1}));
}

// what one request takes out stays out, whichever ends first
#[tokio::test]
async fn a_removal() {
    let remove = |session: &Session| session.remove("n").map(drop).expect("it is open");
    let write = |session: &Session| insert(session, "a", 1);
    assert_eq!(merged(write, remove).await, json!({"m": 1, "a": 1}));
    assert_eq!(merged(remove, write).await, json!({"m": 1, "a": 1}));
}

/// What a request does.
type Change<'a> = &'a dyn Fn(&Session);

// B-089: a lifetime that one request sets and data that another writes are both kept; so are two
// changes of the cookie
#[tokio::test]
async fn cookie_and_data() {
    let hour = |session: &Session| {
        session.set_max_age(Duration::from_secs(3_600)).expect("it is open");
    };
    let strict = |session: &Session| {
        let set = session.cookie_mut(|cookie, _| cookie.set(Attribute::SameSite, "strict"));
        set.expect("it is open").expect("a value of SameSite");
    };
    let write = |session: &Session| insert(session, "a", 1);
    let order: [[Change<'_>; 2]; 4] =
        [[&hour, &write], [&write, &hour], [&hour, &strict], [&strict, &hour]];
    for (index, [first, second]) in order.into_iter().enumerate() {
        let world = World::on_tls(safe());
        let (ended, data) = two(&world, first, second).await;
        ended.expect("it merges");
        let record = &world.store.records()["sid1"];
        assert!(record.contains(r#""originalMaxAge":3600000"#), "{record}");
        assert_eq!(data.get("a").is_some(), index < 2, "{record}");
        assert_eq!(record.contains("strict"), index >= 2, "{record}");
    }
}

/// Changed, again.
fn changed(version: u8) -> Written {
    let mut stored = Stored::new(format!(r#"{{"cookie":{{}},"n":{version}}}"#));
    stored.version = Some(Version(Box::new([version])));
    Written::Changed(stored)
}

// B-211: a write is tried again at most 32 times: a store that always says that the record was
// changed is a conflict, at the end and for save(), and not a hang
#[tokio::test]
async fn a_bound_of_tries() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    increment(&session).expect("a number");
    for explicit in [true, false] {
        (0..33).for_each(|version| world.store.answer_save(changed(version)));
        let ended =
            if explicit { session.save().await } else { world.close(&session).await.map(drop) };
        let error = ended.expect_err("it never succeeds");
        assert!(matches!(error, Error::Conflict), "{error:?}");
        assert_eq!(error.status(), 409);
        assert_eq!(world.store.calls(), vec!["save sid1"; 33]);
    }
    assert_eq!(world.data("sid1"), Some(json!({"n": 1})));
    // One less, and it is saved.
    let session = world.loaded().await;
    increment(&session).expect("a number");
    let load = Load::new(SessionId::from_text("sid2").expect("an id"), START, None);
    let stored = world.store.load(&load).await.expect("it works").expect("a record");
    (1..32).for_each(|version| world.store.answer_save(changed(version)));
    world.store.answer_save(Written::Changed(stored));
    world.store.calls();
    world.close(&session).await.map(drop).expect("the last one");
    assert_eq!(world.store.calls(), vec!["save sid2"; 33]);
    assert_eq!(world.data("sid2"), Some(json!({"n": 2})));
}

// B-211: a save whose answer was lost may have been done: what it updated is not updated once more at
// the end, and the client is not told that all is well if nobody knows
#[tokio::test]
async fn an_update_whose_answer_is_lost() {
    let world = World::on_tls(safe());
    let session = world.loaded().await;
    increment(&session).expect("a number");
    world.store.fail_after(Op::Save);
    assert!(matches!(session.save().await, Err(Error::Store(_))));
    let ended = world.close(&session).await;
    assert_eq!(world.data("sid1"), Some(json!({"n": 2})), "{ended:?}");
    // A save that was not done is made up for at the end.
    let session = world.loaded().await;
    increment(&session).expect("a number");
    world.store.fail(Op::Save);
    assert!(matches!(session.save().await, Err(Error::Store(_))));
    world.close(&session).await.map(drop).expect("the store works");
    assert_eq!(world.data("sid2"), Some(json!({"n": 2})));
}

/// What a slow request does while somebody logs out.
#[derive(Clone, Copy, Debug)]
enum Slow {
    Changes,
    Reads,
    Saves,
    Touches,
}

/// A logout while a slow request of the same session runs, which then does as it is told.
async fn logout(world: &World, slow: Slow) -> Result<Reason, Error> {
    let cookie = world.logged_in().await;
    let (session, other) = (world.again(&cookie).await, world.again(&cookie).await);
    other.destroy().await.expect("the store works");
    world.close(&other).await.map(drop).expect("the store works");
    world.store.calls();
    match slow {
        Slow::Changes => insert(&session, "n", 2),
        Slow::Reads => assert_eq!(session.get::<u64>("n").ok(), Some(Some(1))),
        Slow::Saves => session.save().await?,
        Slow::Touches => session.touch().expect("it is open"),
    }
    let outcome = world.close(&session).await?;
    assert!(outcome.set_cookie().is_none(), "{slow:?}");
    Ok(outcome.decision().cookie_reason)
}

// RC-1, B-130, B-131: a logout stays, whatever a slow request does: one that would write is told that the
// session is gone, and gets no cookie; no record comes back
#[tokio::test]
async fn a_logout_stays() {
    let hour = safe().timeouts(Timeouts::AAL2);
    for config in [safe(), safe().rolling(true), safe().conflict(Conflict::Overwrite), hour] {
        for slow in [Slow::Changes, Slow::Saves, Slow::Reads, Slow::Touches] {
            let world = World::on_tls(config.clone());
            match (slow, logout(&world, slow).await) {
                (Slow::Changes | Slow::Saves, Err(error)) => {
                    assert!(matches!(error, Error::Gone), "{slow:?}: {error:?}");
                    assert_eq!(error.status(), 409);
                }
                (Slow::Reads | Slow::Touches, Ok(reason)) => assert_eq!(reason, Reason::Gone),
                (_, other) => panic!("{slow:?}: {other:?}"),
            }
            assert_eq!(world.ids(), [""; 0], "{slow:?}");
        }
    }
}

// B-130: the same for a writer under express-session's quirks, if conflicts are not to be
// overwritten
#[tokio::test]
async fn a_logout_stays_under_express() {
    for conflict in [Conflict::Merge, Conflict::Refuse] {
        let world = World::new(quiet().conflict(conflict).unset(Unset::Destroy));
        let error = logout(&world, Slow::Changes).await.expect_err("it is gone");
        assert!(matches!(error, Error::Gone), "{error:?}");
        assert_eq!((error.status().as_u16(), world.ids()), (409, vec![]));
    }
    // With express-session's own policy it comes back.
    let world = World::new(quiet());
    logout(&world, Slow::Changes).await.expect("it overwrites");
    assert_eq!(world.ids(), ["sid1"]);
}

// RC-2, B-112: a reader that only writes back what it found has nothing to lose, so nothing fails: what a
// parallel request made of the session stands
#[tokio::test]
async fn a_reader_with_resave() {
    for conflict in [Conflict::Merge, Conflict::Refuse] {
        let world = World::new(quiet().resave(true).rolling(true).conflict(conflict));
        let cookie = world.logged_in().await;
        let (reader, writer) = (world.again(&cookie).await, world.again(&cookie).await);
        writer.insert("n", 2).expect("JSON");
        drop(world.close(&writer).await.expect("it is first"));
        drop(world.close(&reader).await.expect("it changed nothing"));
        assert_eq!(world.data("sid1"), Some(json!({ "n": 2 })));

        let (reader, ender) = (world.again(&cookie).await, world.again(&cookie).await);
        ender.destroy().await.expect("the store works");
        drop(world.close(&ender).await.expect("it has no session"));
        let outcome = world.close(&reader).await.expect("it changed nothing");
        assert_eq!(outcome.decision().cookie_reason, Reason::Gone);
        assert_eq!((outcome.set_cookie(), world.ids()), (None, vec![]));
    }
}
