//! Sessions outside of a request: looked at, changed and ended by those who have headers or an id.

mod common;

use http::HeaderValue;
use http_session_store::core::{
    Conflict, CookieOptions, DataError, RecordError, SessionId, Timeouts,
};
use http_session_store::testing::cookie_for;
use http_session_store::{Error, MemoryStore, Sessions};
use serde_json::json;
use tokio::task::JoinSet;

use self::common::{Op, World, poll_once, quiet, safe};

fn id(text: &str) -> SessionId {
    SessionId::from_text(text).expect("an id")
}

fn increment(session: &mut http_session_store::core::Session) -> Result<u64, DataError> {
    session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1)
}

async fn edit(world: &World) -> Result<Option<u64>, Error> {
    world.sessions.edit(id("sid1"), increment).await
}

async fn look_with(
    world: &World,
    cookie: Option<&HeaderValue>,
) -> Result<Option<http_session::Session>, Error> {
    let cookies = cookie.map(|cookie| (http::header::COOKIE, cookie.clone()));
    world.sessions.look(&cookies.into_iter().collect()).await
}

// look: one load, and nothing else; the session is there to be read
#[tokio::test]
async fn look() {
    let hour = CookieOptions::new().max_age(std::time::Duration::from_secs(3_600));
    for config in [
        safe().rolling(true).cookie(hour.clone()),
        quiet().resave(true).save_uninitialized(true).rolling(true).cookie(hour),
    ] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let before = world.store.records();
        world.env.advance(1_000);
        let mut found = look_with(&world, Some(&cookie)).await.expect("it works");
        let session = found.as_mut().expect("it is there");
        assert_eq!((session.id().as_str(), session.get("n")), ("sid1", Ok(Some(1))));
        // It is a copy: what is done to it is nobody's business.
        session.insert("n", 2).expect("a number");
        drop(found);
        assert_eq!(
            (world.store.calls(), world.store.records()),
            (vec!["load sid1".into()], before)
        );
    }
}

// only a request is a use: nobody who looks from outside lets a session live on
#[tokio::test]
async fn to_look_is_not_to_use() {
    let idle = Timeouts::DEFAULT.idle;
    for (config, refresh) in [(safe(), idle), (quiet().timeouts(Timeouts::DEFAULT), None)] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        assert!(look_with(&world, Some(&cookie)).await.expect("it works").is_some());
        let read = |session: &mut http_session::Session| session.get::<u64>("n");
        world.sessions.edit(id("sid1"), read).await.expect("it works");
        assert_eq!(world.store.refreshes(), [None, None]);
        drop(world.again(&cookie).await);
        assert_eq!(world.store.refreshes(), [refresh]);
    }
}

// B-057, B-063, B-065: look finds nothing, makes nothing and sends nobody to the store for what was
// not signed
#[tokio::test]
async fn look_for_nothing() {
    for config in [safe(), quiet().save_uninitialized(true)] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let name = world.sessions.config().name();
        let forged = HeaderValue::try_from(format!("{name}=s%3Asid1.forged")).expect("ASCII");
        for cookie in [None, Some(&forged)] {
            let found = look_with(&world, cookie).await.expect("it works");
            assert!(found.is_none());
            assert_eq!(world.store.calls(), [""; 0]);
        }
        world.store.drop_all();
        assert!(look_with(&world, Some(&cookie)).await.expect("it works").is_none());
        assert_eq!((world.store.calls(), world.ids()), (vec!["load sid1".into()], vec![]));
    }
}

// B-067, B-069: what look can't find out is an error
#[tokio::test]
async fn look_fails() {
    let world = World::on_tls(safe());
    let cookie = world.logged_in().await;
    world.store.fail(Op::Load);
    let failed = look_with(&world, Some(&cookie)).await;
    assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
    world.store.put("sid1", "{}");
    let failed = look_with(&world, Some(&cookie)).await;
    assert!(matches!(failed, Err(Error::Record(RecordError::NoCookie))), "{failed:?}");
}

