//! A clock, put forward at will: to see sessions end without waiting for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http_session_store::Env;
use http_session_store::core::{IdError, SessionId, Timestamp};
use serde::Deserialize;

/// Clones are the same clock.
#[derive(Clone)]
pub(crate) struct Clock {
    /// In milliseconds.
    ahead: Arc<AtomicI64>,
    env: Arc<dyn Env>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    Minute,
    Hour,
    Day,
    Back,
}

impl Clock {
    pub(crate) fn new(env: impl Env) -> Self {
        Self { ahead: Arc::default(), env: Arc::new(env) }
    }

    /// How many milliseconds it is ahead of the one that it was made of.
    pub(crate) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    pub(crate) fn put(&self, step: Step) {
        let millis = match step {
            Step::Minute => 60_000,
            Step::Hour => 3_600_000,
            Step::Day => 86_400_000,
            Step::Back => return self.ahead.store(0, Ordering::SeqCst),
        };
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Env for Clock {
    fn now(&self) -> Timestamp {
        self.env.now().plus_millis(self.ahead()).unwrap_or(Timestamp::MAX)
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        self.env.genid()
    }
}
