//! The system's clock, put forward at will: to see sessions end without waiting for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http_session_axum::Env;
use http_session_axum::core::{IdError, SessionId, Timestamp};
use http_session_axum::store::OsEnv;
use serde::Deserialize;

/// Clones are the same clock.
#[derive(Clone, Default)]
pub(super) struct Clock(Arc<AtomicI64>);

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Minute,
    Hour,
    Day,
    Back,
}

impl Clock {
    /// How many milliseconds it is ahead of the system's.
    pub(super) fn ahead(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn put(&self, step: Step) {
        let millis = match step {
            Step::Minute => 60_000,
            Step::Hour => 3_600_000,
            Step::Day => 86_400_000,
            Step::Back => return self.0.store(0, Ordering::SeqCst),
        };
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Env for Clock {
    fn now(&self) -> Timestamp {
        OsEnv.now().plus_millis(self.ahead()).unwrap_or(Timestamp::MAX)
    }

    fn genid(&self) -> Result<SessionId, IdError> {
        OsEnv.genid()
    }
}