// B-196: a job changes a session by its id: one load, one save, and its result
#[tokio::test]
async fn edit_by_id() {
    for config in [safe(), quiet()] {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        assert_eq!(edit(&world).await.expect("the store works"), Some(2));
        assert_eq!(world.store.calls(), ["load sid1", "save sid1"]);
        assert_eq!(world.again(&cookie).await.get::<u64>("n").ok(), Some(Some(2)));
    }
}

// B-196: an id without a session is None, nothing is made, and the change is not called
#[tokio::test]
async fn edit_what_is_not_there() {
    let world = World::on_tls(safe().save_uninitialized(true));
    let change = |_: &mut _| panic!("there is nothing to change");
    let edited = world.sessions.edit::<(), Error>(id("unknown"), change).await;
    assert!(matches!(edited, Ok(None)), "{edited:?}");
    assert_eq!((world.store.calls(), world.ids()), (vec!["load unknown".into()], vec![]));
    // Neither is one that has ended by itself.
    world.logged_in().await;
    world.env.set(http_session_store::core::Timestamp::MAX);
    assert!(matches!(edit(&world).await, Ok(None)));
    assert_eq!(world.store.calls(), ["load sid1"]);
}

// what is not changed is not saved, under resave neither; what the change says is an error
#[tokio::test]
async fn edit_nothing() {
    for config in [safe().rolling(true), quiet().resave(true)] {
        let world = World::on_tls(config);
        world.logged_in().await;
        let before = world.store.records();
        world.env.advance(1_000);
        let n = world.sessions.edit(id("sid1"), |session| session.get::<u64>("n")).await;
        assert_eq!(n.expect("the store works"), Some(Some(1)));
        let same = world.sessions.edit(id("sid1"), |session| session.insert("n", 1)).await;
        assert_eq!(same.expect("the store works"), Some(()));
        let failed = world.sessions.edit(id("sid1"), |session| {
            session.insert("a", 1)?;
            session.insert("cookie", 1)
        });
        assert!(matches!(failed.await, Err(Error::Data(DataError::ReservedKey))));
        assert_eq!(
            (world.store.calls(), world.store.records()),
            (vec!["load sid1".into(); 3], before)
        );
    }
}

// a save is use: the idle timeout begins anew, the absolute one does not
#[tokio::test]
async fn edit_is_use() {
    let world = World::on_tls(safe().timeouts(Timeouts::AAL2));
    let cookie = world.logged_in().await;
    let hour = 3_600_000;
    for _ in 0..24 {
        world.env.advance(hour - 1);
        edit(&world).await.expect("the store works").expect("it is there");
    }
    world.env.advance(23);
    assert_eq!(world.again(&cookie).await.get::<u64>("n").ok(), Some(Some(25)));
    world.env.advance(1);
    assert_eq!(world.again(&cookie).await.get::<u64>("n").ok(), Some(None));
}

// a job and a request at the same time: both changes are kept, whichever saves first
#[tokio::test]
async fn edit_merges() {
    for request_first in [false, true] {
        let world = World::on_tls(safe());
        let session = world.loaded().await;
        session.insert("request", 1).expect("it is open");
        session.update("n", |n: Option<u64>| n.unwrap_or_default() + 1).expect("a number");
        let change = |session: &mut http_session_store::core::Session| {
            session.insert("job", 1)?;
            increment(session)
        };
        let gate = world.store.hold(Op::Save);
        let mut edit = Box::pin(world.sessions.edit(id("sid1"), change));
        assert!(poll_once(&mut edit).is_pending());
        if request_first {
            world.close(&session).await.map(drop).expect("it is the first");
            gate.open();
            // The change is made again, of what is there then: what it returns is what was saved.
            assert_eq!(edit.await.expect("it is made again"), Some(3));
            let calls = ["load sid1", "save sid1", "save sid1", "load sid1", "save sid1"];
            assert_eq!(world.store.calls(), calls);
        } else {
            gate.open();
            assert_eq!(edit.await.expect("it is the first"), Some(2));
            world.close(&session).await.map(drop).expect("it merges");
        }
        assert_eq!(world.data("sid1"), Some(json!({"n": 3, "job": 1, "request": 1})));
    }
}

