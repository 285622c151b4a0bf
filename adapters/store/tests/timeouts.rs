//! The ends that sessions have by themselves, to the millisecond, over a real store.

mod common;

use std::time::Duration;

use http::HeaderValue;
use http_session_store::core::{Connection, Origin, RequestFacts, Timeouts};
use http_session_store::testing::{TestEnv, cookie_for};
use http_session_store::{Env, MemoryStore, Session, Sessions};

use self::common::{START, safe};

/// A memory store under a clock that stands still, with one session.
struct Clocked {
    cookie: HeaderValue,
    env: TestEnv,
    sessions: Sessions,
    store: MemoryStore,
}

impl Clocked {
    async fn new(timeouts: Timeouts) -> Self {
        let (env, store) = (TestEnv::new(START), MemoryStore::new());
        let config = safe().timeouts(timeouts).build().expect("sound options");
        let sessions = Sessions::new(config, store.clone()).env(env.clone());
        let cookie = cookie_for(&sessions, |session| session.insert("n", 1)).await;
        Self { cookie: cookie.expect("there is room"), env, sessions, store }
    }

    async fn open(&self) -> Session {
        let connection = Connection::Encrypted;
        let facts = RequestFacts { path: "/", connection, ..RequestFacts::default() };
        let begin = self.sessions.config().begin(&facts, [self.cookie.as_bytes()], self.env.now());
        self.sessions.open(begin).await.expect("it works").expect("a session on every path")
    }

    /// A request that changes nothing, `millis` after the last one: does it find the session?
    async fn visit(&self, millis: i64) -> bool {
        self.env.advance(millis);
        let session = self.open().await;
        let found = session.get::<u64>("n").expect("a number").is_some();
        assert_eq!(session.origin().expect("it is open") == Origin::Loaded, found);
        assert_eq!(self.store.len(self.env.now()), usize::from(found));
        self.sessions.close(&session).await.map(drop).expect("it works");
        found
    }
}

const fn timeouts(idle: Option<u64>, absolute: Option<u64>) -> Timeouts {
    const fn millis(millis: Option<u64>) -> Option<Duration> {
        if let Some(millis) = millis { Some(Duration::from_millis(millis)) } else { None }
    }
    Timeouts { idle: millis(idle), absolute: millis(absolute) }
}

// EX-1, EX-2: OWASP ASVS 5.0 7.3.1, 7.3.2: a millisecond before its idle or its absolute timeout a session is
// there, at the moment itself it has ended; a request that changes nothing renews the one and not
// the other
#[tokio::test]
async fn idle_and_absolute() {
    for (offset, alive) in [(-1, true), (0, false), (1, false)] {
        let idle = Clocked::new(timeouts(Some(1_000), None)).await;
        assert_eq!(idle.visit(1_000 + offset).await, alive, "{offset}");
        let used = Clocked::new(timeouts(Some(1_000), None)).await;
        for _ in 0..5 {
            assert!(used.visit(999).await);
        }
        assert_eq!(used.visit(1_000 + offset).await, alive, "{offset}");

        let absolute = Clocked::new(timeouts(None, Some(5_000))).await;
        assert_eq!(absolute.visit(5_000 + offset).await, alive, "{offset}");
        for both in [timeouts(Some(1_000), Some(5_000)), timeouts(None, Some(5_000))] {
            let used = Clocked::new(both).await;
            for _ in 0..5 {
                assert!(used.visit(900).await);
            }
            assert_eq!(used.visit(500 + offset).await, alive, "{offset}");
        }
    }
}

// EX-3: a write renews the idle timeout, a renewal both that and not the absolute one, a login both
#[tokio::test]
async fn what_begins_anew() {
    for (logs_in, offset, alive) in [
        (false, -1, true),
        (false, 0, false),
        (true, 0, true),
        (true, 3_999, true),
        (true, 4_000, false),
    ] {
        let mut world = Clocked::new(timeouts(None, Some(5_000))).await;
        world.env.advance(4_000);
        let session = world.open().await;
        if logs_in {
            session.log_in("user", "ada").await.expect("it works");
        } else {
            session.renew().await.expect("it works");
        }
        let outcome = world.sessions.close(&session).await.expect("it works");
        let line = outcome.set_cookie().expect("a new id").as_bytes();
        let pair = line.split(|byte| *byte == b';').next().expect("a pair");
        world.cookie = HeaderValue::from_bytes(pair).expect("ASCII");
        assert_eq!(world.visit(1_000 + offset).await, alive, "{logs_in}, {offset}");
    }
    let world = Clocked::new(timeouts(Some(1_000), None)).await;
    for n in 0..3 {
        world.env.advance(999);
        let session = world.open().await;
        assert_eq!(session.origin().ok(), Some(Origin::Loaded));
        session.insert("n", n).expect("it is open");
        world.sessions.close(&session).await.map(drop).expect("it works");
    }
    assert!(!world.visit(1_000).await);
}

// EX-10: a clock that goes back ends nobody's session
#[tokio::test]
async fn a_clock_that_goes_back() {
    let world = Clocked::new(timeouts(Some(1_000), Some(5_000))).await;
    assert!(world.visit(-3_600_000).await);
}
