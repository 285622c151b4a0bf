//! For an application's own tests: a clock that stands still, ids that count, and a logged-in
//! request in one line.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use http::HeaderValue;
use http_session::{Connection, IdError, RequestFacts, SessionId, Timestamp};

use crate::env::Env;
use crate::error::Error;
use crate::session::Session;
use crate::sessions::Sessions;

/// A clock that moves when told to, and ids `sid1`, `sid2`, …: for tests only, they can be guessed.
/// Clones are the same clock.
#[derive(Clone, Debug)]
pub struct TestEnv {
    ids: Arc<AtomicU64>,
    millis: Arc<AtomicI64>,
    template: Arc<str>,
}

impl TestEnv {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self::with_template(start, "sid#")
    }

    /// As [`TestEnv::new`], with ids in which the running number takes the place of `#`.
    #[must_use]
    pub fn with_template(start: Timestamp, template: &str) -> Self {
        Self {
            ids: Arc::default(),
            millis: Arc::new(AtomicI64::new(start.as_millis())),
            template: template.into(),
        }
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
        let number = self.ids.fetch_add(1, Ordering::SeqCst) + 1;
        SessionId::from_text(&self.template.replace('#', &number.to_string()))
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
    let mut facts = RequestFacts::new(sessions.config().path());
    // A Secure cookie is to be had, too.
    facts.connection = Connection::Encrypted;
    let begin = sessions.config().begin(&facts, [], sessions.environment().now());
    let session = sessions.open(begin).await?.ok_or(Error::PathMismatch)?;
    fill(&session)?;
    let outcome = sessions.close(&session).await?;
    let line = outcome.set_cookie().ok_or(Error::NoSession)?;
    let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    HeaderValue::from_bytes(pair).map_err(|_| Error::NoSession)
}
