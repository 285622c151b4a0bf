//! What the core does not have: a clock, a random source, the environment.

use std::fmt;
use std::time::SystemTime;

use http_session::{IdError, Secret, SessionId, Timestamp};

/// The clock and the home of session ids. Both are asked whenever one is needed, so a test can hold
/// them still ([`testing::TestEnv`](crate::testing::TestEnv)).
pub trait Env: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// A new session id: express-session's `genid` (B-005, B-007).
    ///
    /// It must be unguessable, so it does not get the request: what a client sends must not go
    /// into an id.
    ///
    /// # Errors
    /// [`IdError::Random`] if the random source failed: the request fails, and no weaker id is
    /// made instead.
    fn genid(&self) -> Result<SessionId, IdError>;
}

/// The system's clock and its random source: 24 bytes for each id (B-005).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEnv;

impl Env for OsEnv {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|_| IdError::Random)?;
        Ok(SessionId::from_bytes(bytes))
    }
}

/// The secret in the environment variable `name`: its text, as bytes.
///
/// # Errors
/// If the variable is not set, is empty, or is not UTF-8.
///
/// ```no_run
/// use http_session_store::core::Config;
/// use http_session_store::secret_from_env;
///
/// let config = Config::express(secret_from_env("SESSION_SECRET")?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn secret_from_env(name: &str) -> Result<Secret, SecretFromEnvError> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty());
    text.map(Secret::from).ok_or_else(|| SecretFromEnvError(name.into()))
}

/// The environment has no such secret. Its `Debug` is the message as well, because that is what a
/// `main` that returns it prints.
#[derive(Clone, Eq, PartialEq, thiserror::Error)]
#[error(
    "environment variable {0} is not set, is empty or is not UTF-8: it is to hold the secret that \
     signs session cookies; for example: export {0}=$(openssl rand -base64 32)"
)]
pub struct SecretFromEnvError(String);

impl fmt::Debug for SecretFromEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
