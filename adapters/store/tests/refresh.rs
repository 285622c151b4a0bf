//! A load that renews, in a store like Redis: no touch ever writes the cookie into the record.

mod common;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::store::{
    Delete, Load, Rotate, Save, Stored, Touch, Touched, Version, Written,
};
use http_session_store::core::{
    Connection, CookieOptions, Expires, Origin, RequestFacts, Timeouts, Timestamp,
};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Session, Sessions, Store};

use self::common::{START, safe};

type Kept = HashMap<String, (String, Option<Timestamp>)>;

/// As Redis: the text and an end, and a load that sets the end.
#[derive(Clone, Default)]
struct LikeRedis(Arc<Mutex<Kept>>);

impl LikeRedis {
    fn alive(&self, id: &str, now: Timestamp) -> Option<String> {
        let mut kept = self.0.lock().expect("no panic");
        kept.retain(|_, (_, end)| end.is_none_or(|end| end > now));
        kept.get(id).map(|(text, _)| text.clone())
    }

    fn end(&self) -> Option<Timestamp> {
        self.0.lock().expect("no panic").values().next().and_then(|(_, end)| *end)
    }
}

fn stored(text: &str) -> Stored {
    Stored { version: Some(Version(text.as_bytes().into())), ..Stored::new(text) }
}

impl Store for LikeRedis {
    type Error = Infallible;

    async fn load(&self, load: &Load) -> Result<Option<Stored>, Infallible> {
        let Some(text) = self.alive(load.id.as_str(), load.now) else { return Ok(None) };
        if let Some(refresh) = load.refresh {
            let end = load.now.plus_millis(refresh.as_millis().try_into().expect("short"));
            self.0.lock().expect("no panic").insert(load.id.as_str().into(), (text.clone(), end));
        }
        Ok(Some(Stored { refreshed: load.refresh.is_some(), ..stored(&text) }))
    }

    async fn save(&self, save: &Save) -> Result<Written, Infallible> {
        let (id, text) = (save.id.as_str(), save.record.to_json());
        drop(self.alive(id, save.now));
        self.0.lock().expect("no panic").insert(id.into(), (text.clone(), save.record.expires()));
        Ok(Written::Saved(Some(Version(text.as_bytes().into()))))
    }

    async fn rotate(&self, _: &Rotate) -> Result<Written, Infallible> {
        unreachable!("nobody does")
    }

    async fn touch(&self, touch: &Touch) -> Result<Touched, Infallible> {
        let id = touch.id.as_str();
        let Some(text) = self.alive(id, touch.now) else { return Ok(Touched::Gone) };
        self.0.lock().expect("no panic").insert(id.into(), (text, touch.expires));
        Ok(Touched::Alive)
    }

    async fn delete(&self, delete: &Delete) -> Result<(), Infallible> {
        self.0.lock().expect("no panic").remove(delete.id.as_str());
        Ok(())
    }
}

struct World {
    cookie: HeaderValue,
    env: TestEnv,
    sessions: Sessions,
    store: LikeRedis,
}

const MINUTE: i64 = 60_000;

impl World {
    async fn new(options: CookieOptions, timeouts: Timeouts, fill: impl FnOnce(&Session)) -> Self {
        let (env, store) = (TestEnv::new(START), LikeRedis::default());
        let config = safe().cookie(options).timeouts(timeouts).build().expect("sound");
        let sessions = Sessions::new(config, store.clone()).env(env.clone());
        let cookie = cookie_for(&sessions, |session| {
            session.insert("n", 1)?;
            fill(session);
            Ok(())
        });
        let cookie = cookie.await.expect("it is saved");
        Self { cookie, env, sessions, store }
    }

    async fn open(&self) -> Session {
        let facts = RequestFacts {
            path: "/",
            connection: Connection::Encrypted,
            ..RequestFacts::default()
        };
        let lines = [self.cookie.as_bytes()];
        let begin = self.sessions.config().begin(&facts, lines, self.sessions.now());
        self.sessions.open(begin).await.expect("it works").expect("a session")
    }
}