// a job is under the same rules for conflicts as a request
#[tokio::test]
async fn edit_conflicts() {
    for (conflict, refused) in [(Conflict::Refuse, true), (Conflict::Overwrite, false)] {
        let world = World::on_tls(safe().conflict(conflict));
        let session = world.loaded().await;
        session.insert("request", 1).expect("it is open");
        let gate = world.store.hold(Op::Save);
        let mut edit = Box::pin(edit(&world));
        assert!(poll_once(&mut edit).is_pending());
        world.close(&session).await.map(drop).expect("it is the first");
        gate.open();
        let edited = edit.await;
        if refused {
            assert!(matches!(edited, Err(Error::Conflict)), "{edited:?}");
            assert_eq!(world.data("sid1"), Some(json!({"n": 1, "request": 1})));
        } else {
            assert_eq!(edited.expect("it overwrites"), Some(2));
            assert_eq!(world.data("sid1"), Some(json!({"n": 2})));
        }
    }
}

// an outage: nothing was saved, and the job is told
#[tokio::test]
async fn edit_fails() {
    let world = World::on_tls(safe());
    world.logged_in().await;
    let before = world.store.records();
    for op in [Op::Load, Op::Save] {
        world.store.fail(op);
        assert!(matches!(edit(&world).await, Err(Error::Store(_))), "{op:?}");
        assert_eq!(world.store.records(), before);
    }
}

// end: the record is gone, what a request saves later does not bring it back, and nor does a job
#[tokio::test]
async fn end() {
    for config in [safe(), safe().conflict(Conflict::Overwrite), quiet().conflict(Conflict::Merge)]
    {
        let world = World::on_tls(config);
        let cookie = world.logged_in().await;
        let session = world.again(&cookie).await;
        session.insert("n", 2).expect("it is open");
        let gate = world.store.hold(Op::Save);
        let mut edit = Box::pin(edit(&world));
        assert!(poll_once(&mut edit).is_pending());
        world.store.calls();
        world.sessions.end(id("sid1")).await.expect("the store works");
        assert_eq!((world.store.calls(), world.ids()), (vec!["delete sid1".into()], vec![]));
        gate.open();
        let edited = edit.await;
        assert!(matches!(edited, Err(Error::Gone)), "{edited:?}");
        let ended = world.close(&session).await;
        assert!(matches!(ended, Err(Error::Gone)), "{ended:?}");
        assert_eq!(world.ids(), [""; 0]);
        // To end it twice is no error.
        world.sessions.end(id("sid1")).await.expect("the store works");
    }
    let world = World::on_tls(safe());
    world.logged_in().await;
    world.store.fail(Op::Delete);
    assert!(matches!(world.sessions.end(id("sid1")).await, Err(Error::Store(_))));
    assert_eq!(world.ids(), ["sid1"]);
}

// a change is made again if another one was faster: none is lost, also of those that read and write, and
// each result is of its own
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edits_at_the_same_time() {
    let world = World::on_tls(safe());
    world.logged_in().await;
    let sessions = Sessions::new(safe().build().expect("sound options"), MemoryStore::new());
    let cookie = cookie_for(&sessions, |session| session.insert("n", 0)).await.expect("a cookie");
    let headers = [(http::header::COOKIE, cookie)].into_iter().collect();
    let id = sessions.look(&headers).await.expect("it works").expect("a session").id().clone();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (sessions, id) = (sessions.clone(), id.clone());
        tasks.spawn(async move {
            let mut results = Vec::new();
            for _ in 0..250 {
                let change = |session: &mut http_session_store::core::Session| {
                    let n = session.get::<u64>("n")?.unwrap_or_default() + 1;
                    session.insert("n", n).map(|()| n)
                };
                results.push(sessions.edit(id.clone(), change).await.expect("no conflict is left"));
            }
            results
        });
    }
    let mut results: Vec<_> = tasks.join_all().await.into_iter().flatten().flatten().collect();
    results.sort_unstable();
    assert_eq!(results, (1..=2_000).collect::<Vec<_>>());
}
