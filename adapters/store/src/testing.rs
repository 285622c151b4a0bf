//! For an application's own tests: a clock that stands still, ids that count, and a logged-in
//! request in one line.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use http::HeaderValue;
use http_session::{
    Begin, Config, Connection, Expires, IdError, RequestFacts, SessionCookie, SessionId, Timestamp,
};

use crate::{Env, Error, Session, Sessions};

/// A clock that moves when told to, and ids `sid1`, `sid2`, …: for tests only, they can be guessed.
/// Clones are the same clock.
#[derive(Clone, Debug)]
pub struct TestEnv {
    ids: Arc<AtomicU64>,
    millis: Arc<AtomicI64>,
}

impl TestEnv {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self { ids: Arc::default(), millis: Arc::new(AtomicI64::new(start.as_millis())) }
    }

    /// Moves the clock by `millis` milliseconds (back, if negative).
    pub fn advance(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Env for TestEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        SessionId::from_text(&format!("sid{}", self.ids.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

/// Makes a session, lets `fill` put data into it, saves it, and returns the value of the Cookie
/// header with which a request presents it.
///
/// # Errors
/// What `fill` returns, and what the store says. [`Error::NoSession`] if the session is not saved:
/// `fill` changed nothing, and `save_uninitialized` is off.
///
/// ```
/// # use http_session_store::{MemoryStore, Sessions, core::Config, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = Sessions::new(Config::express("keyboard cat").build()?, MemoryStore::new());
/// let cookie = testing::cookie_for(&sessions, |session| session.insert("user", "ada")).await?;
/// let request = http::Request::get("/account").header("cookie", cookie).body(())?;
/// # Ok(()) }
/// ```
pub async fn cookie_for(
    sessions: &Sessions,
    fill: impl FnOnce(&Session) -> Result<(), Error>,
) -> Result<HeaderValue, Error> {
    // A Secure cookie is to be had, too.
    let (path, connection) = (sessions.config().path(), Connection::Encrypted);
    let facts = RequestFacts { path, connection, ..RequestFacts::default() };
    let begin = sessions.config().begin(&facts, [], sessions.now());
    let session = sessions.open(begin).await?.ok_or(Error::PathMismatch)?;
    fill(&session)?;
    let outcome = sessions.close(&session).await?;
    let line = outcome.set_cookie().ok_or(Error::NoSession)?;
    let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    HeaderValue::from_bytes(pair).map_err(|_| Error::NoSession)
}

/// A cookie of a new lifetime, as the end of a request hands it to a store: for those who ask a store to
/// [touch](crate::Store::touch), or put together a record. Otherwise it can be had from a session only.
///
/// # Panics
/// Never: its options are sound.
pub fn session_cookie(end: Expires, now: Timestamp) -> SessionCookie {
    static COOKIE: LazyLock<SessionCookie> = LazyLock::new(|| {
        let config = Config::express("keyboard cat").build().expect("sound options");
        let facts = RequestFacts { path: "/", ..RequestFacts::default() };
        let Begin::Create(create) = config.begin(&facts, [], Timestamp::MIN) else {
            panic!("no cookie was presented")
        };
        let id = SessionId::from_text("sid").expect("an id");
        create.with_id(id, Timestamp::MIN).session().expect("a session").cookie().clone()
    });
    let mut cookie = COOKIE.clone();
    cookie.set_expires(end, now);
    cookie
}