fn idle(minutes: u64) -> Timeouts {
    Timeouts { idle: Some(Duration::from_secs(60 * minutes)), absolute: None }
}

fn minutes(minutes: i64) -> Timestamp {
    START.plus_millis(minutes * MINUTE).expect("in range")
}

// a fixed end of the cookie is the session's end, whatever became of a request before it
#[tokio::test]
async fn a_fixed_end_holds_though_a_request_was_given_up() {
    let world = World::new(CookieOptions::new(), idle(30), |session| {
        let set = |cookie: &mut http_session_store::core::SessionCookie, now| {
            cookie.set_expires(Expires::At(minutes(10)), now);
        };
        session.cookie_mut(set).expect("a session");
    })
    .await;
    assert_eq!(world.store.end(), Some(minutes(10)));
    world.env.set(minutes(9));
    Sessions::abandon(&world.open().await);
    world.env.set(minutes(11));
    assert_ne!(world.open().await.origin().ok(), Some(Origin::Loaded), "one minute after its end");
}

// the same while another request is still under way
#[tokio::test]
async fn a_fixed_end_holds_while_a_request_is_under_way() {
    let set = CookieOptions::new().expires(Expires::At(minutes(10)));
    let world = World::new(set, idle(30), |_| {}).await;
    world.env.set(minutes(9));
    let slow = world.open().await;
    world.env.set(minutes(11));
    assert_ne!(world.open().await.origin().ok(), Some(Origin::Loaded), "one minute after its end");
    drop(world.sessions.close(&slow).await.expect("it works"));
}

// a cookie that lives for a minute: the session is not there for half an hour
#[tokio::test]
async fn a_short_max_age_of_the_options_holds_though_a_request_was_given_up() {
    let options = CookieOptions::new().max_age(Duration::from_secs(60));
    let world = World::new(options, idle(30), |_| {}).await;
    world.env.advance(30_000);
    Sessions::abandon(&world.open().await);
    world.env.set(minutes(20));
    assert_ne!(world.open().await.origin().ok(), Some(Origin::Loaded), "long after its end");
}

// the same, set by the application for one session
#[tokio::test]
async fn a_short_max_age_of_a_session_holds_though_a_request_was_given_up() {
    let world = World::new(CookieOptions::new(), idle(30), |session| {
        session.set_max_age(Duration::from_secs(60)).expect("a session");
    })
    .await;
    assert_eq!(world.store.end(), Some(minutes(1)));
    world.env.advance(30_000);
    Sessions::abandon(&world.open().await);
    world.env.set(minutes(20));
    assert_ne!(world.open().await.origin().ok(), Some(Origin::Loaded), "long after its end");
}

// what has reached its absolute timeout does not stay for as long as somebody presents it
#[tokio::test]
async fn the_absolute_timeout_removes_the_record() {
    let timeouts = Timeouts { absolute: Some(Duration::from_secs(3_600)), ..idle(30) };
    let world = World::new(CookieOptions::new(), timeouts, |_| {}).await;
    world.env.set(minutes(29));
    drop(world.sessions.close(&world.open().await).await.expect("it works"));
    world.env.set(minutes(58));
    Sessions::abandon(&world.open().await);
    for visit in 4..=20 {
        world.env.set(minutes(visit * 20));
        let session = world.open().await;
        drop(world.sessions.close(&session).await.expect("it works"));
    }
    assert_eq!(world.store.end(), None, "the record of a session that ended long ago");
}

// B-108: with touch_after, a store that does not tell when a record ends touches as ever, and a load renews
// nothing
#[tokio::test]
async fn a_store_that_does_not_tell() {
    let mut world = World::new(CookieOptions::new(), idle(30), |_| {}).await;
    let config = safe().timeouts(idle(30)).touch_after(Duration::from_secs(60));
    let config = config.build().expect("sound");
    world.sessions = Sessions::new(config, world.store.clone()).env(world.env.clone());
    world.env.advance(1);
    let session = world.open().await;
    assert_eq!(world.store.end(), Some(minutes(30)));
    let _ = world.sessions.close(&session).await.expect("it works");
    assert_eq!(world.store.end(), minutes(30).plus_millis(1));
}
